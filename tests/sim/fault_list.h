/* SPDX-License-Identifier: Apache-2.0 */
/* X(name, scheduled, text): every kind of fault. Scheduled ones come from the fault clock, the others are drawn for
 * each command, each packet, each step or each seed. The second list exists only where there are views. */
#ifndef QD_SIM_FAULT_LIST_H
#define QD_SIM_FAULT_LIST_H

#define SIM_FAULTS(X)                                                                                        \
	X(CRASH, 1, "power loss of a machine, boots again")                                                  \
	X(KILL, 1, "quorumd dies, the runner stops the group, quorumd starts again")                         \
	X(PAUSE, 1, "a machine stands still, its clock runs on")                                             \
	X(PAUSE_PROCESS, 1, "quorumd stands still, the runner does not")                                     \
	X(FREEZE, 1, "a machine and its clocks stand still")                                                 \
	X(LINK_DOWN, 1, "a path is cut in both directions")                                                  \
	X(LINK_ONE_WAY, 1, "a path is cut in one direction")                                                 \
	X(SESSION_LOSS, 1, "a session is reset by the network")                                              \
	X(RESTART_KEEP, 1, "target restarts, APTPL state returns if it is active")                           \
	X(RESTART_LOSE, 1, "target restarts and forgets")                                                    \
	X(ROLL_BACK_PREEMPT, 1, "target restarts in the state before the last PREEMPT")                      \
	X(ROLL_BACK_SECONDS, 1, "target restarts in a state of seconds ago")                                 \
	X(LUN_RESET, 1, "LUN reset")                                                                         \
	X(CLEAR, 1, "an operator clears all reservations")                                                   \
	X(FOREIGN_KEY, 1, "a key of nobody is registered")                                                   \
	X(FOREIGN_HOLD, 1, "somebody else takes the reservation, an operator clears it later")               \
	X(HANG, 1, "the target executes and answers nothing for a while")                                    \
	X(MUTE, 1, "the target executes, its answers wait")                                                  \
	X(CROWD, 1, "every machine stands still for a moment, at once")                                      \
	X(HANDOVER, 1, "an operator asks for a hand-over")                                                   \
	X(SHUTDOWN, 1, "an operator ends quorumd, it starts again")                                          \
	X(TIMES, 1, "the three times are loaded again")                                                      \
	X(MONITOR_FAILS, 1, "the group fails on its own")                                                    \
	X(RUNNER_LOST, 1, "the runner dies")                                                                 \
	X(REORDER, 0, "a command overtakes others of its session")                                           \
	X(SLOW, 0, "a command is slow")                                                                      \
	X(LATE, 0, "a command lands seconds later")                                                          \
	X(LATE_ACCEPTED, 0, "a write is admitted at once and lands seconds later")                           \
	X(LOST_REQUEST, 0, "a command never arrives")                                                        \
	X(LOST_ANSWER, 0, "a command is executed, its answer is lost")                                       \
	X(ATTENTION, 0, "a unit attention eats a command")                                                   \
	X(ERRORS, 0, "BUSY, TASK ABORTED, MEDIUM ERROR and the like")                                        \
	X(TORN, 0, "a write lands in part, then its target or machine dies")                                 \
	X(LATE_TIMER, 0, "a timeout is delivered late")                                                      \
	X(DIES_AFTER_STRIKE, 0, "a challenger crashes after its strike landed")                              \
	X(STOPS_AFTER_STRIKE, 0, "a challenger is paused or frozen after its strike landed")                 \
	X(CLEAR_AFTER_STRIKE, 0, "an operator clears all reservations soon after one was taken")             \
	X(TARGET_AFTER_STRIKE, 0, "the target restarts right after a strike")                                \
	X(STOP_HANGS, 0, "the group's stop hangs")                                                           \
	X(STOP_FAILS, 0, "the group's stop fails")                                                           \
	X(START_FAILS, 0, "the group's start fails")                                                         \
	X(STORE_FAILS, 0, "an incarnation cannot be stored")                                                 \
	X(DRIFT, 0, "clocks differ in rate")                                                                 \
	X(COPIED_ID, 0, "two machines have one node id")

#define SIM_CLUSTER_FAULTS(X)                                                                                \
	X(NET_CUT, 1, "the way between two nodes is cut, on one network or on all")                          \
	X(NET_ONE_WAY, 1, "the way between two nodes is cut in one direction")                               \
	X(NET_ISOLATE, 1, "a node is cut off from all others, perhaps from the witness, too")                \
	X(NET_PARTITION, 1, "the nodes fall into groups that do not hear one another")                       \
	X(NET_PARTIAL, 1, "two nodes do not hear each other, a third one hears both")                        \
	X(NET_DARK, 1, "one of the networks fails for everybody")                                            \
	X(NET_FLAP, 1, "the way between two nodes comes and goes")                                           \
	X(NET_STORM, 1, "everything is lost, late and out of order much more often for a while")             \
	X(ALL_OFF, 1, "every machine loses power at once")                                                   \
	X(ONE_BY_ONE, 1, "one machine after the other loses power")                                          \
	X(STORE_SLOW, 1, "a node's own disk is slow for a while")                                            \
	X(STORE_STUCK, 1, "a node's own disk does not answer for a while")                                   \
	X(STORE_WIPED, 1, "a machine dies and comes back with an empty store")                               \
	X(STORE_OLD_COPY, 1, "a machine dies and comes back with an older copy of its store")                \
	X(WITNESS_CRASH, 1, "the witness dies and comes back")                                               \
	X(WITNESS_PAUSE, 1, "the witness stands still")                                                      \
	X(WITNESS_CUT, 1, "nodes and the witness do not hear each other")                                    \
	X(WITNESS_WIPED, 1, "the witness dies and comes back with an empty store")                           \
	X(WITNESS_OLD_COPY, 1, "the witness dies and comes back with an older copy of its store")            \
	X(FORCE, 1, "an operator turns all nodes off but one and forces its quorum")                         \
	X(PREVENT, 1, "a node starts with prevent quorum")                                                   \
	X(CHANGE_WEIGHTS, 1, "an operator changes weights")                                                  \
	X(CHANGE_MODEL, 1, "an operator changes the quorum model")                                           \
	X(CHANGE_DYNAMIC, 1, "an operator turns dynamic votes on or off")                                    \
	X(CHANGE_NODES, 1, "an operator removes a node, or adds it again")                                   \
	X(CHANGE_TEXT, 1, "an operator changes what is no rule of votes")                                    \
	X(CHANGE_STALE, 1, "an operator's change was made from an older configuration")                      \
	X(LINKS, 1, "the heartbeats' times are loaded again")                                                \
	X(NET_LOSS, 0, "a packet is lost")                                                                   \
	X(NET_TWICE, 0, "a packet comes twice")                                                              \
	X(NET_OVERTAKE, 0, "a packet comes after later ones")                                                \
	X(NET_LATE, 0, "a packet comes seconds later")                                                       \
	X(NET_REPLAY, 0, "a packet of any time is sent again")                                               \
	X(KEEP_FAILS, 0, "a node's own disk fails a write, which may be there nevertheless")                 \
	X(SLOT_TORN, 0, "a configuration slot is written in part, then its machine dies")                    \
	X(WITNESS_LOSS, 0, "a request to the witness, or its answer, is lost")                               \
	X(WITNESS_LATE, 0, "a request to the witness, or its answer, is seconds late")                       \
	X(DIES_TELLING, 0,                                                                                   \
	  "a leader dies right after it told some what they should promise, install or keep")                \
	X(DIES_ANSWERING, 0, "a node dies right after it promised, installed or took a change")              \
	X(CUT_TELLING, 0, "a leader is cut off right after it told some what they should take")              \
	X(CUT_CHANGING, 0,                                                                                   \
	  "a leader is cut off with a change that it has told nobody, and gets another one")                 \
	X(LEFTOVERS, 0, "quorumd starts again while the group of its earlier start is not stopped yet")      \
	X(CHANGE_PAUSE, 1, "an operator pauses a node, or ends its pause")                                   \
	X(SHARE_HANG, 1, "the witness's share does not answer one node, or all, for a while")                \
	X(SHARE_FAILS, 0, "a file of the share cannot be read or written")                                   \
	X(SHARE_FAILS_DONE, 0, "a file of the share was written, and an error is told")                      \
	X(SHARE_TWICE, 0, "a write to the share is sent twice and lands again seconds later")

#endif

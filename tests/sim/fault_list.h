/* SPDX-License-Identifier: Apache-2.0 */
/* X(name, scheduled, text): every kind of fault. Scheduled ones come from the fault clock, the others are drawn for
 * each command, each step or each seed. */
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

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* X(name, clause of docs/PROTOCOL.md or, after M., of docs/MEMBERSHIP.md, what goes wrong without it) */
#ifndef QD_CORE_RULES_LIST_H
#define QD_CORE_RULES_LIST_H

#define QD_RULES(X)                                                                                          \
	X(LEASE_NEEDS_BEAT, "3", "reading alone renews the lease")                                           \
	X(LEASE_FROM_SEND, "3", "the lease counts from the answer, not from sending the REGISTER")           \
	X(LEASE_STOP, "2", "the defender does not stop when its lease is used up")                           \
	X(STRIKE_NAMES_SEEN_KEY, "3", "the strike names the key read now, not the one that is C old")        \
	X(STRIKE_AGE, "2", "a challenger strikes before its sight is C old")                                 \
	X(START_WAIT, "2", "unfenced work starts before the sight is W old")                                 \
	X(VERIFY_HOLDER, "1", "GOOD to PREEMPT or RESERVE is taken for ownership")                           \
	X(LAST_ROUND, "3", "ownership is announced without the full round after the record")                 \
	X(TAKEOVER_EXPIRES, "3", "a takeover is announced later than C - slack after its strike")            \
	X(TAKEOVER_LEASE, "3", "a new owner's lease counts from its announcement")                           \
	X(RECORD_BEFORE_ANNOUNCE, "3", "ownership is announced without a record")                            \
	X(EPOCH_ABOVE_ALL, "1", "the epoch is made from the own record only")                                \
	X(PREEMPT_OTHER_KEYS, "3", "the loser's other keys stay registered")                                 \
	X(BEAT_AMBIGUOUS, "4.1", "a beat that timed out is taken for executed")                              \
	X(BEAT_FRESH, "3", "a beat whose registration may have failed is used again")                        \
	X(FENCED_STAYS_OUT, "4.2", "a fenced nexus registers again in the same incarnation")                 \
	X(UNRESERVED_WAIT, "4.3", "an unreserved disk is taken at once")                                     \
	X(UNRESERVED_RESTART, "4.3", "the wait goes on over a lost session")                                 \
	X(UNRESERVED_RECHECK, "4.3", "after RESERVE nothing is checked again")                               \
	X(RERESERVE_IN_LEASE, "4.3", "the recorded owner reserves again outside its lease")                  \
	X(RERESERVE_RECORDED, "4.3", "any former owner reserves again at once")                              \
	X(SIGHT_RESTART, "4.15", "the sight of a key goes on over a lost session")                           \
	X(RELEASE_AFTER_STOP, "4.11", "the disk is released before the stop is verified")                    \
	X(RELEASE_AFTER_WAIT, "4.11", "a new owner releases, for no wait, before its own wait is over")      \
	X(RELEASED_NO_WAIT_ONLY_NEWEST, "4.3", "any released record, not only the newest, needs no wait")    \
	X(LATE_COMMANDS, "4.14", "a nexus is used again before its late command is dead")                    \
	X(RECORD_NEWER_STOPS, "4.15", "a holder whose epoch is below the newest record goes on")             \
	X(STRIKE_BACK_IN_LEASE, "4.15", "the recorded owner strikes back outside its lease")                 \
	X(NEW_INCARNATION, "1", "the incarnation is not raised after a loss of ownership")                   \
	X(COPIED_IDENTITY, "4.5", "a second machine with this node id is arbitrated with")                   \
	X(RECORD_TIMES, "2", "a challenger with shorter times than the owner's goes by its own")             \
	X(RECORD_ALTERNATES, "3", "both copies of a record are written to one sector")                       \
	X(ABORT_WITH_PREEMPT, "4.8", "PREEMPT is sent where PREEMPT AND ABORT is supported")                 \
	X(WITNESS_EPOCH, "M.6", "the witness grants an epoch that is not above its own")                     \
	X(WITNESS_DURABLE, "M.6", "the witness answers a grant before it is durable")                        \
	X(WITNESS_START, "M.6", "a witness that restarted takes nobody for a holder")                        \
	X(WITNESS_OWN_STORE, "M.6", "a witness grants from a store that is not its own")                     \
	X(WITNESS_TAG, "M.6", "the witness lets the tag go back")                                            \
	X(ECHO, "M.2", "an exchange is completed by the echo of any number")                                 \
	X(SESSION, "M.2", "packets of another session, and what was seen before, are taken as new")          \
	X(PROMISE_DURABLE, "M.1", "a promise, view or configuration is told before it is durable")           \
	X(NO_VOTE_WHEN_NEW, "M.1", "a node with a new or foreign store votes")                               \
	X(SETS_AGREE, "M.3", "a view is proposed before its members have the same candidate set")            \
	X(ALL_PROMISE, "M.3", "a quorate part of the set is enough to promise")                              \
	X(PROMISE_BINDS, "M.3", "a node that promised takes a view of a lower epoch")                        \
	X(NEWEST_TAG, "M.3", "the proposer's own configuration decides, not the newest of the promises")     \
	X(OLD_AND_NEW, "M.3", "a change of votes needs only the new majority")                               \
	X(TAG_RISES, "M.3", "an older configuration is installed over a newer one")                          \
	X(INCARNATIONS_COUNT, "M.3", "a view that names an earlier incarnation is installed")                \
	X(ANSWER_PROMISED, "M.4", "a node that promised a higher epoch answers the old leader")              \
	X(RIGHT_FROM_START, "M.4", "the right counts from the answers, not from the asking")                 \
	X(RIGHT_ENDS, "M.4", "a right does not end by itself")                                               \
	X(MEMBER_RIGHT, "M.4", "a member's right counts from when it is told")                               \
	X(GAVE_ECHO, "M.5", "a leader does not count the rights that it gave")                               \
	X(GAVE_START, "M.5", "a restarted node claims to have renewed nobody's right")                       \
	X(AGES_TRAVEL, "M.5", "ages are not handed on")                                                      \
	X(WAIT_FOR_DEAD, "M.5", "unfenced work starts without waiting for those outside the view")           \
	X(RELEASE_UNCOUNTED, "M.6", "the disk is released while a right counts on it")                       \
	X(DISK_EPOCH, "M.6", "a view with the disk's vote goes below one that an earlier owner proposed")    \
	X(DISK_ROUND, "M.6", "the disk votes for a proposal by a round from before its epoch was chosen")    \
	X(PROMISED_WAITS, "M.3", "a promise to a node that was removed holds up every other proposal")       \
	X(KEEP_GIVES_UP, "M.3", "a store waits for ever for a text whose leader is gone")                    \
	X(FALLEN_MEMBER, "M.3", "a leader does not take a member in again that lost its view")               \
	X(IDLE_HOLDER, "M.6", "a node that may not propose keeps the disk from the others")                  \
	X(LOCK_LASTS, "M.6", "the witness grants its lock before the holder's right is over")                \
	X(LOCK_GROWS, "M.6", "a renewal that named shorter times proves the lock for longer ones")           \
	X(YIELDED_LASTS, "M.6", "a yielded lock goes to shorter times before the rights of longer ones end") \
	X(HEIR_DIES, "M.8", "the disk is released for what the heir knows while something runs elsewhere")   \
	X(DISK_OUTGROWN, "M.6", "the disk counts in a view beyond those that its owner's epoch stands for")  \
	X(EXTRA_TAG, "M.6", "disk or witness counts before it has the view's tag")                           \
	X(PARTITION_IN_TIME, "M.6", "a view goes on from an older configuration than the witness's")         \
	X(DONE_EVERYWHERE, "M.7", "a change is called done before every member has it")                      \
	X(CHANGE_IS_ANSWER, "M.7", "taking a change is not counted as renewing the leader")                  \
	X(ROUNDS_GROW, "M.4", "a round that was asked with shorter times proves a right of longer ones")     \
	X(TIMES_EVERYWHERE, "M.7", "a leader uses longer times before every member has them")                \
	X(ONE_CHANGE, "M.7", "a change of votes begins before the one before is final")                      \
	X(CHANGE_ANSWERED, "M.7", "nobody answers for a change that a new view overtook")                    \
	X(FORCE_FAILED, "M.7", "a forced quorum is called failed while its write is on its way")             \
	X(WORK_INTERRUPTED, "M.5", "a new right carries on work although another view was led in between")   \
	X(LEFT_EPOCH, "M.8", "a late RIGHT_ENDED clears what is known of a later start")                     \
	X(HEIR_KNOWS, "M.8", "disk and witness are given to the heir before it has all promises")            \
	X(LEFTOVERS_RUN, "M.5", "what an earlier start left behind is taken for stopped")                    \
	X(RUNS_STOPS_START, "M.5", "work starts while a member says that it may still run there")            \
	X(PAUSED_STARTS, "M.8", "a paused node starts work")

#endif

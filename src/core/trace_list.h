/* SPDX-License-Identifier: Apache-2.0 */
/* X(name, level, text). Placeholders: {a} decimal, {a:x} key in hexadecimal, {a:ms} nanoseconds as milliseconds,
 * {a:outcome}, {a:state}, {a:step}, {a:reply}, {a:report}, {a:hold}, {a:disk}, {a:group}, {a:cluster},
 * {a:wait}, {a:refusal}, {a:ask}, {a:verdict}, {a:set} node ids. Texts are stable. */
#ifndef QD_CORE_TRACE_LIST_H
#define QD_CORE_TRACE_LIST_H

#define QD_TRACES(X)                                                                                         \
	X(NONE, DEBUG, "-")                                                                                  \
	X(STATE, NOTICE, "{a:state} -> {b:state}, incarnation {c}")                                          \
	X(LATE_STEP, WARNING, "this step ran {a:ms} ms late: look again before acting")                      \
	X(LOGIN, DEBUG, "path {a}: login, attempt {b}")                                                      \
	X(LOGIN_FAILED, WARNING, "path {a}: login failed ({b:outcome}), again in {c:ms} ms")                 \
	X(PATH_READY, NOTICE, "path {a}: ready")                                                             \
	X(PATH_LOST, WARNING, "path {a}: session lost, {b} commands unanswered")                             \
	X(PATH_SLOW, WARNING, "path {a}: no answer within {b:ms} ms: session torn down")                     \
	X(PATH_BAD, ERROR, "path {a}: {b:disk}: not used")                                                   \
	X(CAPABILITIES, NOTICE, "target: power-loss persistence {a}, from path {b}")                         \
	X(NO_APTPL, WARNING, "target refuses APTPL: reservations do not survive its power loss")             \
	X(NO_ABORT, WARNING, "target refuses PREEMPT AND ABORT: the disk does not fence queued writes")      \
	X(SIGHT_HELD, DEBUG, "saw key {a:x} hold, generation {b}")                                           \
	X(SIGHT_UNRESERVED, NOTICE, "saw no reservation, generation {a}: wait")                              \
	X(SIGHT_RESTART, NOTICE, "what was seen before counts no more: {a:outcome} on path {b}")             \
	X(UNIT_ATTENTION, NOTICE, "{a:outcome} on path {b} during {c:step}")                                 \
	X(FOREIGN, ERROR, "reserved by key {a:x}, type {b}, which is not this cluster's: not touched")       \
	X(COPIED_IDENTITY, ERROR, "another machine uses node id {a}: refused, see status for both")          \
	X(INCARNATION_SHOWN, WARNING, "the disk has shown incarnation {a} of this node, above {b}: raised")  \
	X(STRIKE, NOTICE, "key {a:x} is {b:ms} ms old: strike it")                                           \
	X(STRIKE_RELEASED, NOTICE, "key {a:x} of the released epoch {b} holds: strike it")                   \
	X(RESERVE_WAITED, NOTICE, "unreserved for {a:ms} ms: reserve")                                       \
	X(RESERVE_RELEASED, NOTICE, "epoch {a} was released: reserve")                                       \
	X(TAKE_CONFLICT, NOTICE, "{a:step}: reservation conflict: somebody was faster or beats")             \
	X(TAKE_FAILED, WARNING, "takeover given up at {a:step}: {b:outcome}")                                \
	X(TAKE_EXPIRED, WARNING, "takeover given up at {a:step}: {b:ms} ms after its strike")                \
	X(TAKE_NOT_HOLDER, WARNING, "takeover given up: key {a:x} holds, not {b:x}")                         \
	X(TAKE_CHANGED, WARNING, "reserved, but generation went {a} -> {b} meanwhile: release and wait")     \
	X(TAKE_RECORD, WARNING, "reserved, but the record is no longer \"released\": release and wait")      \
	X(CLEANED, DEBUG, "preempted key {a:x}: {b:outcome}")                                                \
	X(OWNER, NOTICE, "owner: epoch {a}, unfenced work in {b:ms} ms")                                     \
	X(ROUND_BAD, WARNING,                                                                                \
	  "round failed: register {a:outcome}, reservation {b:outcome}, records {c:outcome}")                \
	X(ROUND_OTHER, WARNING, "round: key {a:x} holds, not {b:x}")                                         \
	X(GROUP_START, NOTICE, "start the group under epoch {a}")                                            \
	X(GROUP_STOP, NOTICE, "stop the group, {a:ms} ms to do it")                                          \
	X(GROUP_REPORT, NOTICE, "the group: {a:report}, was {b:group}")                                      \
	X(GROUP_FAILED, ERROR, "the group does not run: {a:report}")                                         \
	X(SCRUB, NOTICE, "key {a:x} belongs to no member: preempted, {b:outcome}")                           \
	X(REJOIN_PATH, NOTICE, "key {a:x} is ours on another nexus: preempt it from path {b}")               \
	X(RERESERVE, NOTICE,                                                                                 \
	  "the target forgot our reservation, {a:ms} ms of the lease left: reserve again")                   \
	X(STRIKE_BACK, WARNING, "the target went back in time: key {a:x} holds, the newest record is ours")  \
	X(NEW_INCARNATION_BEATS, NOTICE, "all beats of incarnation {a} are used: a new one")                 \
	X(LOST_HOLDER, WARNING, "ownership lost: key {a:x} holds")                                           \
	X(LOST_RECORD, WARNING, "ownership lost: epoch {a} on the disk is above {b}")                        \
	X(LOST_UNRESERVED, WARNING, "ownership lost: unreserved, and the newest record is of epoch {a}")     \
	X(LEASE_OVER, WARNING, "lease over: the last good round began {a:ms} ms ago: stop everything")       \
	X(OFFER, NOTICE, "hand-over: node {a} is the heir, turn {b}")                                        \
	X(HEIR_READY, NOTICE, "hand-over: node {a} has registered key {b:x}")                                \
	X(HEIR_SILENT, WARNING, "hand-over: node {a} did not register in time")                              \
	X(HEIR_MODE, NOTICE, "this node is the heir of epoch {a}, turn {b}")                                 \
	X(HEIR_OVER, NOTICE, "the hand-over to this node is off")                                            \
	X(REPLY, NOTICE, "hand-over: {a:reply}")                                                             \
	X(RELEASE, NOTICE, "everything is stopped: release epoch {a}")                                       \
	X(RELEASE_FAILED, WARNING, "release: {a:step}: {b:outcome}")                                         \
	X(STORE, DEBUG, "store incarnation {a}")                                                             \
	X(STORE_FAILED, ERROR, "incarnation {a} could not be stored: no ownership before it is")             \
	X(SELF_RESET, ERROR, "the group could not be stopped: this machine must be reset")                   \
	X(STALE_ANSWER, DEBUG, "an answer with id {a} that is not under way: dropped")                       \
	X(SHUTDOWN, NOTICE, "shutting down")                                                                 \
	X(TIMES, NOTICE, "renew is now {a:ms} ms")                                                           \
	X(GIVE_UP, NOTICE, "the quorum disk is not needed here: release it, for node {a}")                   \
	X(KEEP_DISK, NOTICE, "the quorum disk is needed here after all")                                     \
	X(CLUSTER, NOTICE, "view: {a:cluster} -> {b:cluster}, promised epoch {c}")                           \
	X(HEARD, NOTICE, "node {a} is heard, incarnation {b}")                                               \
	X(NOT_HEARD, WARNING, "node {a} is not heard any more")                                              \
	X(PREPARE, NOTICE, "propose epoch {a} to nodes {b:set}")                                             \
	X(PROMISE, NOTICE, "promised epoch {a}, nodes {b:set}")                                              \
	X(REFUSED, NOTICE, "node {a} refuses: {b:refusal}, it has promised epoch {c}")                       \
	X(ABANDON, NOTICE, "epoch {a} came to nothing: {b:wait}")                                            \
	X(LEADING, NOTICE, "this node leads epoch {a}, nodes {b:set}")                                       \
	X(MEMBER, NOTICE, "member of epoch {a}, nodes {b:set}")                                              \
	X(VIEW_LOST, WARNING, "the view of epoch {a} is lost: join again")                                   \
	X(RIGHT, NOTICE, "quorum proved under epoch {a}, {b:ms} ms ago")                                     \
	X(RIGHT_OVER, WARNING, "the proof of quorum of epoch {a} began {b:ms} ms ago: stop everything")      \
	X(RIGHT_ENDED, NOTICE, "node {a} has ended its part in epoch {b}")                                   \
	X(VOTE_TAKEN, NOTICE, "epoch {a} is quorate without this node: it has a vote from now on")           \
	X(KEEP_FAILED, ERROR, "promise of epoch {a} could not be made durable: this node takes no part")     \
	X(NO_TEXT, WARNING,                                                                                  \
	  "the text of configuration {a}.{b} cannot be had: this node takes no part until it can")           \
	X(HELD, WARNING, "fell out of {a} views lately: stays out for {b} s")                                \
	X(ADOPT_DISK, NOTICE, "the quorum disk has a newer configuration, {a}.{b}: it counts")               \
	X(NEWER, ERROR, "the witness has seen configuration {a}.{b}, which no node here has")                \
	X(WITNESS, NOTICE, "witness: {a:ask}: {b:verdict}, held by node {c}")                                \
	X(WITNESS_SILENT, WARNING, "witness: no answer to {a:ask}")                                          \
	X(CHANGE, NOTICE, "configuration {a}.{b}, {c} votes: spread it")                                     \
	X(CHANGED, NOTICE, "configuration {a}.{b} is everywhere, old votes still count: {c}")                \
	X(FORCED, ERROR, "quorum forced by an operator: epoch {a}, configuration version {b}")               \
	X(INTERRUPTED, WARNING,                                                                              \
	  "epoch {b} was led after {a}: what runs here stops by the right that it has")                      \
	X(OPERATOR, NOTICE, "the operator is told: {a:reply}")                                               \
	X(LEFT, NOTICE, "left the view of epoch {a} in order")                                               \
	X(HAND_OVER, NOTICE, "hand over to node {a}, which shall lead after epoch {b}")                      \
	X(PREVENTED, NOTICE,                                                                                 \
	  "taken into the view of epoch {a}, which is quorate: quorum is not prevented any more")

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* The witness as a directory on a share: its files, what is under way to it, and each node's thread that waits for it. The
 * rules are the real ones (drv/share_lock.c). Part of sim/sim.h. */
#ifndef QD_SIM_SHARE_H
#define QD_SIM_SHARE_H

#include "drv/share_lock.h"

enum {
	SIM_SHARE_FILES = 160, /* more cannot be made: it is full */
	SIM_SHARE_STEPS = 128, /* operations and looks at the clock in one request */
	SIM_SHARE_NAMES = 512, /* that one request lists */
	SIM_SHARE_IOS = 64,
	SIM_SHARE_QUEUE = 4, /* as drv/witness_share has it, and so is the next one */
	SIM_SHARE_OLD_MS = 3000,
	SIM_SHARE_THREADS = 16, /* as many as nodes */
};

enum sim_share_kind {
	SIM_SHARE_LIST = 0,
	SIM_SHARE_READ,
	SIM_SHARE_WRITE,
	SIM_SHARE_CREATE,
	SIM_SHARE_REMOVE,
	SIM_SHARE_IDENTIFY,
};

struct sim_share_file {
	uint64_t serial; /* 0: unused */
	char name[QD_SHARE_NAME_MAX];
	uint8_t data[QD_WITNESS_SECTOR_BYTES];
};

/* What an operation came to, or an instant. */
struct sim_share_result {
	int rc;
	uint64_t inode, birth_ns;
	uint64_t now_ns;
	uint32_t first, count; /* of the names */
	uint8_t data[QD_WITNESS_SECTOR_BYTES];
};

enum sim_share_phase {
	SIM_SHARE_ASKED = 0, /* on its way there, or waiting there */
	SIM_SHARE_LISTING,   /* half of it is done */
	SIM_SHARE_ANSWERED,
};

/* One operation under way; it is executed whether or not its process still waits for it. */
struct sim_share_io {
	bool used;
	enum sim_share_phase phase;
	enum sim_share_kind kind;
	uint32_t machine, life, boots;
	bool again; /* it is sent twice */
	int error;  /* instead of its result; positive: done nevertheless */
	uint64_t late_until;
	enum sim_share_phase late; /* in which */
	uint64_t birth_ns;	   /* of the directory that it was sent to */
	uint64_t listed;	   /* highest serial when the listing began */
	char name[QD_SHARE_NAME_MAX];
	uint8_t data[QD_WITNESS_SECTOR_BYTES];
	struct sim_share_result result;
};

struct sim_share_waiting {
	struct qd_witness_request request;
	uint64_t since_ns; /* local */
};

/* A node's thread. A request is computed again from its beginning with every result that comes, up to the first operation
 * that has none yet. */
struct sim_share_thread {
	uint32_t life;
	bool busy;
	uint32_t waiting_count;
	struct sim_share_waiting waiting[SIM_SHARE_QUEUE];
	struct qd_witness_request request;
	struct qd_share_lock before; /* as it was when the request began */
	struct qd_share_lock lock;
	uint32_t cursor, count;
	uint32_t name_count;
	struct sim_share_result results[SIM_SHARE_STEPS];
	char names[SIM_SHARE_NAMES][QD_SHARE_NAME_MAX];
};

struct sim_share {
	uint64_t serial;
	uint64_t birth_ns;
	uint64_t hang_until[SIM_SHARE_THREADS];
	struct sim_share_file files[SIM_SHARE_FILES];
	struct sim_share_file old[SIM_SHARE_FILES]; /* a copy from some time ago */
	struct sim_share_io ios[SIM_SHARE_IOS];
	struct sim_share_thread threads[SIM_SHARE_THREADS];
};

#endif

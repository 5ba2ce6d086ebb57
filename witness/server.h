/* SPDX-License-Identifier: Apache-2.0 */
/* The witness's daemon put together: packets in, locks decided, grants made durable by the scribe, packets out. One
 * thread serves; nothing that can block is in it. */
#ifndef QD_WITNESS_SERVER_H
#define QD_WITNESS_SERVER_H

#include "witness/keys.h"
#include "witness/lanes.h"
#include "witness/scribe.h"
#include "witness/tenants.h"

enum {
	QD_SERVER_MERGE = 256, /* key files taken over in one turn of a reload */
};

struct qd_server_options {
	const char *store_dir; /* borrowed, all of them */
	const char *keys_dir;
	const char *status_socket;
	uint32_t address_count;
	struct qd_address address[QD_LANES_ADDRESSES_MAX];
	uint16_t port[QD_LANES_ADDRESSES_MAX];
	uint8_t machine[QD_WITNESS_MACHINE_BYTES];
};

/* Packets that no cluster is to blame for. */
struct qd_server_counts {
	uint64_t length;
	uint64_t envelope; /* of another version, to somebody else, or impossible */
	uint64_t unknown;  /* a cluster without a key file here */
	uint64_t session;  /* authentic, for another start of the witness: told the right one */
	uint64_t good;
	uint64_t limited; /* these are the sums of all clusters */
	uint64_t forged;
	uint64_t stale;
	uint64_t twin;
};

struct qd_server {
	struct qd_server_options options;
	struct qd_loop loop;
	struct qd_signal terminate, interrupt, reload;
	struct qd_io scribe_io, keys_io;
	bool stop;
	uint64_t session;
	uint8_t source_key[16];
	struct qd_mono started;
	enum qd_grants_state store_state; /* at the start */
	bool store_fails;
	struct qd_grants grants;
	struct qd_scribe scribe;
	struct qd_tenants tenants;
	struct qd_route *route; /* [tenant]: of the request whose grant is being written */
	struct qd_lanes lanes;
	struct qd_box box;
	struct qd_server_counts counts;
	uint32_t served;
	struct qd_keys_reading reading;
	struct qd_keys keys; /* of a reload, while it is taken over */
	uint32_t merged;
	bool merging;
	bool reload_again;
};

/* Everything but serving: store, keys, sockets. 0, or -1 and it has said why on stderr; close it either way. */
int qd_server_open(struct qd_server *s, const struct qd_server_options *options);

/* Until SIGTERM or SIGINT. */
int qd_server_run(struct qd_server *s);

void qd_server_close(struct qd_server *s);

#endif

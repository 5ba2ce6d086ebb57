/* SPDX-License-Identifier: Apache-2.0 */
/* The table of all configuration keys: what a value must be, where it goes, what it is when absent, whether a reload
 * may change it, and its text in the manual. The loader, the comparison and the man page are driven by it. */
#ifndef QD_QUORUMD_CONF_SCHEMA_H
#define QD_QUORUMD_CONF_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum qd_conf_type {
	QD_CONF_TYPE_NAME = 0, /* 1..63 of A-Z a-z 0-9 . _ - */
	QD_CONF_TYPE_NODE,     /* name or id of a node; resolved when `nodes` is known */
	QD_CONF_TYPE_NODES,    /* map of name to id, or to a map */
	QD_CONF_TYPE_URLS,     /* list of iSCSI URLs */
	QD_CONF_TYPE_IQN,
	QD_CONF_TYPE_TEXT,    /* 1..255 printing bytes */
	QD_CONF_TYPE_FILE,    /* absolute path */
	QD_CONF_TYPE_SPAN,    /* duration, range in ms */
	QD_CONF_TYPE_DIGEST,  /* none, crc32c */
	QD_CONF_TYPE_LEVEL,   /* debug, notice, warning, error */
	QD_CONF_TYPE_MODE,    /* octal permission bits */
	QD_CONF_TYPE_HEX,     /* 16 bytes as 32 hexadecimal digits, hyphens ignored */
	QD_CONF_TYPE_NUMBER,  /* decimal, in a range */
	QD_CONF_TYPE_SWITCH,  /* on, off */
	QD_CONF_TYPE_MODEL,   /* of the quorum: qd_model_name() */
	QD_CONF_TYPE_WITNESS, /* list of host:port */
	QD_CONF_TYPE_COUNT,
};

enum qd_conf_flag {
	QD_CONF_REQUIRED = 1u << 0,
	QD_CONF_LIVE = 1u << 1,		   /* a reload may change it */
	QD_CONF_LIVE_IN_CLUSTER = 1u << 2, /* the same, but only where nodes have addresses */
	QD_CONF_LOCAL = 1u << 3, /* of one machine; the others make the one configuration of the cluster */
};

struct qd_conf_key {
	const char *key; /* dotted */
	enum qd_conf_type type;
	size_t offset; /* in struct qd_conf */
	size_t size_bytes;
	int64_t min; /* QD_CONF_TYPE_SPAN: ms */
	int64_t max;
	const char *fallback;	  /* as it would be written; NULL: none */
	uint32_t flags;		  /* enum qd_conf_flag */
	const char *default_text; /* for the manual, where the fallback is computed; NULL: the fallback */
	const char *help;	  /* mdoc text, one sentence a line */
};

/* All keys in the order of the manual. */
const struct qd_conf_key *qd_conf_schema(size_t *count);

/* What a value of the key must be, e.g. "a duration from 100ms to 1m". to holds cap_bytes. */
void qd_conf_schema_expected(const struct qd_conf_key *key, char *to, size_t cap_bytes);

/* A duration as it would be written: the largest unit that divides it. */
void qd_conf_schema_span(int64_t ms, char *to, size_t cap_bytes);

struct qd_conf;
/* Whether two configurations say the same of a key. */
bool qd_conf_same_value(const struct qd_conf_key *key, const struct qd_conf *a, const struct qd_conf *b);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* IP addresses without a port, in one form for both families: reading, writing, comparing, prefixes. No name is ever
 * looked up. Touches nothing outside, but for qd_address_to_sock(), which asks for an interface's index. */
#ifndef QD_DRV_ADDRESS_H
#define QD_DRV_ADDRESS_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

enum {
	QD_ADDRESS_TEXT_MAX = 64, /* INET6_ADDRSTRLEN (46), '%', an interface's name */
};

struct qd_address {
	int family;	   /* AF_UNSPEC: none; AF_INET, AF_INET6 */
	uint8_t bytes[16]; /* IPv4: the first four, else zeros behind */
	/* fe80::/10 only: the interface, by name, because an index does not survive its coming back. A peer's address
	 * needs none: it is reached over the interface of the local one. */
	char scope[IF_NAMESIZE];
};

/* "192.0.2.7", "2001:db8::7", "fe80::7%eth1". IPv4 in IPv6 clothes (::ffff:0:0/96) is refused: families are never
 * mixed. */
bool qd_address_parse(const char *text, struct qd_address *out);

/* The same form; to[cap_bytes] is always terminated. "none" for AF_UNSPEC. */
void qd_address_format(const struct qd_address *a, char *to, size_t cap_bytes);

bool qd_address_equal(const struct qd_address *a, const struct qd_address *b);
bool qd_address_is_loopback(const struct qd_address *a);
bool qd_address_is_link_local(const struct qd_address *a); /* fe80::/10, 169.254.0.0/16 */

/* 32 or 128; 0 for AF_UNSPEC. */
uint32_t qd_address_bits(const struct qd_address *a);

/* `a` with all bits behind prefix_bits zero. */
struct qd_address qd_address_prefix(const struct qd_address *a, uint32_t prefix_bits);

/* Same family and the same first prefix_bits. Scopes are not compared. */
bool qd_address_same_prefix(const struct qd_address *a, const struct qd_address *b, uint32_t prefix_bits);

/* Fill *out for bind() or sendto(). `scope`: name of the interface for a link-local IPv6 address, NULL: its own. The
 * length of the socket address; 0: AF_UNSPEC, or that interface is not there now. */
socklen_t qd_address_to_sock(const struct qd_address *a, const char *scope, uint16_t port,
			     struct sockaddr_storage *out);

/* AF_UNSPEC for another family. The scope is not filled: an index is all that the kernel says. */
struct qd_address qd_address_from_sock(const struct sockaddr_storage *from, uint16_t *port);

#endif

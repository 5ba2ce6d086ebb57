/* SPDX-License-Identifier: Apache-2.0 */
#include "drv/address.h"
#include "base/assert.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

static bool is_fe80(const struct qd_address *a)
{
	return a->family == AF_INET6 && a->bytes[0] == 0xfe && (a->bytes[1] & 0xc0) == 0x80;
}

bool qd_address_parse(const char *text, struct qd_address *out)
{
	char host[INET6_ADDRSTRLEN];
	struct in6_addr v6;
	*out = (struct qd_address){.family = AF_UNSPEC};
	const char *percent = strchr(text, '%');
	const size_t len = percent != NULL ? (size_t)(percent - text) : strlen(text);
	if (len == 0 || len >= sizeof host)
		return false;
	memcpy(host, text, len);
	host[len] = '\0';
	struct qd_address a = {.family = AF_INET};
	if (percent == NULL && inet_pton(AF_INET, host, a.bytes) == 1) {
		*out = a;
		return true;
	}
	if (inet_pton(AF_INET6, host, &v6) != 1 || IN6_IS_ADDR_V4MAPPED(&v6))
		return false;
	a.family = AF_INET6;
	memcpy(a.bytes, &v6, sizeof a.bytes);
	if (percent != NULL) {
		const size_t scope_len = strlen(percent + 1);
		if (!is_fe80(&a) || scope_len == 0 || scope_len >= sizeof a.scope)
			return false;
		memcpy(a.scope, percent + 1, scope_len);
	}
	*out = a;
	return true;
}

void qd_address_format(const struct qd_address *a, char *to, size_t cap_bytes)
{
	char host[INET6_ADDRSTRLEN] = "none";
	if (a->family != AF_UNSPEC)
		(void)inet_ntop(a->family, a->bytes, host,
				sizeof host); /* of these two families: cannot fail */
	(void)snprintf(to, cap_bytes, "%s%s%s", host, a->scope[0] != '\0' ? "%" : "", a->scope);
}

bool qd_address_equal(const struct qd_address *a, const struct qd_address *b)
{
	return a->family == b->family && memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0 &&
	       strcmp(a->scope, b->scope) == 0;
}

bool qd_address_is_loopback(const struct qd_address *a)
{
	static const uint8_t one[16] = {[15] = 1};
	return (a->family == AF_INET && a->bytes[0] == 127) ||
	       (a->family == AF_INET6 && memcmp(a->bytes, one, sizeof one) == 0);
}

bool qd_address_is_link_local(const struct qd_address *a)
{
	return is_fe80(a) || (a->family == AF_INET && a->bytes[0] == 169 && a->bytes[1] == 254);
}

uint32_t qd_address_bits(const struct qd_address *a)
{
	return a->family == AF_INET ? 32 : a->family == AF_INET6 ? 128 : 0;
}

struct qd_address qd_address_prefix(const struct qd_address *a, uint32_t prefix_bits)
{
	struct qd_address p = *a;
	for (uint32_t i = 0; i < sizeof p.bytes; i++) {
		const uint32_t keep = prefix_bits > i * 8 ? prefix_bits - i * 8 : 0;
		if (keep < 8)
			p.bytes[i] = (uint8_t)(p.bytes[i] & ~(0xffu >> keep));
	}
	return p;
}

bool qd_address_same_prefix(const struct qd_address *a, const struct qd_address *b, uint32_t prefix_bits)
{
	const struct qd_address p = qd_address_prefix(a, prefix_bits), q = qd_address_prefix(b, prefix_bits);
	return a->family == b->family && a->family != AF_UNSPEC &&
	       memcmp(p.bytes, q.bytes, sizeof p.bytes) == 0;
}

socklen_t qd_address_to_sock(const struct qd_address *a, const char *scope, uint16_t port,
			     struct sockaddr_storage *out)
{
	*out = (struct sockaddr_storage){0};
	if (a->family == AF_INET) {
		struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port)};
		memcpy(&v4.sin_addr, a->bytes, sizeof v4.sin_addr);
		memcpy(out, &v4, sizeof v4);
		return sizeof v4;
	}
	if (a->family != AF_INET6)
		return 0;
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
	memcpy(&v6.sin6_addr, a->bytes, sizeof v6.sin6_addr);
	if (is_fe80(a)) {
		v6.sin6_scope_id = if_nametoindex(scope != NULL ? scope : a->scope);
		if (v6.sin6_scope_id == 0)
			return 0;
	}
	memcpy(out, &v6, sizeof v6);
	return sizeof v6;
}

struct qd_address qd_address_from_sock(const struct sockaddr_storage *from, uint16_t *port)
{
	struct qd_address a = {.family = AF_UNSPEC};
	*port = 0;
	if (from->ss_family == AF_INET) {
		struct sockaddr_in v4;
		memcpy(&v4, from, sizeof v4);
		a.family = AF_INET;
		memcpy(a.bytes, &v4.sin_addr, sizeof v4.sin_addr);
		*port = ntohs(v4.sin_port);
	} else if (from->ss_family == AF_INET6) {
		struct sockaddr_in6 v6;
		memcpy(&v6, from, sizeof v6);
		a.family = AF_INET6;
		memcpy(a.bytes, &v6.sin6_addr, sizeof v6.sin6_addr);
		*port = ntohs(v6.sin6_port);
	}
	return a;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "drv/iscsi_target.h"

#include "base/assert.h"
#include "quorumd/errors.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <sys/socket.h>

static int complain(char *why, size_t why_cap, int error, const char *what, const char *about)
{
	(void)snprintf(why, why_cap, "%s%s", what, about); /* a cut sentence is still a sentence */
	return error;
}

int qd_iscsi_target_resolve(struct qd_iscsi_target *t, char *why, size_t why_cap)
{
	qd_assert(why_cap > 0);
	if (t->port == 0)
		t->port = QD_ISCSI_PORT_DEFAULT;
	const struct addrinfo hints = {
		.ai_family = AF_UNSPEC,
		.ai_socktype = SOCK_STREAM,
	};
	struct addrinfo *list = NULL;
	int rc = getaddrinfo(t->host, NULL, &hints, &list);
	if (rc != 0) {
		(void)snprintf(why, why_cap, "%s: %s", t->host, gai_strerror(rc));
		return -QD_ERR_NOT_FOUND;
	}
	char numeric[QD_ISCSI_ADDRESS_MAX - 8]; /* brackets, colon, five digits and the NUL */
	const bool v6 = list->ai_family == AF_INET6;
	rc = getnameinfo(list->ai_addr, list->ai_addrlen, numeric, sizeof numeric, NULL, 0, NI_NUMERICHOST);
	freeaddrinfo(list);
	if (rc != 0)
		return complain(why, why_cap, -QD_ERR_INVALID, t->host, ": no numeric form of its address");
	int n = snprintf(t->address, sizeof t->address, v6 ? "[%s]:%u" : "%s:%u", numeric, (unsigned)t->port);
	if (n < 0 || (size_t)n >= sizeof t->address)
		return complain(why, why_cap, -QD_ERR_INVALID, t->host, ": its address is too long");
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "base/assert.h"
#include "quorumd/conf.h"
#include "quorumd/conf_value.h"
#include "quorumd/errors.h"

#include <inttypes.h>
#include <string.h>

static const char scheme[] = "iscsi://";

enum {
	DEFAULT_PORT = 3260,
	LUN_MAX = 255, /* what the peripheral device addressing method holds (SAM-5 4.7.3) */
};

/* Copy the bytes from..end as a text. False: they do not fit, or there are none. */
static bool cut(const char *from, const char *end, char *to, size_t cap_bytes)
{
	size_t len = (size_t)(end - from);
	if (len == 0 || len >= cap_bytes)
		return false;
	memcpy(to, from, len);
	to[len] = '\0';
	return true;
}

static bool is_host(const char *host, bool bracketed)
{
	for (const char *p = host; *p != '\0'; p++) {
		bool alnum = (*p >= '0' && *p <= '9') || (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z');
		if (!alnum && strchr(bracketed ? ":.%" : ".-_", *p) == NULL)
			return false;
	}
	return true;
}

const char *qd_conf_portal_parse(const char *text, uint16_t default_port, struct qd_conf_portal *out)
{
	char portal[QD_CONF_HOST_MAX + 16];
	uint64_t port = default_port;
	*out = (struct qd_conf_portal){0};
	if (!cut(text, text + strlen(text), portal, sizeof(portal)))
		return "has no host, or too long a one; write host:port";
	bool bracketed = portal[0] == '[';
	char *host = bracketed ? portal + 1 : portal;
	char *host_end = bracketed ? strchr(host, ']') : strchr(host, ':');
	if (bracketed && host_end == NULL)
		return "has no ']' after the IPv6 address; write [address]:port";
	char *colon = host_end;
	if (bracketed && colon != NULL)
		colon++;
	if (!bracketed && colon != NULL && strchr(colon + 1, ':') != NULL)
		return "has an IPv6 address without brackets; write [address]:port";
	if (colon != NULL && *colon != '\0') {
		if (*colon != ':' || !qd_value_decimal(colon + 1, UINT16_MAX, &port) || port == 0)
			return "has a port that is no number from 1 to 65535";
	}
	if (host_end != NULL)
		*host_end = '\0';
	size_t len = strlen(host);
	if (len == 0 || len >= sizeof(out->host) || !is_host(host, bracketed))
		return "has a host that is neither a name nor an address";
	memcpy(out->host, host, len + 1);
	out->port = (uint16_t)port;
	(void)snprintf(out->text, sizeof(out->text), bracketed ? "[%s]:%" PRIu16 : "%s:%" PRIu16, out->host,
		       out->port);
	return NULL;
}

/* The same between from and end, into a path. */
static const char *path_portal(const char *from, const char *end, struct qd_conf_path *out)
{
	char text[QD_CONF_HOST_MAX + 16];
	struct qd_conf_portal portal;
	if (!cut(from, end, text, sizeof(text)))
		return "has no host, or too long a one; write iscsi://host:port/target/lun";
	const char *why = qd_conf_portal_parse(text, DEFAULT_PORT, &portal);
	memcpy(out->host, portal.host, sizeof(out->host));
	memcpy(out->portal, portal.text, sizeof(out->portal));
	out->port = portal.port;
	return why;
}

static const char *url_parse(const char *text, struct qd_conf_path *out)
{
	if (strncmp(text, scheme, sizeof(scheme) - 1) != 0)
		return "does not begin with iscsi://; write iscsi://host:port/target/lun";
	const char *portal = text + sizeof(scheme) - 1;
	const char *slash = strchr(portal, '/');
	const char *at = strchr(portal, '@');
	if (at != NULL)
		return "has a user or a password in it, where everybody who sees the file or the process "
		       "list can read it; "
		       "use quorum_disk.chap.user and secret_file";
	if (slash == NULL)
		return "has no target name; write iscsi://host:port/target/lun";
	const char *why = path_portal(portal, slash, out);
	if (why != NULL)
		return why;
	const char *target = slash + 1;
	const char *lun_slash = strchr(target, '/');
	if (lun_slash == NULL)
		return "has no LUN; write iscsi://host:port/target/lun";
	if (!cut(target, lun_slash, out->target, sizeof(out->target)) ||
	    !qd_value_is_iqn(out->target, QD_CONF_IQN_MAX - 1))
		return "has a target name that is no iqn., eui. or naa. name";
	uint64_t lun = 0;
	if (!qd_value_decimal(lun_slash + 1, LUN_MAX, &lun))
		return "has a LUN that is no number from 0 to 255";
	out->lun = (uint32_t)lun;
	int len = snprintf(out->url, sizeof(out->url), "%s%s/%s/%" PRIu32, scheme, out->portal, out->target,
			   out->lun);
	return len > 0 && (size_t)len < sizeof(out->url) ? NULL : "is too long";
}

int qd_conf_url_parse(const char *text, struct qd_conf_path *out, const char **why)
{
	*out = (struct qd_conf_path){0};
	*why = url_parse(text, out);
	if (*why == NULL)
		return 0;
	*out = (struct qd_conf_path){0};
	return -QD_ERR_INVALID;
}

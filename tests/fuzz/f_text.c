/* SPDX-License-Identifier: Apache-2.0 */
/* Input: a small text; its first byte says what reads it: an address, a line of /proc/self/mountinfo, a line of quorum-api's
 * stream, or the body of a request to quorum-api. */
#include "fuzz.h"

#include "api/request.h"
#include "drv/address.h"
#include "drv/share_files.h"
#include "libquorumd/ownership.h"

#include <stdlib.h>
#include <unistd.h>

static char *text_of(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1); /* of its very length: what reads over its end is seen */
	qd_assert(text != NULL);
	if (size > 0)
		memcpy(text, data, size);
	text[size] = '\0';
	return text;
}

/* What is an address is printed and read again as the same. */
static void address(const uint8_t *data, size_t size)
{
	struct qd_address a, again;
	char printed[QD_ADDRESS_TEXT_MAX];
	char *text = text_of(data, size);
	if (qd_address_parse(text, &a)) {
		qd_assert(a.family == AF_INET || a.family == AF_INET6);
		qd_address_format(&a, printed, sizeof printed);
		qd_assert(qd_address_parse(printed, &again) && qd_address_equal(&a, &again));
	}
	free(text);
}

static void mount(const uint8_t *data, size_t size)
{
	char why[256] = "";
	char *text = text_of(data, size);
	const int fits = qd_share_files_fit_line(text, "0:41", why, sizeof why);
	qd_assert(fits >= -1 && fits <= 1);
	QD_ERGO(fits == 0, why[0] != '\0'); /* with 1 it is a doubt */
	free(text);
}

static void ownership(const uint8_t *data, size_t size)
{
	struct qd_ownership o;
	char *text = text_of(data, size);
	const int status = qd_ownership_parse(text, size, &o);
	qd_assert(status == 0 || status == -QD_ERR_PROTOCOL);
	qd_assert(strnlen(o.owner, sizeof o.owner) < sizeof o.owner &&
		  strnlen(o.node, sizeof o.node) < sizeof o.node);
	QD_ERGO(status != 0, !o.known && !o.mine);
	QD_ERGO(o.online, o.mine);
	free(text);
}

static void request(enum qd_exchange_kind kind, const uint8_t *data, size_t size)
{
	static struct qd_control_snapshot snapshot = {.node_id = 1};
	char *text = text_of(data, size);
	struct qd_exchange x = {.kind = kind, .upload = text, .upload_len = size};
	struct qd_request r;
	struct qd_request_problem problem = {0};
	memcpy(snapshot.node_names[2], "beta", sizeof "beta");
	const bool good = qd_request_read(&x, &snapshot, &r, &problem);
	qd_assert(good == (problem.text == NULL));
	QD_ERGO(good, r.control.to <= QD_NODE_ID_MAX);
	QD_ERGO(good, (r.fd >= 0) == (kind == QD_EXCHANGE_CHANGE));
	if (r.fd >= 0)
		(void)close(r.fd);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum qd_exchange_kind kinds[] = {QD_EXCHANGE_HANDOVER, QD_EXCHANGE_CHANGE,
						      QD_EXCHANGE_FORCE};
	if (size == 0)
		return 0;
	const unsigned which = data[0] % 6;
	if (which == 0)
		address(data + 1, size - 1);
	else if (which == 1)
		mount(data + 1, size - 1);
	else if (which == 2)
		ownership(data + 1, size - 1);
	else
		request(kinds[which - 3], data + 1, size - 1);
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "api.h"

#include "ctl.h"

#include <curl/curl.h>
#include <quorumd/quorumd.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	ANSWER_MAX = 8 << 20, /* a configuration of 1 MiB as JSON writes it; a status is 10 to 200 KiB */
	CONNECT_MS = 2000,
	ANSWER_S =
		30, /* quorum-api answers within seconds, but waits up to 20 for lines where it is asked to */
	HANDOVER_S = 1800,
	URL_MAX = 256,
};

struct answer {
	char *text;
	size_t len;
	bool stopped;	      /* the callback has had enough */
	qd_api_line_fn *line; /* NULL: collect everything */
	void *context;
};

static const char *socket_or_default(const char *socket)
{
	/* NOLINTNEXTLINE(concurrency-mt-unsafe): one thread, and nobody changes the environment */
	const char *variable = getenv("QUORUMD_SOCKET");
	if (socket != NULL)
		return socket;
	return variable != NULL && variable[0] != '\0' ? variable : QD_CLIENT_SOCKET;
}

/* Hand out the whole lines that are there. False: enough. */
static bool take_lines(struct answer *a)
{
	char *end = NULL;
	while (!a->stopped && (end = memchr(a->text, '\n', a->len)) != NULL) {
		size_t len = (size_t)(end - a->text);
		*end = '\0';
		json_t *document = len > 0 ? json_loads(a->text, 0, NULL) : NULL;
		if (document != NULL)
			a->stopped = !a->line(a->context, document, a->text);
		json_decref(document);
		memmove(a->text, end + 1, a->len - len - 1);
		a->len -= len + 1;
	}
	return !a->stopped;
}

static size_t on_data(char *data, size_t size, size_t count, void *context)
{
	struct answer *a = context;
	size_t n = size * count;
	if (n > ANSWER_MAX - a->len)
		return 0;
	char *more = realloc(a->text, a->len + n + 1);
	if (more == NULL)
		return 0;
	a->text = more;
	memcpy(a->text + a->len, data, n);
	a->len += n;
	a->text[a->len] = '\0';
	if (a->line != NULL && !take_lines(a))
		return 0;
	return n;
}

static CURLcode set_up(CURL *curl, const char *socket, const char *path, const char *body, struct answer *a)
{
	char url[URL_MAX];
	(void)snprintf(url, sizeof(url), "http://localhost%s", path);
	CURLcode status = curl_easy_setopt(curl, CURLOPT_URL, url);
	long limit_s = a->line != NULL ? 0 : body != NULL ? HANDOVER_S : ANSWER_S;
	if (status == CURLE_OK)
		status = curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, socket_or_default(socket));
	if (status == CURLE_OK)
		status = curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
	if (status == CURLE_OK)
		status = curl_easy_setopt(curl, CURLOPT_TIMEOUT, limit_s);
	if (status == CURLE_OK)
		status = curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	if (status == CURLE_OK)
		status = curl_easy_setopt(curl, CURLOPT_PROXY, "");
	if (status == CURLE_OK)
		status = curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_data);
	if (status == CURLE_OK)
		status = curl_easy_setopt(curl, CURLOPT_WRITEDATA, a);
	if (status == CURLE_OK && body != NULL)
		status = curl_easy_setopt(curl, CURLOPT_COPYPOSTFIELDS, body);
	return status;
}

static int perform(const char *socket, const char *path, const char *body, struct answer *a, long *http)
{
	CURL *curl = curl_easy_init();
	if (curl == NULL)
		return -QD_ERR_NOMEM;
	CURLcode status = set_up(curl, socket, path, body, a);
	if (status == CURLE_OK)
		status = curl_easy_perform(curl);
	if (status == CURLE_OK)
		status = curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, http);
	curl_easy_cleanup(curl);
	if (status == CURLE_OK || a->stopped)
		return 0;
	qd_ctl_complain(
		"%s: quorum-api cannot be reached (%s): is quorumd running, and may you use its socket?",
		socket_or_default(socket), curl_easy_strerror(status));
	return -QD_ERR_UNREACHABLE;
}

int qd_api_ask(const char *socket, const char *path, const char *body, json_t **out, long *http)
{
	struct answer a = {0};
	*out = NULL;
	*http = 0;
	int status = perform(socket, path, body, &a, http);
	if (status == 0) {
		*out = a.text != NULL ? json_loads(a.text, 0, NULL) : NULL;
		if (!json_is_object(*out)) {
			qd_ctl_complain("%s: what answers there is no quorum-api", socket_or_default(socket));
			json_decref(*out);
			*out = NULL;
			status = -QD_ERR_PROTOCOL;
		}
	}
	free(a.text);
	return status;
}

int qd_api_stream(const char *socket, const char *path, qd_api_line_fn *line, void *context)
{
	struct answer a = {.line = line, .context = context};
	long http = 0;
	int status = perform(socket, path, NULL, &a, &http);
	free(a.text);
	if (status != 0 || a.stopped)
		return status;
	qd_ctl_complain("%s: the stream has ended", socket_or_default(socket));
	return -QD_ERR_UNREACHABLE;
}

int qd_api_complain(const json_t *document, long http)
{
	const json_t *error = json_object_get(document, "error");
	const char *text = json_string_value(json_object_get(error, "text"));
	if (text != NULL)
		qd_ctl_complain("%s", text);
	else
		qd_ctl_complain("quorum-api answers with HTTP status %ld", http);
	return http == 503   ? QD_CTL_UNREACHABLE
	       : http == 504 ? qd_ctl_exit_status(QD_ERR_TIMEOUT)
	       : http == 404 ? qd_ctl_exit_status(QD_ERR_NOT_FOUND)
			     : QD_CTL_DEGRADED;
}

int qd_api_show(int argc, char **argv, const char *path, bool *json, json_t **out)
{
	const char *socket = NULL;
	long http = 0;
	const struct qd_ctl_option options[] = {{"--json", json, NULL}, {"--socket", NULL, &socket}};
	int status = qd_ctl_options(argc, argv, options, sizeof(options) / sizeof(options[0]));
	if (status != 0)
		return status;
	if (qd_api_ask(socket, path, NULL, out, &http) != 0)
		return QD_CTL_UNREACHABLE;
	if (http == 200)
		return 0;
	status = qd_api_complain(*out, http);
	json_decref(*out);
	return status;
}

void qd_api_dump(const json_t *document)
{
	if (json_dumpf(document, stdout, JSON_INDENT(2)) == 0)
		(void)fputc('\n', stdout);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The fuzzer's seeds are what they are called: where a format has changed and they have not, it begins with nothing but
 * what is refused. Those that are meant to be refused are named here. */
#include "unit.h"

#include "codec/wire.h"

#include <dirent.h>

enum { SEED_BYTES = 4096, PATH_BYTES = 1024 };

typedef bool parses_fn(const uint8_t *data, size_t size);

static bool is_message(const uint8_t *data, size_t size)
{
	struct qd_msg msg;
	return qd_wire_msg_decode(data, size, &msg);
}

/* The first byte says which of the two. */
static bool is_of_witness(const uint8_t *data, size_t size)
{
	struct qd_witness_request request;
	struct qd_witness_answer answer;
	if (size == 0)
		return false;
	return data[0] % 2 == 0 ? qd_wire_witness_request_decode(data + 1, size - 1, &request)
				: qd_wire_witness_answer_decode(data + 1, size - 1, &answer);
}

/* How to make a packet, an envelope, and what is in it. */
static bool is_plain_packet(const uint8_t *data, size_t size)
{
	enum { CONTENTS_AT = 1 + QD_WIRE_ENVELOPE_BYTES, TRAFFIC_AT = 3 };
	struct qd_witness_request request;
	struct qd_witness_answer answer;
	if (size < CONTENTS_AT)
		return false;
	if (data[TRAFFIC_AT] == QD_WIRE_WITNESS_REQUEST)
		return qd_wire_witness_request_decode(data + CONTENTS_AT, size - CONTENTS_AT, &request);
	if (data[TRAFFIC_AT] == QD_WIRE_WITNESS_ANSWER)
		return qd_wire_witness_answer_decode(data + CONTENTS_AT, size - CONTENTS_AT, &answer);
	return is_message(data + CONTENTS_AT, size - CONTENTS_AT);
}

/* The folder lies beside the tests, wherever the program was started; then the place it is usually started from. */
static DIR *open_corpus(const char *name, char path[PATH_BYTES])
{
	const char *end = strstr(__FILE__, "tests/unit/");
	const int root_len = end == NULL ? 0 : (int)(end - __FILE__);
	(void)snprintf(path, PATH_BYTES, "%.*stests/fuzz/corpus/%s", root_len, __FILE__, name);
	DIR *dir = opendir(path);
	if (dir != NULL)
		return dir;
	(void)snprintf(path, PATH_BYTES, "tests/fuzz/corpus/%s", name);
	return opendir(path);
}

static size_t read_seed(const char *folder, const char *name, uint8_t data[SEED_BYTES])
{
	char path[2 * PATH_BYTES];
	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	FILE *f = fopen(path, "rb");
	if (!UNIT_OK(f != NULL))
		return 0;
	const size_t size = fread(data, 1, SEED_BYTES, f);
	UNIT_OK(size < SEED_BYTES);
	UNIT_EQUAL(fclose(f), 0);
	return size;
}

static bool stands_in(const char *name, const char *const *list)
{
	for (size_t i = 0; list[i] != NULL; i++)
		if (strcmp(list[i], name) == 0)
			return true;
	return false;
}

/* All seeds of a corpus whose names begin so; how many. */
static unsigned look(const char *corpus, const char *beginning, const char *const *bad, parses_fn *parses)
{
	char folder[PATH_BYTES];
	uint8_t data[SEED_BYTES];
	unsigned count = 0;
	DIR *dir = open_corpus(corpus, folder);
	if (!UNIT_OK(dir != NULL))
		return 0;
	for (const struct dirent *e = readdir(dir); e != NULL; e = readdir(dir)) {
		if (e->d_name[0] == '.' || strncmp(e->d_name, beginning, strlen(beginning)) != 0)
			continue;
		unit_case("%s/%s", corpus, e->d_name);
		const size_t size = read_seed(folder, e->d_name, data);
		UNIT_EQUAL(parses(data, size), !stands_in(e->d_name, bad));
		count++;
	}
	UNIT_EQUAL(closedir(dir), 0);
	return count;
}

static void messages(void)
{
	static const char *const BAD[] = {"cut", "empty", "trailing", NULL};
	UNIT_OK(look("wire", "", BAD, is_message) > QD_MSG_KIND_COUNT);
}

static void of_the_witness(void)
{
	static const char *const BAD[] = {"ask-7", "cut", "holder-65", NULL};
	UNIT_OK(look("witness_wire", "", BAD, is_of_witness) > 3);
}

static void packets(void)
{
	static const char *const BAD[] = {NULL};
	UNIT_OK(look("packet", "plain-", BAD, is_plain_packet) > 5);
}

static const struct unit_test TESTS[] = {
	{"messages between nodes", messages},
	{"requests to the witness, and its answers", of_the_witness},
	{"what packets hold before they are sealed", packets},
};

int main(void)
{
	return unit_run("t_fuzz_seeds", TESTS, UNIT_COUNT(TESTS));
}

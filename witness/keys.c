/* SPDX-License-Identifier: Apache-2.0 */
#include "witness/keys.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum {
	PATH_ROOM = 4096,
	INDEX_SLOTS = 2 * QD_TENANTS_MAX,
};

static int is_key(const struct dirent *entry)
{
	const size_t len = strlen(entry->d_name);
	return entry->d_name[0] != '.' && len > 4 && strcmp(entry->d_name + len - 4, ".key") == 0;
}

static char *next_why(struct qd_keys *k)
{
	const uint32_t at = k->bad < QD_KEYS_MESSAGES ? k->bad : QD_KEYS_MESSAGES - 1;
	k->bad++;
	return k->why[at];
}

static bool is_there(const struct qd_keys *k, const struct qd_keyfile *one, uint32_t *index)
{
	uint64_t at = 0;
	memcpy(&at, one->cluster, sizeof at);
	for (at %= INDEX_SLOTS; index[at] != 0; at = (at + 1) % INDEX_SLOTS) {
		if (memcmp(k->list[index[at] - 1].cluster, one->cluster, sizeof one->cluster) == 0)
			return true;
	}
	index[at] = k->count + 1;
	return false;
}

static void take(struct qd_keys *k, const char *name, uint32_t *index)
{
	char path[PATH_ROOM];
	char why[QD_KEYFILE_WHY_MAX];
	struct qd_keyfile *one = &k->list[k->count];
	if (snprintf(path, sizeof path, "%s/%s", k->dir, name) >= (int)sizeof path) {
		(void)snprintf(next_why(k), QD_KEYFILE_WHY_MAX, "%.200s: the name is too long", name);
		return;
	}
	if (qd_keyfile_read(path, one, why) != 0) {
		memcpy(next_why(k), why, sizeof why);
	} else if (is_there(k, one, index)) {
		(void)snprintf(next_why(k), QD_KEYFILE_WHY_MAX,
			       "%.400s: another key file is of the same cluster; remove one of them", path);
		qd_keyfile_wipe(one);
	} else {
		k->count++;
	}
}

int qd_keys_load(const char *dir, struct qd_keys *k)
{
	struct dirent **names = NULL;
	*k = (struct qd_keys){.dir = dir};
	const int n = scandir(dir, &names, is_key, alphasort);
	if (n < 0) {
		(void)snprintf(k->why[0], sizeof k->why[0], "%s: %s", dir, strerrordesc_np(errno));
		return -1;
	}
	const size_t room = n > QD_TENANTS_MAX ? QD_TENANTS_MAX : (size_t)n;
	uint32_t *const index = calloc(INDEX_SLOTS, sizeof *index);
	k->list = calloc(room + 1, sizeof *k->list);
	for (int i = 0; i < n; i++) {
		if (index != NULL && k->list != NULL && k->count < room)
			take(k, names[i]->d_name, index);
		free(names[i]);
	}
	free(names);
	free(index);
	if ((size_t)n > room)
		(void)snprintf(next_why(k), QD_KEYFILE_WHY_MAX, "%s: more than %d key files", dir,
			       QD_TENANTS_MAX);
	if (index != NULL && k->list != NULL)
		return 0;
	(void)snprintf(k->why[0], sizeof k->why[0], "%s: no memory for %d key files", dir, n);
	qd_keys_free(k);
	return -1;
}

void qd_keys_free(struct qd_keys *k)
{
	for (uint32_t i = 0; k->list != NULL && i < k->count; i++)
		qd_keyfile_wipe(&k->list[i]);
	free(k->list);
	k->list = NULL;
	k->count = 0;
}

static void *run(void *context)
{
	struct qd_keys_reading *r = context;
	const uint64_t one = 1;
	r->status = qd_keys_load(r->dir, &r->keys);
	if (write(r->event_fd, &one, sizeof one) < 0 && errno != EAGAIN)
		QD_UNREACHABLE("an eventfd cannot be written");
	return NULL;
}

int qd_keys_begin(const char *dir, int event_fd, struct qd_keys_reading *r)
{
	qd_assert(!r->running);
	*r = (struct qd_keys_reading){.dir = dir, .event_fd = event_fd};
	const int rc = pthread_create(&r->thread, NULL, run, r);
	r->running = rc == 0;
	return -rc;
}

int qd_keys_end(struct qd_keys_reading *r, struct qd_keys *k)
{
	const int rc = pthread_join(r->thread, NULL);
	qd_assert(rc == 0);
	r->running = false;
	*k = r->keys;
	return r->status;
}

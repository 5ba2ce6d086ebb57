/* SPDX-License-Identifier: Apache-2.0 */
#include "quorumd/control_text.h"

#include "base/assert.h"
#include "quorumd/conf_body.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	SEALS = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE,
	DESCRIPTORS_MAX = 4, /* that are looked for, to be closed, where one is expected */
};

static bool fill(int fd, const char *text, size_t len_bytes)
{
	for (size_t at = 0; at < len_bytes;) {
		const ssize_t n = write(fd, text + at, len_bytes - at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		at += (size_t)n;
	}
	return fcntl(fd, F_ADD_SEALS, SEALS | F_SEAL_SEAL) == 0;
}

int qd_control_text_make(const char *text, size_t len_bytes)
{
	const int fd = memfd_create("quorumd-configuration", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0 || fill(fd, text, len_bytes))
		return fd;
	(void)close(fd); /* nothing in it is wanted */
	return -1;
}

bool qd_control_text_map(int fd, struct qd_control_text *out)
{
	struct stat st;
	*out = (struct qd_control_text){0};
	const int seals = fcntl(fd, F_GET_SEALS); /* -1: no memfd */
	if (seals < 0 || (seals & SEALS) != SEALS || fstat(fd, &st) != 0 || st.st_size <= 0 ||
	    st.st_size > QD_BODY_BYTES_MAX)
		return false;
	void *at = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (at == MAP_FAILED)
		return false;
	*out = (struct qd_control_text){.text = at, .len_bytes = (size_t)st.st_size};
	return true;
}

void qd_control_text_unmap(struct qd_control_text *t)
{
	if (t->text != NULL)
		(void)munmap(t->text, t->len_bytes); /* fails only for what was never mapped */
	*t = (struct qd_control_text){0};
}

ssize_t qd_control_text_send(int socket, const uint8_t *packet, size_t len_bytes, int fd)
{
	/* sendmsg() takes the packet without const; it does not change it. */
	union {
		/* cppcheck-suppress unusedStructMember */
		const uint8_t *given;
		void *wanted;
	} base = {.given = packet};
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = {.bytes = {0}};
	struct iovec part = {.iov_base = base.wanted, .iov_len = len_bytes};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
	if (fd >= 0) {
		message.msg_control = control.bytes;
		message.msg_controllen = sizeof(control.bytes);
		struct cmsghdr *c = CMSG_FIRSTHDR(&message);
		qd_assert(c != NULL);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	}
	return sendmsg(socket, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* The descriptors of one part of the control data: the first of all is kept, the others are closed. */
static void take_descriptors(const struct cmsghdr *c, int *fd, uint32_t *count)
{
	const size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	for (size_t i = 0; i < n; i++) {
		int got = -1;
		memcpy(&got, CMSG_DATA(c) + i * sizeof(got), sizeof(got));
		if (*count == 0)
			*fd = got;
		else
			(void)close(got); /* nobody asked for it */
		++*count;
	}
}

/* NOLINTNEXTLINE(readability-non-const-parameter): the kernel writes it, through the iovec */
ssize_t qd_control_text_receive(int socket, uint8_t *packet, size_t cap_bytes, int *fd)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int) * DESCRIPTORS_MAX)];
	} control;
	struct iovec part = {.iov_base = packet, .iov_len = cap_bytes};
	struct msghdr message = {.msg_iov = &part,
				 .msg_iovlen = 1,
				 .msg_control = control.bytes,
				 .msg_controllen = sizeof(control.bytes)};
	uint32_t count = 0;
	*fd = -1;
	const ssize_t n = recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (n < 0)
		return n;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c != NULL; c = CMSG_NXTHDR(&message, c)) {
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
			take_descriptors(c, fd, &count);
	}
	if (count > 1) {
		(void)close(*fd); /* which one is meant cannot be known */
		*fd = -1;
	}
	return n;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Texts that are too long for a packet of the control socket: a sealed memfd that goes beside it. Sealed, so that whoever
 * maps it need not trust its maker: it neither changes nor shrinks any more. */
#ifndef QD_QUORUMD_CONTROL_TEXT_H
#define QD_QUORUMD_CONTROL_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* A text that was mapped; NULL: none. */
struct qd_control_text {
	char *text;
	size_t len_bytes;
};

/* A sealed copy; the caller closes it. -1: no memory or no descriptor. */
int qd_control_text_make(const char *text, size_t len_bytes);

/* Map what came, for reading. False: it is not sealed, empty, or longer than QD_BODY_BYTES_MAX. fd stays the caller's. */
bool qd_control_text_map(int fd, struct qd_control_text *out);
void qd_control_text_unmap(struct qd_control_text *t);

/* One packet with a descriptor beside it, or without (fd -1). As send(): never blocks, the bytes sent or -1. */
ssize_t qd_control_text_send(int socket, const uint8_t *packet, size_t len_bytes, int fd);

/* As recv(): *fd becomes the descriptor beside the packet, the caller's from now on; -1: there is none, or several. */
ssize_t qd_control_text_receive(int socket, uint8_t *packet, size_t cap_bytes, int *fd);

#endif

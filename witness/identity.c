/* SPDX-License-Identifier: Apache-2.0 */
#include "witness/identity.h"

#include "drv/file_origin.h"

#include <string.h>

int qd_identity_read(int dir_fd, int fd, const uint8_t machine[QD_WITNESS_MACHINE_BYTES],
		     struct qd_witness_identity *out)
{
	*out = (struct qd_witness_identity){.file_system = qd_file_system_number(fd)};
	memcpy(out->machine, machine, QD_WITNESS_MACHINE_BYTES);
	const int rc = qd_file_born(dir_fd, &out->directory_inode, &out->directory_birth_ns);
	return rc != 0 ? rc : qd_file_born(fd, &out->file_inode, &out->file_birth_ns);
}

bool qd_identity_proves(const struct qd_witness_identity *i)
{
	return i->directory_birth_ns != 0 && i->file_birth_ns != 0;
}

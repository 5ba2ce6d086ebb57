/* SPDX-License-Identifier: Apache-2.0 */
/* Preloaded into quorumd by tests/bench/defender.py: counts allocations by the object whose code asked for them, and
 * processes started, in a file that the bench maps: five 64-bit numbers, in the order of enum counter. It changes nothing. */
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

enum counter { OWN = 0, ISCSI, SYSTEMD, OTHER, FORKS, COUNTERS };

struct range {
	uintptr_t begin, end;
};

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);
pid_t __libc_fork(void);

static _Atomic uint64_t *counters; /* NULL: not quorumd, or before the constructor */
static struct range ranges[OTHER];

static int on_object(struct dl_phdr_info *info, size_t size, void *context)
{
	(void)size;
	int *number = context;
	enum counter which = (*number)++ == 0				     ? OWN
			     : strstr(info->dlpi_name, "libiscsi") != NULL   ? ISCSI
			     : strstr(info->dlpi_name, "libsystemd") != NULL ? SYSTEMD
									     : OTHER;
	for (int i = 0; which != OTHER && i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];
		if (p->p_type != PT_LOAD || (p->p_flags & PF_X) == 0)
			continue;
		ranges[which].begin = info->dlpi_addr + p->p_vaddr;
		ranges[which].end = ranges[which].begin + p->p_memsz;
	}
	return 0;
}

__attribute__((constructor)) static void begin(void)
{
	const char *file = secure_getenv("QD_MALLOC_COUNT");
	if (file == NULL || strcmp(program_invocation_short_name, "quorumd") != 0)
		return;
	int number = 0;
	int fd = open(file, O_RDWR | O_CLOEXEC);
	void *map =
		fd < 0 ? MAP_FAILED
		       : mmap(NULL, COUNTERS * sizeof(uint64_t), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		return;
	(void)close(fd);
	(void)dl_iterate_phdr(on_object, &number);
	counters = map;
}

static void count(const void *caller)
{
	uintptr_t at = (uintptr_t)caller;
	enum counter which = OWN;
	if (counters == NULL)
		return;
	while (which < OTHER && (at < ranges[which].begin || at >= ranges[which].end))
		which++;
	atomic_fetch_add(&counters[which], 1);
}

void *malloc(size_t size)
{
	count(__builtin_return_address(0));
	return __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
	count(__builtin_return_address(0));
	return __libc_calloc(n, size);
}

void *realloc(void *old, size_t size)
{
	count(__builtin_return_address(0));
	return __libc_realloc(old, size);
}

pid_t fork(void)
{
	if (counters != NULL)
		atomic_fetch_add(&counters[FORKS], 1);
	return __libc_fork();
}

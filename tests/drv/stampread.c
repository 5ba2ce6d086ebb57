/* SPDX-License-Identifier: Apache-2.0 */
/* stampread FILE: judge the stamps in the data area of a quorum disk image. Exit status 0: no write of an earlier
 * epoch came after a later epoch's first write; 1: one did; 2: not readable. */
#include "drv/stamps.h"

int main(int argc, char **argv)
{
	struct stamps s;
	if (argc != 2) {
		(void)fprintf(stderr, "usage: stampread FILE\n");
		return 2;
	}
	if (!stamps_judge(argv[1], stdout, &s))
		return 2;
	(void)printf("%llu stamps of %llu epochs, last epoch %llu, %llu violations\n",
		     (unsigned long long)s.stamps, (unsigned long long)s.epochs,
		     (unsigned long long)s.last_epoch, (unsigned long long)s.violations);
	return s.violations == 0 ? 0 : 1;
}

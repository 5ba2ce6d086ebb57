/* SPDX-License-Identifier: Apache-2.0 */
/* Follow who owns, and work only with the token. cc example.c -lquorumd; ./a.out [SOCKET] */
#include <quorumd/quorumd.h>

#include <inttypes.h>
#include <stdio.h>

int main(int argc, char **argv)
{
	struct qd_client *client = NULL;
	struct qd_ownership now;
	int status = qd_client_open(argc > 1 ? argv[1] : NULL, &client);
	while (status >= 0) {
		status = qd_client_wait(client, -1, &now);
		if (status != 1)
			continue;
		if (!now.known)
			puts("nobody knows");
		else if (now.mine)
			printf("%s owns, token %" PRIu64 "\n", now.node,
			       now.token); /* give the token along */
		else
			printf("%s waits, owner: %s\n", now.node, now.owner_id != 0 ? now.owner : "nobody");
		if (fflush(stdout) != 0)
			break;
	}
	fprintf(stderr, "%s\n", qd_error_text(status));
	qd_client_close(client);
	return 1;
}

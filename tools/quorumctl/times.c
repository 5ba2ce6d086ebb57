/* SPDX-License-Identifier: Apache-2.0 */
#include "core/times.h"
#include "ctl.h"
#include "quorumd/conf.h"
#include "quorumd/conf_value.h"

#include <stdio.h>
#include <stdlib.h>

enum { STATUS_CONFIG = 78 };

static double seconds(struct qd_span s)
{
	return (double)s.ns / 1e9;
}

static void at(struct qd_span from, struct qd_span to, const char *what)
{
	if (from.ns == to.ns)
		(void)printf("  %9.3f s             %s\n", seconds(from), what);
	else
		(void)printf("  %9.3f .. %-9.3f s %s\n", seconds(from), seconds(to), what);
}

static void print_line(const struct qd_times *t)
{
	struct qd_span look = t->look;
	(void)printf("defender: from the sending of its last good round\n");
	at(QD_SPAN_ZERO, QD_SPAN_ZERO, "the REGISTER of the round is sent: the lease counts from here");
	at(t->renew, t->renew, "the next round is due");
	at(t->begin_stop, t->begin_stop,
	   "challenge - slack: it begins to stop everything, and beats no more");
	at(t->stopped, t->stopped, "wait - drift: everything has stopped, or the machine is reset");
	(void)printf("challenger: on the same axis, its look comes at most %.3f s after the beat\n",
		     seconds(look));
	at(QD_SPAN_ZERO, look, "it first sees that beat");
	at(t->challenge, qd_span_add(t->challenge, look),
	   "challenge: its sight is old enough, it may strike");
	at(t->wait, qd_span_add(t->wait, look), "wait: it may start what no disk fences");
	(void)printf("in short\n");
	(void)printf("  power loss to the strike               at most %.3f s\n",
		     seconds(qd_span_add(t->challenge, look)));
	(void)printf("  power loss to the first unfenced start at most %.3f s (takeover)\n",
		     seconds(t->takeover));
	(void)printf("  time to stop                           %.3f s\n",
		     seconds(qd_span_sub(t->stopped, t->begin_stop)));
	(void)printf("  storage may be silent without loss     %.3f s\n",
		     seconds(qd_span_sub(t->begin_stop, t->renew)));
}

static int print_times(const struct qd_times *t)
{
	struct qd_times_finding f = qd_times_check(t);
	(void)printf("renew %.3f s, challenge %.3f s, takeover %.3f s\n", seconds(t->renew),
		     seconds(t->challenge), seconds(t->takeover));
	(void)printf("look %.3f s, wait %.3f s, slack %.3f s, drift %.3f s\n", seconds(t->look),
		     seconds(t->wait), seconds(t->slack), seconds(t->drift));
	if (f.verdict != QD_TIMES_OK) {
		qd_ctl_complain("refused: %s does not hold: %.3f s >= %.3f s is wrong; set renew alone: "
				"challenge and "
				"takeover follow at 7/3 and 10/3 of it",
				qd_times_rule(f.verdict), seconds(f.left), seconds(f.right));
		return STATUS_CONFIG;
	}
	print_line(t);
	return 0;
}

static int read_span(const char *name, const char *text, struct qd_span *span)
{
	if (text == NULL || qd_value_span(text, span))
		return 0;
	qd_ctl_complain("times: %s: expected a duration like 300ms, 3s or 1m, found \"%s\"", name, text);
	return QD_CTL_USAGE;
}

int qd_ctl_times_run(int argc, char **argv)
{
	const char *file = NULL;
	const char *texts[3] = {NULL, NULL, NULL};
	const struct qd_ctl_option options[] = {{NULL, NULL, &file},
						{"--renew", NULL, &texts[0]},
						{"--challenge", NULL, &texts[1]},
						{"--takeover", NULL, &texts[2]}};
	int status = qd_ctl_options(argc, argv, options, sizeof(options) / sizeof(options[0]));
	struct qd_times t = qd_times_from_renew(qd_span_ms(3000), QD_SPAN_ZERO);
	int refused = 0;
	bool from_file = file != NULL || (texts[0] == NULL && texts[1] == NULL && texts[2] == NULL);
	if (status == 0 && from_file) {
		static struct qd_conf conf;
		static struct qd_conf_messages messages;
		status = qd_conf_load(file != NULL ? file : QD_SYSCONFDIR "/quorumd.yaml", &conf, &messages);
		qd_conf_messages_print(&messages, stderr);
		if (status != 0 && conf.times.challenge.ns == 0) /* it did not get so far as the times */
			return qd_ctl_exit_status(status);
		t = conf.times; /* of a refused set, too: the line says why */
		refused = qd_ctl_exit_status(status);
		status = 0;
	}
	if (status == 0)
		status = read_span("--renew", texts[0], &t.renew);
	if (texts[0] != NULL || !from_file)
		t = qd_times_from_renew(t.renew, QD_SPAN_ZERO);
	if (status == 0)
		status = read_span("--challenge", texts[1], &t.challenge);
	if (status == 0)
		status = read_span("--takeover", texts[2], &t.takeover);
	if (status != 0)
		return status;
	t = qd_times_make(t.renew, t.challenge, t.takeover, QD_SPAN_ZERO);
	status = print_times(&t);
	return status != 0 ? status : refused;
}

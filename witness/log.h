/* SPDX-License-Identifier: Apache-2.0 */
/* Lines for people on stderr, with the level in front where systemd reads it. error: somebody must act; warning: somebody
 * should know; notice: the state changed. */
#ifndef QD_WITNESS_LOG_H
#define QD_WITNESS_LOG_H

enum qd_log_level {
	QD_LOG_ERROR = 3,
	QD_LOG_WARNING = 4,
	QD_LOG_NOTICE = 5,
};

__attribute__((format(printf, 2, 3))) void qd_log(enum qd_log_level level, const char *format, ...);

#endif

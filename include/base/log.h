/* SPDX-License-Identifier: ISC */
/*
 * log: lines to stderr, syslog or a file. Only base/log and cmd print; fs and engine call
 * this. Control characters in messages are escaped, so input can't forge a line. Thread-safe.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/err.h"

enum log_level { LOG_LV_ERROR, LOG_LV_WARN, LOG_LV_INFO, LOG_LV_DEBUG };
enum log_to { LOG_TO_STDERR, LOG_TO_SYSLOG, LOG_TO_FILE };

/* `path` for LOG_TO_FILE (appended to, reopened by log_reopen). */
int log_open(enum log_to, const char *path, enum log_level, struct err *) WARN_UNUSED;
int log_reopen(void);
void log_level_set(enum log_level);
void log_msg(enum log_level, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
#define log_error(...) log_msg(LOG_LV_ERROR, __VA_ARGS__)
#define log_warn(...) log_msg(LOG_LV_WARN, __VA_ARGS__)
#define log_info(...) log_msg(LOG_LV_INFO, __VA_ARGS__)
#define log_debug(...) log_msg(LOG_LV_DEBUG, __VA_ARGS__)

#endif

/* SPDX-License-Identifier: ISC */
/*
 * log: lines to standard error, syslog or a file, one write(2) a line so that lines of several
 * threads and processes don't mix. Before log_open the log is standard error at LOG_LV_INFO.
 * Lines of a file carry time and level; syslog adds its own, and a terminal needs none.
 */
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/utf8.h"

static const char *const level_names[] = { "error", "warning", "info", "debug" };
static const int priorities[] = { LOG_ERR, LOG_WARNING, LOG_INFO, LOG_DEBUG };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;	/* guards to, file_path, fd */
static enum log_to to = LOG_TO_STDERR;
static char *file_path;
static int fd = -1;
static _Atomic int max_level = LOG_LV_INFO;

static int
open_file(const char *path, int *out, struct err *e)
{
	int new_fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0640);

	if (new_fd < 0)
		return err_errno(e, "log file %s", path);
	*out = new_fd;
	return 0;
}

/* Under lock. */
static void
replace(enum log_to where, char *path, int new_fd)
{
	if (fd >= 0)
		close(fd);
	if (to == LOG_TO_SYSLOG && where != LOG_TO_SYSLOG)
		closelog();
	free(file_path);
	to = where;
	file_path = path;
	fd = new_fd;
}

int
log_open(enum log_to where, const char *path, enum log_level level, struct err *e)
{
	char *copy = NULL;
	int new_fd = -1, code;

	if (where == LOG_TO_FILE) {
		/* Absolute, so that it can be reopened after a chdir. The file exists by then. */
		if ((code = open_file(path, &new_fd, e)) < 0)
			return code;
		if ((copy = realpath(path, NULL)) == NULL) {
			code = err_errno(e, "log file %s", path);
			close(new_fd);
			return code;
		}
	}
	pthread_mutex_lock(&lock);
	replace(where, copy, new_fd);
	if (where == LOG_TO_SYSLOG)
		openlog("spanfs", LOG_PID, LOG_DAEMON);
	pthread_mutex_unlock(&lock);
	log_level_set(level);
	return 0;
}

int
log_reopen(void)
{
	struct err err = ERR_INIT;
	int new_fd = -1, code = 0;

	pthread_mutex_lock(&lock);
	if (to == LOG_TO_FILE && (code = open_file(file_path, &new_fd, &err)) == 0) {
		close(fd);
		fd = new_fd;
	}
	pthread_mutex_unlock(&lock);
	if (code < 0)
		log_error("%s", err.msg);	/* goes to the old file, which stays open */
	return code;
}

void
log_level_set(enum log_level level)
{
	atomic_store(&max_level, (int)level);
}

/* Everything that a terminal or a reader of lines would act on, escaped. */
static void
put_escaped(struct buf *out, struct sv s)
{
	const char *p = s.p, *end = s.p + s.n;

	while (p < end) {
		uint32_t cp;
		size_t n = utf8_decode(p, end, &cp);

		if (n != 0 && !utf8_unprintable(cp)) {
			buf_put(out, p, n);
			p += n;
			continue;
		}
		for (n = n == 0 ? 1 : n; n > 0; n--)
			buf_printf(out, "\\x%02x", (unsigned char)*p++);
	}
}

static void
put_stamp(struct buf *out, enum log_level level)
{
	struct timespec now;
	struct tm tm;
	char text[32];

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm);
	buf_printf(out, "%s.%03ldZ %s: ", text, now.tv_nsec / 1000000, level_names[level]);
}

static void
write_line(int where, const struct buf *b)
{
	size_t done = 0;
	ssize_t n;

	while (done < b->n) {
		n = write(where, b->p + done, b->n - done);
		if (n < 0 && errno != EINTR)
			return;		/* there is nowhere to complain to */
		if (n > 0)
			done += (size_t)n;
	}
}

/* Under lock. `text` is escaped and ends with a newline. */
static void
emit(enum log_level level, const struct buf *text)
{
	struct buf line = BUF_INIT;

	switch (to) {
	case LOG_TO_SYSLOG:
		syslog(priorities[level], "%.*s", (int)text->n - 1, text->p);
		return;
	case LOG_TO_FILE:
		put_stamp(&line, level);
		break;
	case LOG_TO_STDERR:
		BUF_LIT(&line, "spanfs: ");
		break;
	}
	buf_sv(&line, buf_view(text));
	if (!line.oom)
		write_line(to == LOG_TO_FILE ? fd : STDERR_FILENO, &line);
	buf_release(&line);
}

void
log_msg(enum log_level level, const char *fmt, ...)
{
	struct buf raw = BUF_INIT, text = BUF_INIT;
	int saved = errno;
	va_list ap;

	if ((int)level > atomic_load(&max_level))
		return;
	va_start(ap, fmt);
	buf_vprintf(&raw, fmt, ap);
	va_end(ap);
	put_escaped(&text, buf_view(&raw));
	buf_putc(&text, '\n');
	if (!raw.oom && !text.oom) {
		pthread_mutex_lock(&lock);
		emit(level, &text);
		pthread_mutex_unlock(&lock);
	}
	buf_release(&raw);
	buf_release(&text);
	errno = saved;
}

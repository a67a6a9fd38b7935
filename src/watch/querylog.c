/* SPDX-License-Identifier: ISC */
/*
 * querylog: [log] query_log: a JSON object a line for every query that ran. Each line is one
 * write(2) to a file opened with O_APPEND, so that several processes may share it. A line that
 * can't be written is counted, and the first since the file was opened goes to the log; the
 * query never hears of it. A line that was written in part (a full disk) is ended before the
 * next one begins, so that only that line is lost to a reader.
 */
#include "watch/querylog.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "model/json.h"
#include "model/when.h"

void
querylog_init(struct querylog *l)
{
	*l = (struct querylog){ .fd = -1 };
	pthread_mutex_init(&l->lock, NULL);
}

/* Under lock. */
static void
shut(struct querylog *l)
{
	if (l->fd >= 0)
		close(l->fd);
	free(l->set);
	free(l->file);
	l->fd = -1;
	l->set = l->file = NULL;
	l->torn = l->told = false;
}

void
querylog_release(struct querylog *l)
{
	shut(l);
	pthread_mutex_destroy(&l->lock);
}

/* Under lock. */
static void
failed(struct querylog *l, const char *what, int no)
{
	atomic_fetch_add(&l->errors, 1);
	if (!l->told)
		log_error("[log] query_log %s: %s: %s; further failures are only counted",
		    l->set, what, strerror(no));
	l->told = true;
}

/*
 * Not to be waited for: a pipe that nobody reads is refused, and a full one loses the line.
 * Private to its owner, as paths may tell what is looked for.
 */
static int
open_append(const char *file)
{
	return open(file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK,
	    0600);
}

void
querylog_open(struct querylog *l, const char *path)
{
	char *set = NULL, *file = NULL;

	pthread_mutex_lock(&l->lock);
	if (path[0] != '\0') {
		if ((set = strdup(path)) == NULL) {
			pthread_mutex_unlock(&l->lock);
			return;
		}
		/* The same file as before: found where it was, wherever we are now. */
		if (l->set != NULL && l->file != NULL && strcmp(l->set, path) == 0)
			file = strdup(l->file);
	}
	shut(l);
	l->set = set;
	l->file = file;
	if (set != NULL && (l->fd = open_append(file != NULL ? file : set)) < 0)
		failed(l, "opening", errno);
	else if (set != NULL && file == NULL)
		l->file = realpath(set, NULL);
	pthread_mutex_unlock(&l->lock);
}

static void
put_text(struct buf *b, const char *key, struct sv s)
{
	buf_printf(b, ",\"%s\":", key);
	json_string(b, s);
}

static void
put_u64(struct buf *b, const char *key, uint64_t v)
{
	buf_printf(b, ",\"%s\":%llu", key, (unsigned long long)v);
}

static void
put_line(struct buf *b, const struct outcome *o)
{
	const struct profile *p = &o->info->profile;

	BUF_LIT(b, "{\"time\":\"");
	when_print(b, clock_wall_ns() - (clock_mono_ns() - o->started_mono_ns));
	buf_putc(b, '"');
	put_text(b, "path", o->path);
	put_text(b, "query", o->query);
	put_u64(b, "uid", o->who.uid);
	put_u64(b, "pid", o->who.pid);
	put_text(b, "decision", sv_cstr(o->decision));
	if (o->plan != NULL)
		buf_printf(b, ",\"estimated_rows\":%.0f,\"estimated_cost\":%.2f",
		    o->plan->est_rows, o->plan->est_cost);
	put_u64(b, "rows", o->info->n_rows);
	put_u64(b, "bytes", o->info->n_bytes);
	put_u64(b, "rows_scanned", p->rows_scanned);
	put_u64(b, "duration_ns", o->duration_ns);
	put_u64(b, "plan_ns", o->plan_ns);
	put_text(b, "cache", sv_cstr(outcome_cache(o->info)));
	put_text(b, "result", sv_cstr(o->code < 0 ? err_name(o->code) : "ok"));
	if (o->code < 0)
		put_text(b, "error", sv_cstr(o->err->msg));
	BUF_LIT(b, "}\n");
}

/* Under lock. */
static void
write_line(struct querylog *l, const struct buf *b)
{
	ssize_t n;

	do
		n = write(l->fd, b->p, b->n);
	while (n < 0 && errno == EINTR);
	if (n == (ssize_t)b->n) {
		atomic_fetch_add(&l->lines, 1);
		l->torn = false;
		return;
	}
	l->torn |= n > 0;
	failed(l, "writing", n < 0 ? errno : ENOSPC);
}

void
querylog_add(struct querylog *l, const struct outcome *o)
{
	struct buf b = BUF_INIT;
	bool torn;

	pthread_mutex_lock(&l->lock);
	if (l->set == NULL) {
		pthread_mutex_unlock(&l->lock);
		return;
	}
	torn = l->torn;
	pthread_mutex_unlock(&l->lock);
	if (torn)
		buf_putc(&b, '\n');
	put_line(&b, o);
	pthread_mutex_lock(&l->lock);
	if (l->fd < 0 || b.oom)
		atomic_fetch_add(&l->errors, 1);
	else
		write_line(l, &b);
	pthread_mutex_unlock(&l->lock);
	buf_release(&b);
}

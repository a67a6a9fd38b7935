/* SPDX-License-Identifier: ISC */
/*
 * result_wait: those who wait for a result's size, its first bytes or a piece of it. A wait is
 * answered by its callback, once, under no lock; it is known outside by its number, so that
 * giving up a wait that was just served is harmless.
 *
 * A RUNNING result turns `streaming` when an opener has waited [mount] stream_after or the
 * bytes pass [mount] stream_above: then openers are answered and readers follow the producer.
 */
#include <stdlib.h>

#include "base/clock.h"
#include "result_i.h"

#define READ_MAX (1u << 20)

void
result_stream(struct result *r)
{
	r->streaming = true;
	atomic_fetch_add(&r->engine->counters.streams, 1);
}

/* Under result.lock: may this wait be answered now? */
static bool
ready(const struct result *r, const struct wait *w, uint64_t now)
{
	if (r->state == RESULT_DONE)
		return true;
	if (w->kind == WAIT_READ)
		return blob_size(&r->blob) > w->off;
	/* Its size is not to be had cheaply: nobody waits for it. */
	if (w->kind == WAIT_STAT && result_dear(r))
		return true;
	/* An opener is told of an error by open: so it waits for the first bytes of a stream. */
	if (r->streaming && (w->kind == WAIT_STAT || blob_size(&r->blob) != 0))
		return true;
	return w->due_mono_ns != 0 && now >= w->due_mono_ns;
}

struct wait *
result_take_ready(struct result *r, uint64_t now)
{
	struct wait *taken = NULL, **p = &r->waits;

	while (*p != NULL) {
		struct wait *w = *p;

		if (w->kind == WAIT_OPEN && !r->streaming && r->state == RESULT_RUNNING &&
		    w->due_mono_ns != 0 && now >= w->due_mono_ns && blob_size(&r->blob) != 0) {
			/* Made too slowly to wait for its end: from here on it is read as it comes. */
			result_stream(r);
		}
		if (w->kind == WAIT_OPEN && !(r->streaming && blob_size(&r->blob) != 0) &&
		    r->state != RESULT_DONE) {
			/* Nothing to stream yet, or queued: errors are for open, so wait on. */
			p = &w->next;
			continue;
		}
		if (!ready(r, w, now)) {
			p = &w->next;
			continue;
		}
		*p = w->next;
		w->code = r->state == RESULT_DONE ? r->err.code : 0;
		w->next = taken;
		taken = w;
	}
	return taken;
}

static void
answer_read(struct result *r, struct wait *w)
{
	size_t want = w->n < READ_MAX ? w->n : READ_MAX, got = 0;
	struct err err = ERR_INIT;
	char *copy = NULL;
	int code, fd;

	pthread_mutex_lock(&r->lock);
	if (w->off + want > r->read_up_to)
		r->read_up_to = w->off + want;
	pthread_cond_broadcast(&r->moved);
	code = w->off >= blob_size(&r->blob) ? r->err.code : 0;
	/* Nothing changes any more of one that is done: the bytes themselves are handed out. */
	fd = r->state == RESULT_DONE ? r->blob.fd : 0;
	pthread_mutex_unlock(&r->lock);
	if (code == 0 && fd < 0) {
		uint64_t n = blob_size(&r->blob);

		got = w->off >= n ? 0 : (size_t)(n - w->off);
		w->fn(w->arg, 0, got == 0 ? "" : r->blob.mem.p + w->off, got < want ? got : want);
		return;
	}
	if (code == 0 && (copy = malloc(want + 1)) == NULL)
		code = ERR_NOMEM;
	if (code == 0)
		code = blob_read(&r->blob, w->off, copy, want, &got, &err);
	w->fn(w->arg, code, copy, code == 0 ? got : 0);
	free(copy);
}

void
result_answer(struct result *r, struct wait *list)
{
	while (list != NULL) {
		struct wait *w = list;

		list = w->next;
		if (w->due_mono_ns != 0)
			engine_timed(r->engine, -1);
		if (w->kind == WAIT_READ)
			answer_read(r, w);
		else
			w->fn(w->arg, w->code, NULL, 0);
		free(w);
	}
}

void
result_tick(struct result *r, uint64_t now)
{
	struct wait *w;

	pthread_mutex_lock(&r->lock);
	w = result_take_ready(r, now);
	pthread_mutex_unlock(&r->lock);
	result_answer(r, w);
}

bool
result_wait_cancel(struct result *r, struct result_wait *token)
{
	uint64_t id = (uint64_t)(uintptr_t)token;
	struct wait *w = NULL;

	pthread_mutex_lock(&r->lock);
	for (struct wait **p = &r->waits; *p != NULL; p = &(*p)->next)
		if ((*p)->id == id) {
			w = *p;
			*p = w->next;
			break;
		}
	pthread_mutex_unlock(&r->lock);
	if (w == NULL)
		return false;
	if (w->due_mono_ns != 0)
		engine_timed(r->engine, -1);
	free(w);
	return true;
}

static int
wait_for(struct result *r, enum wait_kind kind, uint64_t off, size_t n, uint64_t within_ns,
    result_fn fn, void *arg, struct result_wait **token, struct err *e)
{
	static atomic_ullong ids = 1;
	struct wait *w = calloc(1, sizeof *w);
	uint64_t now = clock_mono_ns();
	struct wait *taken;
	int code = 0;

	if (w == NULL)
		return err_nomem(e);
	*w = (struct wait){ .id = atomic_fetch_add(&ids, 1), .kind = kind, .off = off, .n = n,
	    .fn = fn, .arg = arg };
	if (within_ns != UINT64_MAX)
		w->due_mono_ns = now + within_ns;
	if (token != NULL)
		*token = (struct result_wait *)(uintptr_t)w->id;
	if (w->due_mono_ns != 0)
		engine_timed(r->engine, 1);
	pthread_mutex_lock(&r->lock);
	if ((code = result_start(r, kind == WAIT_STAT, e)) > 0) {
		/* Nobody can wait for it meanwhile but those who come later: they find it at work. */
		pthread_mutex_unlock(&r->lock);
		code = result_make_here(r, e);
		pthread_mutex_lock(&r->lock);
	}
	if (code == 0) {
		w->next = r->waits;
		r->waits = w;
		if (kind == WAIT_READ && off + n > r->read_up_to) {
			r->read_up_to = off + n;
			pthread_cond_broadcast(&r->moved);
		}
	}
	taken = code == 0 ? result_take_ready(r, now) : NULL;
	pthread_mutex_unlock(&r->lock);
	if (code < 0) {
		if (w->due_mono_ns != 0)
			engine_timed(r->engine, -1);
		free(w);
		return code;
	}
	result_answer(r, taken);
	return 0;
}

int
result_stat(struct result *r, result_fn fn, void *arg, struct result_wait **token,
    struct err *e)
{
	return wait_for(r, WAIT_STAT, 0, 0, conf_u64(r->engine->conf, CONF_MOUNT_STAT_BUDGET),
	    fn, arg, token, e);
}

int
result_open(struct result *r, result_fn fn, void *arg, struct result_wait **token,
    struct err *e)
{
	return wait_for(r, WAIT_OPEN, 0, 0, conf_u64(r->engine->conf, CONF_MOUNT_STREAM_AFTER),
	    fn, arg, token, e);
}

int
result_read(struct result *r, uint64_t off, size_t n, result_fn fn, void *arg,
    struct result_wait **token, struct err *e)
{
	return wait_for(r, WAIT_READ, off, n, UINT64_MAX, fn, arg, token, e);
}

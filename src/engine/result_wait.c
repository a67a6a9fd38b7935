/* SPDX-License-Identifier: ISC */
/*
 * result_wait: those who wait for a result's size, its first bytes or a piece of it. A wait is
 * answered by its callback, once, under no lock; it is known outside by its number, so that
 * giving up a wait that was just served is harmless. Who begins one: result_ask.c.
 *
 * With [mount] sizes=lazy a RUNNING result turns `streaming` when an opener has waited [mount]
 * stream_after or the bytes pass [mount] stream_above: then openers are answered and readers
 * follow the producer. Else openers wait until it is done.
 */
#include <stdlib.h>

#include "base/clock.h"
#include "result_i.h"

#define SMALL_COPY (64u << 10)	/* bytes that malloc has at hand */

void
result_stream(struct result *r)
{
	const struct query *q = r->request->query;

	if (!result_may_stream(r->engine))
		return;
	/* Whether there are as many rows as the path expects is known, and for open, at the end. */
	if (q != NULL && q->has_expect_rows)
		return;
	r->streaming = true;
	atomic_fetch_add(&r->engine->counters.streams, 1);
}

static uint64_t
read_end(const struct result *r, const struct wait *w)
{
	return result_read_end(r, w->off, w->n < RESULT_READ_MAX ? w->n : RESULT_READ_MAX);
}

/* Under result.lock: may this wait be answered now? */
static bool
ready(struct result *r, const struct wait *w, uint64_t now)
{
	if (r->state == RESULT_DONE)
		return true;
	/* Of what has a size a short answer would be its end. */
	if (w->kind == WAIT_READ)
		return r->sized ? result_has(r, w->off, read_end(r, w)) :
		    blob_size(&r->blob) > w->off;
	if (r->sized)
		return true;
	/* Its size is not to be had cheaply: nobody waits for it. */
	if (w->kind == WAIT_STAT && result_dear(r))
		return true;
	/* An opener is told of an error by open: so it waits for the first bytes of a stream. */
	if (r->streaming && (w->kind != WAIT_OPEN || blob_size(&r->blob) != 0))
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
		    !r->sized && r->state != RESULT_DONE) {
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
		if (r->windowed && w->kind == WAIT_READ) {
			if (r->n_answering++ == 0 || w->off < r->answering_from)
				r->answering_from = w->off;
		}
	}
	return taken;
}

/*
 * Bytes on the way to who reads. Large ones are of blocks that are used again: malloc would ask for
 * fresh pages as often as not.
 */
static char *
copy_get(struct result *r, size_t n)
{
	return n <= SMALL_COPY ? malloc(n + 1) : slabs_get(&r->engine->copies);
}

static void
copy_put(struct result *r, char *copy, size_t n)
{
	if (n <= SMALL_COPY)
		free(copy);
	else
		slabs_put(&r->engine->copies, copy);
}

/* Its bytes stay there until they are copied: n_answering. */
static void
answer_windowed(struct result *r, struct wait *w)
{
	uint64_t end = read_end(r, w);
	size_t n = end > w->off ? (size_t)(end - w->off) : 0;
	char *copy = copy_get(r, n);
	bool there = copy != NULL && window_read(&r->window, w->off, copy, n);
	int code = 0;

	pthread_mutex_lock(&r->lock);
	r->n_answering--;
	pthread_cond_broadcast(&r->moved);
	if (!there)
		code = copy == NULL ? ERR_NOMEM : r->err.code != 0 ? r->err.code : ERR_IO;
	pthread_mutex_unlock(&r->lock);
	w->fn(w->arg, code, copy, code == 0 ? n : 0);
	copy_put(r, copy, n);
}

static void
answer_read(struct result *r, struct wait *w)
{
	size_t want = w->n < RESULT_READ_MAX ? w->n : RESULT_READ_MAX, got = 0;
	struct err err = ERR_INIT;
	char *copy = NULL;
	int code, fd;

	pthread_mutex_lock(&r->lock);
	if (w->off + want > r->read_up_to)
		r->read_up_to = w->off + want;
	pthread_cond_broadcast(&r->moved);
	/* Of what has a size: what is missing is an error, never the end. */
	code = r->sized && read_end(r, w) <= blob_size(&r->blob) ? 0 :
	    r->sized || w->off >= blob_size(&r->blob) ? r->err.code : 0;
	/* Nothing changes any more of one that is done: the bytes themselves are handed out. */
	fd = r->state == RESULT_DONE ? r->blob.fd : 0;
	pthread_mutex_unlock(&r->lock);
	if (code == 0 && fd < 0) {
		uint64_t n = blob_size(&r->blob);

		got = w->off >= n ? 0 : (size_t)(n - w->off);
		w->fn(w->arg, 0, got == 0 ? "" : r->blob.mem.p + w->off, got < want ? got : want);
		return;
	}
	if (code == 0 && (copy = copy_get(r, want)) == NULL)
		code = ERR_NOMEM;
	if (code == 0)
		code = blob_read(&r->blob, w->off, copy, want, &got, &err);
	w->fn(w->arg, code, copy, code == 0 ? got : 0);
	copy_put(r, copy, want);
}

void
result_answer(struct result *r, struct wait *list)
{
	while (list != NULL) {
		struct wait *w = list;

		list = w->next;
		if (w->due_mono_ns != 0)
			engine_timed(r->engine, -1);
		if (w->kind == WAIT_READ && r->windowed)
			answer_windowed(r, w);
		else if (w->kind == WAIT_READ)
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

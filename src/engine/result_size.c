/* SPDX-License-Identifier: ISC */
/*
 * result_size: the size of a result before its bytes, which are made as they are read.
 *
 *   RUNNING --lengths told--> SIZED --a read--> QUEUED --> RUNNING --> DONE
 *                               ^                             |
 *                               +--- its last user left, or ---+
 *                                    none wants more for long
 *
 * Of whole services the manifest tells it, before the request is planned: that is then for the first
 * read. Else the first run adds it up. Both runs are of one request: one snapshot, one `now`, one plan. The bytes of a result that the
 * cache may keep go into the blob as those of any result do, so that a read of what was made is
 * served from there, and one further on waits; the producer keeps STREAM_AHEAD before its readers.
 * One that nobody reads any more, or that a pager holds open, takes no thread, and keeps what it
 * has; for a later read it is made from the start once more, and what is there is passed over. Of
 * larger ones nothing is kept.
 *
 * What is not kept: a window of the bytes is there around the readers (base/window.h), as long as a
 * run makes them: the kernel's page cache has what was read, and what it has lost is made anew.
 * Memory is bounded, nothing is spilled, and the result may be of any size. A run begins at the
 * read that it is for; a read before the window, or far past it, ends it, and the next begins there. The
 * row that a byte is in is found by the lengths of lines (exec/exec.h: pass), and none before it is
 * put together. Of readers in places far apart each has a window's worth in turn. The producer stays
 * so far before the furthest read that a part of the window lies behind it, for reads that the
 * kernel sends in another order. Bytes that a read is about to copy out are not written over
 * (n_answering), and of those that are about to be written over none begins to be copied (going).
 *
 * Small results are made whole: two passes over them cost more than their bytes. What the
 * producer gives is held against the size, so that a false length is an error where it shows, and
 * never a byte too many or a file cut short.
 */
#include "base/clock.h"
#include "result_i.h"

#define PIECES 8		/* of a window: so much is appended at once, at most */
#define SPILL_QUARTERS 5		/* estimated to be so many quarters of what memory may have of it */
#define FAR_WINDOWS 4		/* a read that far past the window is sooner there by lengths */

static bool
may_size(const struct result *r)
{
	return !r->sized && !result_may_stream(r->engine) && request_measured(r->request);
}

static bool
wants_size(const struct result *r)
{
	return may_size(r) && !r->here && r->est_bytes >= r->engine->size_ahead;
}

/* Those that are kept go into the blob; others, which would be spilled, are made as they are read. */
static bool
is_kept(const struct result *r, uint64_t size, const struct blob_limits *lim)
{
	return size <= lim->mem_max && conf_bool(r->engine->conf, CONF_RESULT_CACHE_ENABLED);
}

bool
result_spills(const struct result *r, const struct blob_limits *lim)
{
	return !r->sized && !result_may_stream(r->engine) &&
	    r->est_bytes / SPILL_QUARTERS > lim->mem_max / 4;
}

static void
publish(struct result *r, const struct run_info *info, uint64_t size, bool windowed)
{
	struct wait *taken;
	uint64_t now = clock_mono_ns();

	atomic_fetch_add(&r->engine->counters.sized, 1);
	r->before_ns = now - r->started_ns;
	pthread_mutex_lock(&r->lock);
	/* A cancel that came too late for the sizing is none of who reads. */
	atomic_store(&r->cancel, false);
	r->sized = true;
	r->size = size;
	r->windowed = windowed;
	r->info = *info;
	r->state = RESULT_SIZED;
	atomic_store(&r->made_mono_ns, now);
	taken = result_take_ready(r, now);
	pthread_mutex_unlock(&r->lock);
	result_answer(r, taken);
}

int
result_size_ahead(struct result *r, const struct blob_limits *lim, uint64_t deadline,
    struct err *e)
{
	struct run_info info;
	uint64_t size = 0;
	int code;

	if (!wants_size(r))
		return 1;
	if ((code = run_size(r->request, deadline, &r->cancel, &info, &size, e)) != 0)
		return code;
	publish(r, &info, size, !is_kept(r, size, lim));
	return 0;
}

bool
result_size_told(struct result *r, const struct blob_limits *lim)
{
	struct engine *en = r->engine;
	struct run_info info = { 0 };
	uint64_t size;

	if (!may_size(r) || r->planned ||
	    !request_size(r->request, &r->cancel, &info.n_rows, &size) || size < en->size_ahead)
		return false;
	/* What others may have made is looked for first. */
	if (redis_usable(en->redis) && size <= conf_u64(en->conf, CONF_REDIS_MAX_VALUE))
		return false;
	publish(r, &info, size, !is_kept(r, size, lim));
	return true;
}

int
result_check_length(struct result *r, size_t n, struct err *e)
{
	uint64_t made = result_made(r) + n;

	if (!r->sized || made == r->size || (n != 0 && made < r->size))
		return 0;
	return err_set(e, ERR_CORRUPT, -1, "spans.jsonl is %s than the %llu bytes that the shards "
	    "tell of its lines: see spanctl check", made > r->size ? "longer" : "shorter",
	    (unsigned long long)r->size);
}

/* ---- its run stops, and begins again ---- */

bool
result_left(struct result *r)
{
	bool left;

	pthread_mutex_lock(&r->lock);
	left = r->left;
	pthread_mutex_unlock(&r->lock);
	return left;
}

void
result_stop(struct result *r, bool whole)
{
	blob_settle(&r->blob);
	pthread_mutex_lock(&r->lock);
	r->whole |= whole;
	atomic_store(&r->cancel, false);
	r->left = false;
	r->state = RESULT_SIZED;
	pthread_mutex_unlock(&r->lock);
}

bool
result_wanted_on(struct result *r)
{
	bool wanted;

	pthread_mutex_lock(&r->lock);
	wanted = r->state == RESULT_SIZED && r->waits != NULL;
	if (wanted) {
		r->state = RESULT_QUEUED;
		r->queued_ns = clock_mono_ns();
	}
	pthread_mutex_unlock(&r->lock);
	return wanted;
}

/* ---- bytes that are not kept; under result.lock ---- */

static uint64_t
ahead_of(const struct result *r)
{
	return r->windowed ? r->engine->slabs.bytes / PIECES * 5 : r->engine->stream_ahead;
}

/* Does the run that there is come to this read's bytes? */
static bool
is_near(struct result *r, const struct wait *w)
{
	uint64_t from, to, far = FAR_WINDOWS * (uint64_t)r->engine->slabs.bytes;

	window_range(&r->window, &from, &to);
	to = to > r->begun_at ? to : r->begun_at;
	return w->off >= from && w->off <= to + far;
}

static bool
far_ahead(struct result *r)
{
	uint64_t made = result_made(r);

	/* A read that was far off when it came may be near by now. */
	for (const struct wait *w = r->waits; r->windowed && w != NULL; w = w->next)
		if (w->kind == WAIT_READ && is_near(r, w) && w->off + w->n > r->read_up_to)
			r->read_up_to = w->off + w->n;
	return (r->sized ? made < r->size : r->streaming && !r->here) &&
	    made > r->read_up_to + ahead_of(r);
}

void
result_note_wait(struct result *r, const struct wait *w)
{
	uint64_t end = w->off + w->n;

	if (end > r->read_up_to && (!r->windowed || is_near(r, w)))
		r->read_up_to = end;
	pthread_cond_broadcast(&r->moved);
}

/* A read waits for bytes that the run won't come to; but those near have a window's worth first. */
static bool
wanted_elsewhere(struct result *r)
{
	bool near = false, far = false;

	if (!r->windowed)
		return false;
	for (const struct wait *w = r->waits; w != NULL; w = w->next) {
		if (w->kind != WAIT_READ)
			continue;
		near |= is_near(r, w);
		far |= !is_near(r, w);
	}
	return far && (!near || result_made(r) > r->begun_at + r->engine->slabs.bytes);
}

/* Would bytes that a read is about to copy be written over? */
static bool
in_use(struct result *r, size_t to_come)
{
	uint64_t end = result_made(r) + to_come, block = r->engine->slabs.bytes;

	return r->windowed && r->n_answering != 0 && end > block && end - block > r->answering_from;
}

static void
note_going(struct result *r, size_t to_come)
{
	uint64_t end = result_made(r) + to_come, block = r->engine->slabs.bytes;

	if (r->windowed && end > block)
		r->going = end - block;
}

/* ---- waiting ---- */

static struct timespec
rest_from_now(const struct engine *en)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	t.tv_sec += (time_t)(en->rest_ns / NS_PER_S);
	t.tv_nsec += (long)(en->rest_ns % NS_PER_S);
	t.tv_sec += t.tv_nsec / (long)NS_PER_S;
	t.tv_nsec %= (long)NS_PER_S;
	return t;
}

/* To wait for readers is no work: others have its place meanwhile. */
struct pause {
	uint64_t since_ns;	/* 0: there was none */
	struct timespec until;
};

static void
pause_begin(struct result *r, struct pause *p)
{
	if (p->since_ns != 0)
		return;
	runner_pause(r->engine->runner);
	atomic_fetch_sub(&r->engine->counters.running, 1);
	p->since_ns = clock_mono_ns();
	p->until = rest_from_now(r->engine);
}

static void
pause_end(struct result *r, const struct pause *p)
{
	if (p->since_ns == 0)
		return;
	r->waited_ns += clock_mono_ns() - p->since_ns;
	atomic_fetch_add(&r->engine->counters.running, 1);
	runner_resume(r->engine->runner);
}

/* Until something moved. False: for long nothing has, of one that may begin again. */
static bool
wait_for_move(struct result *r, struct pause *p)
{
	pause_begin(r, p);
	if (r->sized)
		return pthread_cond_timedwait(&r->moved, &r->lock, &p->until) == 0;
	pthread_cond_wait(&r->moved, &r->lock);
	return true;
}

int
result_hold_back(struct run_ctx *x, size_t to_come, struct err *e)
{
	struct result *r = x->r;
	struct pause pause = { 0 };

	pthread_mutex_lock(&r->lock);
	while (!atomic_load(&r->cancel) && !x->rests) {
		if ((x->seeks = wanted_elsewhere(r)))
			break;
		if (in_use(r, to_come))
			pthread_cond_wait(&r->moved, &r->lock);
		else if (!far_ahead(r))
			break;
		else
			x->rests = !wait_for_move(r, &pause) && far_ahead(r);
	}
	note_going(r, to_come);
	pthread_mutex_unlock(&r->lock);
	pause_end(r, &pause);
	return x->rests || x->seeks || atomic_load(&r->cancel) ?
	    err_set(e, ERR_CANCELLED, -1, "the reader went away") : 0;
}

void
result_window_linger(struct run_ctx *x)
{
	struct result *r = x->r;
	struct pause pause = { 0 };

	pthread_mutex_lock(&r->lock);
	while (r->read_up_to < r->size && !r->left && !atomic_load(&r->cancel) &&
	    !wanted_elsewhere(r) && wait_for_move(r, &pause))
		;
	pthread_mutex_unlock(&r->lock);
	pause_end(r, &pause);
}

/* ---- a run of it ---- */

/* Under result.lock: the read that has waited longest, or NULL. */
static const struct wait *
first_read(const struct result *r)
{
	const struct wait *first = NULL;

	for (const struct wait *w = r->waits; w != NULL; w = w->next)
		if (w->kind == WAIT_READ)
			first = w;
	return first;
}

int
result_window_begin(struct result *r, struct err *e)
{
	const struct wait *w;
	int code;

	pthread_mutex_lock(&r->lock);
	w = first_read(r);
	r->begun_at = w == NULL ? r->read_up_to : w->off;
	if (r->begun_at > r->size)
		r->begun_at = r->size;
	r->read_up_to = w == NULL ? r->begun_at : w->off + w->n;
	r->going = 0;
	r->request->pass_to = r->begun_at;
	code = window_begin(&r->window, r->begun_at, e);
	pthread_mutex_unlock(&r->lock);
	return code;
}

/* The first byte is that of the row. */
static int
begin_at(struct run_ctx *x, struct err *e)
{
	x->begun = true;
	return window_begin(&x->r->window, x->info->passed, e);
}

int
result_window_put(struct run_ctx *x, const char *p, size_t n, struct err *e)
{
	struct result *r = x->r;
	size_t most = r->engine->slabs.bytes / PIECES, k;
	int code;

	if (!x->begun && (code = begin_at(x, e)) < 0)
		return code;
	for (; n != 0; p += k, n -= k) {
		struct wait *taken;

		k = n < most ? n : most;
		if ((code = result_check_length(r, k, e)) < 0 ||
		    (code = result_hold_back(x, k, e)) < 0)
			return code;
		window_append(&r->window, p, k);
		pthread_mutex_lock(&r->lock);
		taken = result_take_ready(r, clock_mono_ns());
		pthread_mutex_unlock(&r->lock);
		result_answer(r, taken);
	}
	return 0;
}

void
result_window_end(struct result *r)
{
	pthread_mutex_lock(&r->lock);
	while (r->n_answering != 0)
		pthread_cond_wait(&r->moved, &r->lock);
	window_end(&r->window);
	pthread_mutex_unlock(&r->lock);
}

/* ---- what is made ---- */

int
result_put(struct run_ctx *x, const void *p, size_t n, struct buf *whole,
    struct err *e)
{
	struct result *r = x->r;
	struct wait *taken;
	int code;

	if (r->windowed)
		return result_window_put(x, p, n, e);
	if (x->again >= n) {
		x->again -= n;
		return 0;
	}
	p = (const char *)p + x->again;
	n -= x->again;
	if (x->again != 0)
		whole = NULL;
	x->again = 0;
	if ((code = result_check_length(r, n, e)) < 0)
		return code;
	code = whole != NULL ? blob_take(&r->blob, whole, &x->limits, e) :
	    blob_append(&r->blob, p, n, &x->limits, e);
	if (code < 0)
		return code;
	atomic_fetch_add(&r->engine->results_bytes, n);
	pthread_mutex_lock(&r->lock);
	if (!r->streaming && blob_size(&r->blob) > x->stream_above)
		result_stream(r);
	taken = result_take_ready(r, clock_mono_ns());
	pthread_mutex_unlock(&r->lock);
	result_answer(r, taken);
	return 0;
}

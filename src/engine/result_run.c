/* SPDX-License-Identifier: ISC */
/*
 * result_run: a result is made: planned, then run into its blob, by a runner's thread or by the
 * one that asks, under no lock but for what is published. A stream's producer waits when it is
 * STREAM_AHEAD bytes ahead of its readers; but not one that asks itself: the reader that it
 * would wait for may be its own.
 */
#include <stdlib.h>

#include "base/clock.h"
#include "result_i.h"

#define INLINE_COST_NS 1000000	/* estimated; see claim_inline */
#define INLINE_MAX 2

/* ---- the run ---- */

static int
put_bytes(void *arg, const void *p, size_t n, struct err *e)
{
	return result_put(arg, p, n, NULL, e);
}

static int
take_bytes(void *arg, struct buf *b, struct err *e)
{
	return result_put(arg, b->p, b->n, b, e);
}

/* Lets a stream's readers catch up. */
static int
wait_for_readers(void *arg, const struct profile *p, struct err *e)
{
	struct run_ctx *x = arg;

	pthread_mutex_lock(&x->r->lock);
	x->r->info.profile = *p;
	pthread_mutex_unlock(&x->r->lock);
	return result_hold_back(x, 0, e);
}

/* What an empty answer to a range back from now says of the store: 0 for nothing. */
static uint64_t
newest_for_note(const struct request *rq, int code, const struct run_info *info)
{
	bool says = code == 0 && info->n_rows == 0 && rq->query != NULL && rq->query->relative;
	struct ch_span_times t;

	return says && world_times(rq->world, &t, NULL) == 0 && t.any ? t.last_ns : 0;
}

/* It is done, for good or ill. */
static void
publish(struct result *r, int code, const struct run_info *info, const struct err *err)
{
	struct request *rq = r->request;
	struct buf missing = BUF_INIT;
	/* Of a server this may ask: under no lock. */
	uint64_t newest = newest_for_note(rq, code, info), now = clock_mono_ns();
	struct wait *taken;

	blob_settle(&r->blob);
	if (code == 0 && info->n_rows == 0 && rq->query != NULL)
		names_missing(r->engine, rq->world, rq->path, &missing);
	pthread_mutex_lock(&r->lock);
	r->state = RESULT_DONE;
	r->missing = missing;
	r->newest_ns = newest;
	/* Else the open that follows a stat of some minutes would make it once more. */
	if (!r->sized)
		atomic_store(&r->made_mono_ns, now);
	r->info = *info;
	if (code < 0)
		r->err = *err;
	taken = result_take_ready(r, now);
	pthread_mutex_unlock(&r->lock);
	result_answer(r, taken);
}

static uint64_t
spent(const struct result *r)
{
	return clock_mono_ns() - r->started_ns - r->waited_ns + r->before_ns;
}

/* Tells who watches queries, and then (last) who waits for it. */
static void
end_run(struct result *r, int code, const struct run_info *info, const struct err *err,
    struct shadow_tap *tap, bool last)
{
	struct outcome o = {
		.who = r->who, .started_mono_ns = r->started_ns,
		.info = info, .code = code, .err = err,
	};
	struct buf text = BUF_INIT, path = BUF_INIT;

	o.duration_ns = spent(r);
	atomic_store(&r->took_ns, o.duration_ns);
	r->before_ns = 0;
	ended_count(r->request, &path, &o);
	if (code < 0 && code != ERR_CANCELLED) {
		path_print(&text, r->request->path);
		errlog_add(&r->engine->errlog, buf_view(&text), r->who, err);
		buf_release(&text);
	}
	if (last)
		publish(r, code, info, err);
	ended_note(r->engine, &o);
	/* Approximate values can't be compared: as if there had been no room. */
	shadow_offer(tap, r->request, r->who, code == 0 && info->inexact ? ERR_NOMEM : code);
	buf_release(&path);
	atomic_fetch_sub(&r->engine->counters.running, 1);
}

/*
 * Plans the request and publishes the cost. False: it is wanted for a listing alone and is dear,
 * so that it is idle again, and no longer the caller's. A failure shows again in the run.
 */
static bool
prepare(struct result *r)
{
	struct request *rq = r->request;
	uint64_t cost, bytes, memory;
	struct wait *taken;
	bool idle;

	pthread_mutex_lock(&r->lock);
	r->state = RESULT_PLANNING;
	pthread_mutex_unlock(&r->lock);
	rq->deadline_mono_ns = r->queued_ns + conf_u64(r->engine->conf, CONF_QUERY_TIMEOUT);
	rq->cancel = &r->cancel;
	cost = request_cost_ns(rq);
	bytes = request_est_bytes(rq);
	memory = request_est_memory(rq);
	rq->cancel = NULL;
	pthread_mutex_lock(&r->lock);
	/* Of what was stopped meanwhile nothing is known, and it may be begun again. */
	r->planned = !atomic_load(&r->cancel);
	r->cost_ns = cost;
	r->est_bytes = bytes;
	r->est_memory = memory;
	idle = !r->wanted && result_dear(r) && !atomic_load(&r->cancel);
	if (idle) {
		r->state = RESULT_IDLE;
		atomic_store(&r->by_stat, false);
	}
	taken = result_take_ready(r, clock_mono_ns());
	pthread_mutex_unlock(&r->lock);
	result_answer(r, taken);
	return !idle;
}

static void
begin_run(struct result *r, struct run_ctx *x, struct run_info *info)
{
	*x = (struct run_ctx){
		.r = r,
		.info = info,
		.limits = engine_blob_limits(r->engine),
		.stream_above = conf_u64(r->engine->conf, CONF_MOUNT_STREAM_ABOVE),
		.again = blob_size(&r->blob),
	};
	atomic_fetch_add(&r->engine->counters.running, 1);
	r->waited_ns = 0;
	atomic_store(&r->progress.rows_all, 0);
	atomic_store(&r->progress.rows_done, 0);
	r->request->pass_to = 0;
	if (r->sized)
		atomic_fetch_add(&r->engine->counters.streams, 1);
	pthread_mutex_lock(&r->lock);
	r->request->at_work = true;
	r->request->progress = &r->progress;
	r->state = RESULT_RUNNING;
	if (r->est_bytes > x->stream_above)
		result_stream(r);
	pthread_mutex_unlock(&r->lock);
}

static int
may_run(struct result *r, uint64_t timeout, struct err *e)
{
	if (r->started_ns - r->queued_ns > timeout)
		return err_set(e, ERR_BUSY, -1,
		    "too many queries at once ([query] max_concurrent, total_memory)");
	if (atomic_load(&r->cancel))
		return err_set(e, ERR_CANCELLED, -1, "the reader went away");
	return 0;
}

/* What it says of the store as a whole, or of the memory that there was, holds for no other. */
static struct hash128
version_of(struct result *r, int code)
{
	struct hash128 v;

	if (code < 0 || r->info.inexact || r->missing.n != 0 || r->newest_ns != 0 ||
	    !conf_bool(r->engine->conf, CONF_RESULT_CACHE_ENABLED) ||
	    request_version(r->request, &v, NULL) < 0)
		return NO_VERSION;
	return v;
}

/* Nothing more of it is to be made. */
static void
settle(struct result *r, int code)
{
	struct hash128 version = version_of(r, code);

	if (has_version(version))
		result_shared_put(r);
	prepared_settle(r->request, code == 0);
	pthread_mutex_lock(&r->lock);
	r->settled = true;
	pthread_mutex_unlock(&r->lock);
	if (code < 0)
		result_forget(r, false);
	else
		result_recount(r, version);
}

/* No end of the query: it goes on when a reader does. */
static void
rest(struct result *r, struct shadow_tap *tap)
{
	r->before_ns = spent(r);
	shadow_offer(tap, r->request, r->who, ERR_CANCELLED);
	atomic_fetch_sub(&r->engine->counters.running, 1);
}

/* To the end, if nobody stops it. */
static int
run_all(struct run_ctx *x, const struct sink *sink, uint64_t deadline, struct err *err)
{
	struct result *r = x->r;
	int code = run_request(r->request, sink, deadline, &r->cancel, x->info, err);

	if (code == 0)
		code = result_check_length(r, 0, err);
	if (code == 0 && r->windowed)
		result_window_linger(x);
	return code;
}

/* It is sized, and what ended is one of its runs, not itself. */
static bool
may_go_on(struct result *r, const struct run_ctx *x, int code)
{
	if (code == ERR_CANCELLED)
		return x->rests || x->seeks || result_left(r);
	return code == 0 && r->windowed;
}

/* Its bytes, all of them or those that are read. */
static void
make_bytes(struct result *r, struct run_ctx *x, uint64_t deadline, int code, struct err *err)
{
	struct sink sink = { .put = put_bytes, .take = take_bytes, .step = wait_for_readers,
		.arg = x };
	struct shadow_tap *tap = NULL;
	bool on;

	if (result_spills(r, &x->limits))
		x->limits.mem_max = 0;
	if (code == 0 && r->windowed)
		code = result_window_begin(r, err);
	/* Of a part there is nothing to compare with. */
	if (code == 0 && r->request->pass_to == 0)
		tap = shadow_tap(r->engine, r->request, &sink);
	if (code == 0)
		code = run_all(x, tap != NULL ? shadow_tap_sink(tap) : &sink, deadline, err);
	on = may_go_on(r, x, code);
	/* Who is told of it and asks again is to find another. */
	if (!on && code < 0)
		result_forget(r, false);
	if (on && (r->whole || (code != 0 && (x->rests || x->seeks))))
		rest(r, tap);
	else
		end_run(r, code, x->info, err, tap, !on);
	if (r->windowed)
		result_window_end(r);
	if (on) {
		result_stop(r, code == 0);
		result_recount(r, NO_VERSION);
	} else
		settle(r, code);
}

/* refused: why it can't be run, which is its end; NULL as a rule. */
static void
run(struct result *r, const struct err *refused)
{
	uint64_t timeout = conf_u64(r->engine->conf, CONF_QUERY_TIMEOUT);
	uint64_t deadline = r->started_ns + timeout;
	struct run_info info = { 0 };
	struct err err = ERR_INIT;
	struct run_ctx x;
	int code;

	begin_run(r, &x, &info);
	if (refused != NULL)
		err = *refused;
	code = refused != NULL ? err.code : may_run(r, timeout, &err);
	if (code == 0 && result_shared_get(r, &(struct sink){ .put = put_bytes, .arg = &x }, &info, &code,
	    &err)) {
		end_run(r, code, &info, &err, NULL, true);
		settle(r, code);
	} else if (code == 0 && (code = result_size_ahead(r, &x.limits, deadline, &err)) == 0) {
		atomic_fetch_sub(&r->engine->counters.running, 1);
		result_recount(r, NO_VERSION);
	} else
		make_bytes(r, &x, deadline, code < 0 ? code : 0, &err);
}

/* ---- by whom ---- */

static void make_queued(void *);

/* Under result.lock. Of one that is not planned yet nothing is known: planning is short. */
static int
queue(struct result *r, struct err *e)
{
	struct turn turn = { .uid = r->who.uid, .cost_ns = r->cost_ns, .memory = r->est_memory,
	    .since_ns = r->queued_ns, .cancel = &r->cancel };
	enum result_state was = r->state;
	int code;

	r->state = RESULT_QUEUED;
	if ((code = runner_submit(r->engine->runner, make_queued, r, &turn, e)) < 0)
		r->state = was;
	return code;
}

/* To a runner's thread, with the reference, now that it is planned. */
static int
hand_over(struct result *r, struct err *e)
{
	int code;

	pthread_mutex_lock(&r->lock);
	code = queue(r, e);
	pthread_mutex_unlock(&r->lock);
	return code;
}

/*
 * Its size is told without a plan: there is no more to do, and the reference is given up. Who waits
 * for bytes by now has them made in a turn of their own. False: it is to be planned.
 */
static bool
told_its_size(struct result *r)
{
	struct blob_limits lim = engine_blob_limits(r->engine);
	struct err err = ERR_INIT;

	if (!result_size_told(r, &lim))
		return false;
	result_recount(r, NO_VERSION);
	if (result_wanted_on(r)) {
		if (hand_over(r, &err) == 0)
			return true;
		run(r, &err);
	}
	result_drop(r);
	return true;
}

/*
 * On a runner's thread: gives up the reference that it was queued with. One that turns out to
 * be long when it is planned waits for a turn of its kind.
 */
static void
make_queued(void *arg)
{
	struct result *r = arg;
	bool planned = r->planned, to_run;

	r->here = false;
	r->request->here = false;
	r->started_ns = clock_mono_ns();
	if (told_its_size(r))
		return;
	to_run = planned || prepare(r);
	if (to_run && !planned && turn_matters(r->cost_ns, r->est_memory) &&
	    hand_over(r, NULL) == 0)
		return;
	if (to_run)
		run(r, NULL);
	else
		result_forget(r, true);	/* an idle one that nobody uses is of no use */
	while (result_wanted_on(r)) {
		r->started_ns = clock_mono_ns();
		run(r, NULL);
	}
	result_drop(r);
}

/*
 * May this result be made by the thread that asks? Handing a lookup of some 100 us to another
 * thread and back costs as much again. Few at a time, so that threads of the mount are left
 * for everybody else; and what turns out to cost more goes to the runner once it is planned.
 * The cost knows nothing of what groups take (a span may be in a million of them, fill makes
 * more), and who asks here can't be interrupted. A server may let anybody wait.
 */
static bool
claim_inline(struct result *r)
{
	struct engine *en = r->engine;

	if (en->source != NULL || r->request->groups != NULL || r->request->compared != NULL ||
	    (r->planned && r->cost_ns > INLINE_COST_NS))
		return false;
	if (atomic_fetch_add(&en->n_inline, 1) < INLINE_MAX)
		return true;
	atomic_fetch_sub(&en->n_inline, 1);
	return false;
}

/* Under result.lock. */
static int
submit(struct result *r, struct err *e)
{
	int code;

	atomic_fetch_add(&r->refs, 1);
	r->queued_ns = clock_mono_ns();
	if ((code = queue(r, e)) < 0)
		atomic_fetch_sub(&r->refs, 1);
	return code;
}

int
result_start(struct result *r, enum wait_kind kind, struct err *e)
{
	r->wanted |= kind != WAIT_STAT;
	if (kind == WAIT_SIZE)
		atomic_store(&r->by_stat, true);
	if (r->state != RESULT_IDLE || (kind == WAIT_STAT && result_dear(r)))
		return 0;
	if (kind == WAIT_STAT)
		atomic_store(&r->by_stat, true);
	if (claim_inline(r)) {
		atomic_fetch_add(&r->refs, 1);
		r->state = RESULT_QUEUED;
		r->queued_ns = clock_mono_ns();
		return 1;
	}
	return submit(r, e);
}

int
result_start_read(struct result *r, uint64_t off, size_t n, struct err *e)
{
	r->wanted = true;
	if (r->state == RESULT_SIZED && !result_has(r, off, result_read_end(r, off, n)))
		return submit(r, e);
	return result_start(r, WAIT_READ, e);
}

void
result_make_here(struct result *r)
{
	struct engine *en = r->engine;
	struct err err = ERR_INIT;
	bool taken = false;

	r->started_ns = clock_mono_ns();
	r->here = true;
	r->request->here = true;
	if (told_its_size(r))
		taken = true;
	else if (r->planned || prepare(r)) {
		bool here = r->cost_ns <= INLINE_COST_NS;

		taken = !here && hand_over(r, &err) == 0;
		/* Others may wait for it by now: they are told too. */
		if (!taken)
			run(r, here ? NULL : &err);
	}
	atomic_fetch_sub(&en->n_inline, 1);
	if (!taken)
		result_drop(r);
}

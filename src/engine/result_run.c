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

#define STREAM_AHEAD (64u << 20)
#define INLINE_COST_NS 1000000	/* estimated; see claim_inline */
#define INLINE_MAX 2

/* ---- the run ---- */

struct run_ctx {
	struct result *r;
	struct blob_limits limits;
	uint64_t stream_above;
};

static int
put_bytes(void *arg, const void *p, size_t n, struct err *e)
{
	struct run_ctx *x = arg;
	struct result *r = x->r;
	struct wait *taken;
	int code;

	if ((code = blob_append(&r->blob, p, n, &x->limits, e)) < 0)
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

/* Lets a stream's readers catch up. */
static int
wait_for_readers(void *arg, const struct profile *p, struct err *e)
{
	struct run_ctx *x = arg;
	struct result *r = x->r;
	uint64_t since = 0;
	bool paused = false;

	pthread_mutex_lock(&r->lock);
	r->info.profile = *p;
	while (r->streaming && !r->here && blob_size(&r->blob) > r->read_up_to + STREAM_AHEAD &&
	    !atomic_load(&r->cancel)) {
		if (!paused) {
			runner_pause(r->engine->runner);
			atomic_fetch_sub(&r->engine->counters.running, 1);
			since = clock_mono_ns();
		}
		paused = true;
		pthread_cond_wait(&r->moved, &r->lock);
	}
	pthread_mutex_unlock(&r->lock);
	if (paused) {
		r->waited_ns += clock_mono_ns() - since;
		atomic_fetch_add(&r->engine->counters.running, 1);
		runner_resume(r->engine->runner);
	}
	return atomic_load(&r->cancel) ?
	    err_set(e, ERR_CANCELLED, -1, "the reader went away") : 0;
}

/* What an empty answer to a range back from now says of the store: 0 for nothing. */
static uint64_t
newest_for_note(const struct request *rq, int code, const struct run_info *info)
{
	bool says = code == 0 && info->n_rows == 0 && rq->query != NULL && rq->query->relative &&
	    rq->world->snap->n_shards != 0;

	return says ? rq->world->snap->max_start : 0;
}

static void
finish(struct result *r, int code, const struct run_info *info, const struct err *err,
    struct shadow_tap *tap)
{
	struct outcome o = {
		.who = r->who, .started_mono_ns = r->started_ns,
		.info = info, .code = code, .err = err,
	};
	struct buf text = BUF_INIT, path = BUF_INIT;
	struct wait *taken;

	blob_settle(&r->blob);
	pthread_mutex_lock(&r->lock);
	r->state = RESULT_DONE;
	r->newest_ns = newest_for_note(r->request, code, info);
	r->ended_ns = clock_mono_ns();
	/* Else the open that follows a stat of some minutes would make it once more. */
	atomic_store(&r->made_mono_ns, r->ended_ns);
	r->info = *info;
	if (code < 0)
		r->err = *err;
	taken = result_take_ready(r, r->ended_ns);
	pthread_mutex_unlock(&r->lock);
	o.duration_ns = r->ended_ns - r->started_ns - r->waited_ns;
	ended_count(r->request, &path, &o);
	if (code < 0 && code != ERR_CANCELLED) {
		path_print(&text, r->request->path);
		errlog_add(&r->engine->errlog, buf_view(&text), r->who, err);
		buf_release(&text);
	}
	result_answer(r, taken);
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
	r->planned = true;
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

/* refused: why it can't be run, which is its end; NULL as a rule. */
static void
run(struct result *r, const struct err *refused)
{
	const struct conf *conf = r->engine->conf;
	uint64_t timeout = conf_u64(conf, CONF_QUERY_TIMEOUT);
	struct run_ctx x = {
		.r = r,
		.limits = engine_blob_limits(r->engine),
		.stream_above = conf_u64(conf, CONF_MOUNT_STREAM_ABOVE),
	};
	struct sink sink = { put_bytes, wait_for_readers, &x };
	struct shadow_tap *tap = shadow_tap(r->engine, r->request, &sink);
	struct run_info info = { 0 };
	struct err err = ERR_INIT;
	int code;

	atomic_fetch_add(&r->engine->counters.running, 1);
	pthread_mutex_lock(&r->lock);
	r->request->at_work = true;
	r->request->progress = &r->progress;
	r->state = RESULT_RUNNING;
	if (r->est_bytes > x.stream_above)
		result_stream(r);
	pthread_mutex_unlock(&r->lock);
	if (refused != NULL) {
		err = *refused;
		code = err.code;
	} else if (r->started_ns - r->queued_ns > timeout)
		code = err_set(&err, ERR_BUSY, -1,
		    "too many queries at once ([query] max_concurrent, total_memory)");
	else if (atomic_load(&r->cancel))
		code = err_set(&err, ERR_CANCELLED, -1, "the reader went away");
	else
		code = run_request(r->request, tap != NULL ? shadow_tap_sink(tap) : &sink,
		    r->started_ns + timeout, &r->cancel, &info, &err);
	finish(r, code, &info, &err, tap);
	request_settle(r->request);
	pthread_mutex_lock(&r->lock);
	r->settled = true;
	pthread_mutex_unlock(&r->lock);
	if (code < 0)
		result_forget(r, false);
	else
		result_recount(r);
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
 * On a runner's thread: gives up the reference that it was queued with. One that turns out to
 * be long when it is planned waits for a turn of its kind.
 */
static void
make_queued(void *arg)
{
	struct result *r = arg;
	bool planned = r->planned, to_run;

	r->started_ns = clock_mono_ns();
	r->here = false;
	to_run = planned || prepare(r);
	if (to_run && !planned && turn_matters(r->cost_ns, r->est_memory) &&
	    hand_over(r, NULL) == 0)
		return;
	if (to_run)
		run(r, NULL);
	else
		result_forget(r, true);	/* an idle one that nobody uses is of no use */
	result_drop(r);
}

/*
 * May this result be made by the thread that asks? Handing a lookup of some 100 us to another
 * thread and back costs as much again. Few at a time, so that threads of the mount are left
 * for everybody else; and what turns out to cost more goes to the runner once it is planned.
 * The cost knows nothing of what groups take (a span may be in a million of them, fill makes
 * more), and who asks here can't be interrupted.
 */
static bool
claim_inline(struct result *r)
{
	struct engine *en = r->engine;

	if (r->request->groups != NULL || r->request->compared != NULL ||
	    (r->planned && r->cost_ns > INLINE_COST_NS))
		return false;
	if (atomic_fetch_add(&en->n_inline, 1) < INLINE_MAX)
		return true;
	atomic_fetch_sub(&en->n_inline, 1);
	return false;
}

int
result_start(struct result *r, enum wait_kind kind, struct err *e)
{
	int code;

	r->wanted |= kind != WAIT_STAT;
	if (kind == WAIT_SIZE)
		atomic_store(&r->by_stat, true);
	if (r->state != RESULT_IDLE || (kind == WAIT_STAT && result_dear(r)))
		return 0;
	atomic_fetch_add(&r->refs, 1);
	if (kind == WAIT_STAT)
		atomic_store(&r->by_stat, true);
	r->queued_ns = clock_mono_ns();
	if (claim_inline(r)) {
		r->state = RESULT_QUEUED;
		return 1;
	}
	if ((code = queue(r, e)) < 0)
		atomic_fetch_sub(&r->refs, 1);
	return code;
}

void
result_make_here(struct result *r)
{
	struct engine *en = r->engine;
	struct err err = ERR_INIT;
	bool taken = false;

	r->started_ns = clock_mono_ns();
	r->here = true;
	if (r->planned || prepare(r)) {
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

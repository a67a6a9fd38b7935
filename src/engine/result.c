/* SPDX-License-Identifier: ISC */
/*
 * result: one virtual file's content while it is made and after.
 *
 *   IDLE --first stat or open--> QUEUED --a runner's thread--> RUNNING --> DONE
 *
 * RUNNING turns `streaming` when an opener has waited [mount] stream_after or the bytes pass
 * [mount] stream_above: then openers are answered and readers follow the producer, which
 * waits when it is STREAM_AHEAD bytes ahead of them. Waits are served under no lock. A wait
 * is known outside by its number, so that giving up a wait that was just served is harmless.
 *
 * Who holds a result: its users (the mount's nodes and handles), the engine's table for
 * [result_cache] ttl, and the runner while it runs. When the last user goes before it is done,
 * its query is cancelled, unless it is cheap and will be done in a moment.
 */
#include <stdlib.h>

#include "base/clock.h"
#include "engine_i.h"

#define BYTES_BESIDE 4096	/* of a result beside its content, as the cache counts it */
#define STREAM_AHEAD (64u << 20)
#define READ_MAX (1u << 20)
#define INLINE_COST_NS 1000000	/* estimated; see claim_inline */
#define INLINE_MAX 2

/* ---- references and the table ---- */

static void
result_free(struct result *r)
{
	request_free(r->request);
	blob_release(&r->blob);
	pthread_cond_destroy(&r->moved);
	pthread_mutex_destroy(&r->lock);
	free(r);
}

void
result_drop(struct result *r)
{
	if (atomic_fetch_sub(&r->refs, 1) == 1)
		result_free(r);
}

void
result_ref(struct result *r)
{
	pthread_mutex_lock(&r->engine->lock);
	results_join(&r->engine->results, r);
	pthread_mutex_unlock(&r->engine->lock);
	atomic_fetch_add(&r->refs, 1);
}

static void
cancel_run(struct result *r)
{
	pthread_mutex_lock(&r->lock);
	if (r->state == RESULT_QUEUED || r->state == RESULT_RUNNING) {
		atomic_store(&r->cancel, true);
		pthread_cond_broadcast(&r->moved);
	}
	pthread_mutex_unlock(&r->lock);
}

/* May it answer again, when nobody uses it any more? */
static bool
worth_keeping(const struct result *r)
{
	return r->by_stat || conf_bool(r->engine->conf, CONF_RESULT_CACHE_ENABLED);
}

void
result_unref(struct result *r)
{
	struct engine *en = r->engine;
	bool last, listed, unfinished;
	uint64_t bytes;

	pthread_mutex_lock(&r->lock);
	unfinished = r->state != RESULT_DONE &&
	    (r->streaming || r->state == RESULT_IDLE || !r->by_stat);
	bytes = r->blob.mem.cap + BYTES_BESIDE;
	pthread_mutex_unlock(&r->lock);
	pthread_mutex_lock(&en->lock);
	last = results_leave(&en->results, r, bytes);
	/* Nobody may join a query that is about to be cancelled. */
	listed = last && r->listed && (unfinished || !worth_keeping(r));
	if (listed)
		results_remove(&en->results, r);
	pthread_mutex_unlock(&en->lock);
	if (last && unfinished)
		cancel_run(r);
	if (listed)
		result_drop(r);
	result_drop(r);
}

/* ---- making one ---- */

static int
result_new(struct engine *en, struct request *rq, struct requester who,
    struct result **out, struct err *e)
{
	struct result *r = calloc(1, sizeof *r);

	if (r == NULL)
		return err_nomem(e);
	atomic_init(&r->refs, 1);
	r->users = 1;
	r->engine = en;
	r->request = rq;
	r->who = who;
	r->made_mono_ns = clock_mono_ns();
	r->mtime_ns = rq->world->snap->commit_ns;
	pthread_mutex_init(&r->lock, NULL);
	pthread_cond_init(&r->moved, NULL);
	blob_init(&r->blob);
	*out = r;
	return 0;
}

static void
drop_chain(struct result *r)
{
	while (r != NULL) {
		struct result *next = r->next;

		result_drop(r);
		r = next;
	}
}

int
engine_result(struct engine *en, const struct path *path, struct sv file,
    struct requester who, struct result **out, struct err *e)
{
	uint64_t now = clock_mono_ns(), ttl = conf_u64(en->conf, CONF_RESULT_CACHE_TTL);
	uint64_t made_after = now > ttl ? now - ttl : 0;
	bool keep = conf_bool(en->conf, CONF_RESULT_CACHE_ENABLED);
	struct result *r, *gone, *fresh = NULL;
	struct request *rq;
	int code;

	if ((code = request_new(en, (struct path *)(uintptr_t)path, file, &rq, e)) < 0)
		return code;
	if ((code = result_new(en, rq, who, &fresh, e)) < 0) {
		request_free(rq);
		return code;
	}
	pthread_mutex_lock(&en->lock);
	gone = results_expire(&en->results, made_after,
	    conf_u64(en->conf, CONF_RESULT_CACHE_MAX_BYTES));
	if ((r = results_find(&en->results, buf_view(&rq->key), made_after,
	    keep ? rq->world : NULL)) != NULL) {
		results_join(&en->results, r);
		atomic_fetch_add(&r->refs, 1);
		atomic_fetch_add(&en->counters.cache_hits, 1);
	} else {
		r = fresh;
		fresh = NULL;
		r->id = en->next_id++;
		results_add(&en->results, r);
		atomic_fetch_add(&r->refs, 1);
		atomic_fetch_add(&en->counters.cache_misses, 1);
	}
	pthread_mutex_unlock(&en->lock);
	drop_chain(gone);
	if (fresh != NULL)
		result_drop(fresh);
	*out = r;
	return 0;
}

/* ---- state, from outside ---- */

struct result_info
result_info(struct result *r)
{
	uint64_t budget = conf_u64(r->engine->conf, CONF_MOUNT_STAT_BUDGET);
	struct result_info i;

	pthread_mutex_lock(&r->lock);
	i = (struct result_info){
		.done = r->state == RESULT_DONE,
		.streaming = r->streaming,
		.code = r->state == RESULT_DONE ? r->err.code : 0,
		.size = r->state == RESULT_DONE && r->err.code == 0 ? r->blob.n : 0,
		.available = r->blob.n,
		.mtime_ns = r->mtime_ns,
		.id = r->id,
	};
	i.cheap = i.done || request_cost_ns(r->request) <= budget;
	pthread_mutex_unlock(&r->lock);
	return i;
}

void
result_error(struct result *r, struct err *e)
{
	pthread_mutex_lock(&r->lock);
	if (e != NULL)
		*e = r->err;
	pthread_mutex_unlock(&r->lock);
}

/* ---- waits ---- */

/* Under result.lock. */
static void
start_streaming(struct result *r)
{
	const struct query *q = r->request->query;

	/* Whether there are as many rows as the path expects is known, and for open, at the end. */
	if (q != NULL && q->has_expect_rows)
		return;
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
		return r->blob.n > w->off;
	/* An opener is told of an error by open: so it waits for the first bytes of a stream. */
	if (r->streaming && (w->kind == WAIT_STAT || r->blob.n != 0))
		return true;
	return w->due_mono_ns != 0 && now >= w->due_mono_ns;
}

/* Under result.lock: unlinks the waits that are ready. */
static struct wait *
take_ready(struct result *r, uint64_t now)
{
	struct wait *taken = NULL, **p = &r->waits;

	while (*p != NULL) {
		struct wait *w = *p;

		if (w->kind == WAIT_OPEN && !r->streaming && r->state == RESULT_RUNNING &&
		    w->due_mono_ns != 0 && now >= w->due_mono_ns && r->blob.n != 0) {
			/* Made too slowly to wait for its end: from here on it is read as it comes. */
			start_streaming(r);
		}
		if (w->kind == WAIT_OPEN && !(r->streaming && r->blob.n != 0) &&
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
	const char *data;
	int code = 0;

	pthread_mutex_lock(&r->lock);
	if (w->off + want > r->read_up_to)
		r->read_up_to = w->off + want;
	pthread_cond_broadcast(&r->moved);
	if (w->off >= r->blob.n && r->err.code != 0)
		code = r->err.code;
	else if (r->state == RESULT_DONE && r->blob.fd < 0) {
		/* Nothing changes any more: hand out the bytes themselves. */
		pthread_mutex_unlock(&r->lock);
		got = w->off >= r->blob.n ? 0 : (size_t)(r->blob.n - w->off);
		got = got < want ? got : want;
		data = got == 0 ? "" : r->blob.mem.p + w->off;
		w->fn(w->arg, 0, data, got);
		return;
	} else if ((copy = malloc(want + 1)) == NULL)
		code = ERR_NOMEM;
	else
		code = blob_read(&r->blob, w->off, copy, want, &got, &err);
	pthread_mutex_unlock(&r->lock);
	w->fn(w->arg, code, copy, code == 0 ? got : 0);
	free(copy);
}

static void
answer(struct result *r, struct wait *list)
{
	while (list != NULL) {
		struct wait *w = list;

		list = w->next;
		if (w->due_mono_ns != 0)
			engine_timed(r->engine, -1);
		if (w->kind == WAIT_READ)
			answer_read(r, w);
		else
			w->fn(w->arg, r->state == RESULT_DONE ? r->err.code : 0, NULL, 0);
		free(w);
	}
}

void
result_tick(struct result *r, uint64_t now)
{
	struct wait *w;

	pthread_mutex_lock(&r->lock);
	w = take_ready(r, now);
	pthread_mutex_unlock(&r->lock);
	answer(r, w);
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

static void result_run(struct result *);

/* On a runner's thread: gives up the reference that it was queued with. */
static void
run_queued(void *arg)
{
	result_run(arg);
	result_drop(arg);
}

/*
 * May this result be made by the thread that asks? Handing a lookup of some 100 us to another
 * thread and back costs as much again. Few at a time, so that threads of the mount are left
 * for everybody else.
 */
static bool
claim_inline(struct result *r)
{
	struct engine *en = r->engine;

	if (request_cost_ns(r->request) > INLINE_COST_NS)
		return false;
	if (atomic_fetch_add(&en->n_inline, 1) < INLINE_MAX)
		return true;
	atomic_fetch_sub(&en->n_inline, 1);
	return false;
}

/* Under result.lock: starts it if that has not been done. 1: the caller is to run it, unlocked. */
static int
start(struct result *r, bool by_stat, struct err *e)
{
	int code;

	if (r->state != RESULT_IDLE)
		return 0;
	atomic_fetch_add(&r->refs, 1);
	r->state = RESULT_QUEUED;
	r->by_stat = by_stat;
	r->queued_ns = clock_mono_ns();
	if (claim_inline(r))
		return 1;
	if ((code = runner_submit(r->engine->runner, run_queued, r, e)) < 0) {
		r->state = RESULT_IDLE;
		atomic_fetch_sub(&r->refs, 1);
	}
	return code;
}

static int
wait_for(struct result *r, enum wait_kind kind, uint64_t off, size_t n, uint64_t within_ns,
    bool run, result_fn fn, void *arg, struct result_wait **token, struct err *e)
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
	if (run)
		code = start(r, kind == WAIT_STAT, e);
	if (code > 0) {
		/* Nobody can wait for it meanwhile but those who come later: they find it running. */
		pthread_mutex_unlock(&r->lock);
		result_run(r);
		atomic_fetch_sub(&r->engine->n_inline, 1);
		result_drop(r);
		pthread_mutex_lock(&r->lock);
		code = 0;
	}
	if (code == 0) {
		w->next = r->waits;
		r->waits = w;
		if (kind == WAIT_READ && off + n > r->read_up_to) {
			r->read_up_to = off + n;
			pthread_cond_broadcast(&r->moved);
		}
	}
	taken = code == 0 ? take_ready(r, now) : NULL;
	pthread_mutex_unlock(&r->lock);
	if (code < 0) {
		if (w->due_mono_ns != 0)
			engine_timed(r->engine, -1);
		free(w);
		return code;
	}
	answer(r, taken);
	return 0;
}

int
result_stat(struct result *r, result_fn fn, void *arg, struct result_wait **token,
    struct err *e)
{
	bool cheap = result_info(r).cheap;

	return wait_for(r, WAIT_STAT, 0, 0,
	    cheap ? conf_u64(r->engine->conf, CONF_MOUNT_STAT_BUDGET) : 0, cheap, fn, arg,
	    token, e);
}

int
result_open(struct result *r, result_fn fn, void *arg, struct result_wait **token,
    struct err *e)
{
	return wait_for(r, WAIT_OPEN, 0, 0, conf_u64(r->engine->conf, CONF_MOUNT_STREAM_AFTER),
	    true, fn, arg, token, e);
}

int
result_read(struct result *r, uint64_t off, size_t n, result_fn fn, void *arg,
    struct result_wait **token, struct err *e)
{
	return wait_for(r, WAIT_READ, off, n, UINT64_MAX, true, fn, arg, token, e);
}

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
	struct wait *taken = NULL;
	int code;

	pthread_mutex_lock(&r->lock);
	code = blob_append(&r->blob, p, n, &x->limits, e);
	r->progress_ns = clock_mono_ns();
	if (code == 0) {
		if (!r->streaming && r->blob.n > x->stream_above)
			start_streaming(r);
		taken = take_ready(r, r->progress_ns);
	}
	pthread_mutex_unlock(&r->lock);
	answer(r, taken);
	return code;
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
	while (r->streaming && r->blob.n > r->read_up_to + STREAM_AHEAD &&
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

static void
finish(struct result *r, int code, const struct run_info *info, const struct err *err,
    struct shadow_tap *tap)
{
	struct outcome o = {
		.request = r->request, .who = r->who, .started_mono_ns = r->started_ns,
		.info = info, .code = code, .err = err,
	};
	struct buf text = BUF_INIT;
	struct wait *taken;

	pthread_mutex_lock(&r->lock);
	r->state = RESULT_DONE;
	r->ended_ns = clock_mono_ns();
	r->info = *info;
	if (code < 0)
		r->err = *err;
	taken = take_ready(r, r->ended_ns);
	pthread_mutex_unlock(&r->lock);
	o.duration_ns = r->ended_ns - r->started_ns - r->waited_ns;
	counters_query(&r->engine->counters, &o);
	if (code < 0 && code != ERR_CANCELLED) {
		path_print(&text, r->request->path);
		errlog_add(&r->engine->errlog, buf_view(&text), r->who, err);
		buf_release(&text);
	}
	answer(r, taken);
	outcome_note(r->engine, &o);
	shadow_offer(r->engine, tap, &o);
}

/* A failed result answers those who wait for it, and nobody later. */
static void
forget_failed(struct result *r)
{
	bool listed;

	pthread_mutex_lock(&r->engine->lock);
	if ((listed = r->listed))
		results_remove(&r->engine->results, r);
	pthread_mutex_unlock(&r->engine->lock);
	if (listed)
		result_drop(r);
}

static void
result_run(struct result *r)
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
	r->state = RESULT_RUNNING;
	r->started_ns = clock_mono_ns();
	/* Planned under the lock, where others ask for the cost; a failure shows again in the run. */
	(void)request_cost_ns(r->request);
	if (request_est_bytes(r->request) > x.stream_above)
		start_streaming(r);
	pthread_mutex_unlock(&r->lock);
	if (r->started_ns - r->queued_ns > timeout)
		code = err_set(&err, ERR_BUSY, -1,
		    "too many queries at once ([query] max_concurrent)");
	else if (atomic_load(&r->cancel))
		code = err_set(&err, ERR_CANCELLED, -1, "the reader went away");
	else
		code = run_request(r->request, tap != NULL ? shadow_tap_sink(tap) : &sink,
		    r->started_ns + timeout, &r->cancel, &info, &err);
	finish(r, code, &info, &err, tap);
	atomic_fetch_sub(&r->engine->counters.running, 1);
	if (code < 0)
		forget_failed(r);
}

/* ---- attributes ---- */

int
result_xattr(struct result *r, struct sv name, struct buf *out, struct err *e)
{
	int code = 0;

	pthread_mutex_lock(&r->lock);
	if (sv_is(name, "query"))
		buf_sv(out, buf_view(&r->request->canonical));
	else if (sv_is(name, "rows") && r->state == RESULT_DONE && r->err.code == 0)
		buf_u64(out, r->info.n_rows);
	else if (sv_is(name, "complete") && r->state == RESULT_DONE)
		buf_str(out, r->err.code == 0 ? "yes" : "no");
	else if (sv_is(name, "cache"))
		buf_str(out, r->state == RESULT_DONE ? "memory" : "none");
	else if (sv_is(name, "error") && r->state == RESULT_DONE && r->err.code != 0)
		buf_str(out, r->err.msg);
	else if (sv_is(name, "note") && r->state == RESULT_DONE && r->info.n_rows == 0 &&
	    r->request->query != NULL && r->request->query->relative &&
	    r->request->world->snap->n_shards != 0) {
		BUF_LIT(out, "no span in this range; the newest in the store is of ");
		when_print(out, r->request->world->snap->max_start);
	} else
		code = ERR_UNKNOWN;
	pthread_mutex_unlock(&r->lock);
	if (code < 0)
		return err_set(e, code, -1, "no such attribute");
	return buf_ok(out, e);
}

/* SPDX-License-Identifier: ISC */
/*
 * result: one virtual file's content while it is made and after: who holds it, what is told of
 * it. See result_wait.c for those who wait for it, result_run.c for its making.
 *
 *   IDLE --first stat or open--> QUEUED --> PLANNING --> RUNNING --> DONE
 *                                              |
 *     IDLE <-- wanted for a listing alone, and dear
 *
 * Of a large one the size may be told first, and the bytes made later: SIZED, result_size.c.
 *
 * From QUEUED on until it is DONE, or IDLE again, one thread at a time owns the request: it
 * plans and runs it under no lock, and publishes what others ask for (state, cost, bytes)
 * under the result's. Nobody else looks into the request but at what never changes: path,
 * canonical path, key, query, world.
 *
 * Who holds a result: its users (the mount's nodes and handles), the engine's table for
 * [result_cache] ttl, and the runner while it runs. When the last user goes before it is done,
 * its query is cancelled, unless it is cheap and was wanted for a listing: then it will be done
 * in a moment.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "result_i.h"

#define BYTES_AT_WORK 32768	/* about what one takes beside its content that is not done */
#define BYTES_PATH 2048		/* about what its path takes, and its key in L2 */

/* ---- references and the table ---- */

static void
result_free(struct result *r)
{
	request_free(r->request);
	atomic_fetch_sub(&r->engine->results_bytes, blob_size(&r->blob));
	blob_release(&r->blob);
	window_release(&r->window);
	buf_release(&r->missing);
	buf_release(&r->shared_key);
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
results_drop(struct result *gone)
{
	while (gone != NULL) {
		struct result *next = gone->next;

		result_drop(gone);
		gone = next;
	}
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
	if (result_at_work(r)) {
		r->left = r->sized;
		/* With the last byte read its reader leaves, and the run is all but over. */
		if (!r->sized || result_made(r) != r->size)
			atomic_store(&r->cancel, true);
		pthread_cond_broadcast(&r->moved);
	}
	pthread_mutex_unlock(&r->lock);
	runner_look(r->engine->runner);
}

/* May it answer again, when nobody uses it any more? */
static bool
worth_keeping(const struct result *r)
{
	return r->by_stat || conf_bool(r->engine->conf, CONF_RESULT_CACHE_ENABLED);
}

/* What it takes of the cache. Of one that is at work others may not look into the request. */
static uint64_t
memory_of(struct result *r, bool settled)
{
	uint64_t n = blob_memory(&r->blob) + window_memory(&r->window) + sizeof *r + BYTES_PATH;

	return n + (settled ? request_memory(r->request) : BYTES_AT_WORK);
}

/* False: there are others, and nothing depends on this one. */
static bool
may_be_last(struct result *r)
{
	bool last;

	pthread_mutex_lock(&r->engine->lock);
	last = r->users == 1;
	if (!last)
		r->users--;
	pthread_mutex_unlock(&r->engine->lock);
	return last;
}

/* Under engine.lock: nothing is to go back, or that was put off (spared_until) before this work. */
static bool
rests(const struct engine *en)
{
	return en->give_back_at_ns == 0 || en->give_back_at_ns > en->worked_at_ns + en->idle_ns;
}

void
result_unref(struct result *r)
{
	struct engine *en = r->engine;
	bool last, listed, unfinished, sized, settled;
	struct result *gone = NULL;
	uint64_t bytes;

	if (!may_be_last(r)) {
		result_drop(r);
		return;
	}
	pthread_mutex_lock(&r->lock);
	unfinished = r->state != RESULT_DONE &&
	    (r->streaming || r->state == RESULT_IDLE || !r->by_stat || r->wanted);
	sized = r->sized;
	settled = r->settled;
	pthread_mutex_unlock(&r->lock);
	bytes = memory_of(r, settled);
	pthread_mutex_lock(&en->lock);
	last = results_leave(&en->results, r, bytes);
	/* Nobody may join a query that is about to be cancelled; but what has a size begins again. */
	listed = last && r->listed && ((unfinished && !sized) || !worth_keeping(r));
	if (listed)
		results_remove(&en->results, r);
	/* The ticker, which sleeps for long, is to see the first that is kept grow old, and work. */
	if (last && en->idle && (en->results.oldest == r || rests(en)))
		pthread_cond_signal(&en->tick);
	/* It counts from now on: what is over the bound by it goes at once. */
	if (last)
		gone = results_expire(&en->results, 0, engine_results_max(en));
	pthread_mutex_unlock(&en->lock);
	results_drop(gone);
	if (last && unfinished)
		cancel_run(r);
	if (listed)
		result_drop(r);
	result_drop(r);
}

/* What depends on the clock is never asked for again; what is spilled is not kept for long. */
static bool
is_lasting(struct result *r, struct hash128 version)
{
	bool moves = r->now != 0 && atomic_load(&r->engine->now) == NOW_CLOCK;

	return has_version(version) && !moves && !blob_spilled(&r->blob);
}

void
result_recount(struct result *r, struct hash128 version)
{
	struct engine *en = r->engine;
	struct result *gone;
	uint64_t bytes;
	bool settled;

	pthread_mutex_lock(&r->lock);
	settled = r->settled;
	pthread_mutex_unlock(&r->lock);
	bytes = memory_of(r, settled);
	pthread_mutex_lock(&en->lock);
	/* Who told its size only may come after who made it since. */
	if (settled || !r->done) {
		r->version = version;
		r->done = settled;
		results_recount(&en->results, r, bytes, atomic_load(&r->took_ns),
		    is_lasting(r, version));
	}
	gone = results_expire(&en->results, 0, engine_results_max(en));
	pthread_mutex_unlock(&en->lock);
	results_drop(gone);
}

void
result_forget(struct result *r, bool if_unused)
{
	bool listed;

	pthread_mutex_lock(&r->engine->lock);
	if ((listed = r->listed && (!if_unused || r->users == 0)))
		results_remove(&r->engine->results, r);
	pthread_mutex_unlock(&r->engine->lock);
	if (listed)
		result_drop(r);
}

/* ---- making one ---- */

/* Of a mark that moved since the last commit, that is the change that its answer has seen. */
static void
take_mark(struct result *r, const struct request *rq)
{
	const struct query *q = rq->query;

	if (q == NULL || !q->has_mark || q->mark.n > MARK_NAME_MAX)
		return;
	if (q->after.moved_ns > r->mtime_ns)
		r->mtime_ns = q->after.moved_ns;
	if (rq->kind != FILE_FORMAT)
		return;
	memcpy(r->mark, q->mark.p, q->mark.n);
	r->mark_from = q->after.generation;
}

/* Under result.lock: true if these bytes are the last ones of all. */
static bool
is_end(const struct result *r, uint64_t end)
{
	return r->sized ? end >= r->size :
	    r->state == RESULT_DONE && r->err.code == 0 && end >= blob_size(&r->blob);
}

void
result_note_open(struct result *r)
{
	if (atomic_fetch_add(&r->opens, 1) != 0)
		atomic_fetch_add(&r->engine->counters.cache_hits, 1);
}

void
result_note_read(struct result *r, uint64_t off, uint64_t n)
{
	bool end;

	if (r->mark[0] == '\0')
		return;
	pthread_mutex_lock(&r->lock);
	read_cover_add(&r->given, off, off + n);
	end = is_end(r, r->given.to);
	pthread_mutex_unlock(&r->lock);
	if (end)
		mark_reads_note(&r->engine->mark_reads, sv_cstr(r->mark),
		    (struct mark_span){ r->mark_from, r->generation });
}

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
	atomic_init(&r->made_mono_ns, clock_mono_ns());
	r->mtime_ns = rq->world->snap->commit_ns;
	r->generation = rq->world->snap->generation;
	r->world_id = rq->world->id;
	r->now = rq->now;
	snprintf(r->file, sizeof r->file, "%s", rq->file);
	take_mark(r, rq);
	pthread_mutex_init(&r->lock, NULL);
	pthread_cond_init(&r->moved, NULL);
	blob_init(&r->blob);
	window_init(&r->window, &en->slabs);
	buf_init(&r->missing);
	buf_init(&r->shared_key);
	*out = r;
	return 0;
}

/* Under engine.lock: another user. */
static struct result *
join(struct engine *en, struct result *r)
{
	results_join(&en->results, r);
	atomic_fetch_add(&r->refs, 1);
	gdsf_ask(&en->results.worth, r->worth.hash);
	return r;
}

/*
 * Under engine.lock, which is given up meanwhile: the result of an older state, if what was
 * committed since does not touch it. Then it is one of this state.
 */
static struct result *
join_older(struct engine *en, struct request *rq, uint64_t made_after)
{
	struct result *r = results_find_version(&en->results, buf_view(&rq->key), made_after,
	    rq->now), *gone = NULL;
	struct hash128 version;
	bool same;

	if (r == NULL)
		return NULL;
	atomic_fetch_add(&r->refs, 1);
	pthread_mutex_unlock(&en->lock);
	if (request_version(rq, &version, NULL) < 0)
		version = NO_VERSION;
	pthread_mutex_lock(&en->lock);
	same = r->listed && has_version(version) && version.hi == r->version.hi &&
	    version.lo == r->version.lo;
	if (same) {
		atomic_fetch_add(&en->counters.cache_carried, 1);
		r->world_id = rq->world->id;
		pthread_mutex_lock(&r->lock);
		r->generation = rq->world->snap->generation;
		pthread_mutex_unlock(&r->lock);
		join(en, r);
	} else if (r->listed && r->users == 0 && has_version(version)) {
		results_remove(&en->results, r);	/* it answers nobody any more */
		gone = r;
	}
	pthread_mutex_unlock(&en->lock);
	if (gone != NULL)
		result_drop(gone);
	result_drop(r);
	pthread_mutex_lock(&en->lock);
	return same ? r : NULL;
}

/* Under engine.lock. */
static int
list_fresh(struct engine *en, struct result *r, struct err *e)
{
	r->id = en->next_id++;
	if (!results_add(&en->results, r))
		return err_nomem(e);
	gdsf_ask(&en->results.worth, r->worth.hash);
	atomic_fetch_add(&r->refs, 1);
	atomic_fetch_add(&en->counters.cache_misses, 1);
	return 0;
}

/* Of a path that was bound in this world before: what it was bound to, if that may be given again. */
static struct result *
join_again(struct engine *en, const struct path *path, struct sv file, uint64_t made_after)
{
	struct result *r = NULL;
	struct world *w;
	bool known;

	pthread_mutex_lock(&en->lock);
	known = results_may_know(&en->results, path, file);
	pthread_mutex_unlock(&en->lock);
	if (!known || engine_world(en, &w, NULL) < 0)
		return NULL;
	pthread_mutex_lock(&en->lock);
	if ((r = results_again(&en->results, path, file, w->id, atomic_load(&en->rules_off),
	    made_after)) != NULL)
		join(en, r);
	pthread_mutex_unlock(&en->lock);
	world_unref(w);
	return r;
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

	if (keep && (*out = join_again(en, path, file, made_after)) != NULL)
		return 0;
	if ((rq = prepared_take(en, path, file)) == NULL &&
	    (code = request_new(en, (struct path *)(uintptr_t)path, file, &rq, e)) < 0)
		return code;
	if (rq->kind == FILE_FOLLOW) {
		request_free(rq);
		return err_set(e, ERR_UNSUPPORTED, -1, "%.*s is no result", SV_ARG(file));
	}
	if ((code = result_new(en, rq, who, &fresh, e)) < 0) {
		request_free(rq);
		return code;
	}
	pthread_mutex_lock(&en->lock);
	gone = results_expire(&en->results, made_after, engine_results_max(en));
	if ((r = results_find(&en->results, buf_view(&rq->key), made_after,
	    keep ? rq->world->id : 0, rq->now)) != NULL)
		join(en, r);
	else if (!keep || (r = join_older(en, rq, made_after)) == NULL) {
		code = list_fresh(en, fresh, e);
		r = fresh;
		fresh = code < 0 ? fresh : NULL;
	}
	/* Until somebody starts it the request of a new one is still this thread's. */
	if (code == 0 && keep && r->world_id == rq->world->id)
		results_bound(&en->results, rq, (struct path *)(uintptr_t)path, r);
	pthread_mutex_unlock(&en->lock);
	results_drop(gone);
	if (fresh != NULL)
		result_drop(fresh);
	if (code == 0)
		*out = r;
	return code;
}

/* ---- state, from outside ---- */

struct result_info
result_info(struct result *r)
{
	uint64_t ttl = conf_u64(r->engine->conf, CONF_RESULT_CACHE_TTL);
	struct result_info i;
	bool known;

	pthread_mutex_lock(&r->lock);
	known = result_known(r);
	i = (struct result_info){
		.done = r->state == RESULT_DONE,
		.known = known,
		.streaming = r->streaming,
		.cheap = known || r->state == RESULT_DONE || !result_dear(r),
		.aged = (known || r->state == RESULT_DONE) &&
		    clock_mono_ns() - atomic_load(&r->made_mono_ns) >= ttl,
		.code = r->state == RESULT_DONE ? r->err.code : 0,
		.size = r->sized ? r->size : known ? blob_size(&r->blob) : 0,
		.available = result_made(r),
		.mtime_ns = r->mtime_ns,
		.id = r->id,
	};
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

/* What holds its bytes, where they are not read through a window. */
struct blob_limits
engine_blob_limits(struct engine *en)
{
	return (struct blob_limits){
		.mem_max = conf_u64(en->conf, CONF_RESULT_CACHE_ENTRY_MAX_BYTES),
		.quota = &en->quota,
		.spill_max = conf_u64(en->conf, CONF_MOUNT_SPILL_MAX),
		.spill_dir = conf_str(en->conf, CONF_MOUNT_SPILL_DIR),
	};
}

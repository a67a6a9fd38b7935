/* SPDX-License-Identifier: ISC */
/*
 * prepared: requests that were run, kept bound and planned for whoever asks for the same path and file
 * again: of a small look-up, reading the path and planning take about as long as finding the rows.
 * Nothing of an answer is kept, so that this is for mounts without the cache of results; with it the
 * next one is answered by the result itself.
 *
 * One asker at a time has a request: it is taken out, run, and put back. It serves again only while
 * what it was made from is the same: the world (a commit and a reload of the settings make another),
 * what the world knows of its shards, the summary, the version of the costs, the rules that are
 * switched off; and no longer than a decision would ([decision_cache] ttl). What depends on the
 * clock or on a mark is not kept at all. Their memory is of [query] total_memory, a small part.
 */
#include <stdlib.h>

#include "base/clock.h"
#include "base/hash.h"
#include "engine_i.h"

/* What one may take, and all of them together. Costs beyond make planning a trifle. */
#define ONE_BYTES ((size_t)256 << 10)
#define ALL_BYTES ((size_t)4 << 20)
#define SHARE 64		/* but no more than this part of what queries may take together */
#define MOST_COST_NS 5000000

static struct request **
slot_of(struct prepared *t, const struct path *p, struct sv file)
{
	uint64_t hash = hash_u64((uint64_t)(uintptr_t)p ^ hash64(file.p, file.n));

	return &t->slot[hash % PREPARED_SLOTS];
}

static size_t
most_bytes(const struct engine *en)
{
	unsigned long long max = atomic_load_explicit(&en->quota.max, memory_order_relaxed);

	return max == 0 || max / SHARE > ALL_BYTES ? ALL_BYTES : (size_t)(max / SHARE);
}

/* Under engine.lock: it is no longer the table's. */
static struct request *
take_out(struct engine *en, struct request **slot)
{
	struct request *r = *slot;
	size_t bytes;

	if (r == NULL)
		return NULL;
	bytes = request_memory(r);
	en->prepared.bytes -= bytes;
	quota_give(&en->quota, bytes);
	*slot = NULL;
	return r;
}

/* ---- to be run again ---- */

/* Nothing that binding and planning looked at has changed. */
static bool
holds(struct request *r)
{
	struct engine *en = r->engine;
	const struct conf *c = en->conf;
	unsigned others = request_others_at_work(r);
	struct summary *now;
	bool same;

	if (r->rules_off != atomic_load(&en->rules_off) ||
	    r->prices != atomic_load(&en->prices) ||
	    r->cost_version != atomic_load(&en->cost_version) ||
	    r->all != atomic_load(&r->world->all) ||
	    clock_mono_ns() - r->planned_mono_ns >= conf_u64(c, CONF_DECISION_CACHE_TTL))
		return false;
	/* One that takes one thread takes no more beside others. */
	if (others != r->load && (others < r->load || r->plan->scan.threads > 1))
		return false;
	/* Asked as by every plan: that is what has a newer one made. */
	now = engine_summary(en, r->world, r->summary_rows);
	same = now == r->summary;
	summary_unref(now);
	return same;
}

/* Its own again, as request_new makes it. */
static bool
renew(struct request *r)
{
	buf_sv(&r->canonical, r->query->canonical);
	request_make_key(r);
	r->plan_ns = 0;
	r->decision = (struct decision_use){ .how = DECISION_KEPT };
	r->prepared = true;
	return !r->key.oom && !r->canonical.oom;
}

struct request *
prepared_take(struct engine *en, const struct path *path, struct sv file)
{
	struct request *r, **slot = slot_of(&en->prepared, path, file);
	struct world *w;
	bool known;

	pthread_mutex_lock(&en->lock);
	r = *slot;
	known = r != NULL && r->path == path && sv_is(file, r->file);
	pthread_mutex_unlock(&en->lock);
	if (!known || engine_world(en, &w, NULL) < 0)
		return NULL;
	pthread_mutex_lock(&en->lock);
	r = *slot;
	known = r != NULL && r->path == path && sv_is(file, r->file) && r->world == w;
	if (known)
		(void)take_out(en, slot);
	pthread_mutex_unlock(&en->lock);
	world_unref(w);
	if (!known)
		return NULL;
	if (holds(r) && renew(r))
		return r;
	request_free(r);
	return NULL;
}

/* ---- after a run ---- */

/* All that it was made from is known, and it is as it was before it ran. */
static bool
may_serve(const struct request *r)
{
	const struct conf *c = r->engine->conf;

	return r->kind == FILE_FORMAT && r->plan != NULL && r->groups == NULL && r->compared == NULL &&
	    r->now == 0 && !r->query->has_mark && r->marked == NULL && r->wider == NULL &&
	    !r->format->pages && r->engine->source == NULL && r->commit == 0 &&
	    r->force == OPT_FORCE_NONE && !r->shadow && !r->decide_alone && r->memory == 0 &&
	    r->batch_rows == 0 && r->threads == 0 && r->pass_to == 0 && r->n_own_filters == 0 &&
	    !conf_bool(c, CONF_RESULT_CACHE_ENABLED) && conf_bool(c, CONF_DECISION_CACHE_ENABLED) &&
	    conf_u64(c, CONF_LOG_TRACE) == 0 && r->plan->est_cost * COST_UNIT_NS <= MOST_COST_NS;
}

/* What the run is done with, as a request of its own. NULL: out of memory. */
static struct request *
move_out(struct request *r)
{
	struct request *k = malloc(sizeof *k);

	if (k == NULL)
		return NULL;
	*k = *r;
	k->path = path_ref(r->path);
	buf_init(&k->canonical);
	buf_init(&k->key);
	buf_init(&k->note);
	k->own_waits = (struct redis_waits){ .engine = k->engine };
	k->waits = &k->own_waits;
	k->deadline_mono_ns = 0;
	k->cancel = NULL;
	k->progress = NULL;
	k->at_work = k->here = false;
	arena_init(&r->arena);
	r->plan = NULL;
	r->summary = NULL;
	r->world = NULL;
	r->stats = NULL;
	return k;
}

/* Under engine.lock: what was kept, to be freed under no lock. */
static struct prepared
take_all(struct engine *en)
{
	struct prepared all = en->prepared;

	quota_give(&en->quota, all.bytes);
	en->prepared = (struct prepared){ .bytes = 0 };
	return all;
}

static void
free_all(struct prepared *t)
{
	for (size_t i = 0; t->bytes != 0 && i < PREPARED_SLOTS; i++)
		request_free(t->slot[i]);
}

/*
 * Under engine.lock: those of a world that is over, whose files they would hold; and all where there is
 * no room for more: they are soon made again.
 */
static struct prepared
take_old(struct engine *en, size_t more)
{
	uint64_t id = en->world != NULL ? en->world->id : 0;
	struct prepared old = { .bytes = 0 };

	if (en->prepared.world_id != id || en->prepared.bytes + more > most_bytes(en)) {
		old = take_all(en);
		en->prepared.world_id = id;
	}
	return old;
}

/* Under engine.lock. False: it is the caller's. */
static bool
put_in(struct engine *en, struct request *r, size_t bytes, struct request **instead)
{
	struct prepared *t = &en->prepared;
	struct request **slot = slot_of(t, r->path, sv_cstr(r->file));

	*instead = NULL;
	if (r->world->id != t->world_id || r->epoch != atomic_load(&en->prepared_epoch))
		return false;
	*instead = take_out(en, slot);
	/* What was asked for may be larger than all that may be kept, or others have the memory. */
	if (bytes > most_bytes(en) || !quota_take(&en->quota, bytes))
		return false;
	t->bytes += bytes;
	*slot = r;
	return true;
}

void
prepared_settle(struct request *r, bool well)
{
	struct engine *en = r->engine;
	struct request *k = NULL, *instead = NULL;
	struct prepared old;
	size_t bytes = 0;

	if (well && may_serve(r))
		k = move_out(r);
	request_settle(r);
	if (k != NULL && (bytes = request_memory(k)) > ONE_BYTES) {
		request_free(k);
		k = NULL;
		bytes = 0;
	}
	pthread_mutex_lock(&en->lock);
	old = take_old(en, bytes);
	if (k != NULL && put_in(en, k, bytes, &instead))
		k = NULL;
	pthread_mutex_unlock(&en->lock);
	free_all(&old);
	request_free(instead);
	request_free(k);
}

void
prepared_drop(struct engine *en)
{
	struct prepared all;

	pthread_mutex_lock(&en->lock);
	atomic_fetch_add(&en->prepared_epoch, 1);
	all = take_all(en);
	pthread_mutex_unlock(&en->lock);
	free_all(&all);
}

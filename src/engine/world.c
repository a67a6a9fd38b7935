/* SPDX-License-Identifier: ISC */
/*
 * world: what queries are planned against: a snapshot with what planning needs of it
 * (statistics of its shards, the names of all services), shared by all queries until the next
 * commit; and what `now` is there.
 *
 * Most queries need to know of few shards (request_stats.c). For the others statistics come
 * from every shard's footer, which takes a while where no query has been yet: so the first few
 * load only what their time range touches, each for itself, and a program that asks one
 * question pays for that one. Who asks on gets all shards, once.
 */
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "engine_i.h"

#define PARTIAL_MAX 4		/* loads of a part before everything is loaded */

struct world *
world_ref(struct world *w)
{
	atomic_fetch_add(&w->refs, 1);
	return w;
}

void
world_unref(struct world *w)
{
	if (w == NULL || atomic_fetch_sub(&w->refs, 1) != 1)
		return;
	map_release(&w->services);
	map_release(&w->fields);
	for (size_t i = 0; i < w->n_filters; i++)
		value_filter_free(w->filters[i]);
	free(w->filters);
	arena_release(&w->arena);
	snapshot_unref(w->snap);
	pthread_mutex_destroy(&w->making);
	pthread_mutex_destroy(&w->lock);
	free(w);
}

/* Takes over the snapshot's reference. */
static int
world_new(struct engine *en, const struct snapshot *snap, struct world **out, struct err *e)
{
	static atomic_ullong ids = 1;
	struct world *w = calloc(1, sizeof *w);

	if (w == NULL) {
		snapshot_unref(snap);
		return err_nomem(e);
	}
	atomic_init(&w->refs, 1);
	w->id = atomic_fetch_add(&ids, 1);
	atomic_init(&w->all, NULL);
	atomic_init(&w->n_partial, 0);
	atomic_init(&w->named, false);
	pthread_mutex_init(&w->making, NULL);
	pthread_mutex_init(&w->lock, NULL);
	w->engine = en;
	w->snap = snap;
	arena_init(&w->arena);
	map_init(&w->services);
	map_init(&w->fields);
	*out = w;
	return 0;
}

int
world_all(struct engine *en, struct world *w, const struct stats **out, struct err *e)
{
	const struct stats *st = atomic_load_explicit(&w->all, memory_order_acquire);
	int code = 0;

	if (st == NULL) {
		pthread_mutex_lock(&w->making);
		st = atomic_load_explicit(&w->all, memory_order_relaxed);
		if (st == NULL &&
		    (code = stats_load(w->snap, TIME_RANGE_ALL, en->workers, &w->arena, &st,
		    e)) == 0)
			atomic_store_explicit(&w->all, st, memory_order_release);
		pthread_mutex_unlock(&w->making);
	}
	if (code == 0)
		*out = st;
	return code;
}

int
world_stats(struct engine *en, struct world *w, struct time_range range, struct arena *a,
    const struct stats **out, struct err *e)
{
	*out = atomic_load_explicit(&w->all, memory_order_acquire);
	if (*out != NULL)
		return 0;
	if (snapshot_touched(w->snap, range) > w->snap->n_shards / 2 ||
	    atomic_fetch_add(&w->n_partial, 1) >= PARTIAL_MAX)
		return world_all(en, w, out, e);
	return stats_load(w->snap, range, en->workers, a, out, e);
}

int
world_counts(struct engine *en, struct world *w, struct arena *a, const struct stats **out,
    struct err *e)
{
	struct stats_need need = STATS_NEED_ALL;
	struct selection sel;
	int code;

	need.counts = true;
	if ((code = stats_select(w->snap, &need, a, &sel, e)) < 0)
		return code;
	return stats_of(w->snap, &need, &sel, en->workers, a, out, e);
}

/* The log says once that the store is out of reach, or not the one that was opened any more. */
static int
newest(struct engine *en, const struct snapshot **out, struct err *e)
{
	struct err err = ERR_INIT;
	int code = catalog_snapshot(en->catalog, out, &err);

	if (code == 0) {
		atomic_store(&en->store_lost, false);
		return 0;
	}
	if (!atomic_exchange(&en->store_lost, true))
		log_error("store %s: %s", en->store, err.msg);
	if (e != NULL)
		*e = err;
	return code;
}

int
engine_world(struct engine *en, struct world **out, struct err *e)
{
	const struct snapshot *snap;
	struct world *w = NULL, *old = NULL;
	int code;

	if ((code = newest(en, &snap, e)) < 0)
		return code;
	pthread_mutex_lock(&en->lock);
	if (en->world != NULL && en->world->snap->generation == snap->generation) {
		*out = world_ref(en->world);
		pthread_mutex_unlock(&en->lock);
		snapshot_unref(snap);
		return 0;
	}
	pthread_mutex_unlock(&en->lock);
	/* Made outside the lock: two threads may both do it, which is only work done twice. */
	if ((code = world_new(en, snap, &w, e)) < 0)
		return code;
	pthread_mutex_lock(&en->lock);
	if (en->world == NULL || en->world->snap->generation < w->snap->generation) {
		old = en->world;
		en->world = world_ref(w);
	}
	/* What is prepared for the old one holds it. */
	if (old != NULL && en->idle)
		pthread_cond_signal(&en->tick);
	pthread_mutex_unlock(&en->lock);
	world_unref(old);
	*out = w;
	return 0;
}

int
world_times(const struct world *w, struct ch_span_times *out, struct err *e)
{
	struct engine *en = w->engine;
	uint64_t age = conf_u64(en->conf, CONF_RESULT_CACHE_TTL);

	/* Every look-up of a path may ask. */
	if (en->server != NULL)
		return ch_server_times(en->server, age < NS_PER_S ? NS_PER_S : age, NULL, 0, out, e);
	*out = (struct ch_span_times){ w->snap->n_shards != 0, w->snap->min_start,
		w->snap->max_start, w->snap->n_rows };
	return 0;
}

uint64_t
engine_now(struct engine *en, const struct world *w)
{
	uint64_t ttl = conf_u64(en->conf, CONF_RESULT_CACHE_TTL);
	uint64_t set = atomic_load(&en->now), now;
	struct ch_span_times t;

	if (set == NOW_LATEST && world_times(w, &t, NULL) == 0 && t.any)
		return t.last_ns;
	if (set != NOW_CLOCK && set != NOW_LATEST)
		return set;
	now = clock_wall_ns();
	return ttl == 0 ? now : now - now % ttl;
}

/* ---- `now` ---- */

int
now_of_conf(const struct conf *c, uint64_t *now, struct err *e)
{
	const char *text = conf_str(c, CONF_MOUNT_NOW);
	uint64_t fixed;
	struct when w;

	if (strcmp(text, "latest") == 0 || strcmp(text, "wall") == 0) {
		*now = strcmp(text, "latest") == 0 ? NOW_LATEST : NOW_CLOCK;
		return 0;
	}
	if (!when_parse(sv_cstr(text), &w))
		return err_set(e, ERR_SYNTAX, -1,
		    "%s: [mount] now: expected wall, latest or a time, got '%s'",
		    conf_where(c, CONF_MOUNT_NOW), text);
	if ((fixed = when_resolve(w, clock_wall_ns())) == NOW_CLOCK)
		fixed = 1;
	*now = fixed == NOW_LATEST ? fixed - 1 : fixed;
	return 0;
}

int
engine_set_now(struct engine *en, struct err *e)
{
	uint64_t now;
	int code = now_of_conf(en->conf, &now, e);

	if (code == 0)
		atomic_store(&en->now, now);
	return code;
}

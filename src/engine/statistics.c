/* SPDX-License-Identifier: ISC */
/*
 * statistics: the summary of all shards that queries are estimated with. A program that stays
 * begins with it (engine_warm), and it is made anew when a query finds it of an older state
 * and [statistics] refresh has passed since; in the background, while queries go on with what
 * there is. A program that asks one question is gone before it would pay; `analyze` makes it at
 * once.
 *
 * Who makes one keeps it beside the store (catalog/kept.h), and a program that stays its
 * decisions, too: now and then and when it ends. The first plan of any program looks there. Where
 * nothing can be kept the log says so once, and that is all.
 */
#include "base/clock.h"
#include "base/log.h"
#include "catalog/kept.h"
#include "engine_i.h"

static void
maker_options(const struct conf *c, struct summary_options *o)
{
	*o = (struct summary_options){
		.top_values = (uint32_t)conf_u64(c, CONF_STATISTICS_TOP_VALUES),
		.buckets = 2 * (uint32_t)conf_u64(c, CONF_STATISTICS_HISTOGRAM_BUCKETS),
	};
}

void
statistics_init(struct statistics *s)
{
	pthread_mutex_init(&s->looking, NULL);
	pthread_mutex_init(&s->lock, NULL);
	pthread_mutex_init(&s->state, NULL);
}

void
statistics_release(struct statistics *s)
{
	summary_unref(s->newest);
	summary_maker_free(s->maker);
	pthread_mutex_destroy(&s->state);
	pthread_mutex_destroy(&s->lock);
	pthread_mutex_destroy(&s->looking);
}

/* ---- beside the store ---- */

/* Another program that keeps the same at this moment is as good. */
static void
note_kept(struct engine *en, int code, const struct err *why)
{
	if (code < 0 && code != ERR_BUSY && !atomic_exchange(&en->statistics.told, true))
		log_warn("store %s: what plans are made from is not kept for the next start: %s",
		    en->store, why->msg);
}

static void
take_kept_summary(struct engine *en, const struct snapshot *snap)
{
	struct statistics *s = &en->statistics;
	struct summary_options o;
	struct summary *got, *extra;
	uint64_t wall = clock_wall_ns();

	maker_options(en->conf, &o);
	if (summary_kept(catalog_fsys(en->catalog), snap, &o, &got, NULL) < 0)
		return;
	pthread_mutex_lock(&s->state);
	extra = s->newest == NULL ? NULL : got;
	if (extra == NULL) {
		s->newest = got;
		s->made_mono_ns = clock_mono_ns() -
		    (wall > got->stats.made_ns ? wall - got->stats.made_ns : 0);
	}
	pthread_mutex_unlock(&s->state);
	summary_unref(extra);
}

/*
 * By the first who plans; of a program that asks one question, if that may look at so many rows
 * that it pays.
 */
static void
look_at_kept(struct engine *en, const struct snapshot *snap, uint64_t n_rows)
{
	struct statistics *s = &en->statistics;

	if (atomic_load(&s->looked) || (atomic_load(&en->once) && n_rows < en->once_rows))
		return;
	pthread_mutex_lock(&s->looking);
	if (!atomic_load(&s->looked)) {
		take_kept_summary(en, snap);
		costs_take_kept(en, snap);
		atomic_store(&s->kept_mono_ns, clock_mono_ns());
		atomic_store(&s->looked, true);
	}
	pthread_mutex_unlock(&s->looking);
}

/* How often something was decided, or forgotten. */
static uint64_t
n_decided(struct engine *en)
{
	const struct decisioncache_stats d = decisioncache_stats(en->decisions);

	return d.computed + d.dropped + d.evicted;
}

void
statistics_keep_decisions(struct engine *en, const struct snapshot *snap)
{
	struct statistics *s = &en->statistics;
	uint64_t n = n_decided(en);
	struct err e = ERR_INIT;
	int code;

	atomic_store(&s->kept_mono_ns, clock_mono_ns());
	if (atomic_exchange(&s->kept_decided, n) == n)
		return;
	code = costs_keep(en, snap, &e);
	note_kept(en, code, &e);
}

/* ---- making ---- */

/* Under statistics.lock. */
static int
make(struct engine *en, const struct world *w, size_t *n_read, struct err *e)
{
	struct statistics *s = &en->statistics;
	struct summary *fresh = NULL, *old;
	struct summary_options o;
	struct err why = ERR_INIT;
	int code = 0;

	*n_read = 0;
	if (s->maker == NULL) {
		maker_options(en->conf, &o);
		code = summary_maker_new(&o, &s->maker, e);
	}
	if (code == 0)
		code = summary_make(s->maker, w->snap, clock_wall_ns(), &fresh, n_read, e);
	if (code != 0)
		return code;
	pthread_mutex_lock(&en->statistics.state);
	old = s->newest;
	s->newest = fresh;
	s->made_mono_ns = clock_mono_ns();
	pthread_mutex_unlock(&en->statistics.state);
	summary_unref(old);
	/* Only who holds statistics.lock takes it away. */
	maker_options(en->conf, &o);
	code = summary_keep(catalog_fsys(en->catalog), w->snap, &o, &fresh->stats, &why);
	note_kept(en, code, &why);
	return 0;
}

/* Under statistics.state. */
static bool
is_due(const struct statistics *s, const struct world *w, uint64_t refresh)
{
	return s->newest == NULL || (s->newest->stats.generation != w->snap->generation &&
	    clock_mono_ns() - s->made_mono_ns >= refresh);
}

static void
make_in_background(void *arg)
{
	struct engine *en = arg;
	struct err e = ERR_INIT;
	struct world *w;
	size_t n_read;
	bool due;

	if (engine_world(en, &w, &e) == 0) {
		look_at_kept(en, w->snap, UINT64_MAX);
		pthread_mutex_lock(&en->statistics.lock);
		pthread_mutex_lock(&en->statistics.state);
		due = is_due(&en->statistics, w, conf_u64(en->conf, CONF_STATISTICS_REFRESH));
		pthread_mutex_unlock(&en->statistics.state);
		/* For want of memory the old one stays; the next query tries again. */
		if (due)
			(void)make(en, w, &n_read, &e);
		pthread_mutex_unlock(&en->statistics.lock);
		statistics_keep_decisions(en, w->snap);
		world_unref(w);
	}
	pthread_mutex_lock(&en->statistics.state);
	en->statistics.making = false;
	pthread_mutex_unlock(&en->statistics.state);
}

/* Unless it is being made. Under statistics.state, which is left meanwhile. */
static void
start_making(struct engine *en)
{
	int code;

	if (en->statistics.making)
		return;
	en->statistics.making = true;
	pthread_mutex_unlock(&en->statistics.state);
	code = runner_submit(en->runner, make_in_background, en, &(struct turn){ 0 }, NULL);
	pthread_mutex_lock(&en->statistics.state);
	if (code != 0)
		en->statistics.making = false;
}

struct summary *
engine_summary(struct engine *en, const struct world *w, uint64_t n_rows)
{
	struct statistics *s = &en->statistics;
	uint64_t refresh = conf_u64(en->conf, CONF_STATISTICS_REFRESH);
	struct summary *got;
	bool decided;

	look_at_kept(en, w->snap, n_rows);
	decided = clock_mono_ns() - atomic_load(&s->kept_mono_ns) >= refresh &&
	    n_decided(en) != atomic_load(&s->kept_decided);
	pthread_mutex_lock(&en->statistics.state);
	got = s->newest == NULL ? NULL : summary_ref(s->newest);
	if (refresh != 0 && s->kept && (decided || is_due(s, w, refresh)))
		start_making(en);
	pthread_mutex_unlock(&en->statistics.state);
	return got;
}

void
engine_warm(struct engine *en)
{
	pthread_mutex_lock(&en->statistics.state);
	en->statistics.kept = true;
	if (conf_u64(en->conf, CONF_STATISTICS_REFRESH) != 0)
		start_making(en);
	pthread_mutex_unlock(&en->statistics.state);
}

int
engine_analyze(struct engine *en, struct analysis *a, struct err *e)
{
	uint64_t begun = clock_mono_ns();
	const struct stats_summary *s;
	struct summary *got;
	struct world *w;
	size_t n_read;
	int code;

	*a = (struct analysis){ 0 };
	if ((code = engine_world(en, &w, e)) < 0)
		return code;
	pthread_mutex_lock(&en->statistics.lock);
	code = make(en, w, &n_read, e);
	pthread_mutex_unlock(&en->statistics.lock);
	if (code == 0) {
		pthread_mutex_lock(&en->statistics.state);
		got = summary_ref(en->statistics.newest);
		pthread_mutex_unlock(&en->statistics.state);
		s = &got->stats;
		*a = (struct analysis){
			.n_shards = s->n_shards, .n_damaged = w->snap->n_shards - s->n_shards,
			.n_read = n_read, .n_spans = (uint64_t)s->n_rows,
			.n_fields = s->n_fields, .n_cells = s->n_cells,
			.duration_ns = clock_mono_ns() - begun,
		};
		summary_unref(got);
	}
	world_unref(w);
	return code;
}

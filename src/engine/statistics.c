/* SPDX-License-Identifier: ISC */
/*
 * statistics: the summary of all shards that queries are estimated with. A program that stays
 * begins with it (engine_warm), and it is made anew when a query finds it of an older state
 * and [statistics] refresh has passed since; in the background, while queries go on with what
 * there is. A program that asks one question is gone before it would pay; `analyze` makes it at
 * once.
 */
#include "base/clock.h"
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
}

/* Under statistics.lock. */
static int
make(struct engine *en, const struct world *w, size_t *n_read, struct err *e)
{
	struct statistics *s = &en->statistics;
	struct summary *fresh = NULL, *old;
	struct summary_options o;
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
	return 0;
}

static void
make_in_background(void *arg)
{
	struct engine *en = arg;
	struct err e = ERR_INIT;
	struct world *w;
	size_t n_read;

	if (engine_world(en, &w, &e) == 0) {
		pthread_mutex_lock(&en->statistics.lock);
		/* For want of memory the old one stays; the next query tries again. */
		(void)make(en, w, &n_read, &e);
		pthread_mutex_unlock(&en->statistics.lock);
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
engine_summary(struct engine *en, const struct world *w)
{
	struct statistics *s = &en->statistics;
	uint64_t refresh = conf_u64(en->conf, CONF_STATISTICS_REFRESH);
	struct summary *got;

	pthread_mutex_lock(&en->statistics.state);
	got = s->newest == NULL ? NULL : summary_ref(s->newest);
	if (refresh != 0 && s->kept && (got == NULL ||
	    (got->stats.generation != w->snap->generation &&
	    clock_mono_ns() - s->made_mono_ns >= refresh)))
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

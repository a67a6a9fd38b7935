/* SPDX-License-Identifier: ISC */
/*
 * agg_finish: the end of a table: its groups, in memory or not, become rows in order. That is one
 * thread's work, but for the percentiles of large groups, which take the longest: threads look for
 * those of a group each, in place, and the rows are told them.
 */
#include <stdlib.h>

#include "agg_i.h"
#include "base/pool.h"
#include "base/vec.h"

/* ---- percentiles of large groups ---- */

#define LARGE 4096		/* numbers of a group */
#define LARGE_ALL 65536		/* of all that are large: fewer are found as soon by one thread */

struct large {
	struct quantile *q;
	size_t measure;
};

struct finding {
	struct agg_table *t;
	VEC(struct large) v;
	size_t n_numbers;
	atomic_bool over;
};

/* Asked for of every group, and not only of those that turn out to be rows. */
static bool
is_wanted(const struct agg_table *t, size_t i)
{
	return t->early[i] || (t->g->n_having == 0 && !t->top);
}

/* Percentiles that are made of the measure; 0 where some of them may not be wanted. */
static size_t
count_ranks(const struct agg_table *t, size_t measure)
{
	size_t n = 0;

	for (size_t i = 0; i < t->g->n_aggs; i++) {
		if (t->g->aggs[i].kind != AGG_QUANTILE || t->agg_measure[i] != measure)
			continue;
		if (!is_wanted(t, i))
			return 0;
		n++;
	}
	return n;
}

/* False: no memory for more of them. */
static bool
list_side(struct finding *f, const struct side *s, size_t measure)
{
	struct quantile *q = (void *)(s->states + f->t->measures[measure].at);

	if (s->count < LARGE || q->n_ints < LARGE)
		return true;
	f->n_numbers += q->n_ints;
	return vec_push(&f->v, ((struct large){ q, measure }));
}

static void
list_large(struct finding *f)
{
	const struct agg_table *t = f->t;
	size_t sides = t->g->versus ? 2 : 1;

	for (size_t m = 0; m < t->n_measures; m++) {
		if (t->measures[m].kind != MEASURE_QUANTILE || count_ranks(t, m) == 0)
			continue;
		for (size_t i = 0; i < t->n_groups; i++)
			for (size_t s = 0; s < sides; s++)
				if (!list_side(f, &t->groups[i]->side[s], m))
					return;
	}
}

/* Those that there is memory for; the others are found when they are asked for. */
static void
begin_ranks(struct finding *f)
{
	struct agg_table *t = f->t;
	size_t n = 0;

	for (size_t i = 0; i < f->v.n; i++) {
		struct large l = f->v.v[i];
		size_t k = 0;

		if (!ranks_begin(&t->mem, l.q, count_ranks(t, l.measure)))
			continue;
		for (size_t a = 0; a < t->g->n_aggs; a++)
			if (t->g->aggs[a].kind == AGG_QUANTILE && t->agg_measure[a] == l.measure)
				l.q->ranks->v[k++].of = (struct agg_rank){ t->g->aggs[a].part,
				    t->g->aggs[a].whole };
		f->v.v[n++] = l;
	}
	f->v.n = n;
}

static void
find_task(void *arg, size_t i)
{
	struct finding *f = arg;

	if (agg_over(&f->t->opt, NULL) < 0)
		atomic_store(&f->over, true);
	else
		ranks_find(f->v.v[i].q);
}

static int
find_large(struct agg_table *t, struct err *e)
{
	struct finding f = { .t = t, .v = VEC_INIT };

	if (t->opt.pool == NULL || t->opt.threads < 2)
		return 0;
	list_large(&f);
	if (f.n_numbers >= LARGE_ALL && f.v.n > 1) {
		begin_ranks(&f);
		t->n_apart += f.v.n;
		pool_each(t->opt.pool, t->opt.threads, f.v.n, find_task, &f);
	}
	vec_release(&f.v);
	return atomic_load(&f.over) ? agg_over(&t->opt, e) : 0;
}

/* ---- the end ---- */

/* Everything is one group, of nothing too. */
static int
need_single(struct agg_table *t, struct err *e)
{
	if (t->g->n_keys != 0 || t->g->has_bucket || t->n_groups != 0)
		return 0;
	return table_need_group(t, e);
}

int
agg_finish(struct agg_table *t, struct err *e)
{
	int code = trace_items_end(t, e);
	bool spilled = code == 0 && table_must_spill(t);

	if (code == 0 && !spilled)
		code = need_single(t, e);
	if (code == 0)
		code = cells_begin(t, e);
	t->top = t->opt.keep != 0 && t->opt.keep < t->n_groups;
	if (code == 0 && !spilled)
		code = find_large(t, e);
	if (code == 0)
		code = spilled ? table_end_spilled(t, e) : table_take_groups(t, e);
	if (code == 0 && t->g->fill != FILL_NONE)
		code = rows_fill(t, e);
	if (code < 0)
		return code;
	return t->runs != NULL ? row_runs_end(t, e) : rows_sort(t, e);
}

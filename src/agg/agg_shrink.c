/* SPDX-License-Identifier: ISC */
/*
 * agg_shrink: a table whose memory is short. Once in its life it makes its percentiles and
 * counts of different values approximate; from then on those that grow become so, and the
 * next time that memory is short it fails.
 */
#include "agg_i.h"

bool
agg_can_shrink(const struct grouping *g)
{
	for (size_t i = 0; i < g->n_aggs; i++)
		if (g->aggs[i].kind == AGG_QUANTILE || g->aggs[i].kind == AGG_DISTINCT)
			return true;
	return false;
}

bool
agg_is_exact(const struct agg_table *t)
{
	return !t->mem.inexact;
}

static int
shrink_side(struct agg_table *t, struct side *s, struct err *e)
{
	int code = 0;

	for (size_t i = 0; code == 0 && s->states != NULL && i < t->n_measures; i++)
		code = measure_shrink(&t->mem, &t->measures[i], s->states + t->measures[i].at, e);
	return code;
}

int
table_relieve(struct agg_table *t, struct err *e)
{
	int code = 0;

	if (t->mem.short_of || t->opt.exact || !agg_can_shrink(t->g))
		return ERR_NOMEM;
	t->mem.short_of = true;
	for (size_t i = 0; code == 0 && i < t->n_groups; i++)
		if ((code = agg_check(t, e)) == 0 &&
		    (code = shrink_side(t, &t->groups[i]->side[SIDE_NOW], e)) == 0)
			code = shrink_side(t, &t->groups[i]->side[SIDE_BEFORE], e);
	return code;
}

void
group_drop_states(struct agg_table *t, struct group *g)
{
	for (size_t s = 0; s < 2; s++) {
		for (size_t i = 0; g->side[s].states != NULL && i < t->n_measures; i++) {
			void *state = g->side[s].states + t->measures[i].at;

			t->mem.used -= measure_held(&t->measures[i], state);
			measure_release(&t->measures[i], state);
		}
		g->side[s].states = NULL;
	}
}

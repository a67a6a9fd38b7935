/* SPDX-License-Identifier: ISC */
/* agg_state: the states of measures, by their kind. A state begins as zeros. */
#include <stdlib.h>

#include "agg_i.h"

size_t
measure_bytes(enum measure_kind k)
{
	static const size_t bytes[] = {
		[MEASURE_SUM] = sizeof(struct sum),
		[MEASURE_MIN] = sizeof(struct number),
		[MEASURE_MAX] = sizeof(struct number),
		[MEASURE_QUANTILE] = sizeof(struct quantile),
		[MEASURE_DISTINCT] = sizeof(struct distinct),
		[MEASURE_HIST] = sizeof(struct hist),
	};

	_Static_assert(sizeof(struct sum) <= STATE_MOST && sizeof(struct quantile) <= STATE_MOST,
	    "room for a state of any kind");
	return (bytes[k] + 15) & ~(size_t)15;
}

static void
keep_end(struct number *have, struct number x, bool least)
{
	int c = have->kind == NUMBER_NONE ? 0 : number_order(x, *have);

	if (have->kind == NUMBER_NONE || (least ? c < 0 : c > 0))
		*have = x;
}

static int
add_distinct(struct agg_memory *m, struct distinct *d, const struct value *v, struct err *e)
{
	struct buf b = BUF_INIT;
	int code;

	value_pack_key(&b, v);
	if ((code = buf_ok(&b, e)) == 0)
		code = distinct_add(m, d, hash128(b.p, b.n), e);
	buf_release(&b);
	return code;
}

int
measure_add(struct agg_memory *m, const struct measure *me, void *state,
    const struct agg_slot *slot, const struct value *v, struct err *e)
{
	struct number x;

	if (me->kind == MEASURE_DISTINCT)
		return add_distinct(m, state, v, e);
	if ((x = slot_number(slot, v)).kind == NUMBER_NONE)
		return 0;
	switch (me->kind) {
	case MEASURE_SUM:
		return sum_add(state, x) ? 0 : err_nomem(e);
	case MEASURE_MIN:
	case MEASURE_MAX:
		keep_end(state, x, me->kind == MEASURE_MIN);
		return 0;
	case MEASURE_QUANTILE:
		return quantile_add(m, state, x, e);
	case MEASURE_HIST:
		return hist_add(m, state, x, 1, e);
	case MEASURE_DISTINCT:
		break;
	}
	return 0;
}

int
measure_merge(struct agg_memory *m, const struct measure *me, void *state, void *from,
    struct err *e)
{
	const struct number *x = from;

	switch (me->kind) {
	case MEASURE_SUM:
		return sum_merge(state, from) ? 0 : err_nomem(e);
	case MEASURE_MIN:
	case MEASURE_MAX:
		if (x->kind != NUMBER_NONE)
			keep_end(state, *x, me->kind == MEASURE_MIN);
		return 0;
	case MEASURE_QUANTILE:
		return quantile_merge(m, state, from, e);
	case MEASURE_DISTINCT:
		return distinct_merge(m, state, from, e);
	case MEASURE_HIST:
		return hist_merge(m, state, from, e);
	}
	return 0;
}

size_t
measure_held(const struct measure *me, const void *state)
{
	const struct quantile *q = state;
	const struct distinct *d = state;

	switch (me->kind) {
	case MEASURE_SUM:
	case MEASURE_MIN:
	case MEASURE_MAX:
		return 0;
	case MEASURE_QUANTILE:
		return (q->cap_ints + q->cap_doubles) * sizeof *q->ints + ranks_bytes(q->ranks) +
		    packs_bytes(q->packs) +
		    (q->sketch == NULL ? 0 : sizeof *q->sketch + sketch_bytes(q->sketch));
	case MEASURE_DISTINCT:
		return d->cap * sizeof *d->v +
		    (d->hll == NULL ? 0 : sizeof *d->hll + hll16_bytes(d->hll));
	case MEASURE_HIST:
		return ((const struct hist *)state)->cap * sizeof(struct hist_count);
	}
	return 0;
}

int
measure_shrink(struct agg_memory *m, const struct measure *me, void *state, struct err *e)
{
	if (me->kind == MEASURE_QUANTILE)
		return quantile_shrink(m, state, e);
	return me->kind == MEASURE_DISTINCT ? distinct_shrink(m, state, e) : 0;
}

static void
release_quantile(struct quantile *q)
{
	if (q->sketch != NULL)
		sketch_release(q->sketch);
	free(q->sketch);
	free(q->ranks);
	free(q->packs);
	free(q->ints);
	free(q->doubles);
}

static void
release_distinct(struct distinct *d)
{
	if (d->hll != NULL)
		hll16_release(d->hll);
	free(d->hll);
	free(d->v);
}

void
measure_release(const struct measure *me, void *state)
{

	switch (me->kind) {
	case MEASURE_SUM:
		sum_release(state);
		return;
	case MEASURE_MIN:
	case MEASURE_MAX:
		return;
	case MEASURE_QUANTILE:
		release_quantile(state);
		return;
	case MEASURE_DISTINCT:
		release_distinct(state);
		return;
	case MEASURE_HIST:
		free(((struct hist *)state)->v);
		return;
	}
}

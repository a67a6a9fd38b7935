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

void
measure_release(const struct measure *me, void *state)
{
	struct quantile *q = state;

	switch (me->kind) {
	case MEASURE_SUM:
		sum_release(state);
		return;
	case MEASURE_MIN:
	case MEASURE_MAX:
		return;
	case MEASURE_QUANTILE:
		free(q->ints);
		free(q->doubles);
		return;
	case MEASURE_DISTINCT:
		free(((struct distinct *)state)->v);
		return;
	case MEASURE_HIST:
		free(((struct hist *)state)->v);
		return;
	}
}

/* SPDX-License-Identifier: ISC */
/* agg_given: see agg/agg_given.h. */
#include "agg/agg_given.h"

#include "agg/agg_columns.h"
#include "agg_i.h"

const struct grouping *
agg_grouping(const struct agg_table *t)
{
	return t->g;
}

uint64_t
agg_keep(const struct agg_table *t)
{
	return t->opt.keep;
}

struct bucket_step
agg_step(const struct agg_table *t)
{
	return t->opt.step;
}

uint64_t
agg_shift(const struct agg_table *t, enum agg_side side)
{
	return side == SIDE_BEFORE ? t->opt.shift : 0;
}

/* Shared by all fields. */
static void
want_ranks(const struct grouping *g, struct agg_given_want *want)
{
	want->n_ranks = 0;
	for (size_t i = 0; i < g->n_aggs; i++) {
		const struct aggregate *a = &g->aggs[i];
		size_t k = 0;

		if (a->kind != AGG_QUANTILE)
			continue;
		while (k < want->n_ranks && (want->ranks[k].part != a->part || want->ranks[k].whole != a->whole))
			k++;
		if (k < want->n_ranks)
			continue;
		if (k == AGG_RANKS) {
			want->n_ranks = 0;
			return;
		}
		want->ranks[want->n_ranks++] = (struct agg_rank){ a->part, a->whole };
	}
}

/* Of the slot, made if need be; NULL: there are too many. */
static struct agg_given_field *
want_field(const struct agg_table *t, size_t slot, struct agg_given_want *want)
{
	for (size_t i = 0; i < want->n_fields; i++)
		if (want->fields[i].slot == slot)
			return &want->fields[i];
	if (want->n_fields == AGG_GIVEN_FIELDS)
		return NULL;
	want->fields[want->n_fields] = (struct agg_given_field){ .field = &t->slots[slot].field, .slot = slot,
		.is_unsigned = t->slots[slot].is_unsigned };
	return &want->fields[want->n_fields++];
}

static bool
want_measure(const struct agg_table *t, const struct measure *m, struct agg_given_want *want)
{
	struct agg_given_field *f = want_field(t, m->slot, want);

	if (f == NULL)
		return false;
	switch (m->kind) {
	case MEASURE_SUM:
		f->sum = true;
		return true;
	case MEASURE_MIN:
	case MEASURE_MAX:
		f->ends = true;
		return true;
	case MEASURE_QUANTILE:
		f->all = want->all = true;
		return true;
	case MEASURE_DISTINCT:
		/* Such groups don't go where others of theirs are. */
		f->distinct = want->distinct = true;
		return !table_is_spilled(t);
	default:
		return false;
	}
}

bool
agg_takes_given(const struct agg_table *t, struct agg_given_want *want)
{
	*want = (struct agg_given_want){ .n_ranks = 0 };
	want->traces = t->g->per_trace;
	if ((want->traces && !agg_asks_traces_only(t)) || t->has_cost || t->has_parent_cost)
		return false;
	for (size_t i = 0; i < t->n_slots; i++)
		want->parents |= t->slots[i].field.scope == FIELD_PARENT;
	for (size_t i = 0; i < t->n_measures; i++)
		if (!want_measure(t, &t->measures[i], want))
			return false;
	if (!table_is_spilled(t))
		want_ranks(t->g, want);
	return true;
}

static bool
is_key(const struct agg_table *t, size_t slot)
{
	for (size_t i = 0; i < t->g->n_keys; i++)
		if (t->key_slots[i] == slot)
			return true;
	return false;
}

/* Of traces the span that stands for them has what is their own. */
static int
key_take(struct agg_table *t, struct agg_slot *s, const struct field_row *r, struct err *e)
{
	const struct span *like = r->span;

	if (!s->of_trace)
		return slot_add_span(s, r, &t->item, e);
	return vec_push(&s->v, ((struct value){ .type = VAL_STRING,
	    .s = s->field.intrinsic == IN_NAME ? like->name : like->resource->service })) ? 0 : err_nomem(e);
}

int
agg_add_given(struct agg_table *t, enum agg_side side, const struct agg_given *g, struct err *e)
{
	const struct field_row r = field_row_of(g->like);
	int code = 0;

	if (side == SIDE_NOW) {
		t->first_ns = g->first_ns < t->first_ns ? g->first_ns : t->first_ns;
		t->last_ns = g->last_ns > t->last_ns ? g->last_ns : t->last_ns;
		t->n_items += g->count;
	}
	slots_clear(t);
	for (size_t i = 0; code == 0 && i < t->n_slots; i++)
		if (is_key(t, i))
			code = key_take(t, &t->slots[i], &r, e);
	return code < 0 ? code : table_add_given(t, side, g, e);
}

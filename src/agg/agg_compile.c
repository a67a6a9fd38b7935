/* SPDX-License-Identifier: ISC */
/*
 * agg_compile: what a query asks of groups as slots (what is looked at in a span) and measures (what
 * is kept of a group): aggregates that need the same share one. A table begins and ends here.
 */
#include <stdlib.h>

#include "agg_i.h"

static bool
is_trace_own(const struct grouping *g, const struct field *f)
{
	return g->per_trace && f->scope == FIELD_INTRINSIC && (f->intrinsic == IN_SERVICE ||
	    f->intrinsic == IN_NAME || f->intrinsic == IN_START || f->intrinsic == IN_DURATION);
}

static size_t
slot_of(struct agg_table *t, const struct field *f)
{
	enum field_type type = field_type(f);
	size_t i;

	for (i = 0; i < t->n_slots; i++)
		if (field_eq(&t->slots[i].field, f))
			return i;
	if (f->intrinsic == IN_COST && (f->scope == FIELD_INTRINSIC ||
	    (f->scope == FIELD_PARENT && f->inner == FIELD_INTRINSIC))) {
		t->has_cost |= f->scope == FIELD_INTRINSIC;
		t->has_parent_cost |= f->scope == FIELD_PARENT;
		t->prices = f->prices;
	}
	t->slots[t->n_slots++] = (struct agg_slot){
		.field = *f,
		.is_unsigned = type == FT_INT || type == FT_TIME || type == FT_DURATION,
		.is_word = type == FT_KIND || type == FT_STATUS,
		.of_trace = is_trace_own(t->g, f),
	};
	return i;
}

static size_t
measure_of(struct agg_table *t, enum measure_kind kind, const struct field *f)
{
	size_t slot = slot_of(t, f), i;

	for (i = 0; i < t->n_measures; i++)
		if (t->measures[i].kind == kind && t->measures[i].slot == slot)
			return i;
	t->measures[t->n_measures++] = (struct measure){ kind, slot, t->side_bytes };
	t->side_bytes += measure_bytes(kind);
	return i;
}

static enum measure_kind
kind_of(const struct aggregate *a)
{
	switch (a->kind) {
	case AGG_MIN:
		return MEASURE_MIN;
	case AGG_MAX:
		return MEASURE_MAX;
	case AGG_QUANTILE:
		return MEASURE_QUANTILE;
	case AGG_DISTINCT:
		return MEASURE_DISTINCT;
	case AGG_HIST:
		return MEASURE_HIST;
	default:
		return MEASURE_SUM;
	}
}

/* Keys, measures, start and status; of traces what is the trace's own. */
static int
take_fields(struct agg_table *t, struct err *e)
{
	static const enum intrinsic of_span[] = { IN_START, IN_STATUS };
	static const enum intrinsic of_trace[] = { IN_ROOT_SERVICE, IN_ROOT_NAME, IN_TRACE_START,
	    IN_TRACE_DURATION, IN_TRACE_ERRORS };

	if ((t->fields = arena_array(&t->arena, t->n_slots + 7, struct field)) == NULL)
		return err_nomem(e);
	for (size_t i = 0; i < 2; i++)
		t->fields[t->n_fields++] = (struct field){ .scope = FIELD_INTRINSIC,
		    .intrinsic = of_span[i] };
	for (size_t i = 0; t->g->per_trace && i < 5; i++)
		t->fields[t->n_fields++] = (struct field){ .scope = FIELD_INTRINSIC,
		    .intrinsic = of_trace[i] };
	for (size_t i = 0; i < t->n_slots; i++)
		if (!t->slots[i].of_trace)
			t->fields[t->n_fields++] = t->slots[i].field;
	return 0;
}

static int
compile(struct agg_table *t, struct err *e)
{
	const struct grouping *g = t->g;
	size_t n = g->n_keys + g->n_aggs;

	t->slots = arena_array(&t->arena, n + 1, struct agg_slot);
	t->key_slots = arena_array(&t->arena, g->n_keys + 1, size_t);
	t->measures = arena_array(&t->arena, g->n_aggs + 1, struct measure);
	t->agg_measure = arena_array(&t->arena, g->n_aggs + 1, size_t);
	if (t->slots == NULL || t->key_slots == NULL || t->measures == NULL ||
	    t->agg_measure == NULL)
		return err_nomem(e);
	for (size_t i = 0; i < g->n_keys; i++)
		t->key_slots[i] = slot_of(t, &g->keys[i]);
	for (size_t i = 0; i < g->n_aggs; i++)
		if (agg_has_field(&g->aggs[i]))
			t->agg_measure[i] = measure_of(t, kind_of(&g->aggs[i]), &g->aggs[i].field);
	return take_fields(t, e);
}

/* Slices are its buckets, on either side. */
static void
take_slices(struct agg_table *t)
{
	t->sliced = *t->g;
	t->sliced.has_bucket = true;
	t->g = &t->sliced;
	t->opt.step = (struct bucket_step){ .kind = STEP_NS, .ns = t->opt.slice_ns };
	t->opt.shift = 0;
}

/* Groups have seven eighths of the memory before they go, unless it is said from when on. */
static void
take_spill(struct agg_table *t, struct agg_spill *s)
{
	size_t most = t->opt.memory - t->opt.memory / 8, from = t->opt.spill_from;

	t->spill = s;
	t->spill_to = s == NULL ? NULL : &s->parts;
	t->room = s == NULL ? SIZE_MAX : from != 0 && from < most ? from : most;
}

/* Takes over a reference to the file, or makes it. */
static int
table_new(const struct agg_options *opt, struct agg_spill *spill, struct agg_table **out,
    struct err *e)
{
	struct agg_table *t = calloc(1, sizeof *t);
	int code;

	if (t == NULL) {
		agg_spill_unref(spill);
		return err_nomem(e);
	}
	t->opt = *opt;
	t->g = opt->groups;
	if (opt->slice_ns != 0)
		take_slices(t);
	t->mem.limit = opt->memory;
	t->mem.quota = opt->quota;
	t->mem.keep_exact = opt->exact && agg_can_shrink(t->g);
	t->first_ns = UINT64_MAX;
	arena_init(&t->arena);
	arena_init(&t->groups_mem);
	arena_init(&t->row_mem);
	arena_init(&t->item);
	code = 0;
	if (spill == NULL && opt->spill_dir != NULL)
		code = agg_spill_new(opt->spill_dir, opt->spill_max, &spill, e);
	take_spill(t, spill);
	if (code < 0 || (code = compile(t, e)) < 0) {
		agg_table_free(t);
		return code;
	}
	*out = t;
	return 0;
}

int
agg_table_new(const struct agg_options *opt, struct agg_table **out, struct err *e)
{
	return table_new(opt, NULL, out, e);
}

int
agg_table_like(const struct agg_table *t, struct agg_table **out, struct err *e)
{
	return table_new(&t->opt, agg_spill_ref(t->spill), out, e);
}

int
agg_table_apart(const struct agg_table *t, struct agg_table **out, struct err *e)
{
	struct agg_options o = t->opt;

	o.spill_dir = NULL;
	return table_new(&o, NULL, out, e);
}

size_t
agg_memory_used(const struct agg_table *t)
{
	return t->mem.used;
}

void
agg_table_free(struct agg_table *t)
{
	if (t == NULL)
		return;
	for (size_t i = 0; i < t->n_groups; i++)
		group_drop_states(t, t->groups[i]);
	for (size_t i = 0; i < t->n_slots; i++)
		vec_release(&t->slots[i].v);
	trace_items_free(t->traces[0]);
	trace_items_free(t->traces[1]);
	free(t->groups);
	free(t->index);
	free(t->rows.v);
	free(t->before.v);
	buf_release(&t->key);
	arena_release(&t->item);
	arena_release(&t->row_mem);
	arena_release(&t->groups_mem);
	arena_release(&t->arena);
	row_runs_free(t->runs);
	agg_spill_unref(t->spill);
	table_drop_holds(t);
	quota_give(t->mem.quota, t->mem.taken);
	free(t);
}

const struct field *
agg_fields(const struct agg_table *t, size_t *n)
{
	*n = t->n_fields;
	return t->fields;
}

uint64_t
agg_n_unpriced(const struct agg_table *t)
{
	return t->n_unpriced;
}

size_t
agg_n_groups(const struct agg_table *t)
{
	return t->n_groups + (size_t)t->n_ended;
}

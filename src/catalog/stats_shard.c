/* SPDX-License-Identifier: ISC */
/*
 * stats_shard: the statistics of one shard: what its footer says, with columns named as
 * fields. Numbers, names and top values are borrowed from the shard; only the tables are new.
 */
#include <stdlib.h>

#include "stats_i.h"
#include "shard/tracesum.h"

/*
 * The fields that fixed columns are; those without an entry answer no predicate. What they hold
 * may not be the field's values: then nothing but estimates can be made of them.
 */
static const struct {
	enum column_id id;
	enum intrinsic field;
	bool range;		/* the column's range is that of the field */
	bool loose;		/* its values are not the field's */
} fixed[] = {
	{ COL_TRACE, IN_TRACE_ID, false, true },	/* ordinals in the trace table */
	{ COL_SPAN_ID, IN_SPAN_ID, true, false },
	{ COL_START, IN_START, true, false },
	{ COL_DURATION, IN_DURATION, true, true },	/* wrapped, if the end lies before the start */
	{ COL_KIND, IN_KIND, true, false },
	{ COL_STATUS, IN_STATUS, true, false },
	{ COL_NAME, IN_NAME, false, false },		/* codes */
	{ COL_STATUS_MESSAGE, IN_STATUS_MESSAGE, false, false },
	{ COL_TRACE_STATE, IN_TRACE_STATE, false, false },
	{ COL_FLAGS, IN_FLAGS, true, false },
	{ COL_EVENT_NAME, IN_EVENT_NAME, false, false },
	{ COL_EVENT_TIME, IN_EVENT_TIME, false, true },	/* relative to its span */
	{ COL_LINK_TRACE_ID, IN_LINK_TRACE_ID, false, true },	/* bytes */
	{ COL_LINK_SPAN_ID, IN_LINK_SPAN_ID, true, false },
};

static bool
fixed_field(enum column_id id, struct field *f, bool *range, bool *loose)
{
	for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++)
		if (fixed[i].id == id) {
			*f = (struct field){ .scope = FIELD_INTRINSIC, .intrinsic = fixed[i].field };
			*range = fixed[i].range;
			*loose = fixed[i].loose;
			return true;
		}
	return false;
}

bool
stats_column_field(const struct column *c, struct field *f, bool *range, bool *loose)
{
	*loose = false;
	if (c->id != COL_ATTR)
		return fixed_field(c->id, f, range, loose);
	f->scope = c->scope == ATTR_SPAN ? FIELD_SPAN : c->scope == ATTR_EVENT ? FIELD_EVENT :
	    FIELD_LINK;
	f->key = c->key;
	*range = c->kind == COLUMN_INT;
	return true;
}

static void
index_stats(const struct column *c, struct column_stats *st)
{
	st->postings_bytes = c->postings_bytes;
	st->text_bytes = c->text_bytes;
	if (c->postings_bytes != 0)
		st->indexes |= c->kind == COLUMN_BYTES ? STAT_INDEX_HASH : STAT_INDEX_POSTINGS;
	if (c->text_bytes != 0)
		st->indexes |= STAT_INDEX_TEXT;
}

static int
add_columns(const struct shard_info *info, column_stats_vec *out, struct err *e)
{
	for (size_t i = 0; i < info->n_columns; i++) {
		const struct column *c = &info->columns[i];
		struct column_stats st = { .type = c->type };
		bool range;

		if (!stats_column_field(c, &st.field, &range, &st.loose))
			continue;
		st.n_present = c->n_present;
		st.n_distinct = c->id == COL_TRACE ? info->n_traces : c->n_distinct;
		st.n_bytes = c->n_bytes;
		index_stats(c, &st);
		st.has_range = c->has_range && range;
		if (st.has_range) {
			st.min = c->min;
			st.max = c->max;
		}
		if (c->id != COL_TRACE) {
			st.top = c->top;
			st.n_top = c->n_top;
		}
		if (!vec_push(out, st))
			return err_nomem(e);
	}
	return 0;
}

/* The parent's own column holds positions: only how many spans have a parent can be told. */
static int
add_parent(struct shard *s, column_stats_vec *out, struct err *e)
{
	const struct column *c = shard_column(s, COL_PARENT);
	struct column_stats st = {
		.field = { .scope = FIELD_INTRINSIC, .intrinsic = IN_PARENT_SPAN_ID },
		.type = VAL_INT, .loose = true,
	};

	if (c == NULL)
		return 0;
	st.n_present = c->n_present;
	for (size_t i = 0; i < c->n_top; i++)
		if (c->top[i].val.type == VAL_INT && c->top[i].val.i == 0)
			st.n_present -= c->top[i].n_rows < st.n_present ? c->top[i].n_rows :
			    st.n_present;
	st.n_distinct = st.n_present;
	st.n_bytes = c->n_bytes;
	return vec_push(out, st) ? 0 : err_nomem(e);
}

static int
by_top(const void *a, const void *b)
{
	const struct top_value *x = a, *y = b;

	if (x->n_rows != y->n_rows)
		return x->n_rows > y->n_rows ? -1 : 1;
	return sv_cmp(x->val.s, y->val.s);
}

static int
add_services(const struct shard_info *info, struct shard_facts *f, column_stats_vec *out,
    struct err *e)
{
	struct service_stats *v = arena_array(&f->arena, info->n_services + 1,
	    struct service_stats);
	struct top_value *top = arena_array(&f->arena, info->n_services + 1, struct top_value);
	struct column_stats st = {
		.field = { .scope = FIELD_INTRINSIC, .intrinsic = IN_SERVICE },
		.type = VAL_STRING, .n_present = info->n_rows, .n_distinct = info->n_services,
		.top = top, .n_top = info->n_services,
	};

	if (v == NULL || top == NULL)
		return err_nomem(e);
	for (size_t i = 0; i < info->n_services; i++) {
		const struct shard_service *s = &info->services[i];

		v[i] = (struct service_stats){
			.service = s->service, .n_rows = s->row_to - s->row_from,
			.n_errors = s->n_errors, .min_start = s->min_start,
			.max_start = s->max_start,
		};
		top[i] = (struct top_value){
			.val = { .type = VAL_STRING, .s = s->service }, .n_rows = v[i].n_rows,
		};
	}
	qsort(top, info->n_services, sizeof *top, by_top);
	f->stats.services = v;
	f->stats.n_services = info->n_services;
	return vec_push(out, st) ? 0 : err_nomem(e);
}

static int
by_field(const void *a, const void *b)
{
	const struct column_stats *x = a, *y = b;
	int c = field_cmp(&x->field, &y->field);

	return c != 0 ? c : (int)x->type - (int)y->type;
}

int
shard_facts_fill(struct shard *s, struct shard_facts *f, struct err *e)
{
	const struct shard_info *info = shard_info(s);
	struct shard_stats *st = &f->stats;
	column_stats_vec cols = VEC_INIT;
	struct column_stats *v = NULL;
	int rc;

	st->file = info->file;
	st->partition = info->partition;
	st->n_rows = info->n_rows;
	st->n_bytes = info->n_bytes;
	st->n_traces = info->n_traces;
	st->min_start = info->min_start;
	st->max_start = info->max_start;
	st->n_row_groups = info->n_row_groups;
	st->trace_summaries = tracesum_there(s);
	st->all_keys = shard_column(s, COL_REST) == NULL &&
	    shard_column(s, COL_EVENT_REST) == NULL && shard_column(s, COL_LINK_REST) == NULL;
	if ((rc = add_columns(info, &cols, e)) == 0 && (rc = add_parent(s, &cols, e)) == 0 &&
	    (rc = add_services(info, f, &cols, e)) == 0 &&
	    (rc = owner_columns(s, &f->arena, &cols, e)) == 0 &&
	    (v = arena_array(&f->arena, cols.n, struct column_stats)) == NULL)
		rc = err_nomem(e);
	if (rc == 0) {
		memcpy(v, cols.v, cols.n * sizeof *v);
		qsort(v, cols.n, sizeof *v, by_field);
		st->columns = v;
		st->n_columns = cols.n;
		for (size_t i = 0; i < cols.n; i++)
			st->index_kinds |= v[i].indexes;
	}
	vec_release(&cols);
	return rc;
}

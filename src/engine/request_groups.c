/* SPDX-License-Identifier: ISC */
/*
 * request_groups: requests whose rows are groups. The query of the request becomes that of the spans
 * they are made of (no sort, no page, only the fields that keys and measures look at); the asker's own
 * stays beside it as r->groups. Alike those of compare, as r->compared.
 */
#include "engine_i.h"

static int
take_fields(struct request *r, struct query *q, const struct grouping *g, struct err *e)
{
	struct arena *a = &r->arena;
	struct agg_options opt = { .groups = g, .memory = SIZE_MAX };
	const struct field *fields;
	struct agg_table *t;
	struct field *v;
	struct sv *typed;
	size_t n;
	int code = agg_table_new(&opt, &t, e);

	if (code < 0)
		return code;
	r->gathers = exec_gathers(t);
	fields = agg_fields(t, &n);
	v = arena_array(a, n, struct field);
	typed = arena_array(a, n, struct sv);
	for (size_t i = 0; v != NULL && typed != NULL && i < n; i++) {
		struct buf name = BUF_INIT;

		v[i] = fields[i];
		field_print(&name, &v[i]);
		typed[i] = arena_sv(a, buf_view(&name));
		buf_release(&name);
	}
	agg_table_free(t);
	if (v == NULL || typed == NULL)
		return err_nomem(e);
	q->select = v;
	q->select_typed = q->select_raw = typed;
	q->n_select = n;
	return 0;
}

/* The range: with versus an open end is now. */
static struct time_range
range_of(const struct query *q)
{
	struct time_range r = q->range;

	/* One that is empty by cutting stays so. */
	if (!q->groups.versus || q->has_until || q->has_on || q->shard_partition ||
	    time_range_empty(r))
		return r;
	r.to = q->now > r.from ? q->now : r.from;
	/* An empty one at the last instant would have no end. */
	if (r.from == WHEN_MAX)
		r.from = r.to = 0;
	return r;
}

/* All spans of a query, in any order. */
static void
without_page(struct query *q)
{
	q->sort = NULL;
	q->n_sort = 0;
	q->has_limit = false;
	q->limit = UINT64_MAX;
	q->offset = 0;
}

static int
take_compare(struct request *r, struct err *e)
{
	struct query *spans = arena_new(&r->arena, struct query);

	if (spans == NULL)
		return err_nomem(e);
	*spans = *r->query;
	without_page(spans);
	r->compared = r->query;
	r->query = spans;
	if (r->format == NULL || r->kind == FILE_PROFILE)
		r->format = format_find(SV("compare.jsonl"));
	return 0;
}

int
request_take_groups(struct request *r, struct err *e)
{
	struct query *spans;

	if (r->query->compare != NULL)
		return take_compare(r, e);
	if (!r->query->by_groups)
		return 0;
	if ((spans = arena_new(&r->arena, struct query)) == NULL)
		return err_nomem(e);
	*spans = *r->query;
	spans->range = range_of(r->query);
	spans->by_groups = false;
	spans->groups = (struct grouping){ .distinct = false };
	without_page(spans);
	r->groups = r->query;
	r->query = spans;
	if (r->kind == FILE_PROFILE)
		r->format = format_find(SV("groups.jsonl"));
	return take_fields(r, spans, &r->groups->groups, e);
}

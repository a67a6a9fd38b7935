/* SPDX-License-Identifier: ISC */
/* bind_group: see group_i.h. Runs when all clauses have set their parts, in any order. */
#include <stdlib.h>

#include "clause_i.h"
#include "group_i.h"
#include "name_i.h"

struct group_binder {
	struct query *q;
	struct grouping *g;
	struct clause clause;		/* whose parts it reads once more */
	struct aggregate *aggs;		/* room for all that may be asked for */
};

static int
refused(const char *what, size_t off, struct err *e)
{
	return err_set(e, ERR_UNSUPPORTED, (int64_t)off, "%s", what);
}

/* Where an item of select stands: items are slices of one argument. */
static size_t
select_off(const struct query *q, const struct group_offs *offs, size_t i)
{
	return offs->select + (size_t)(q->select_raw[i].p - q->select_raw[0].p);
}

/* ---- a query of spans ---- */

static bool
is_bucket(const struct field *f)
{
	return f->scope == FIELD_INTRINSIC && intrinsics[f->intrinsic].of == OF_GROUP;
}

/* Of a parent's field a span may have several values. */
static int
check_parents(const struct query *q, const struct group_offs *offs, struct err *e)
{
	static const char many[] = "spans are not sorted by fields of their parents' events and links";

	for (size_t i = 0; i < q->n_sort; i++)
		if (q->sort[i].by.field.scope == FIELD_PARENT && field_is_many(&q->sort[i].by.field))
			return refused(many, offs->sort + q->sort[i].off, e);
	for (size_t i = 0; i < q->n_select; i++)
		if (q->select[i].scope == FIELD_PARENT)
			return refused("a field of the parent is a key or a measure of groups, or a "
			    "sort key: spans have no such column", select_off(q, offs, i), e);
	return 0;
}

static int
check_spans(const struct query *q, const struct group_offs *offs, struct err *e)
{
	if (q->has_fill)
		return refused("fill needs bucket", offs->fill, e);
	if (q->has_having)
		return refused("having needs group, bucket or agg", offs->having, e);
	if (q->groups.per_trace)
		return refused("per needs group, bucket or agg", offs->per, e);
	if (q->groups.versus)
		return refused("versus needs group, bucket or agg", offs->versus, e);
	for (size_t i = 0; i < q->n_sort; i++)
		if (is_bucket(&q->sort[i].by.field))
			return refused("bucket is a field of groups, not of spans",
			    offs->sort + q->sort[i].off, e);
	for (size_t i = 0; i < q->n_select; i++)
		if (is_bucket(&q->select[i]))
			return refused("bucket is a field of groups, not of spans",
			    select_off(q, offs, i), e);
	return check_parents(q, offs, e);
}

/* ---- a query that compares ---- */

static int
no_contrast_column(const struct sort_item *k, size_t off, struct err *e)
{
	struct quoted q;

	return err_set(e, ERR_UNSUPPORTED, (int64_t)(off + k->off), "expected a column of "
	    "compare.jsonl (field, value, selection, selection_share, baseline, baseline_share, "
	    "difference), got '%s'", quote(&q, k->raw));
}

static int
bind_compare(struct query *q, const struct group_offs *offs, struct arena *a, struct err *e)
{
	struct contrast_sort *v = arena_array(a, q->n_sort, struct contrast_sort);
	struct query spans = *q;
	int code;

	if (v == NULL)
		return err_nomem(e);
	if (q->by_groups)
		return refused("compare has rows of its own: no group, bucket, agg or distinct",
		    offs->compare, e);
	spans.n_sort = 0;
	if ((code = check_spans(&spans, offs, e)) < 0)
		return code;
	for (size_t i = 0; i < q->n_sort; i++) {
		v[i].desc = q->sort[i].by.desc;
		if (!contrast_column_parse(q->sort[i].typed, &v[i].column))
			return no_contrast_column(&q->sort[i], offs->sort, e);
	}
	q->compare_sort = v;
	return 0;
}

/* ---- a query of groups ---- */

static int
check_shape(const struct query *q, const struct group_offs *offs, struct err *e)
{
	const struct grouping *g = &q->groups;

	if (g->distinct && q->n_groups > 1)
		return refused("distinct and group are two shapes of one answer", offs->distinct, e);
	if (g->distinct && (g->has_bucket || g->n_aggs != 0 || q->has_fill || q->has_having ||
	    g->versus))
		return refused("distinct is a group without aggregates: no bucket, agg, fill, "
		    "having or versus", offs->distinct, e);
	if (q->has_fill && !g->has_bucket)
		return refused("fill needs bucket", offs->fill, e);
	if (g->versus && !q->has_since && !q->has_on && !q->shard_partition)
		return refused("versus needs a range with a beginning: since or on", offs->versus, e);
	return 0;
}

/* Its place among the aggregates; put there if need be. */
static size_t
place_of(struct group_binder *b, const struct aggregate *a)
{
	size_t i;

	for (i = 0; i < b->g->n_aggs; i++)
		if (agg_same_column(&b->aggs[i], a))
			return i;
	b->aggs[b->g->n_aggs++] = *a;
	return i;
}

/* The name of a column that files show: "p95_duration_ns", "delta_count". */
static bool
find_column(const struct group_binder *b, struct sv name, struct group_ref *ref)
{
	static const struct {
		const char *prefix;
		enum group_ref_kind kind;
	} kinds[] = { { "", REF_AGG }, { "prev_", REF_PREV }, { "delta_", REF_DELTA } };
	struct buf column = BUF_INIT;
	bool found = false;

	for (size_t i = 0; !found && i < b->g->n_shown; i++)
		for (size_t k = 0; !found && k < (b->g->versus ? 3 : 1); k++) {
			column.n = 0;
			buf_str(&column, kinds[k].prefix);
			agg_print_column(&column, &b->aggs[i]);
			found = !column.oom && sv_eq(buf_view(&column), name);
			*ref = (struct group_ref){ .kind = kinds[k].kind, .i = i };
		}
	buf_release(&column);
	return found;
}

static bool
find_key(const struct grouping *g, const struct field *f, struct sv typed, struct group_ref *ref)
{
	*ref = (struct group_ref){ .kind = REF_BUCKET };
	if (g->has_bucket && sv_is(typed, "bucket"))
		return true;
	ref->kind = REF_KEY;
	for (ref->i = 0; ref->i < g->n_keys; ref->i++)
		if (sv_eq(g->keys_typed[ref->i], typed))
			return true;
	for (ref->i = 0; ref->i < g->n_keys; ref->i++)
		if (field_eq(&g->keys[ref->i], f))
			return true;
	return false;
}

/* What an item of sort or select names. */
static int
resolve(struct group_binder *b, const struct field *f, struct sv typed, struct sv raw,
    struct group_ref *ref, struct err *e)
{
	struct aggregate a;
	struct quoted q;
	int code;

	if (find_key(b->g, f, typed, ref))
		return 0;
	if (aggregate_named(raw)) {
		if ((code = clause_aggregate(&b->clause, raw, &a, e)) < 0)
			return code;
		*ref = (struct group_ref){ .kind = REF_AGG, .i = place_of(b, &a) };
		return 0;
	}
	if (find_column(b, typed, ref))
		return 0;
	return err_set(e, ERR_UNSUPPORTED, 0, "expected a key of the groups or an aggregate, got "
	    "'%s'", quote(&q, raw));
}

static int
at(int code, size_t off, struct err *e)
{
	if (code < 0 && e != NULL && e->off >= 0)
		e->off += (int64_t)off;
	return code;
}

static int
bind_sort(struct group_binder *b, size_t off, struct arena *a, struct err *e)
{
	size_t n = b->q->n_sort;
	struct group_ref *v = arena_array(a, n, struct group_ref);
	int code;

	if (v == NULL)
		return err_nomem(e);
	for (size_t i = 0; i < n; i++) {
		const struct sort_item *k = &b->q->sort[i];

		if ((code = resolve(b, &k->by.field, k->typed, k->raw, &v[i], e)) < 0)
			return at(code, off + k->off, e);
		v[i].desc = k->by.desc;
	}
	b->g->sort = v;
	b->g->n_sort = n;
	return 0;
}

static bool
has_ref(const struct group_ref *v, size_t n, const struct group_ref *ref)
{
	for (size_t i = 0; i < n; i++)
		if (v[i].kind == ref->kind && v[i].i == ref->i)
			return true;
	return false;
}

static int
bind_select(struct group_binder *b, const struct group_offs *offs, struct arena *a,
    struct err *e)
{
	const struct query *q = b->q;
	struct group_ref *v = arena_array(a, q->n_select, struct group_ref);
	size_t n = 0;
	int code;

	if (v == NULL)
		return err_nomem(e);
	for (size_t i = 0; i < q->n_select; i++) {
		struct group_ref ref;

		if ((code = resolve(b, &q->select[i], q->select_typed[i], q->select_raw[i], &ref,
		    e)) < 0)
			return at(code, select_off(q, offs, i), e);
		/* Two spellings of one column would be a key twice. */
		if (!has_ref(v, n, &ref))
			v[n++] = ref;
	}
	b->g->columns = v;
	b->g->n_columns = n;
	return 0;
}

/* Without select: the bucket, the keys, the aggregates, each with its earlier one beside it. */
static int
all_columns(struct grouping *g, struct arena *a, struct err *e)
{
	struct group_ref *v = arena_array(a, 1 + g->n_keys + 3 * g->n_shown, struct group_ref);
	size_t n = 0;

	if (v == NULL)
		return err_nomem(e);
	if (g->has_bucket)
		v[n++] = (struct group_ref){ .kind = REF_BUCKET };
	for (size_t i = 0; i < g->n_keys; i++)
		v[n++] = (struct group_ref){ .kind = REF_KEY, .i = i };
	for (size_t i = 0; i < g->n_shown; i++) {
		v[n++] = (struct group_ref){ .kind = REF_AGG, .i = i };
		if (g->versus) {
			v[n++] = (struct group_ref){ .kind = REF_PREV, .i = i };
			v[n++] = (struct group_ref){ .kind = REF_DELTA, .i = i };
		}
	}
	g->columns = v;
	g->n_columns = n;
	return 0;
}

/* ---- having ---- */

struct ranked {
	const struct having *having;
	struct sv text;
};

static int
by_text(const void *a, const void *b)
{
	return sv_cmp(((const struct ranked *)a)->text, ((const struct ranked *)b)->text);
}

static int
rank(const struct having *v, size_t n, struct arena *a, struct ranked *r, struct err *e)
{
	struct buf b = BUF_INIT;
	int code = 0;

	for (size_t i = 0; code == 0 && i < n; i++) {
		b.n = 0;
		having_print(&b, &v[i]);
		r[i] = (struct ranked){ &v[i], arena_sv(a, buf_view(&b)) };
		if (b.oom || r[i].text.p == NULL)
			code = err_nomem(e);
	}
	buf_release(&b);
	return code;
}

/* In canonical order, without doubles. */
static int
bind_having(struct group_binder *b, struct arena *a, struct err *e)
{
	struct grouping *g = b->g;
	struct ranked *r = arena_array(a, g->n_having, struct ranked);
	struct having *v = arena_array(a, g->n_having, struct having);
	size_t *of = arena_array(a, g->n_having, size_t), n = 0;
	int code;

	if (r == NULL || v == NULL || of == NULL)
		return err_nomem(e);
	if ((code = rank(g->having, g->n_having, a, r, e)) < 0)
		return code;
	qsort(r, g->n_having, sizeof *r, by_text);
	for (size_t i = 0; i < g->n_having; i++)
		if (i == 0 || !sv_eq(r[i].text, r[i - 1].text)) {
			v[n] = *r[i].having;
			of[n] = place_of(b, &v[n].agg);
			n++;
		}
	g->having = v;
	g->having_agg = of;
	g->n_having = n;
	return 0;
}

/* ---- all ---- */

/* Room for every aggregate that may be named; `count` if none is asked for. */
static int
take_aggs(struct group_binder *b, struct arena *a, struct err *e)
{
	struct grouping *g = b->g;
	size_t n = g->n_aggs;

	b->aggs = arena_array(a, n + g->n_having + b->q->n_sort + b->q->n_select + 1,
	    struct aggregate);
	if (b->aggs == NULL)
		return err_nomem(e);
	for (size_t i = 0; i < n; i++)
		b->aggs[i] = g->aggs[i];
	if (n == 0 && !g->distinct) {
		(void)agg_parse_name(SV("count"), &b->aggs[0]);
		g->n_aggs = g->n_shown = 1;
	}
	g->aggs = b->aggs;
	b->q->has_agg = n != 0;
	return 0;
}

int
bind_groups(struct query *q, const struct group_offs *offs, const struct query_env *env,
    struct arena *a, struct err *e)
{
	struct group_binder b = { .q = q, .g = &q->groups,
	    .clause = { .arena = a, .env = env, .query = q } };
	int code;

	if (q->compare != NULL)
		return bind_compare(q, offs, a, e);
	if (!q->by_groups)
		return (code = check_spans(q, offs, e)) < 0 ? code :
		    bind_select_once(q, offs->select, a, e);
	if ((code = check_shape(q, offs, e)) < 0 || (code = take_aggs(&b, a, e)) < 0 ||
	    (code = bind_having(&b, a, e)) < 0 ||
	    (code = bind_sort(&b, offs->sort, a, e)) < 0)
		return code;
	code = q->n_select != 0 ? bind_select(&b, offs, a, e) : all_columns(b.g, a, e);
	return code < 0 ? code : bind_columns_once(q, offs, a, e);
}

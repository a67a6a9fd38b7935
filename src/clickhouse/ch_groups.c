/* SPDX-License-Identifier: ISC */
/* ch_groups: the server's groups as rows, into a table: see clickhouse/ch_groups.h. */
#include "clickhouse/ch_groups.h"

#include "ch_cell_i.h"
#include "chsql/ch_words.h"
#include "clickhouse/ch_span.h"
#include "rowbinary/ch_rows.h"

/* A span that has what keys ask for. */
struct bearer {
	struct span span;
	struct resource resource;
	struct scope scope;
	struct attr *attrs, *resource_attrs;	/* as many as there are keys */
};

/* One group: a span that has its keys, made of their texts, and its parent. */
struct reading {
	const struct grouping *g;
	struct agg_given_want want;
	struct agg_given_figures figures[AGG_GIVEN_FIELDS];
	bool ranked, doubts;
	bool parents;
	uint64_t spans;			/* of the groups read so far; if parents */
	struct arena a;			/* of a group */
	struct bearer own, parent;
	bool has_parent;
	struct err *e;
};

static int
strange(struct err *e)
{
	return err_set(e, ERR_CORRUPT, -1, "ClickHouse's groups are not those that were asked for");
}

/* ---- what comes ---- */

static bool
is_all(const struct ch_type *t, enum ch_kind of)
{
	return t->kind == CH_ARRAY && ch_type_is(t->kids[0], of, 8);
}

/* Of attributes and of parents: is it told whether it is there? */
static bool
may_miss(const struct field *f)
{
	return f->scope != FIELD_INTRINSIC;
}

static bool
has_numbers(const struct agg_given_field *f)
{
	return f->sum || f->ends || f->all;
}

/* Of attributes, and of parents, it is told how many have a number. */
static bool
has_n(const struct agg_given_field *f)
{
	return may_miss(f->field) && has_numbers(f);
}

struct columns {
	const struct ch_column *c;
	size_t at, n;
	bool ok;
};

static void
next_is(struct columns *x, enum ch_kind kind, uint32_t bytes)
{
	x->ok = x->ok && x->at < x->n && ch_type_is(x->c[x->at].type, kind, bytes);
	x->at++;
}

static void
figures_fit(struct columns *x, const struct agg_given_field *f)
{
	enum ch_kind kind = f->is_unsigned ? CH_UINT : CH_INT;

	if (has_n(f))
		next_is(x, CH_UINT, 8);
	if (f->sum) {
		next_is(x, kind, 8);
		next_is(x, CH_UINT, 8);
	}
	if (f->ends) {
		next_is(x, kind, 8);
		next_is(x, kind, 8);
	}
	if (f->all) {
		x->ok = x->ok && x->at < x->n && is_all(x->c[x->at].type, kind);
		x->at++;
	}
	if (f->distinct)
		next_is(x, CH_UINT, 8);
}

/* The types that ch_sql_groups asks for; then CH_END. */
static bool
fits(const struct reading *r, const struct ch_column *c, size_t n)
{
	struct columns x = { c, 0, n, true };

	for (size_t i = 0; i < r->g->n_keys; i++) {
		if (may_miss(&r->g->keys[i]))
			next_is(&x, CH_UINT, 1);
		x.ok = x.ok && x.at < n && c[x.at].type->kind == CH_STRING;
		x.at++;
	}
	next_is(&x, CH_INT, 8);
	next_is(&x, CH_INT, 8);
	next_is(&x, CH_UINT, 8);
	next_is(&x, CH_UINT, 8);
	for (size_t i = 0; i < r->want.n_fields; i++)
		figures_fit(&x, &r->want.fields[i]);
	if (r->doubts)
		next_is(&x, CH_UINT, 8);
	if (r->parents)
		next_is(&x, CH_UINT, 8);
	return x.ok && x.at + 1 == n;
}

/* ---- keys ---- */

static int
intrinsic_key(struct reading *r, struct bearer *b, enum intrinsic i, struct sv s)
{
	switch (i) {
	case IN_SERVICE:
		return ch_span_text(s, &r->a, &b->resource.service, r->e);
	case IN_NAME:
		return ch_span_text(s, &r->a, &b->span.name, r->e);
	case IN_STATUS_MESSAGE:
		return ch_span_text(s, &r->a, &b->span.status_message, r->e);
	case IN_SCOPE:
		return ch_span_text(s, &r->a, &b->scope.name, r->e);
	case IN_SCOPE_VERSION:
		return ch_span_text(s, &r->a, &b->scope.version, r->e);
	case IN_TRACE_STATE:
		return ch_span_text(s, &r->a, &b->span.trace_state, r->e);
	case IN_TRACE_ID:
		return s.n == 0 || (cell_is_hex(s, 32) && trace_id_parse(s, &b->span.trace_id)) ? 0 : strange(r->e);
	case IN_PARENT_SPAN_ID:
		return s.n == 0 || (cell_is_hex(s, 16) && span_id_parse(s, &b->span.parent_span_id)) ? 0 :
		    strange(r->e);
	case IN_KIND:
		b->span.kind = ch_word_number(ch_kinds, CH_N_KINDS, s);
		return 0;
	case IN_STATUS:
		b->span.status = ch_word_number(ch_statuses, CH_N_STATUSES, s);
		return 0;
	default:
		return strange(r->e);
	}
}

static int
attr_key(struct reading *r, struct bearer *b, const struct field *f, struct sv s, bool is_text)
{
	bool resource = f->scope == FIELD_RESOURCE;
	struct attrs *to = resource ? &b->resource.attrs : &b->span.attrs;
	struct attr *at = &to->v[to->n];

	at->key = f->key;
	to->n++;
	at->val.type = VAL_STRING;
	if (is_text)
		return ch_span_text(s, &r->a, &at->val.s, r->e);
	return ch_span_value(s, &r->a, &at->val, r->e);
}

static void
bearer_clear(struct bearer *b)
{
	b->span = (struct span){ .resource = &b->resource, .scope = &b->scope, .attrs = { .v = b->attrs } };
	b->resource = (struct resource){ .attrs = { .v = b->resource_attrs } };
	b->scope = (struct scope){ .name = SV_EMPTY };
}

static void
bearer_done(struct bearer *b)
{
	attrs_normalize(&b->span.attrs);
	attrs_normalize(&b->resource.attrs);
}

static int
keys_read(struct reading *r, const struct sv **cells)
{
	int rc = 0;

	bearer_clear(&r->own);
	bearer_clear(&r->parent);
	r->has_parent = true;
	for (size_t i = 0; i < r->g->n_keys && rc == 0; i++) {
		bool is_parents = r->g->keys[i].scope == FIELD_PARENT;
		const struct field inner = is_parents ? field_inner(&r->g->keys[i]) : r->g->keys[i], *f = &inner;
		struct bearer *b = is_parents ? &r->parent : &r->own;
		char there = 1;
		struct cursor c;

		if (may_miss(&r->g->keys[i]))
			there = *(*cells)++->p;
		c = cursor_new((*cells)->p, (*cells)->n);
		++*cells;
		if (there == 0 && f->scope == FIELD_INTRINSIC)
			r->has_parent = r->has_parent && !ch_key_always(f->intrinsic);
		else if (f->scope == FIELD_INTRINSIC)
			rc = intrinsic_key(r, b, f->intrinsic, cursor_str(&c));
		else if (there != 0)
			rc = attr_key(r, b, f, cursor_str(&c), there == 2);
	}
	bearer_done(&r->own);
	bearer_done(&r->parent);
	return rc;
}

/* ---- figures ---- */

static uint64_t
number(const struct sv **cells)
{
	struct cursor c = cursor_new((*cells)->p, (*cells)->n);

	++*cells;
	return cursor_u64(&c);
}

/* Before 1970 a span's start is 1970, as ch_span has it. */
static uint64_t
instant(const struct sv **cells)
{
	int64_t ns = (int64_t)number(cells);

	return ns < 0 ? 0 : (uint64_t)ns;
}

/* The halves of a sum: the upper one has the sign. */
static __int128
halves(const struct sv **cells, bool is_unsigned)
{
	uint64_t upper = number(cells);
	__int128 sum = (is_unsigned ? (__int128)upper : (__int128)(int64_t)upper) * ((__int128)1 << 32);

	return sum + number(cells);
}

static int
field_read(struct reading *r, const struct sv **cells, const struct agg_given_field *f, uint64_t count,
    struct agg_given_figures *x)
{
	*x = (struct agg_given_figures){ .n = has_n(f) ? number(cells) : count };
	if (x->n > count)
		return strange(r->e);
	if (f->sum)
		x->sum = halves(cells, f->is_unsigned);
	if (f->ends) {
		x->least = number(cells);
		x->most = number(cells);
	}
	if (f->all) {
		struct cursor c = cursor_new((*cells)->p, (*cells)->n);
		uint64_t n = cursor_varint(&c);

		/* Of nothing there may be percentiles, which are of no use. */
		if (n != (r->ranked ? r->want.n_ranks : x->n) && x->n != 0)
			return strange(r->e);
		*(r->ranked ? &x->ranks : &x->all) = (const unsigned char *)c.p;
		++*cells;
	}
	if (f->distinct && (x->distinct = number(cells)) > count)
		return strange(r->e);
	return 0;
}

static int
figures_read(struct reading *r, const struct sv **cells, struct agg_given *x)
{
	int rc = 0;

	x->first_ns = r->own.span.start_ns = instant(cells);
	x->last_ns = instant(cells);
	x->count = number(cells);
	x->errors = number(cells);
	for (size_t i = 0; rc == 0 && i < r->want.n_fields; i++)
		rc = field_read(r, cells, &r->want.fields[i], x->count, &r->figures[i]);
	if (rc < 0)
		return rc;
	if (r->ranked && x->count > ch_ranked_rows(&r->want))
		return err_set(r->e, ERR_UNSUPPORTED, -1, "a group has too many spans");
	/* Of these it is not known whether they belong to it, or what they add. */
	if (r->doubts && number(cells) != 0)
		return 1;
	r->spans += x->count;
	return x->errors > x->count ? strange(r->e) : 0;
}

/* ---- all of them ---- */

static int
groups_read(struct reading *r, struct ch_rows *rows, struct agg_table *t, enum agg_side side)
{
	const struct parent_row parent = { .span = &r->parent.span };
	struct span_row like = { .span = &r->own.span, .parents = &parent };
	uint64_t spans = 0;
	const struct sv *cells;
	int rc;

	while ((rc = ch_rows_next(rows, &cells, r->e)) == 0) {
		struct agg_given x = { .like = &like, .figures = r->figures, .want = &r->want };

		arena_reset(&r->a);
		if ((rc = keys_read(r, &cells)) < 0 || (rc = figures_read(r, &cells, &x)) != 0)
			return rc;
		like.n_parents = r->has_parent;
		if (r->parents)
			spans = number(&cells);
		/* Without a key there is a row of nothing, too. */
		if (x.count != 0 && (rc = agg_add_given(t, side, &x, r->e)) < 0)
			return rc;
	}
	if (rc < 0)
		return rc;
	/* Of more, one has two parents. */
	return r->parents && r->spans != spans;
}

static int
groups_ask(struct ch_client *c, const struct ch_sql *sql, const struct ch_scan_opts *o,
    struct reading *r, struct agg_table *t, enum agg_side side, struct ch_outcome *outcome)
{
	struct ch_question question = { .sql = sql->text, .params = sql->params,
		.n_params = sql->n_params, .format = SV("RowBinaryWithNamesAndTypes"),
		.comment = o->comment, .deadline_ns = o->deadline_ns, .cancel = o->cancel };
	struct ch_reply *reply = NULL;
	struct ch_rows *rows = NULL;
	const struct ch_column *columns;
	size_t n;
	int rc = ch_ask(c, &question, outcome, &reply, r->e);

	if (rc == 0 && (rc = ch_rows_of(reply, &rows, r->e)) == 0) {
		columns = ch_rows_columns(rows, &n);
		rc = fits(r, columns, n) ? groups_read(r, rows, t, side) : strange(r->e);
	}
	if (reply != NULL && outcome != NULL)
		*outcome = *ch_reply_outcome(reply);
	ch_rows_close(rows);
	ch_close(reply);
	return rc;
}

static bool
bearer_init(struct bearer *b, size_t n_keys, struct arena *a)
{
	b->attrs = arena_array(a, n_keys + 1, struct attr);
	b->resource_attrs = arena_array(a, n_keys + 1, struct attr);
	return b->attrs != NULL && b->resource_attrs != NULL;
}

int
ch_groups(struct ch_client *c, const struct ch_select *q, const struct ch_scan_opts *o,
    struct agg_table *t, enum agg_side side, struct ch_outcome *outcome, struct err *e)
{
	struct reading r = { .g = agg_grouping(t), .ranked = q->ranked, .e = e };
	struct agg_table *into = t;
	struct ch_sql sql;
	struct arena a;
	int rc;

	if (outcome != NULL)
		memset(outcome, 0, sizeof *outcome);
	arena_init(&a);
	arena_init(&r.a);
	(void)agg_takes_given(t, &r.want);
	rc = bearer_init(&r.own, r.g->n_keys, &a) && bearer_init(&r.parent, r.g->n_keys, &a) ?
	    ch_sql_groups(q, t, &a, &sql, e) : err_nomem(e);
	r.doubts = rc == 0 && sql.doubts;
	r.parents = rc == 0 && sql.parents;
	if (rc == 0 && (q->ranked || r.doubts || r.want.distinct))
		rc = agg_table_apart(t, &into, e);
	if (rc == 0)
		rc = groups_ask(c, &sql, o, &r, into, side, outcome);
	if (rc == 1 && sql.some)
		rc = CH_SOME_IN_DOUBT;
	/* Its spans go to a file, if need be; and a server's join may be larger than its memory. */
	if (rc == ERR_NOMEM && into != t && (!q->ranked || r.parents))
		rc = 1;
	if (rc == 0 && into != t)
		rc = agg_merge(t, into, e);
	if (into != t)
		agg_table_free(into);
	arena_release(&r.a);
	arena_release(&a);
	return rc;
}

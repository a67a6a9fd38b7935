/* SPDX-License-Identifier: ISC */
/*
 * ch_catalog_values: which values a field has, and which keys attributes have. The inner statement
 * gives one value a row, or several (of events, links, keys: each once a span); the outer one
 * counts them and keeps the first. Words of kinds and statuses, and texts that are repaired, may
 * become equal here: then they are one.
 */
#include <stdlib.h>

#include "base/map.h"
#include "ch_catalog_i.h"
#include "ch_cell_i.h"
#include "chsql/ch_words.h"

/* Kinds and statuses are few words; whatever else is there is number 0. */
#define WORDS_MOST 1000u

enum shape { SHAPE_TEXT, SHAPE_KIND, SHAPE_STATUS, SHAPE_TRACE, SHAPE_SPAN };

struct listing {
	struct looking *l;
	const struct ch_select *select;	/* range is set by the attempt */
	enum shape shape;
	enum ch_span_column column;	/* where the value is, if it is a column's */
	bool many;			/* it is an array */
	bool attribute, keys;
	uint64_t limit;			/* of rows */

	uint64_t n_rows, n_spans;	/* of the answer; sum of what they count */
	bool too_long;			/* there was a text that is not listed */
	VEC(struct ch_value) v;
	struct map places;		/* text to place in v */
};

/* ---- the inner statement ---- */

static void
subcolumn(struct writer *w, const struct listing *g, enum ch_span_column c)
{
	W(w, "getSubcolumn(");
	if (g->many)
		W(w, "spanfs_m");
	else
		w_column(w, c);
	W(w, ", ");
	w_text(w, g->l->want->field.key);
	W(w, ")");
}

/* An array of one, or of none. */
static void
json_one(struct writer *w, const struct listing *g, enum ch_span_column c)
{
	W(w, "if(isNotNull(");
	subcolumn(w, g, c);
	W(w, "), [toString(");
	subcolumn(w, g, c);
	W(w, ")], ");
	if (g->l->want->field.scope == FIELD_BARE && c == CHC_ATTRS)
		json_one(w, g, CHC_RESOURCE);
	else
		W(w, "[]");
	W(w, ")");
}

static void
json_value(struct writer *w, const struct listing *g)
{
	if (!g->many) {
		json_one(w, g, g->column);
		return;
	}
	W(w, "arrayMap(spanfs_m -> toString(");
	subcolumn(w, g, g->column);
	W(w, "), arrayFilter(spanfs_m -> isNotNull(");
	subcolumn(w, g, g->column);
	W(w, "), ");
	w_column(w, g->column);
	W(w, "))");
}

static void
keys_value(struct writer *w, const struct listing *g)
{
	if (g->many)
		W(w, "arrayFlatten(arrayMap(spanfs_m -> ");
	if (w->s->json)
		W(w, "JSONAllPaths(");
	else
		W(w, "mapKeys(");
	if (g->many)
		W(w, "spanfs_m");
	else
		w_column(w, g->column);
	W(w, ")");
	if (!g->many)
		return;
	W(w, ", ");
	w_column(w, g->column);
	W(w, "))");
}

static void
value_write(struct writer *w, const struct listing *g)
{
	bool array = g->many || g->keys || (g->attribute && w->s->json);

	if (array)
		W(w, "arrayJoin(arrayDistinct(");
	if (g->keys)
		keys_value(w, g);
	else if (g->attribute && w->s->json)
		json_value(w, g);
	else if (g->attribute)
		attr_value(w, &g->l->want->field);
	else
		w_column(w, g->column);
	if (array)
		W(w, "))");
}

static void
inner_write(struct writer *w, const struct listing *g, const struct attempt *at)
{
	struct ch_select q = *g->select;

	q.range = at->range;
	W(w, "SELECT ");
	value_write(w, g);
	W(w, " AS spanfs_v");
	if (g->l->want->order == CH_NEWEST) {
		W(w, ", ");
		w_column(w, CHC_TIMESTAMP);
		W(w, " AS spanfs_t");
	}
	W(w, " FROM ");
	w_table(w, w->s->table);
	where_write(w, &q);
	if (at->bound != BOUND_LIMIT)
		return;
	W(w, " LIMIT ");
	w_digits(w, g->l->by->rows);
}

/* ---- the outer one ---- */

static void
statement(struct writer *w, const struct looking *l, const struct attempt *at, const void *arg)
{
	W(w, "SELECT substring(spanfs_v, 1, ");
	w_digits(w, CH_VALUE_BYTES + 1);
	W(w, ") AS spanfs_s, count(), toUInt8(1) AS " CH_END " FROM (");
	inner_write(w, arg, at);
	W(w, ") GROUP BY spanfs_s ORDER BY ");
	if (l->want->order == CH_FREQUENT)
		W(w, "count() DESC, ");
	else if (l->want->order == CH_NEWEST)
		W(w, "max(spanfs_t) DESC, ");
	W(w, "spanfs_s LIMIT ");
	w_digits(w, ((const struct listing *)arg)->limit);
}

/* ---- its rows ---- */

static void
forget(void *arg)
{
	struct listing *g = arg;

	g->n_rows = g->n_spans = 0;
	g->too_long = false;
	g->v.n = 0;
	map_release(&g->places);
	map_init(&g->places);
}

static int
number_text(struct arena *a, int32_t number, const char *name, struct sv *out, struct err *e)
{
	*out = sv_cstr(name != NULL ? name : arena_printf(a, "%d", number));
	return out->p != NULL ? 0 : err_nomem(e);
}

/* >0: it is no value. */
static int
shown(struct listing *g, struct sv s, struct sv *out, struct err *e)
{
	size_t digits = g->shape == SHAPE_TRACE ? 32 : 16;
	int32_t number;

	switch (g->shape) {
	case SHAPE_KIND:
		number = ch_word_number(ch_kinds, CH_N_KINDS, s);
		return number_text(g->l->a, number, span_kind_name(number), out, e);
	case SHAPE_STATUS:
		number = ch_word_number(ch_statuses, CH_N_STATUSES, s);
		return number_text(g->l->a, number, span_status_name(number), out, e);
	case SHAPE_TRACE:
	case SHAPE_SPAN:
		if (!cell_is_hex(s, digits) || sv_eq(s, sv_sub(SV("00000000000000000000000000000000"), 0, digits)))
			return 1;
		break;
	default:
		break;
	}
	return cell_text(g->l->a, s, out, e);
}

static int
on_value(void *arg, const struct ch_column *columns, const struct sv *cells, struct err *e)
{
	struct listing *g = arg;
	struct cursor c = cursor_new(cells[0].p, cells[0].n);
	struct ch_value one = { .rows = catalog_u64(cells[1]) };
	struct sv text;
	uint64_t *at;
	bool fresh;
	int rc;

	(void)columns;
	g->n_rows++;
	g->n_spans += one.rows;
	text = cursor_str(&c);
	if (text.n > CH_VALUE_BYTES) {
		g->too_long = true;
		return 0;
	}
	if ((rc = shown(g, text, &one.text, e)) != 0)
		return rc < 0 ? rc : 0;
	if ((at = map_put(&g->places, one.text, &fresh)) == NULL)
		return err_nomem(e);
	if (!fresh) {
		g->v.v[*at].rows += one.rows;
		return 0;
	}
	*at = g->v.n;
	return vec_push(&g->v, one) ? 0 : err_nomem(e);
}

static int
by_text(const void *a, const void *b)
{
	const struct ch_value *x = a, *y = b;

	return sv_cmp(x->text, y->text);
}

static int
by_rows(const void *a, const void *b)
{
	const struct ch_value *x = a, *y = b;

	return x->rows != y->rows ? (x->rows < y->rows) - (x->rows > y->rows) : by_text(a, b);
}

/* As they came, but for what was repaired or became one. */
static int
give(struct listing *g, const struct attempt *at, struct err *e)
{
	struct ch_answer *out = g->l->out;
	size_t most = g->l->want->max;
	struct ch_value *kept;

	if (g->v.n != 0 && g->l->want->order != CH_NEWEST)
		qsort(g->v.v, g->v.n, sizeof *g->v.v, g->l->want->order == CH_TEXT ? by_text : by_rows);
	out->all = g->n_rows < g->limit && g->v.n <= most && !g->too_long;
	out->n_values = g->v.n < most ? g->v.n : most;
	kept = arena_array(g->l->a, out->n_values + 1, struct ch_value);
	if (kept == NULL)
		return err_nomem(e);
	if (out->n_values != 0)
		memcpy(kept, g->v.v, out->n_values * sizeof *kept);
	out->values = kept;
	if (at->bound == BOUND_LIMIT && (g->n_rows >= g->limit || g->n_spans >= g->l->by->rows)) {
		out->complete = false;
		catalog_note(g->l, "at most %ju spans were looked at", (uintmax_t)g->l->by->rows);
	}
	return 0;
}

static int
list(struct listing *g, struct err *e)
{
	struct attempt at;
	int rc;

	map_init(&g->places);
	rc = catalog_bounded(g->l, statement, "sue", on_value, forget, g, &at, e);
	if (rc == 0)
		rc = give(g, &at, e);
	vec_release(&g->v);
	map_release(&g->places);
	return rc;
}

/* ---- what is listed ---- */

static int
nothing(struct looking *l)
{
	l->out->complete = l->out->all = l->out->exact = true;
	return 0;
}

static int
no_values(const struct looking *l, struct err *e)
{
	struct buf b = BUF_INIT;
	int rc;

	field_print(&b, &l->want->field);
	rc = err_set(e, ERR_UNSUPPORTED, -1, "ClickHouse is not asked for values of %.*s", SV_ARG(buf_view(&b)));
	buf_release(&b);
	return rc;
}

/* Paths that getSubcolumn reads otherwise: of sub-objects, of one type. */
static bool
path_strange(struct sv key)
{
	return sv_starts(key, SV("^")) || sv_find(key, SV(".:")) >= 0;
}

static enum ch_span_column
attribute_column(enum field_scope scope)
{
	switch (scope) {
	case FIELD_RESOURCE:
		return CHC_RESOURCE;
	case FIELD_EVENT:
		return CHC_EVENT_ATTRS;
	case FIELD_LINK:
		return CHC_LINK_ATTRS;
	default:
		return CHC_ATTRS;
	}
}

/* Sets where it is; >0: nothing has it. */
static int
place(struct listing *g, const struct leaf_row **row, struct err *e)
{
	const struct field *f = &g->l->want->field;
	const struct ch_schema *s = g->l->by->schema;

	if (f->scope == FIELD_SCOPE)
		return 1;
	if (f->scope == FIELD_PARENT)
		return no_values(g->l, e);
	if (f->scope != FIELD_INTRINSIC) {
		if (f->key.n == 0 || !text_plain(f->key) || (s->json && path_strange(f->key)))
			return no_values(g->l, e);
		g->attribute = true;
		g->column = attribute_column(f->scope);
	} else {
		*row = &leaf_rows[f->intrinsic];
		if ((*row)->sort == SORT_NEVER)
			return 1;
		if ((*row)->sort == SORT_TIME || (*row)->sort == SORT_DURATION || (*row)->sort == SORT_LEFT)
			return no_values(g->l, e);
		g->column = (*row)->column;
	}
	g->many = g->column >= CHC_EVENT_TIME;
	return s->columns[g->column].name.n == 0;
}

static enum shape
shape_of(const struct leaf_row *row)
{
	if (row == NULL)
		return SHAPE_TEXT;
	switch (row->sort) {
	case SORT_KIND:
		return SHAPE_KIND;
	case SORT_STATUS:
		return SHAPE_STATUS;
	case SORT_TRACE:
		return SHAPE_TRACE;
	case SORT_SPAN:
		return SHAPE_SPAN;
	default:
		return SHAPE_TEXT;
	}
}

static const struct pred everything = { .kind = PRED_TRUE };

/* The filter, and that the field is there. JSON can't be asked that so: it gives no value instead. */
static const struct pred *
filter_of(const struct listing *g)
{
	const struct ch_want *want = g->l->want;
	const struct pred *kids[2] = { want->filter != NULL ? want->filter : &everything, NULL };

	if (g->attribute && g->l->by->schema->json)
		return kids[0];
	kids[1] = pred_leaf(g->l->a, OP_HAS, want->field, NULL, 0);
	return kids[1] == NULL ? NULL : pred_and(g->l->a, kids, 2);
}

int
catalog_list(struct looking *l, struct err *e)
{
	struct ch_select select = { .schema = l->by->schema, .limit = UINT64_MAX };
	struct listing g = { .l = l, .select = &select, .v = VEC_INIT };
	const struct leaf_row *row = NULL;
	int rc = place(&g, &row, e);

	if (rc != 0)
		return rc < 0 ? rc : nothing(l);
	g.shape = shape_of(row);
	g.limit = (uint64_t)l->want->max + 1;
	if ((g.shape == SHAPE_KIND || g.shape == SHAPE_STATUS) && g.limit < WORDS_MOST)
		g.limit = WORDS_MOST;
	select.filter = filter_of(&g);
	select.hex = l->by->hex;
	return select.filter == NULL ? err_nomem(e) : list(&g, e);
}

int
catalog_keys(struct looking *l, struct err *e)
{
	struct ch_select select = { .schema = l->by->schema, .limit = UINT64_MAX, .hex = l->by->hex };
	struct listing g = { .l = l, .select = &select, .keys = true, .v = VEC_INIT };
	enum field_scope scope = l->want->field.scope;

	if (scope == FIELD_SCOPE)
		return nothing(l);
	if (scope != FIELD_RESOURCE && scope != FIELD_SPAN && scope != FIELD_EVENT && scope != FIELD_LINK)
		return err_set(e, ERR_UNSUPPORTED, -1, "ClickHouse is asked for keys of spans, resources, events and "
		    "links only");
	g.column = attribute_column(scope);
	g.many = g.column >= CHC_EVENT_TIME;
	if (l->by->schema->columns[g.column].name.n == 0)
		return nothing(l);
	g.limit = (uint64_t)l->want->max + 1;
	select.filter = l->want->filter != NULL ? l->want->filter : &everything;
	return list(&g, e);
}

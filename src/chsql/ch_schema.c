/* SPDX-License-Identifier: ISC */
/* ch_schema: which columns are there and of what form, see chsql/ch_schema.h. */
#include "chsql/ch_schema.h"

#include <stdlib.h>

#include "base/vec.h"
#include "base/visible.h"

static const struct {
	const char *name;
	bool needed;
} known[N_CHC] = {
#define X(id, name, needed) { name, needed },
	CH_COLUMNS_OF_SPANS(X)
#undef X
};

const char *
ch_span_column_name(enum ch_span_column c)
{
	return known[c].name;
}

static bool
is_map(const struct ch_type *t)
{
	return t->kind == CH_MAP && t->kids[0]->kind == CH_STRING && t->kids[1]->kind == CH_STRING;
}

static bool
is_array(const struct ch_type *t, bool (*of)(const struct ch_type *))
{
	return t->kind == CH_ARRAY && of(t->kids[0]);
}

static bool
is_text(const struct ch_type *t)
{
	return t->kind == CH_STRING;
}

static bool
is_time(const struct ch_type *t)
{
	return t->kind == CH_DATETIME64;
}

static bool
is_attrs(const struct ch_type *t)
{
	return is_map(t) || t->kind == CH_JSON;
}

/* Is the type of a column one that is understood? What would be is in *want. */
static bool
type_fits(enum ch_span_column c, const struct ch_type *t, const char **want)
{
	switch (c) {
	case CHC_TIMESTAMP:
		*want = "DateTime64";
		return is_time(t);
	case CHC_DURATION:
		*want = "UInt64 or Int64";
		return ch_type_is(t, CH_UINT, 8) || ch_type_is(t, CH_INT, 8);
	case CHC_RESOURCE:
	case CHC_ATTRS:
		*want = "Map(String, String) or JSON";
		return is_attrs(t);
	case CHC_EVENT_TIME:
		*want = "Array(DateTime64)";
		return is_array(t, is_time);
	case CHC_EVENT_ATTRS:
	case CHC_LINK_ATTRS:
		*want = "Array of Map(String, String) or JSON";
		return is_array(t, is_attrs);
	case CHC_EVENT_NAME:
	case CHC_LINK_TRACE_ID:
	case CHC_LINK_SPAN_ID:
	case CHC_LINK_STATE:
		*want = "Array(String)";
		return is_array(t, is_text);
	default:
		*want = "String";
		return is_text(t);
	}
}

static bool
is_json(const struct ch_type *t)
{
	return t->kind == CH_JSON || (t->kind == CH_ARRAY && t->kids[0]->kind == CH_JSON);
}

/* What is wrong with a table, all of it: one line for people. */
struct complaint {
	struct buf missing, strange;
};

static void
complain(struct buf *b, const char *name)
{
	if (b->n != 0)
		BUF_LIT(b, ", ");
	buf_str(b, name);
}

static const struct column_row *
find(const struct column_row *rows, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (sv_is(rows[i].name, name))
			return &rows[i];
	return NULL;
}

static int
keep(struct ch_schema *s, struct sv from, struct sv *to, struct err *e)
{
	*to = arena_sv(&s->a, from);
	return from.n != 0 && to->p == NULL ? err_nomem(e) : 0;
}

/* Has a column of JSON parameters beside the bounds of what is kept by path? */
static bool
paths_typed(struct sv type)
{
	struct sv rest, part;

	if (!sv_starts(type, SV("JSON(")))
		return false;
	rest = sv_sub(type, 5, type.n - 5);
	while (sv_cut(&rest, ',', &part)) {
		while (sv_starts(part, SV(" ")))
			part = sv_sub(part, 1, part.n - 1);
		if (!sv_starts(part, SV("max_dynamic_")))
			return true;
	}
	return false;
}

static int
take_column(struct ch_schema *s, enum ch_span_column c, const struct column_row *row,
    struct complaint *no, struct err *e)
{
	const char *want = "";
	struct sv type;
	int rc;

	if ((rc = keep(s, row->name, &s->columns[c].name, e)) < 0 || (rc = keep(s, row->type, &type, e)) < 0)
		return rc;
	s->json_typed = s->json_typed || paths_typed(type);
	rc = ch_type_parse(type, &s->a, &s->columns[c].type, NULL);
	if (rc == ERR_NOMEM)
		return err_nomem(e);
	if (rc < 0 || !type_fits(c, s->columns[c].type, &want)) {
		complain(&no->strange, known[c].name);
		BUF_LIT(&no->strange, " is ");
		visible_text(&no->strange, sv_sub(type, 0, 60), 0);
		if (rc == 0) {
			BUF_LIT(&no->strange, " and not ");
			buf_str(&no->strange, want);
		}
	}
	return 0;
}

/* Events and links are there with all of their columns, or not at all. */
static void
whole_group(struct ch_schema *s, enum ch_span_column first, enum ch_span_column last,
    struct complaint *no)
{
	unsigned have = 0;

	for (unsigned c = first; c <= last; c++)
		have += s->columns[c].name.n != 0;
	for (unsigned c = first; c <= last && have != 0; c++)
		if (s->columns[c].name.n == 0)
			complain(&no->missing, known[c].name);
}

/* One column Nested(...), as flatten_nested = 0 makes it, has no columns of its own to ask for. */
static void
not_flat(const struct column_row *rows, size_t n, const char *name, struct complaint *no)
{
	if (find(rows, n, name) == NULL)
		return;
	complain(&no->strange, name);
	BUF_LIT(&no->strange, " is one column (flatten_nested = 0)");
}

/* Both maps, and those of events and links, have one form. */
static void
one_form(struct ch_schema *s, struct complaint *no)
{
	static const enum ch_span_column of[] = { CHC_RESOURCE, CHC_EVENT_ATTRS, CHC_LINK_ATTRS };

	s->json = is_json(s->columns[CHC_ATTRS].type);
	for (size_t i = 0; i < sizeof of / sizeof *of; i++)
		if (s->columns[of[i]].name.n != 0 && is_json(s->columns[of[i]].type) != s->json) {
			complain(&no->strange, known[of[i]].name);
			BUF_LIT(&no->strange, " is of another form than SpanAttributes");
		}
}

/* 'text' at the front of s, unescaped into b. */
static bool
sql_text(struct sv *s, struct buf *b)
{
	size_t i;

	if (!sv_starts(*s, SV("'")))
		return false;
	for (i = 1; i < s->n && s->p[i] != '\''; i++) {
		if (s->p[i] == '\\' && i + 1 < s->n)
			i++;
		buf_putc(b, s->p[i]);
	}
	if (i >= s->n)
		return false;
	*s = sv_sub(*s, i + 1, s->n);
	return true;
}

/* SpanAttributes['key'], and nothing more? */
static bool
is_attribute(struct sv expression, enum ch_span_column *of, struct buf *key)
{
	static const enum ch_span_column maps[] = { CHC_ATTRS, CHC_RESOURCE };

	for (size_t i = 0; i < 2; i++) {
		struct sv rest = expression, name = sv_cstr(known[maps[i]].name);

		if (!sv_starts(rest, name))
			continue;
		rest = sv_sub(rest, name.n, rest.n);
		if (!sv_starts(rest, SV("[")))
			continue;
		rest = sv_sub(rest, 1, rest.n);
		key->n = 0;
		*of = maps[i];
		return sql_text(&rest, key) && sv_is(rest, "]");
	}
	return false;
}

/* A text column, not one of spans, that is one attribute. */
static int
take_computed(struct ch_schema *s, const struct column_row *rows, size_t n, struct err *e)
{
	VEC(struct ch_computed) all = VEC_INIT;
	struct ch_computed *kept, c;
	struct buf key = BUF_INIT;
	int rc = 0;

	for (size_t i = 0; i < n && rc == 0; i++) {
		if ((!sv_is(rows[i].type, "String") && !sv_is(rows[i].type, "LowCardinality(String)")) ||
		    !is_attribute(rows[i].expression, &c.of, &key))
			continue;
		if ((rc = keep(s, rows[i].name, &c.name, e)) == 0 && (rc = keep(s, buf_view(&key), &c.key, e)) == 0 &&
		    !vec_push(&all, c))
			rc = err_nomem(e);
	}
	if (rc == 0 && all.n != 0) {
		kept = arena_array(&s->a, all.n, struct ch_computed);
		if (kept == NULL)
			rc = err_nomem(e);
		else
			memcpy(kept, all.v, all.n * sizeof *kept);
		s->computed = kept;
		s->n_computed = all.n;
	}
	buf_release(&key);
	vec_release(&all);
	return rc;
}

static int
take_items(struct ch_schema *s, const struct column_row *rows, size_t n, const char *name,
    struct sv *out, struct err *e)
{
	const struct column_row *row = find(rows, n, name);

	if (row == NULL || (!sv_is(row->type, "Array(String)") && !sv_is(row->type, "Array(LowCardinality(String))")))
		return 0;
	return keep(s, row->name, out, e);
}

static int
refuse(const struct ch_schema *s, struct complaint *no, struct err *e)
{
	struct buf b = BUF_INIT;
	int rc;

	visible_text(&b, s->table.name, 0);
	rc = err_set(e, ERR_UNSUPPORTED, -1, "ClickHouse's table %.*s is not one of spans as the Collector's "
	    "exporter makes them:%s%.*s%s%.*s", SV_ARG(buf_view(&b)), no->missing.n ? " missing: " : "",
	    SV_ARG(buf_view(&no->missing)), no->strange.n == 0 ? "" : no->missing.n != 0 ? "; " : " ",
	    SV_ARG(buf_view(&no->strange)));
	buf_release(&b);
	return rc;
}

int
schema_columns(struct ch_schema *s, const struct column_row *rows, size_t n, struct err *e)
{
	struct complaint no = { BUF_INIT, BUF_INIT };
	int rc = 0;

	for (unsigned c = 0; c < N_CHC && rc == 0; c++) {
		const struct column_row *row = find(rows, n, known[c].name);

		if (row != NULL)
			rc = take_column(s, c, row, &no, e);
		else if (known[c].needed)
			complain(&no.missing, known[c].name);
	}
	if (rc == 0) {
		not_flat(rows, n, "Events", &no);
		not_flat(rows, n, "Links", &no);
		whole_group(s, CHC_EVENT_TIME, CHC_EVENT_ATTRS, &no);
		whole_group(s, CHC_LINK_TRACE_ID, CHC_LINK_ATTRS, &no);
		if (no.missing.n == 0 && no.strange.n == 0)
			one_form(s, &no);
		if (no.missing.n != 0 || no.strange.n != 0)
			rc = refuse(s, &no, e);
	}
	if (rc == 0)
		s->signed_duration = s->columns[CHC_DURATION].type->kind == CH_INT;
	if (rc == 0 && !s->json)
		rc = take_computed(s, rows, n, e);
	if (rc == 0 && !s->json)
		rc = take_items(s, rows, n, "SpanAttributeItems", &s->attr_items, e);
	if (rc == 0 && !s->json)
		rc = take_items(s, rows, n, "ResourceAttributeItems", &s->resource_items, e);
	buf_release(&no.missing);
	buf_release(&no.strange);
	return rc;
}

void
ch_schema_free(struct ch_schema *s)
{
	if (s == NULL)
		return;
	arena_release(&s->a);
	free(s);
}

/* ---- as text, for people and tests ---- */

static void
fact(struct buf *b, const char *what, struct sv value)
{
	if (value.n == 0)
		return;
	buf_str(b, what);
	buf_putc(b, ' ');
	visible_text(b, value, 0);
	buf_putc(b, '\n');
}

static void
columns(struct buf *b, const struct ch_schema *s)
{
	for (unsigned c = 0; c < N_CHC; c++) {
		if (s->columns[c].name.n == 0)
			continue;
		buf_printf(b, "column %s ", ch_span_column_name(c));
		ch_type_print(b, s->columns[c].type);
		buf_putc(b, '\n');
	}
}

void
ch_schema_print(struct buf *b, const struct ch_schema *s)
{
	fact(b, "table", s->table.name);
	fact(b, "engine", s->engine);
	fact(b, "cluster", s->cluster);
	if (s->distributed)
		fact(b, "local", s->local.name);
	columns(b, s);
	fact(b, "items of spans", s->attr_items);
	fact(b, "items of resources", s->resource_items);
	for (size_t i = 0; i < s->n_computed; i++) {
		buf_str(b, s->computed[i].of == CHC_ATTRS ? "computed span." : "computed resource.");
		visible_text(b, s->computed[i].key, 0);
		fact(b, " by", s->computed[i].name);
	}
	for (size_t i = 0; i < s->n_key; i++)
		fact(b, "key", sv_cstr(ch_span_column_name(s->key[i])));
	fact(b, "times of traces", s->trace_ts.name);
}

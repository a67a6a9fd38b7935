/* SPDX-License-Identifier: ISC */
/* ch_span: see clickhouse/ch_span.h. Cells are well-formed (ch_rows): cursors don't run out. */
#include "clickhouse/ch_span.h"

#include "base/limits.h"
#include "ch_cell_i.h"
#include "chsql/ch_words.h"
#include "ingest/json_attrs.h"

/* What one row is made with. */
struct row {
	struct arena *a;
	struct err *e;
	struct resource *resource;
	struct scope *scope;
	struct span *span;
	struct event *events;
	struct link *links;
	uint64_t duration;
	bool json;		/* the column at hand */
};

static int
strange(struct row *r, const char *what)
{
	return err_set(r->e, ERR_CORRUPT, -1, "a row of ClickHouse's table of spans: %s", what);
}

/* ---- cells ---- */

static int
text(struct row *r, struct sv s, struct sv *out)
{
	return cell_text(r->a, s, out, r->e);
}

static int
span_id(struct row *r, struct sv s, uint64_t *out)
{
	*out = 0;
	if (s.n == 0)
		return 0;
	return cell_is_hex(s, 16) && span_id_parse(s, out) ? 0 : strange(r, "a span id is no lower-case hex");
}

static int
trace_id(struct row *r, struct sv s, struct trace_id *out)
{
	*out = (struct trace_id){ 0, 0 };
	if (s.n == 0)
		return 0;
	return cell_is_hex(s, 32) && trace_id_parse(s, out) ? 0 : strange(r, "a trace id is no lower-case hex");
}

/* ---- attributes ---- */

/* Is a number spelled so? 1, 0, or <0 for want of memory, which may not make it another value. */
static int
spelled(struct row *r, struct sv s, const struct value *v)
{
	struct buf b = BUF_INIT;
	int same;

	if (v->type == VAL_INT)
		buf_i64(&b, v->i);
	else
		buf_double(&b, v->d);
	same = b.oom ? err_nomem(r->e) : sv_eq(buf_view(&b), s);
	buf_release(&b);
	return same;
}

static bool
may_be_number(struct sv s)
{
	return s.n != 0 && s.n <= 32 && (s.p[0] == '-' || (s.p[0] >= '0' && s.p[0] <= '9'));
}

static int
value_of(struct row *r, struct sv s, struct value *v)
{
	int rc = 0;

	v->type = VAL_INT;
	if (may_be_number(s) && sv_i64(s, &v->i) && (rc = spelled(r, s, v)) != 0)
		return rc < 0 ? rc : 0;
	v->type = VAL_DOUBLE;
	if (may_be_number(s) && sv_double(s, &v->d) && (rc = spelled(r, s, v)) != 0)
		return rc < 0 ? rc : 0;
	if (sv_is(s, "true") || sv_is(s, "false")) {
		v->type = VAL_BOOL;
		v->b = s.n == 4;
		return 0;
	}
	v->type = VAL_STRING;
	v->s = s;
	return 0;
}

int
ch_span_text(struct sv s, struct arena *a, struct sv *out, struct err *e)
{
	struct row r = { .a = a, .e = e };

	return text(&r, s, out);
}

int
ch_span_value(struct sv s, struct arena *a, struct value *v, struct err *e)
{
	struct row r = { .a = a, .e = e };
	int rc = text(&r, s, &s);

	return rc < 0 ? rc : value_of(&r, s, v);
}

/* Of a column of JSON: an object of them. */
static int
attrs_json(struct row *r, struct cursor *c, struct attrs *out)
{
	int rc = attrs_of_json(cursor_str(c), r->a, out, r->e);

	return rc < 0 ? err_ctx(r->e, rc, "a row of ClickHouse's table of spans") : rc;
}

static int
attrs_room(struct row *r, uint64_t n, struct attrs *out)
{
	if (n > LIMIT_SPAN_ATTRS)
		return err_set(r->e, ERR_TOOBIG, -1, "a span in ClickHouse has over %d attributes",
		    LIMIT_SPAN_ATTRS);
	out->n = (uint32_t)n;
	out->v = arena_array(r->a, n + 1, struct attr);
	return out->v == NULL ? err_nomem(r->e) : 0;
}

/* Keys and texts, of one cursor in turn, or of two. */
static int
attrs_of_map(struct row *r, struct cursor *keys, struct cursor *values, struct attrs *out)
{
	uint64_t n = out->n;

	/* From behind, since of equal keys the last one stays. */
	while (n-- > 0) {
		struct sv key = cursor_str(keys), val = cursor_str(values);
		int rc;

		if ((rc = text(r, key, &out->v[n].key)) < 0 || (rc = text(r, val, &val)) < 0 ||
		    (rc = value_of(r, val, &out->v[n].val)) < 0)
			return rc;
	}
	attrs_normalize(out);
	return 0;
}

static int
attrs_read(struct row *r, struct cursor *c, struct attrs *out)
{
	int rc;

	if (r->json)
		return attrs_json(r, c, out);
	rc = attrs_room(r, cursor_varint(c), out);
	return rc < 0 ? rc : attrs_of_map(r, c, c, out);
}

/* ---- events and links: arrays side by side ---- */

static int
events_room(struct row *r, uint64_t n)
{
	if (r->events == NULL) {
		if (n > LIMIT_SPAN_EVENTS)
			return err_set(r->e, ERR_TOOBIG, -1, "a span in ClickHouse has over %d events",
			    LIMIT_SPAN_EVENTS);
		r->events = arena_array(r->a, n + 1, struct event);
		r->span->events = r->events;
		r->span->n_events = (uint32_t)n;
	}
	if (r->events == NULL)
		return err_nomem(r->e);
	return r->span->n_events == n ? 0 : strange(r, "its events are not of one number");
}

static int
links_room(struct row *r, uint64_t n)
{
	if (r->links == NULL) {
		if (n > LIMIT_SPAN_EVENTS)
			return err_set(r->e, ERR_TOOBIG, -1, "a span in ClickHouse has over %d links",
			    LIMIT_SPAN_EVENTS);
		r->links = arena_array(r->a, n + 1, struct link);
		r->span->links = r->links;
		r->span->n_links = (uint32_t)n;
	}
	if (r->links == NULL)
		return err_nomem(r->e);
	return r->span->n_links == n ? 0 : strange(r, "its links are not of one number");
}

static int
event_part(struct row *r, enum ch_span_column of, const struct ch_type *t, struct cursor *c)
{
	uint64_t n = cursor_varint(c);
	int rc = events_room(r, n);

	for (uint64_t i = 0; i < n && rc == 0; i++) {
		if (of == CHC_EVENT_TIME)
			r->events[i].time_ns = cell_time(t->kids[0], c);
		else if (of == CHC_EVENT_NAME)
			rc = text(r, cursor_str(c), &r->events[i].name);
		else
			rc = attrs_read(r, c, &r->events[i].attrs);
	}
	return rc;
}

static int
link_part(struct row *r, enum ch_span_column of, struct cursor *c)
{
	uint64_t n = cursor_varint(c);
	int rc = links_room(r, n);

	for (uint64_t i = 0; i < n && rc == 0; i++) {
		if (of == CHC_LINK_TRACE_ID)
			rc = trace_id(r, cursor_str(c), &r->links[i].trace_id);
		else if (of == CHC_LINK_SPAN_ID)
			rc = span_id(r, cursor_str(c), &r->links[i].span_id);
		else if (of == CHC_LINK_STATE)
			rc = text(r, cursor_str(c), &r->links[i].trace_state);
		else
			rc = attrs_read(r, c, &r->links[i].attrs);
	}
	return rc;
}

/* ---- a row ---- */

/* JSON is asked for as text. */
static bool
is_text(const struct ch_type *t)
{
	return t->kind == CH_STRING || (t->kind == CH_ARRAY && t->kids[0]->kind == CH_STRING);
}

static int
cell(struct row *r, enum ch_span_column of, const struct ch_type *t, struct cursor *c)
{
	struct span *s = r->span;

	r->json = is_text(t);
	switch (of) {
	case CHC_TIMESTAMP:
		s->start_ns = cell_time(t, c);
		return 0;
	case CHC_TRACE_ID:
		return trace_id(r, cursor_str(c), &s->trace_id);
	case CHC_SPAN_ID:
		return span_id(r, cursor_str(c), &s->span_id);
	case CHC_PARENT_SPAN_ID:
		return span_id(r, cursor_str(c), &s->parent_span_id);
	case CHC_TRACE_STATE:
		return text(r, cursor_str(c), &s->trace_state);
	case CHC_NAME:
		return text(r, cursor_str(c), &s->name);
	case CHC_KIND:
		s->kind = ch_word_number(ch_kinds, CH_N_KINDS, cursor_str(c));
		return 0;
	case CHC_SERVICE:
		return text(r, cursor_str(c), &r->resource->service);
	case CHC_RESOURCE:
		return attrs_read(r, c, &r->resource->attrs);
	case CHC_SCOPE:
		return text(r, cursor_str(c), &r->scope->name);
	case CHC_SCOPE_VERSION:
		return text(r, cursor_str(c), &r->scope->version);
	case CHC_ATTRS:
		return attrs_read(r, c, &s->attrs);
	case CHC_DURATION:
		r->duration = cursor_u64(c);
		return 0;
	case CHC_STATUS:
		s->status = ch_word_number(ch_statuses, CH_N_STATUSES, cursor_str(c));
		return 0;
	case CHC_MESSAGE:
		return text(r, cursor_str(c), &s->status_message);
	case CHC_EVENT_TIME:
	case CHC_EVENT_NAME:
	case CHC_EVENT_ATTRS:
		return event_part(r, of, t, c);
	default:
		return link_part(r, of, c);
	}
}

/* Start and duration are there or not, in either order. */
static uint64_t
end_of(uint64_t start, uint64_t duration)
{
	uint64_t before = 0 - duration;

	if (duration <= INT64_MAX)
		return start + duration;
	return start > before ? start - before : 0;
}

/* What the resource calls its service is text if the span's service is that, however it is spelled. */
static int
service_text(struct row *r)
{
	const struct value *v = attrs_find(&r->resource->attrs, SV("service.name"));
	struct value same;
	int rc;

	if (v == NULL || v->type == VAL_STRING)
		return 0;
	if ((rc = value_of(r, r->resource->service, &same)) == 0 && value_eq(v, &same))
		*(struct value *)(uintptr_t)v = (struct value){ .type = VAL_STRING,
			.s = r->resource->service };
	return rc;
}

int
ch_span_resource(struct sv keys, struct sv values, struct arena *a, struct resource *out, struct err *e)
{
	struct row r = { .a = a, .e = e, .resource = out };
	struct cursor k = cursor_new(keys.p, keys.n), v = cursor_new(values.p, values.n);
	uint64_t n = cursor_varint(&k);
	int rc = 0;

	if (cursor_varint(&v) != n)
		return strange(&r, "a resource has not as many values as keys");
	if ((rc = attrs_room(&r, n, &out->attrs)) == 0)
		rc = attrs_of_map(&r, &k, &v, &out->attrs);
	return rc < 0 ? rc : service_text(&r);
}

int
ch_span_read(const struct ch_span_reader *rd, const struct sv *cells, struct arena *a,
    struct span *out, struct err *e)
{
	struct row r = { .a = a, .e = e, .span = out };
	int rc = 0;

	memset(out, 0, sizeof *out);
	r.resource = arena_new(a, struct resource);
	r.scope = arena_new(a, struct scope);
	if (r.resource == NULL || r.scope == NULL)
		return err_nomem(e);
	out->resource = r.resource;
	out->scope = r.scope;
	for (size_t i = 0; i < rd->n_columns && rc == 0; i++) {
		struct cursor c = cursor_new(cells[i].p, cells[i].n);

		rc = cell(&r, rd->of[i], rd->columns[i].type, &c);
	}
	if (rc < 0 || (rc = service_text(&r)) < 0)
		return rc;
	out->end_ns = end_of(out->start_ns, r.duration);
	return trace_id_zero(out->trace_id) || out->span_id == 0;
}

/* What each column must be here: JSON is not read as attributes. */
static bool
readable(enum ch_span_column of, const struct ch_type *t)
{
	bool many = of >= CHC_EVENT_TIME;

	if (many && t->kind != CH_ARRAY)
		return false;
	if (many)
		t = t->kids[0];
	switch (of) {
	case CHC_TIMESTAMP:
	case CHC_EVENT_TIME:
		return t->kind == CH_DATETIME64;
	case CHC_DURATION:
		return ch_type_is(t, CH_UINT, 8) || ch_type_is(t, CH_INT, 8);
	case CHC_RESOURCE:
	case CHC_ATTRS:
	case CHC_EVENT_ATTRS:
	case CHC_LINK_ATTRS:
		return t->kind == CH_STRING || (t->kind == CH_MAP &&
		    t->kids[0]->kind == CH_STRING && t->kids[1]->kind == CH_STRING);
	default:
		return t->kind == CH_STRING;
	}
}

int
ch_span_reader_init(struct ch_span_reader *rd, const struct ch_sql *sql, const struct ch_rows *rows,
    struct err *e)
{
	size_t n, want = sql->n_columns + sql->told_doubts + 1;

	rd->columns = ch_rows_columns(rows, &n);
	rd->n_columns = sql->n_columns;
	if (n != want)
		return err_set(e, ERR_CORRUPT, -1, "ClickHouse's answer has %zu columns and not %zu", n, want);
	if (sql->told_doubts && !ch_type_is(rd->columns[sql->n_columns].type, CH_UINT, 1))
		return err_set(e, ERR_CORRUPT, -1, "ClickHouse's answer does not tell what is in doubt");
	for (size_t i = 0; i < sql->n_columns; i++) {
		rd->of[i] = sql->columns[i];
		if (!readable(rd->of[i], rd->columns[i].type))
			return err_set(e, rd->columns[i].type->kind == CH_STRING ? ERR_UNSUPPORTED : ERR_CORRUPT, -1,
			    "ClickHouse's column %s is of a type that is not read", ch_span_column_name(rd->of[i]));
	}
	return 0;
}

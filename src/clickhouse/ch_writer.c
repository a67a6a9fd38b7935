/* SPDX-License-Identifier: ISC */
/* ch_writer: see clickhouse/ch_writer.h. */
#include "clickhouse/ch_writer.h"

#include "base/visible.h"
#include "ch_cell_i.h"
#include "chsql/ch_words.h"
#include "model/json.h"

#define SCALE 9	/* of DateTime64: nanoseconds */

/* ---- what the table has ---- */

static void
list(struct buf *b, enum ch_span_column c)
{
	if (b->n != 0)
		BUF_LIT(b, ", ");
	buf_str(b, ch_span_column_name(c));
}

static int
refuse(const struct ch_schema *s, const struct buf *columns, const char *what, struct err *e)
{
	struct buf b = BUF_INIT;
	int rc;

	visible_text(&b, s->table.name, 0);
	rc = err_set(e, ERR_UNSUPPORTED, -1, "ClickHouse's table %.*s can't hold all of a span: %s %.*s",
	    SV_ARG(buf_view(&b)), what, SV_ARG(buf_view(columns)));
	buf_release(&b);
	return rc;
}

static int
check(const struct ch_schema *s, uint64_t columns, struct err *e)
{
	struct buf missing = BUF_INIT, coarse = BUF_INIT;
	int rc = 0;

	for (unsigned c = 0; c < N_CHC; c++) {
		const struct ch_type *t = s->columns[c].type;

		if ((columns >> c & 1) == 0)
			continue;
		if (s->columns[c].name.n == 0)
			list(&missing, c);
		else if ((c == CHC_TIMESTAMP && t->scale != SCALE) ||
		    (c == CHC_EVENT_TIME && t->kids[0]->scale != SCALE))
			list(&coarse, c);
	}
	if (missing.n != 0)
		rc = refuse(s, &missing, "it lacks", e);
	else if (coarse.n != 0)
		rc = refuse(s, &coarse, "times are cut, not DateTime64(9), in", e);
	buf_release(&missing);
	buf_release(&coarse);
	return rc;
}

int
ch_writer_init(struct ch_writer *w, const struct ch_schema *s, uint64_t columns, struct err *e)
{
	int rc = check(s, columns, e);

	*w = (struct ch_writer){ .schema = s, .scratch = BUF_INIT };
	for (unsigned c = 0; c < N_CHC && rc == 0; c++)
		if (columns >> c & 1)
			w->of[w->n++] = c;
	return rc;
}

void
ch_writer_release(struct ch_writer *w)
{
	buf_release(&w->scratch);
}

uint64_t
ch_writer_comparable(const struct ch_schema *s)
{
	uint64_t json = 1ull << CHC_RESOURCE | 1ull << CHC_ATTRS | 1ull << CHC_EVENT_ATTRS |
	    1ull << CHC_LINK_ATTRS;

	return s->json ? CH_COLUMNS_ALL & ~json : CH_COLUMNS_ALL;
}

/* ---- values ---- */

static void
put_text(struct buf *b, struct sv s)
{
	buf_varint(b, s.n);
	buf_sv(b, s);
}

static void
put_value(struct ch_writer *w, struct buf *b, const struct value *v)
{
	struct buf *t = &w->scratch;

	t->n = 0;
	switch (v->type) {
	case VAL_STRING:
		put_text(b, v->s);
		return;
	case VAL_EMPTY:
		break;
	case VAL_BOOL:
		buf_str(t, v->b ? "true" : "false");
		break;
	case VAL_INT:
		buf_i64(t, v->i);
		break;
	case VAL_DOUBLE:
		buf_double(t, v->d);
		break;
	case VAL_BYTES:
		buf_base64(t, v->s.p, v->s.n);
		break;
	case VAL_ARRAY:
	case VAL_MAP:
		json_value(t, v);
		break;
	}
	put_text(b, buf_view(t));
}

static void
put_attrs(struct ch_writer *w, struct buf *b, const struct attrs *a)
{
	if (w->schema->json) {
		w->scratch.n = 0;
		json_attrs(&w->scratch, a);
		put_text(b, buf_view(&w->scratch));
	} else {
		buf_varint(b, a->n);
		for (uint32_t i = 0; i < a->n; i++) {
			put_text(b, a->v[i].key);
			put_value(w, b, &a->v[i].val);
		}
	}
	b->oom |= w->scratch.oom;
}

static void
put_trace(struct buf *b, struct trace_id id)
{
	buf_varint(b, trace_id_zero(id) ? 0 : 32);
	if (!trace_id_zero(id))
		trace_id_print(b, id);
}

static void
put_id(struct buf *b, uint64_t id)
{
	buf_varint(b, id == 0 ? 0 : 16);
	if (id != 0)
		span_id_print(b, id);
}

uint64_t
ch_writer_time(uint64_t ns)
{
	return ns > INT64_MAX ? INT64_MAX : ns;
}

/* Of 63 bits; an end before the start wraps, and is a negative one again where it is read. */
static uint64_t
duration(const struct span *s)
{
	return s->end_ns >= s->start_ns ? ch_writer_time(s->end_ns - s->start_ns) :
	    0 - ch_writer_time(s->start_ns - s->end_ns);
}

static void
put_word(struct buf *b, const struct ch_word *words, size_t n, const char *none, int32_t number)
{
	struct sv word = sv_cstr(none);

	for (size_t i = 0; i < n; i++)
		if (words[i].number == number)
			word = words[i].now;
	put_text(b, word);
}

/* ---- events and links: arrays side by side ---- */

static void
put_events(struct ch_writer *w, struct buf *b, enum ch_span_column of, const struct span *s)
{
	buf_varint(b, s->n_events);
	for (uint32_t i = 0; i < s->n_events; i++) {
		if (of == CHC_EVENT_TIME)
			buf_le(b, ch_writer_time(s->events[i].time_ns), 8);
		else if (of == CHC_EVENT_NAME)
			put_text(b, s->events[i].name);
		else
			put_attrs(w, b, &s->events[i].attrs);
	}
}

static void
put_links(struct ch_writer *w, struct buf *b, enum ch_span_column of, const struct span *s)
{
	buf_varint(b, s->n_links);
	for (uint32_t i = 0; i < s->n_links; i++) {
		const struct link *l = &s->links[i];

		if (of == CHC_LINK_TRACE_ID)
			put_trace(b, l->trace_id);
		else if (of == CHC_LINK_SPAN_ID)
			put_id(b, l->span_id);
		else if (of == CHC_LINK_STATE)
			put_text(b, l->trace_state);
		else
			put_attrs(w, b, &l->attrs);
	}
}

/* ---- a row ---- */

static void
put_cell(struct ch_writer *w, struct buf *b, enum ch_span_column of, const struct span *s)
{
	switch (of) {
	case CHC_TIMESTAMP:
		buf_le(b, ch_writer_time(s->start_ns), 8);
		return;
	case CHC_TRACE_ID:
		put_trace(b, s->trace_id);
		return;
	case CHC_SPAN_ID:
		put_id(b, s->span_id);
		return;
	case CHC_PARENT_SPAN_ID:
		put_id(b, s->parent_span_id);
		return;
	case CHC_TRACE_STATE:
		put_text(b, s->trace_state);
		return;
	case CHC_NAME:
		put_text(b, s->name);
		return;
	case CHC_KIND:
		put_word(b, ch_kinds, CH_N_KINDS, "Unspecified", s->kind);
		return;
	case CHC_SERVICE:
		put_text(b, s->resource->service);
		return;
	case CHC_RESOURCE:
		put_attrs(w, b, &s->resource->attrs);
		return;
	case CHC_SCOPE:
		put_text(b, s->scope->name);
		return;
	case CHC_SCOPE_VERSION:
		put_text(b, s->scope->version);
		return;
	case CHC_ATTRS:
		put_attrs(w, b, &s->attrs);
		return;
	case CHC_DURATION:
		buf_le(b, duration(s), 8);
		return;
	case CHC_STATUS:
		put_word(b, ch_statuses, CH_N_STATUSES, "Unset", s->status);
		return;
	case CHC_MESSAGE:
		put_text(b, s->status_message);
		return;
	case CHC_EVENT_TIME:
	case CHC_EVENT_NAME:
	case CHC_EVENT_ATTRS:
		put_events(w, b, of, s);
		return;
	default:
		put_links(w, b, of, s);
	}
}

void
ch_writer_row(struct ch_writer *w, struct buf *b, const struct span *s)
{
	for (size_t i = 0; i < w->n; i++)
		put_cell(w, b, w->of[i], s);
}

/* SPDX-License-Identifier: ISC */
/*
 * span_json: the nested parts of a span as JSON, as spans.jsonl has them and as spans.csv has
 * them in its fields. Empty members are left out; time and name of an event and the ids of a
 * link always stand.
 */
#include "render/render.h"

#include "model/json.h"

/* A member of an object that is left out if empty. */
static void
member_string(struct buf *b, const char *key, struct sv s, bool *first)
{
	if (s.n == 0)
		return;
	buf_str(b, *first ? "\"" : ",\"");
	buf_str(b, key);
	BUF_LIT(b, "\":");
	json_string(b, s);
	*first = false;
}

static void
member_attrs(struct buf *b, const struct attrs *a, bool first)
{
	if (a->n == 0)
		return;
	buf_str(b, first ? "\"attributes\":" : ",\"attributes\":");
	json_attrs(b, a);
}

bool
span_json_scope_empty(const struct scope *s)
{
	return s->name.n == 0 && s->version.n == 0 && s->attrs.n == 0;
}

void
span_json_scope(struct buf *b, const struct scope *s)
{
	bool first = true;

	buf_putc(b, '{');
	member_string(b, "name", s->name, &first);
	member_string(b, "version", s->version, &first);
	member_attrs(b, &s->attrs, first);
	buf_putc(b, '}');
}

void
span_json_events(struct day_cache *day, struct buf *b, const struct span *s)
{
	buf_putc(b, '[');
	for (uint32_t i = 0; i < s->n_events; i++) {
		const struct event *e = &s->events[i];

		if (i != 0)
			buf_putc(b, ',');
		BUF_LIT(b, "{\"time\":\"");
		put_time(b, day, e->time_ns);
		BUF_LIT(b, "\",\"name\":");
		json_string(b, e->name);
		member_attrs(b, &e->attrs, false);
		buf_putc(b, '}');
	}
	buf_putc(b, ']');
}

void
span_json_links(struct buf *b, const struct span *s)
{
	bool first = false;

	buf_putc(b, '[');
	for (uint32_t i = 0; i < s->n_links; i++) {
		const struct link *l = &s->links[i];

		if (i != 0)
			buf_putc(b, ',');
		BUF_LIT(b, "{\"trace_id\":\"");
		put_trace_id(b, l->trace_id);
		BUF_LIT(b, "\",\"span_id\":\"");
		put_span_id(b, l->span_id);
		buf_putc(b, '"');
		member_string(b, "trace_state", l->trace_state, &first);
		member_attrs(b, &l->attrs, false);
		buf_putc(b, '}');
	}
	buf_putc(b, ']');
}

bool
span_json_dropped_empty(const struct span *s)
{
	return (s->dropped_attrs | s->dropped_events | s->dropped_links) == 0;
}

static void
member_count(struct buf *b, const char *key, uint32_t n, bool *first)
{
	if (n == 0)
		return;
	buf_str(b, *first ? "\"" : ",\"");
	buf_str(b, key);
	BUF_LIT(b, "\":");
	buf_u64(b, n);
	*first = false;
}

void
span_json_dropped(struct buf *b, const struct span *s)
{
	bool first = true;

	buf_putc(b, '{');
	member_count(b, "attributes", s->dropped_attrs, &first);
	member_count(b, "events", s->dropped_events, &first);
	member_count(b, "links", s->dropped_links, &first);
	buf_putc(b, '}');
}

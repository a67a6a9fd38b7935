/* SPDX-License-Identifier: ISC */
/*
 * span_line: see render/span_line.h. Keys in the order of product.md, empty members left out;
 * each resource and scope is rendered once a batch.
 */
#include "render/span_line.h"

#include "model/json.h"

static void
render_resource(struct buf *b, const void *key)
{
	const struct resource *r = key;

	if (r->attrs.n == 0)
		return;
	BUF_LIT(b, ",\"resource\":");
	json_attrs(b, &r->attrs);
}

static void
render_scope(struct buf *b, const void *key)
{
	const struct scope *s = key;

	if (span_json_scope_empty(s))
		return;
	BUF_LIT(b, ",\"scope\":");
	span_json_scope(b, s);
}

static void
put_enum(struct buf *b, const char *word, int32_t number)
{
	if (word == NULL) {
		buf_i64(b, number);
		return;
	}
	buf_putc(b, '"');
	buf_str(b, word);
	buf_putc(b, '"');
}

static void
put_head(struct render *r, struct buf *b, const struct span *s)
{
	put_ids(b, s);
	if (s->parent_span_id != 0) {
		BUF_LIT(b, ",\"parent_span_id\":\"");
		put_span_id(b, s->parent_span_id);
		buf_putc(b, '"');
	}
	BUF_LIT(b, ",\"name\":");
	json_string(b, s->name);
	BUF_LIT(b, ",\"kind\":");
	put_enum(b, span_kind_name(s->kind), s->kind);
	BUF_LIT(b, ",\"service\":");
	json_string(b, s->resource->service);
	BUF_LIT(b, ",\"start\":\"");
	put_time(b, &r->day, s->start_ns);
	BUF_LIT(b, "\",\"duration_ns\":");
	buf_u64(b, span_duration(s));
	/* Else start and duration say when it ended. */
	if (s->end_ns < s->start_ns) {
		BUF_LIT(b, ",\"end\":\"");
		put_time(b, &r->day, s->end_ns);
		buf_putc(b, '"');
	}
	BUF_LIT(b, ",\"status\":");
	put_enum(b, span_status_name(s->status), s->status);
}

static void
put_tail(struct buf *b, const struct span *s)
{
	if (s->trace_state.n != 0) {
		BUF_LIT(b, ",\"trace_state\":");
		json_string(b, s->trace_state);
	}
	if (s->flags != 0) {
		BUF_LIT(b, ",\"flags\":");
		buf_u64(b, s->flags);
	}
	if (!span_json_dropped_empty(s)) {
		BUF_LIT(b, ",\"dropped\":");
		span_json_dropped(b, s);
	}
	BUF_LIT(b, "}\n");
}

/* What stands before resource and scope. */
static void
put_own(struct render *r, struct buf *b, const struct span *s)
{
	put_head(r, b, s);
	if (s->status_message.n != 0) {
		BUF_LIT(b, ",\"status_message\":");
		json_string(b, s->status_message);
	}
	if (s->attrs.n != 0) {
		BUF_LIT(b, ",\"attributes\":");
		json_attrs(b, &s->attrs);
	}
}

/* What stands after them. */
static void
put_rest(struct render *r, struct buf *b, const struct span *s)
{
	if (s->n_events != 0) {
		BUF_LIT(b, ",\"events\":");
		span_json_events(&r->day, b, s);
	}
	if (s->n_links != 0) {
		BUF_LIT(b, ",\"links\":");
		span_json_links(b, s);
	}
	put_tail(b, s);
}

void
span_line_put(struct render *r, struct buf *b, const struct span *s)
{
	put_own(r, b, s);
	buf_sv(b, render_cached(&r->resources, s->resource, render_resource));
	buf_sv(b, render_cached(&r->scopes, s->scope, render_scope));
	put_rest(r, b, s);
}

int
span_line_length(struct render *r, struct buf *scratch, const struct span *s, uint64_t *n)
{
	uint64_t shared = render_cached(&r->resources, s->resource, render_resource).n;

	shared += render_cached(&r->scopes, s->scope, render_scope).n;
	scratch->n = 0;
	put_own(r, scratch, s);
	put_rest(r, scratch, s);
	*n = scratch->n + shared;
	return scratch->oom ? ERR_NOMEM : render_ok(r, NULL);
}

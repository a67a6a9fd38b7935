/* SPDX-License-Identifier: ISC */
/* span_rows: see span_rows.h. */
#include "lib/span_rows.h"
#include "render/span_line.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

static void *
must(void *p)
{
	if (p == NULL)
		abort();
	return p;
}

struct value
val_str(const char *s)
{
	return (struct value){ .type = VAL_STRING, .s = sv_cstr(s) };
}

struct value
val_int(int64_t i)
{
	return (struct value){ .type = VAL_INT, .i = i };
}

struct value
val_double(double d)
{
	return (struct value){ .type = VAL_DOUBLE, .d = d };
}

struct value
val_bool(bool b)
{
	return (struct value){ .type = VAL_BOOL, .b = b };
}

struct value
val_bytes(struct sv s)
{
	return (struct value){ .type = VAL_BYTES, .s = s };
}

struct value
val_empty(void)
{
	return (struct value){ .type = VAL_EMPTY };
}

static struct sv
keep(struct arena *a, struct buf *b)
{
	struct sv s = arena_sv(a, buf_view(b));

	if (b->oom || (s.p == NULL && s.n != 0))
		abort();
	buf_release(b);
	return s;
}

struct value
val_array(struct arena *a, const struct value *v, size_t n)
{
	struct buf b = BUF_INIT;

	for (size_t i = 0; i < n; i++)
		value_pack(&b, &v[i]);
	return (struct value){ .type = VAL_ARRAY, .s = keep(a, &b) };
}

struct value
val_map(struct arena *a, const struct attr *v, size_t n)
{
	struct buf b = BUF_INIT;
	uint8_t len[VARINT_MAX];

	for (size_t i = 0; i < n; i++) {
		buf_put(&b, len, varint_encode(len, v[i].key.n));
		buf_sv(&b, v[i].key);
		value_pack(&b, &v[i].val);
	}
	return (struct value){ .type = VAL_MAP, .s = keep(a, &b) };
}

struct attrs
attrs_of(struct arena *a, ...)
{
	struct attrs out = { must(arena_array(a, 32, struct attr)), 0 };
	const char *key;
	va_list ap;

	va_start(ap, a);
	while ((key = va_arg(ap, const char *)) != NULL) {
		assert_true(out.n < 32);
		out.v[out.n].key = sv_cstr(key);
		out.v[out.n++].val = va_arg(ap, struct value);
	}
	va_end(ap);
	return out;
}

struct resource *
resource_of(struct arena *a, const char *service)
{
	struct resource *r = must(arena_new(a, struct resource));

	if (service != NULL) {
		r->attrs = attrs_of(a, "service.name", val_str(service), NULL);
		r->service = sv_cstr(service);
	}
	return r;
}

struct span *
span_min(struct arena *a, uint64_t id, const char *service)
{
	struct span *s = must(arena_new(a, struct span));

	s->trace_id.lo = 1;
	s->span_id = id;
	s->start_ns = SPAN_START;
	s->end_ns = SPAN_START + 1234567;
	s->name = SV("work");
	s->resource = resource_of(a, service);
	s->scope = must(arena_new(a, struct scope));
	return s;
}

static void
fill_parts(struct arena *a, struct span *s)
{
	struct event *ev = must(arena_array(a, 2, struct event));
	struct link *ln = must(arena_array(a, 1, struct link));

	ev[0].time_ns = SPAN_START + 1000;
	ev[0].name = SV("exception");
	ev[0].attrs = attrs_of(a, "exception.type", val_str("E\"1\""), NULL);
	ev[0].dropped_attrs = 4;
	ev[1].time_ns = SPAN_START + 2000;
	ev[1].name = SV("retry");
	ln[0].trace_id = (struct trace_id){ 0xabc, 0xdef };
	ln[0].span_id = 0x77;
	ln[0].trace_state = SV("v=1");
	ln[0].attrs = attrs_of(a, "k", val_int(1), NULL);
	ln[0].dropped_attrs = 5;
	ln[0].flags = 1;
	s->events = ev;
	s->n_events = 2;
	s->links = ln;
	s->n_links = 1;
}

struct span *
span_full(struct arena *a)
{
	struct span *s = span_min(a, 0x1122334455667788u, "checkout");
	struct resource *r = resource_of(a, "checkout");
	struct scope *sc = must(arena_new(a, struct scope));

	r->attrs = attrs_of(a, "host.name", val_str("n1"), "service.name", val_str("checkout"),
	    NULL);
	r->dropped_attrs = 6;
	r->schema_url = SV("https://s/r");
	*sc = (struct scope){ .name = SV("lib"), .version = SV("1.2"), .dropped_attrs = 7,
	    .schema_url = SV("https://s/s") };
	sc->attrs = attrs_of(a, "x", val_bool(true), NULL);
	s->resource = r;
	s->scope = sc;
	s->trace_id = (struct trace_id){ 0x0123456789abcdefu, 0xfedcba9876543210u };
	s->parent_span_id = 0x99;
	s->name = SV("POST /pay");
	s->kind = KIND_SERVER;
	s->status = STATUS_ERROR;
	s->status_message = SV("no, \"money\"");
	s->trace_state = SV("t=1");
	s->flags = 257;
	s->dropped_attrs = 1;
	s->dropped_events = 2;
	s->dropped_links = 3;
	s->attrs = attrs_of(a, "big", val_int(INT64_MIN), "d", val_double(0.5), "s",
	    val_str("v"), NULL);
	fill_parts(a, s);
	return s;
}

/* What lengths say of these rows of spans.jsonl is what was written. */
static void
check_lengths(const struct batch *b, size_t n_bytes)
{
	struct render *r = must(calloc(1, sizeof *r));
	struct buf scratch = BUF_INIT;
	uint64_t n, sum = 0;

	for (size_t i = 0; i < b->n; i++, sum += n)
		assert_int_equal(span_line_length(r, &scratch, b->spans[i].span, &n), 0);
	assert_int_equal(sum, n_bytes);
	render_release(r);
	buf_release(&scratch);
	free(r);
}

char *
render_batches(const char *file, const struct format_options *opt, const struct batch *b,
    size_t n)
{
	static const struct format_options none = { .limit = UINT64_MAX };
	struct err e = ERR_INIT;
	struct buf out = BUF_INIT;
	struct formatter *f;

	assert_non_null(format_find(sv_cstr(file)));
	assert_int_equal(formatter_new(format_find(sv_cstr(file)), opt != NULL ? opt : &none,
	    &f, &e), 0);
	assert_int_equal(formatter_begin(f, &out, &e), 0);
	for (size_t i = 0; i < n; i++) {
		size_t before = out.n;

		assert_int_equal(formatter_batch(f, &b[i], &out, &e), 0);
		if (strcmp(file, "spans.jsonl") == 0 && (opt == NULL || opt->n_select == 0))
			check_lengths(&b[i], out.n - before);
	}
	assert_int_equal(formatter_end(f, &out, &e), 0);
	formatter_free(f);
	return (char *)(uintptr_t)must((void *)(uintptr_t)buf_cstr(&out));
}

char *
render_spans(const char *file, const struct format_options *opt, struct span *const *spans,
    size_t n, size_t per_batch)
{
	struct span_row *rows = must(calloc(n + 1, sizeof *rows));
	struct batch *b = must(calloc(n + 1, sizeof *b));
	size_t n_batches = 0;
	char *out;

	for (size_t i = 0; i < n; i++)
		rows[i].span = spans[i];
	for (size_t i = 0; i < n; i += per_batch) {
		b[n_batches].kind = ROW_SPAN;
		b[n_batches].spans = rows + i;
		b[n_batches++].n = n - i < per_batch ? n - i : per_batch;
	}
	out = render_batches(file, opt, b, n_batches);
	free(rows);
	free(b);
	return out;
}

struct format_options
select_of(struct arena *a, const char *text)
{
	struct field *fields = must(arena_array(a, 32, struct field));
	struct sv *typed = must(arena_array(a, 32, struct sv));
	struct sv rest = sv_cstr(text), part;
	size_t n = 0;

	for (; sv_cut(&rest, ',', &part); n++) {
		assert_true(n < 32 && field_parse(part, &fields[n]));
		typed[n] = part;
	}
	return (struct format_options){ .select = fields, .select_typed = typed, .n_select = n };
}

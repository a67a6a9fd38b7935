/* SPDX-License-Identifier: ISC */
/* Unit tests of model/span_pack: awkward spans come back whole, and bytes that are cut or wrong are an error. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "lib/gen_span.h"
#include "model/span_pack.h"

#define N 400

static struct span_batch spans;

static void
check_same(const struct span *a, const struct span *b)
{
	struct hash128 x = span_hash(a), y = span_hash(b);

	assert_memory_equal(&x, &y, sizeof x);
	assert_true(sv_eq(a->resource->service, b->resource->service));
	assert_int_equal(a->resource->dropped_attrs, b->resource->dropped_attrs);
	assert_int_equal(a->line_bytes, b->line_bytes);
}

static void
spans_come_back_whole(void **state)
{
	struct buf b = BUF_INIT;
	struct err e = ERR_INIT;
	struct arena a;
	struct cursor c;

	(void)state;
	arena_init(&a);
	for (size_t i = 0; i < spans.n; i++) {
		struct trace_id trace;
		struct cursor at;
		struct span s;
		uint64_t id;

		spans.spans[i].line_bytes = (uint32_t)i;
		b.n = 0;
		arena_reset(&a);
		span_pack(&b, &spans.spans[i]);
		assert_int_equal(buf_ok(&b, &e), 0);
		c = at = cursor_new(b.p, b.n);
		assert_int_equal(span_unpack_ids(&at, &trace, &id, &e), 0);
		assert_int_equal(cursor_off(&at) - cursor_off(&c), SPAN_PACK_IDS);
		assert_true(trace_id_eq(trace, spans.spans[i].trace_id));
		assert_int_equal(id, spans.spans[i].span_id);
		assert_int_equal(span_unpack(&c, &a, &s, &e), 0);
		check_same(&spans.spans[i], &s);
		/* What it takes is known before, and not far from what it does. */
		assert_in_range(a.used, span_unpack_room(&s) / 2, span_unpack_room(&spans.spans[i]));
		/* Bytes behind it are no part of it. */
		buf_putc(&b, 0);
		c = cursor_new(b.p, b.n);
		assert_int_equal(span_unpack(&c, &a, &s, &e), ERR_IO);
	}
	arena_release(&a);
	buf_release(&b);
}

static void
what_is_cut_is_an_error(void **state)
{
	struct buf b = BUF_INIT;
	struct arena a;

	(void)state;
	arena_init(&a);
	for (size_t i = 0; i < spans.n; i += 40) {
		b.n = 0;
		span_pack(&b, &spans.spans[i]);
		for (size_t n = 0; n < b.n; n += n < 3000 ? 1 : 997) {
			struct cursor c = cursor_new(b.p, n);
			struct err e = ERR_INIT;
			struct span s;

			arena_reset(&a);
			assert_int_equal(span_unpack(&c, &a, &s, &e), ERR_IO);
			assert_non_null(strstr(e.msg, "spilled spans"));
		}
	}
	arena_release(&a);
	buf_release(&b);
}

/* No count of them is believed before there are bytes for it: a sanitizer would see. */
static void
what_is_wrong_is_a_span_or_an_error(void **state)
{
	struct buf b = BUF_INIT;
	size_t bad = 0;
	struct arena a;

	(void)state;
	arena_init(&a);
	for (size_t i = 0; i < spans.n; i += 40) {
		b.n = 0;
		span_pack(&b, &spans.spans[i]);
		for (size_t at = 0; at < b.n && at < 2000; at++) {
			struct cursor c = cursor_new(b.p, b.n);
			struct err e = ERR_INIT;
			struct span s;

			b.p[at] = (char)(b.p[at] ^ 0xff);
			arena_reset(&a);
			bad += span_unpack(&c, &a, &s, &e) < 0;
			b.p[at] = (char)(b.p[at] ^ 0xff);
		}
	}
	assert_true(bad > 100);
	arena_release(&a);
	buf_release(&b);
}

static int
setup(void **state)
{
	const struct gen_span_options o = { .seed = 7, .start_ns = UINT64_C(1795183200000000000),
		.range_ns = 1000000000, .wild_times = true };
	struct gen_span g;

	(void)state;
	span_batch_init(&spans);
	gen_span_init(&g, &o);
	return gen_span_add(&g, &spans, N) ? 0 : -1;
}

static int
teardown(void **state)
{
	(void)state;
	span_batch_release(&spans);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(spans_come_back_whole),
		cmocka_unit_test(what_is_cut_is_an_error),
		cmocka_unit_test(what_is_wrong_is_a_span_or_an_error),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}

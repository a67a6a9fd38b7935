/* SPDX-License-Identifier: ISC */
/* Unit tests of sample/sample_gen: the sample is good OTLP, always the same, and tells its story. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "sample/sample_gen.h"
#include "ingest/ingest.h"
#include "lib/span_check.h"

#define HOUR 3600000000000ull
#define END 1795183200000000000ull

static int
append(void *arg, const char *p, size_t n, struct err *err)
{
	(void)err;
	buf_put(arg, p, n);
	return 0;
}

static struct buf
sample(uint64_t n_spans, uint64_t seed)
{
	struct sample_options o = { n_spans, seed, END - 24 * HOUR, END };
	struct buf b = BUF_INIT;
	struct err err;

	assert_int_equal(sample_generate(&o, append, &b, &err), 0);
	return b;
}

static void
parse(struct buf *b, struct span_batch *batch)
{
	struct ingest_result r = { .n_spans = 0 };
	struct err err;

	span_batch_init(batch);
	assert_int_equal(otlp_json_parse(buf_view(b), 1, batch, &r, &err), 0);
	assert_int_equal(r.n_rejected + r.n_broken + r.n_repaired + r.n_foreign, 0);
}

static void
same_options_give_the_same_bytes(void **state)
{
	struct buf a = sample(2000, 7), b = sample(2000, 7), c = sample(2000, 8);

	(void)state;
	assert_true(sv_eq(buf_view(&a), buf_view(&b)));
	assert_false(sv_eq(buf_view(&a), buf_view(&c)));
	/* Pinned, so that examples in the manual stay true; renew it when the shop changes. */
	assert_int_equal(hash64(a.p, a.n), 0x18f9a33c9161b6f4);
	buf_release(&a);
	buf_release(&b);
	buf_release(&c);
}

static void
every_line_is_good_otlp(void **state)
{
	struct buf b = sample(5000, 1);
	struct span_batch batch;
	uint64_t last = 0;

	(void)state;
	parse(&b, &batch);
	assert_true(batch.n >= 5000 && batch.n < 5600);
	for (size_t i = 0; i < batch.n; i++) {
		const struct span *s = &batch.spans[i];

		assert_null(span_check(s));
		assert_true(s->end_ns >= s->start_ns);
		assert_true(s->start_ns >= END - 24 * HOUR && s->start_ns < END + HOUR / 10);
		assert_true(s->resource->service.n > 0 && s->scope->name.n > 0);
		if (s->parent_span_id == 0 && s->n_links == 0) {
			assert_true(s->start_ns >= last && s->start_ns < END);
			last = s->start_ns;
		}
	}
	span_batch_release(&batch);
	buf_release(&b);
}

static bool
has_event(const struct span *s, const char *name)
{
	for (uint32_t i = 0; i < s->n_events; i++)
		if (sv_is(s->events[i].name, name))
			return true;
	return false;
}

static void
the_story_is_in_it(void **state)
{
	struct buf b = sample(20000, 1);
	struct span_batch batch;
	size_t scores = 0, exceptions = 0, linked = 0, tokens = 0, bad = 0, bad_errors = 0;
	size_t good = 0, good_errors = 0;
	uint64_t bad_ns = 0, good_ns = 0;

	(void)state;
	parse(&b, &batch);
	for (size_t i = 0; i < batch.n; i++) {
		const struct span *s = &batch.spans[i];
		const struct value *v = attrs_find(&s->resource->attrs, SV("service.version"));

		scores += has_event(s, "gen_ai.evaluation.result");
		exceptions += has_event(s, "exception");
		linked += s->n_links;
		tokens += attrs_find(&s->attrs, SV("gen_ai.usage.input_tokens")) != NULL;
		if (!sv_is(s->name, "charge card"))
			continue;
		if (sv_is(v->s, "2.5.0")) {
			bad++;
			bad_errors += s->status == STATUS_ERROR;
			bad_ns += span_duration(s);
		} else {
			good++;
			good_errors += s->status == STATUS_ERROR;
			good_ns += span_duration(s);
		}
	}
	assert_true(scores > 10 && exceptions > 10 && linked > 50 && tokens > 50);
	assert_true(bad > 5 && good > 50);
	assert_true(bad_errors * 5 > bad && good_errors * 20 < good);
	assert_true(bad_ns / bad > 4 * (good_ns / good));
	span_batch_release(&batch);
	buf_release(&b);
}

static int
refuse(void *arg, const char *p, size_t n, struct err *err)
{
	(void)p;
	(void)n;
	++*(int *)arg;
	return err_set(err, ERR_IO, -1, "no");
}

static void
stops_when_writing_fails(void **state)
{
	struct sample_options o = { 1000, 1, 0, END };
	struct err err;
	int calls = 0;

	(void)state;
	assert_int_equal(sample_generate(&o, refuse, &calls, &err), ERR_IO);
	assert_int_equal(calls, 1);
	o.start_ns = END;
	assert_int_equal(sample_generate(&o, refuse, &calls, &err), ERR_SYNTAX);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(same_options_give_the_same_bytes),
		cmocka_unit_test(every_line_is_good_otlp),
		cmocka_unit_test(the_story_is_in_it),
		cmocka_unit_test(stops_when_writing_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

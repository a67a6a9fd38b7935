/* SPDX-License-Identifier: ISC */
/* What a keyword's directory lists: values and fields of a snapshot. */
#include "catalog/catalog.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "lib/fsys_mem.h"
#include "lib/otlp_lines.h"
#include "lib/store_spans.h"

/* As otlp_lines has it: span i starts at START + i * STEP. */
#define START UINT64_C(1795168800000000000)
#define STEP UINT64_C(37000000000)
#define N 2000

struct fix {
	struct fsys *fs;
	struct catalog *c;
	const struct snapshot *snap;
	struct arena a;
};

static void
open_fix(struct fix *x)
{
	struct catalog_options o = { .cache_bytes = 1 << 22, .fs = x->fs };

	arena_init(&x->a);
	assert_int_equal(catalog_open("mem", &o, &x->c, NULL), 0);
	assert_int_equal(catalog_snapshot(x->c, &x->snap, NULL), 0);
}

static int
setup(void **state)
{
	struct fix *x = calloc(1, sizeof *x);
	struct buf b = BUF_INIT;
	struct err e = ERR_INIT;

	x->fs = fsys_mem();
	otlp_lines(&b, &(struct otlp_lines){ .to = N });
	if (store_add_lines(x->fs, buf_view(&b), &e) != 0)
		fail_msg("%s", e.msg);
	buf_release(&b);
	open_fix(x);
	*state = x;
	return 0;
}

static int
teardown(void **state)
{
	struct fix *x = *state;

	snapshot_unref(x->snap);
	catalog_close(x->c);
	assert_int_equal(fsys_mem_open_handles(x->fs), 0);
	fsys_free(x->fs);
	arena_release(&x->a);
	free(x);
	return 0;
}

static struct values_result
ask(struct fix *x, const char *field, struct values_request rq)
{
	struct values_result r = { 0 };
	struct err e = ERR_INIT;

	assert_true(field_parse(sv_cstr(field), &rq.field));
	if (rq.max == 0)
		rq.max = 1000;
	if (rq.range.to == 0)
		rq.range = TIME_RANGE_ALL;
	if (catalog_values(x->snap, &rq, &x->a, &r, &e) != 0)
		fail_msg("%s", e.msg);
	for (size_t i = 1; i < r.n; i++)
		assert_true(sv_cmp(r.values[i - 1], r.values[i]) < 0);
	assert_true(r.n_total >= r.n);
	return r;
}

static void
assert_values(const struct values_result *r, const char *joined)
{
	struct buf b = BUF_INIT;

	for (size_t i = 0; i < r->n; i++) {
		if (i > 0)
			buf_putc(&b, ' ');
		buf_sv(&b, r->values[i]);
	}
	assert_string_equal(buf_cstr(&b), joined);
	buf_release(&b);
}

static void
expect(struct fix *x, const char *field, const char *joined)
{
	struct values_result r = ask(x, field, (struct values_request){ 0 });

	assert_values(&r, joined);
	assert_int_equal(r.n_total, r.n);
}

static void
lists_values_of_every_kind_of_field(void **state)
{
	struct fix *x = *state;

	expect(x, "service", "svc-0 svc-1 svc-2");
	expect(x, "name", "op 0 op 1 op 2 op 3 op 4 op 5 op 6");
	expect(x, "kind", "client consumer internal producer server unspecified");
	expect(x, "status", "error unset");
	expect(x, "status_message", "bad");
	expect(x, "scope", "lib-0 lib-1 lib-2");
	expect(x, "scope_version", "1.0 1.1 1.2");
	expect(x, "event:name", "ev 0 ev 1 ev 2");
	expect(x, "resource.host.name", "host-0 host-2 host-4");
	expect(x, "host.name", "host-0 host-2 host-4");
	expect(x, "span.hot", "false true");
	expect(x, "span.content", "0");
	expect(x, "load",
	    "0.5 1.5 10.5 11.5 12.5 2.5 3.5 4.5 5.5 6.5 7.5 8.5 9.5");
	expect(x, "event.e", "x");
	expect(x, "route", "/r/0 /r/1 /r/10 /r/2 /r/3 /r/4 /r/5 /r/6 /r/7 /r/8 /r/9");
}

static void
fields_without_a_bounded_answer_list_nothing(void **state)
{
	struct fix *x = *state;

	expect(x, "span_id", "");
	expect(x, "parent_span_id", "");
	expect(x, "start", "");
	expect(x, "duration", "");
	expect(x, "root_service", "");
	expect(x, "trace_spans", "");
	expect(x, "no.such.key", "");
	expect(x, "event.no", "");
}

static void
the_range_leaves_out_what_starts_elsewhere(void **state)
{
	struct fix *x = *state;
	struct values_result r;

	/* The first line, eight spans, is of svc-0. */
	r = ask(x, "service", (struct values_request){ .range = { START, START + 8 * STEP } });
	assert_values(&r, "svc-0");
	r = ask(x, "service", (struct values_request){ .range = { START + 8 * STEP,
	    START + 24 * STEP } });
	assert_true(r.n >= 2);
	r = ask(x, "service", (struct values_request){ .range = { 0, START } });
	assert_int_equal(r.n, 0);
	r = ask(x, "name", (struct values_request){ .range = { START + N * STEP, WHEN_MAX } });
	assert_int_equal(r.n, 0);
}

static void
the_services_asked_for_bound_names_and_resources(void **state)
{
	struct fix *x = *state;
	struct sv one[] = { SV("svc-1") }, none[] = { SV("svc-9") };
	struct values_result r;

	r = ask(x, "resource.host.name", (struct values_request){ .services = one, .n_services = 1 });
	assert_values(&r, "host-2");
	r = ask(x, "service", (struct values_request){ .services = one, .n_services = 1 });
	assert_values(&r, "svc-1");
	r = ask(x, "name", (struct values_request){ .services = none, .n_services = 1 });
	assert_int_equal(r.n, 0);
	r = ask(x, "route", (struct values_request){ .services = none, .n_services = 1 });
	assert_int_equal(r.n, 0);
}

static void
a_cut_list_keeps_the_most_frequent_and_says_so(void **state)
{
	struct fix *x = *state;
	struct values_result r = ask(x, "status", (struct values_request){ .max = 1 });

	assert_values(&r, "unset");
	assert_int_equal(r.n_total, 2);
	r = ask(x, "span.unique", (struct values_request){ .max = 10 });
	assert_int_equal(r.n, 10);
	assert_true(r.n_total >= 40);
	r = ask(x, "span.unique", (struct values_request){ .max = 5000 });
	/* Unique strings are not all listed: then the total says so. */
	assert_true(r.n == N || r.n_total > r.n);
}

static void
trace_ids_are_the_newest(void **state)
{
	struct fix *x = *state;
	struct values_result r = ask(x, "trace_id", (struct values_request){ .max = 10 }), all;
	struct sv svc[] = { SV("svc-2") };

	assert_int_equal(r.n, 10);
	assert_true(r.n_total > 10);
	/* Five spans a trace: the last eight digits count them. */
	for (size_t i = 0; i < r.n; i++) {
		unsigned no;

		assert_int_equal(r.values[i].n, 32);
		assert_int_equal(sscanf(r.values[i].p + 24, "%8x", &no), 1);
		assert_true(no >= N / 5 - 10);
	}
	all = ask(x, "trace_id", (struct values_request){ .max = 1000 });
	assert_int_equal(all.n, N / 5);
	assert_int_equal(all.n_total, N / 5);
	r = ask(x, "trace_id", (struct values_request){ .range = { START, START + 10 * STEP } });
	assert_int_equal(r.n, 2);
	r = ask(x, "trace_id", (struct values_request){ .max = 1000, .services = svc, .n_services = 1 });
	assert_true(r.n > 0 && r.n < all.n);
}

static void
lists_the_fields_that_occur(void **state)
{
	struct fix *x = *state;
	struct values_result r;

	assert_int_equal(catalog_fields(x->snap, TIME_RANGE_ALL, 100, &x->a, &r, NULL), 0);
	assert_values(&r, "event.e resource.host.name resource.service.name span.content "
	    "span.hot span.load span.route span.unique");
	assert_int_equal(catalog_fields(x->snap, TIME_RANGE_ALL, 2, &x->a, &r, NULL), 0);
	assert_int_equal(r.n, 2);
	assert_int_equal(r.n_total, 8);
	assert_int_equal(catalog_fields(x->snap, (struct time_range){ 0, 5 }, 100, &x->a, &r, NULL), 0);
	assert_int_equal(r.n, 0);
}

static void
a_damaged_shard_is_passed_over(void **state)
{
	struct fix *x = *state;
	struct buf b = BUF_INIT;
	struct values_result r;
	const char *file = x->snap->shards[3].file;

	/* Every section of one shard is spoiled, its footer is not. */
	buf_sv(&b, fsys_mem_get(x->fs, file));
	for (size_t i = 40; i < b.n / 2; i++)
		b.p[i] ^= 0x55;
	assert_true(fsys_mem_put(x->fs, file, buf_view(&b)));
	/* And another altogether. */
	assert_true(fsys_mem_put(x->fs, x->snap->shards[5].file, SV("?")));
	r = ask(x, "name", (struct values_request){ 0 });
	assert_int_equal(r.n, 7);
	r = ask(x, "resource.host.name", (struct values_request){ 0 });
	assert_int_equal(r.n, 3);
	r = ask(x, "trace_id", (struct values_request){ 0 });
	assert_true(r.n > 200 && r.n < N / 5);
	assert_int_equal(catalog_fields(x->snap, TIME_RANGE_ALL, 100, &x->a, &r, NULL), 0);
	assert_int_equal(r.n, 8);
	buf_release(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(lists_values_of_every_kind_of_field, setup, teardown),
		cmocka_unit_test_setup_teardown(fields_without_a_bounded_answer_list_nothing, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(the_range_leaves_out_what_starts_elsewhere, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(the_services_asked_for_bound_names_and_resources,
		    setup, teardown),
		cmocka_unit_test_setup_teardown(a_cut_list_keeps_the_most_frequent_and_says_so, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(trace_ids_are_the_newest, setup, teardown),
		cmocka_unit_test_setup_teardown(lists_the_fields_that_occur, setup, teardown),
		cmocka_unit_test_setup_teardown(a_damaged_shard_is_passed_over, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

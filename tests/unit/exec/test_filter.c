/* SPDX-License-Identifier: ISC */
/*
 * Unit tests of column filters, by their work: what zones, services, trace ids, footers and
 * conditions save is proved by counters, over a store made for it: one service a row group.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "lib/exec_rig.h"
#include "lib/plan_builder.h"
#include "lib/span_rows.h"

#define PER_SERVICE 600
#define N_SERVICES 4
#define N_HOURS 2
#define PER_SHARD (PER_SERVICE * N_SERVICES)
#define HOUR 3600000000000u
#define FIRST_HOUR UINT64_C(1795183200000000000)

static struct exec_rig w;
static struct arena arena;

/* Span i of a service: starts i s into the hour; duration i us; attribute n is i. */
static void
fill(struct span_batch *b, unsigned hour)
{
	static const char *const services[] = { "alpha", "beta", "delta", "gamma" };

	for (unsigned s = 0; s < N_SERVICES; s++) {
		const struct resource *r = resource_of(&b->arena, services[s]);

		for (unsigned i = 0; i < PER_SERVICE; i++) {
			struct span *x = span_batch_add(b);
			uint64_t no = (uint64_t)hour * PER_SHARD + s * PER_SERVICE + i;

			assert_non_null(x);
			*x = *span_min(&b->arena, no + 1, services[s]);
			x->resource = r;
			x->trace_id = (struct trace_id){ 9, no / 10 + 1 };
			x->parent_span_id = no % 10 == 0 ? 0 : no - no % 10 + 1;
			x->start_ns = FIRST_HOUR + hour * (uint64_t)HOUR + i * UINT64_C(1000000000);
			x->end_ns = x->start_ns + i * 1000u;
			x->status = i % 100 == 99 ? STATUS_ERROR : STATUS_UNSET;
			x->name = sv_cstr(arena_printf(&b->arena, "op-%u", i % 7));
			x->attrs = attrs_of(&b->arena, "n", val_int(i), NULL);
		}
	}
}

static int
setup(void **state)
{
	struct store_rig store;

	(void)state;
	arena_init(&arena);
	store_rig_init(&store, 1, 0, 1, 0, PER_SERVICE);
	store.now_ns = FIRST_HOUR + HOUR;
	for (unsigned h = 0; h < N_HOURS; h++) {
		struct span_batch b;

		span_batch_init(&b);
		fill(&b, h);
		store_rig_add(&store, &b, PER_SERVICE);
		span_batch_release(&b);
	}
	exec_rig_open(&w, &store);
	assert_int_equal(w.snap->n_shards, N_HOURS);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	exec_rig_close(&w);
	arena_release(&arena);
	return 0;
}

static struct profile
count(const struct pred *filter, enum access access, struct time_range range, uint64_t expect)
{
	struct plan *p = plan_columns(w.snap, ROW_COUNT);
	struct exec_rows rows;
	struct profile prof;

	p->filter.pred = filter;
	p->filter.range = range;
	plan_access(p, access);
	rows = exec_rig_ids(&w, p);
	assert_int_equal(rows.ids[0], expect);
	prof = rows.prof;
	exec_rows_release(&rows);
	return prof;
}

static const struct pred all = { .kind = PRED_TRUE };

static void
zones_pass_over_row_groups_and_blocks(void **state)
{
	const struct pred *slow = leaf_of(&arena, "duration", OP_GE, "590us");
	const struct pred *n = leaf_of(&arena, "span.n", OP_LT, "3");
	struct profile f;

	(void)state;
	/* Blocks of 256: the last of three holds the slow ones. */
	f = count(slow, ACCESS_ZONE, TIME_RANGE_ALL, 10 * N_SERVICES * N_HOURS);
	assert_int_equal(f.row_groups_visited, N_SERVICES * N_HOURS);
	assert_int_equal(f.blocks_pruned, 2 * N_SERVICES * N_HOURS);
	f = count(n, ACCESS_ZONE, TIME_RANGE_ALL, 3 * N_SERVICES * N_HOURS);
	assert_int_equal(f.blocks_pruned, 2 * N_SERVICES * N_HOURS);
	f = count(slow, ACCESS_FULL, TIME_RANGE_ALL, 10 * N_SERVICES * N_HOURS);
	assert_int_equal(f.blocks_pruned, 0);
	f = count(leaf_of(&arena, "duration", OP_GT, "1s"), ACCESS_ZONE, TIME_RANGE_ALL, 0);
	assert_int_equal(f.row_groups_visited, 0);
	assert_int_equal(f.row_groups_pruned, N_SERVICES * N_HOURS);
	assert_int_equal(f.rows_scanned, 0);
}

static void
a_value_that_no_dictionary_has_reads_no_chunk(void **state)
{
	struct profile f = count(leaf_of(&arena, "name", OP_EQ, "op-9"), ACCESS_ZONE,
	    TIME_RANGE_ALL, 0);

	(void)state;
	assert_int_equal(f.rows_scanned, 0);
	assert_true(f.chunks_read + f.chunks_cached <= N_HOURS);	/* the dictionaries */
	f = count(leaf_of(&arena, "name", OP_CONTAINS, "q"), ACCESS_ZONE, TIME_RANGE_ALL, 0);
	assert_true(f.chunks_read + f.chunks_cached <= N_HOURS);
	f = count(leaf_of(&arena, "span.absent", OP_HAS, ""), ACCESS_ZONE, TIME_RANGE_ALL, 0);
	assert_int_equal(f.chunks_read + f.chunks_cached, 0);
}

static void
a_service_is_a_range_of_rows(void **state)
{
	const struct pred *p = and_of(&arena, leaf_of(&arena, "service", OP_IN, "beta,gamma"),
	    leaf_of(&arena, "status", OP_EQ, "error"));
	struct profile f = count(p, ACCESS_SERVICE, TIME_RANGE_ALL, 6 * 2 * N_HOURS);

	(void)state;
	assert_int_equal(f.row_groups_visited, 2 * N_HOURS);
	assert_int_equal(f.rows_scanned, 2 * PER_SERVICE * N_HOURS);
}

static void
a_time_range_is_cut_out_of_each_service(void **state)
{
	struct time_range r = { FIRST_HOUR + 100 * 1000000000ull,
		FIRST_HOUR + 110 * 1000000000ull };
	struct profile f = count(&all, ACCESS_ZONE, r, 10 * N_SERVICES);

	(void)state;
	assert_int_equal(f.shards_opened, 1);
	assert_int_equal(f.rows_scanned, 10 * N_SERVICES);
	/* Zones come first: starts are not read for what can't match. */
	f = count(leaf_of(&arena, "duration", OP_GT, "1s"), ACCESS_ZONE, r, 0);
	assert_int_equal(f.chunks_read + f.chunks_cached, 0);
	assert_int_equal(f.row_groups_visited, 0);
}

static void
a_trace_id_leads_to_its_rows(void **state)
{
	const struct pred *p = leaf_of(&arena, "trace_id", OP_EQ,
	    "00000000000000090000000000000021");
	struct profile f = count(p, ACCESS_TRACE, TIME_RANGE_ALL, 10);

	(void)state;
	assert_int_equal(f.rows_scanned, 10);
	assert_int_equal(f.row_groups_visited, 1);
	p = and_of(&arena, p, leaf_of(&arena, "span.n", OP_LT, "325"));
	f = count(p, ACCESS_TRACE, TIME_RANGE_ALL, 5);
	assert_int_equal(f.rows_scanned, 10);
	(void)count(leaf_of(&arena, "trace_id", OP_EQ, "77"), ACCESS_TRACE, TIME_RANGE_ALL, 0);
}

static void
footers_count_without_reading(void **state)
{
	struct profile f = count(&all, ACCESS_CATALOG, TIME_RANGE_ALL, PER_SHARD * N_HOURS);
	struct time_range r = { FIRST_HOUR, FIRST_HOUR + 300 * 1000000000ull };

	(void)state;
	assert_int_equal(f.chunks_read + f.chunks_cached, 0);
	assert_int_equal(f.rows_scanned, 0);
	f = count(leaf_of(&arena, "service", OP_EQ, "delta"), ACCESS_CATALOG, TIME_RANGE_ALL,
	    PER_SERVICE * N_HOURS);
	assert_int_equal(f.chunks_read + f.chunks_cached, 0);
	/* A range that cuts the shard, or another condition: it is scanned all the same. */
	(void)count(&all, ACCESS_CATALOG, r, 300 * N_SERVICES);
	(void)count(leaf_of(&arena, "status", OP_EQ, "error"), ACCESS_CATALOG, TIME_RANGE_ALL,
	    6 * N_SERVICES * N_HOURS);
}

static void
an_access_that_cannot_be_falls_back(void **state)
{
	const struct pred *p = leaf_of(&arena, "status", OP_EQ, "error");

	(void)state;
	(void)count(p, ACCESS_SERVICE, TIME_RANGE_ALL, 6 * N_SERVICES * N_HOURS);
	(void)count(p, ACCESS_TRACE, TIME_RANGE_ALL, 6 * N_SERVICES * N_HOURS);
	p = leaf_of(&arena, "trace_id", OP_STARTS, "00000000000000090000000000000021");
	(void)count(p, ACCESS_TRACE, TIME_RANGE_ALL, 10);
}

static void
pruned_shards_are_not_opened(void **state)
{
	struct plan *p = plan_columns(w.snap, ROW_SPAN);
	struct exec_rows rows;

	(void)state;
	((struct plan_shard *)(uintptr_t)p->scan.shards)[0].access = ACCESS_PRUNED;
	rows = exec_rig_ids(&w, p);
	assert_int_equal(rows.n, PER_SHARD);
	assert_int_equal(rows.prof.shards_opened, 1);
	exec_rows_release(&rows);
}

static void
a_full_page_ends_the_scan(void **state)
{
	struct plan *p = plan_columns(w.snap, ROW_SPAN);
	struct exec_rows rows;

	(void)state;
	plan_page(p, 10, 0);
	p->scan.early_stop = true;
	rows = exec_rig_ids(&w, p);
	assert_int_equal(rows.n, 10);
	assert_int_equal(rows.prof.shards_opened, 1);
	assert_int_equal(rows.prof.rows_fetched, 10);
	exec_rows_release(&rows);
	/* Without the rule the rest is gone through, and only not handed out. */
	p = plan_columns(w.snap, ROW_SPAN);
	plan_page(p, 10, 0);
	rows = exec_rig_ids(&w, p);
	assert_int_equal(rows.n, 10);
	assert_int_equal(rows.prof.rows_matched, PER_SHARD * N_HOURS);
	assert_int_equal(rows.prof.rows_fetched, 10);
	exec_rows_release(&rows);
}

static void
the_best_few_pass_over_row_groups_that_cannot_win(void **state)
{
	struct plan *p = plan_columns(w.snap, ROW_SPAN);
	struct exec_rows rows;

	(void)state;
	plan_sort_by(p, "start:desc");
	plan_page(p, 3, 0);
	p->order.topn = true;
	rows = exec_rig_ids(&w, p);
	assert_int_equal(rows.n, 3);
	/* The newer hour has the newest; the older one's groups cannot come before. */
	assert_true(rows.prof.rows_scanned <= PER_SHARD * N_HOURS);
	exec_rows_release(&rows);
}

static void
later_conditions_see_only_rows_that_are_left(void **state)
{
	const struct pred *rare = leaf_of(&arena, "span.n", OP_EQ, "7");
	const struct pred *name = leaf_of(&arena, "name", OP_RE, "op-[0-3]|never");
	const struct pred *none = leaf_of(&arena, "span.n", OP_EQ, "100000");
	struct profile f;

	(void)state;
	(void)count(and_of(&arena, rare, name), ACCESS_ZONE, TIME_RANGE_ALL,
	    N_SERVICES * N_HOURS);
	/* Nothing is left: the second condition's column is not read. */
	f = count(and_of(&arena, none, name), ACCESS_FULL, TIME_RANGE_ALL, 0);
	assert_int_equal(f.chunks_read + f.chunks_cached, N_SERVICES * N_HOURS);
}

static void
a_runaway_pattern_names_the_span(void **state)
{
	struct span_batch b;
	struct exec_env env;
	struct plan *p;
	struct exec_rows rows;
	struct err e = ERR_INIT;
	struct store_rig store;
	struct exec_rig r;
	struct span *x;
	char *text = malloc(4001);

	(void)state;
	assert_non_null(text);
	memset(text, 'a', 4000);
	text[4000] = '\0';
	span_batch_init(&b);
	x = span_batch_add(&b);
	assert_non_null(x);
	*x = *span_min(&b.arena, 0xdead, "s");
	x->attrs = attrs_of(&b.arena, "long", val_str(text), NULL);
	store_rig_init(&store, 1, 0, 1, 0, 100);
	store.now_ns = SPAN_START;
	store_rig_add(&store, &b, 100);
	span_batch_release(&b);
	exec_rig_open(&r, &store);
	env = (struct exec_env){ .snapshot = r.snap };
	for (int columns = 0; columns < 2; columns++) {
		p = columns ? plan_columns(r.snap, ROW_SPAN) : plan_plain(r.snap, ROW_SPAN);
		p->filter.pred = leaf_of(&arena, "span.long", OP_RE, "(a|aa)+(a|aa)+(a|aa)+[bc]");
		assert_int_equal(exec_rig_try(p, &env, &rows, &e), ERR_TIMEOUT);
		assert_non_null(strstr(e.msg, "span 000000000000dead"));
		assert_non_null(strstr(e.msg, "(a|aa)+[bc]"));
		exec_rows_release(&rows);
		plan_free(p);
	}
	exec_rig_close(&r);
	free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(zones_pass_over_row_groups_and_blocks),
		cmocka_unit_test(a_value_that_no_dictionary_has_reads_no_chunk),
		cmocka_unit_test(a_service_is_a_range_of_rows),
		cmocka_unit_test(a_time_range_is_cut_out_of_each_service),
		cmocka_unit_test(a_trace_id_leads_to_its_rows),
		cmocka_unit_test(footers_count_without_reading),
		cmocka_unit_test(an_access_that_cannot_be_falls_back),
		cmocka_unit_test(pruned_shards_are_not_opened),
		cmocka_unit_test(a_full_page_ends_the_scan),
		cmocka_unit_test(the_best_few_pass_over_row_groups_that_cannot_win),
		cmocka_unit_test(later_conditions_see_only_rows_that_are_left),
		cmocka_unit_test(a_runaway_pattern_names_the_span),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}

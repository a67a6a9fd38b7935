/* SPDX-License-Identifier: ISC */
/*
 * Unit tests of limits in the default order: the newest rows are found by search and not by
 * scan, whatever the ties, over shards that overlap, over slices, with and without conditions.
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

#define PER_SERVICE 700
#define N_SERVICES 3
#define N_SHARDS 4		/* two of each hour */
#define TIES 50			/* spans of a service with one start, now and then */
#define HOUR 3600000000000u
#define FIRST_HOUR UINT64_C(1795183200000000000)

static struct exec_rig w;
static struct arena arena;

static const char *const services[] = { "alpha", "beta", "gamma" };

/* Starts rise by 1 s but for runs of ties; the two shards of an hour interleave. */
static uint64_t
start_of_span(unsigned shard, unsigned i)
{
	unsigned at = i / 100 % 2 == 1 ? i - i % TIES : i;

	return FIRST_HOUR + shard / 2 * (uint64_t)HOUR + at * UINT64_C(1000000000) +
	    (i / 100 % 2 == 1 ? 0 : shard % 2);
}

static void
fill(struct span_batch *b, unsigned shard)
{
	for (unsigned s = 0; s < N_SERVICES; s++) {
		const struct resource *r = resource_of(&b->arena, services[s]);

		for (unsigned i = 0; i < PER_SERVICE; i++) {
			struct span *x = span_batch_add(b);
			uint64_t no = ((uint64_t)shard * N_SERVICES + s) * PER_SERVICE + i;

			assert_non_null(x);
			*x = *span_min(&b->arena, no + 1, services[s]);
			x->resource = r;
			/* Against the order of the starts. */
			x->trace_id = (struct trace_id){ 9, 100000 - no };
			x->start_ns = start_of_span(shard, i);
			x->end_ns = x->start_ns + 1000;
			x->status = i % 10 == 9 ? STATUS_ERROR : STATUS_UNSET;
		}
	}
}

static int
setup(void **state)
{
	struct store_rig store;

	(void)state;
	arena_init(&arena);
	store_rig_init(&store, 1, 0, 1, 0, 512);
	store.now_ns = FIRST_HOUR + 2 * (uint64_t)HOUR;
	for (unsigned i = 0; i < N_SHARDS; i++) {
		struct span_batch b;

		span_batch_init(&b);
		fill(&b, i);
		store_rig_add(&store, &b, 512);
		span_batch_release(&b);
	}
	exec_rig_open(&w, &store);
	assert_int_equal(w.snap->n_shards, N_SHARDS);
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

/* ---- what is to come ---- */

struct ask {
	const char *service;		/* NULL: any */
	bool errors;
	uint64_t limit, offset;
	struct time_range range;
};

static int
newer_first(const void *pa, const void *pb)
{
	const struct span *a = *(const struct span *const *)pa;
	const struct span *b = *(const struct span *const *)pb;

	if (a->start_ns != b->start_ns)
		return a->start_ns < b->start_ns ? 1 : -1;
	return trace_id_cmp(a->trace_id, b->trace_id);
}

static bool
matches(const struct span *s, const struct ask *q)
{
	return s->start_ns >= q->range.from && s->start_ns < q->range.to &&
	    (!q->errors || s->status == STATUS_ERROR) &&
	    (q->service == NULL || sv_eq(s->resource->service, sv_cstr(q->service)));
}

static struct plan *
plan_of(const struct ask *q)
{
	struct plan *p = plan_columns(w.snap, ROW_SPAN);
	const struct pred *service = q->service == NULL ? NULL :
	    leaf_of(&arena, "service", OP_EQ, q->service);
	const struct pred *errors = leaf_of(&arena, "status", OP_EQ, "error");

	if (service != NULL)
		p->filter.pred = q->errors ? and_of(&arena, service, errors) : service;
	else if (q->errors)
		p->filter.pred = errors;
	plan_access(p, service != NULL ? ACCESS_SERVICE : ACCESS_ZONE);
	p->filter.range = q->range;
	plan_page(p, q->limit, q->offset);
	p->scan.early_stop = true;
	return p;
}

/* Asks, and holds the ids against a sort of all spans. */
static struct profile
check(const struct ask *q)
{
	const struct span **want = calloc(w.n_spans, sizeof *want);
	struct exec_rows rows = exec_rig_ids(&w, plan_of(q));
	struct profile prof = rows.prof;
	size_t n = 0, left;

	assert_non_null(want);
	for (size_t i = 0; i < w.n_spans; i++)
		if (matches(&w.spans[i], q))
			want[n++] = &w.spans[i];
	qsort(want, n, sizeof *want, newer_first);
	left = n > q->offset ? n - q->offset : 0;
	assert_int_equal(rows.n, left < q->limit ? left : q->limit);
	for (size_t i = 0; i < rows.n; i++)
		assert_int_equal(rows.ids[i], want[q->offset + i]->span_id);
	exec_rows_release(&rows);
	free(want);
	return prof;
}

/* ---- tests ---- */

static void
only_the_newest_rows_of_a_service_are_looked_at(void **state)
{
	struct ask q = { "beta", false, 20, 0, TIME_RANGE_ALL };
	struct profile f = check(&q);

	(void)state;
	assert_in_range(f.rows_scanned, 20, 40);
	assert_int_equal(f.rows_fetched, 20);
	q.offset = 300;
	f = check(&q);
	assert_in_range(f.rows_scanned, 320, 640);
	assert_int_equal(f.rows_fetched, 20);
}

static void
all_services_count_together(void **state)
{
	const struct ask q = { NULL, false, 40, 3, TIME_RANGE_ALL };
	struct profile f = check(&q);

	(void)state;
	assert_in_range(f.rows_scanned, 43, 86);
}

static void
ties_are_in_or_out_together(void **state)
{
	/* The last instant of the range has TIES spans of each service in two shards. */
	struct ask q = { "alpha", false, 7, 2, { FIRST_HOUR,
	    FIRST_HOUR + 151 * UINT64_C(1000000000) } };
	struct profile f = check(&q);

	(void)state;
	assert_int_equal(f.rows_scanned, 2 * TIES);
	q.limit = 2 * TIES + 5;
	check(&q);
}

static void
ranges_cut_services_anywhere(void **state)
{
	(void)state;
	for (unsigned from = 0; from < 700; from += 90)
		for (unsigned n = 1; n < 700; n += 130) {
			struct ask q = { from % 4 == 0 ? NULL : "gamma", from % 3 == 0, 15, n % 7,
				{ FIRST_HOUR + from * UINT64_C(1000000000),
				FIRST_HOUR + HOUR + n * UINT64_C(1000000000) } };

			check(&q);
		}
}

static void
a_condition_takes_as_many_more_as_it_leaves_out(void **state)
{
	struct ask q = { "beta", true, 12, 0, TIME_RANGE_ALL };
	struct plan *p = plan_of(&q);
	struct plan_shard *s = (struct plan_shard *)(uintptr_t)p->scan.shards;
	struct exec_rows rows;

	(void)state;
	check(&q);
	/* The estimate that opt would give: a tenth. */
	for (size_t i = 0; i < p->scan.n_shards; i++)
		s[i].est_rows = PER_SERVICE / 10;
	rows = exec_rig_ids(&w, p);
	assert_int_equal(rows.n, 12);
	assert_true(rows.prof.rows_scanned < 12 * 10 * 3);
	exec_rows_release(&rows);
}

static void
more_than_there_is_gives_all(void **state)
{
	const struct ask q = { "alpha", false, 1000000, 5, TIME_RANGE_ALL };
	const struct ask none = { "alpha", false, 10, 1000000, TIME_RANGE_ALL };

	(void)state;
	check(&q);
	check(&none);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_the_newest_rows_of_a_service_are_looked_at),
		cmocka_unit_test(all_services_count_together),
		cmocka_unit_test(ties_are_in_or_out_together),
		cmocka_unit_test(ranges_cut_services_anywhere),
		cmocka_unit_test(a_condition_takes_as_many_more_as_it_leaves_out),
		cmocka_unit_test(more_than_there_is_gives_all),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}

/* SPDX-License-Identifier: ISC */
/*
 * Thousands of awkward spans through memtable, seal, shard and fetch: each comes back, by
 * hash and field by field, and stands in the order that the format promises.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bloom.h"
#include "base/limits.h"
#include "lib/fsys_mem.h"
#include "lib/gen_span.h"
#include "shard/chunk.h"
#include "shard/chunkcache.h"
#include "shard/fetch.h"
#include "seal/memtable.h"

#define HOUR (3600 * UINT64_C(1000000000))
#define NOW (UINT64_C(490000) * HOUR)
#define FETCH_ROWS 500

struct trip {
	struct memtable *mt;
	struct fsys *fs;
	struct chunkcache *cache;
	struct span_batch batch;
	struct span **sorted;		/* of the batch, what was appended, by ids, then content */
	bool *seen;
	size_t n;
};

static int
by_ids(const void *pa, const void *pb)
{
	const struct span *a = *(struct span *const *)pa, *b = *(struct span *const *)pb;
	int c = trace_id_cmp(a->trace_id, b->trace_id);
	struct hash128 x, y;

	if (c != 0 || a->span_id != b->span_id)
		return c != 0 ? c : a->span_id < b->span_id ? -1 : 1;
	x = span_hash(a);
	y = span_hash(b);
	return x.hi != y.hi ? (x.hi < y.hi ? -1 : 1) : (x.lo > y.lo) - (x.lo < y.lo);
}

static void
trip_begin(struct trip *t, const struct shard_options *opts)
{
	struct err e = ERR_INIT;

	memset(t, 0, sizeof *t);
	span_batch_init(&t->batch);
	assert_int_equal(memtable_new(opts, NOW, &t->mt, &e), 0);
	assert_int_equal(chunkcache_new(64 << 20, &t->cache, &e), 0);
	assert_non_null(t->fs = fsys_mem());
}

static void
trip_append(struct trip *t)
{
	struct err e = ERR_INIT;

	t->sorted = calloc(t->batch.n + 1, sizeof *t->sorted);
	t->seen = calloc(t->batch.n + 1, sizeof *t->seen);
	assert_true(t->sorted != NULL && t->seen != NULL);
	memtable_batch(t->mt);
	for (size_t i = 0; i < t->batch.n; i++) {
		int rc = memtable_append(t->mt, &t->batch.spans[i], &e);

		/* Spans that share their ids differ in all else. */
		if (rc == 1)
			rc = memtable_append_twin(t->mt, &t->batch.spans[i], &e);
		assert_int_equal(rc, 0);
		t->sorted[t->n++] = &t->batch.spans[i];
	}
	assert_int_equal(memtable_rows(t->mt), t->n);
	qsort(t->sorted, t->n, sizeof *t->sorted, by_ids);
}

static void
trip_end(struct trip *t)
{
	for (size_t i = 0; i < t->n; i++)
		assert_true(t->seen[i]);
	free(t->sorted);
	free(t->seen);
	memtable_free(t->mt);
	span_batch_release(&t->batch);
	chunkcache_free(t->cache);
	assert_int_equal(fsys_mem_open_handles(t->fs), 0);
	fsys_free(t->fs);
}

#define same(a, b) assert_true(sv_eq((a), (b)))

static void
check_events(const struct span *got, const struct span *want)
{
	assert_int_equal(got->n_events, want->n_events);
	for (uint32_t i = 0; i < want->n_events; i++) {
		const struct event *g = &got->events[i], *w = &want->events[i];

		assert_true(g->time_ns == w->time_ns);
		same(g->name, w->name);
		assert_int_equal(g->dropped_attrs, w->dropped_attrs);
		assert_true(attrs_eq(&g->attrs, &w->attrs));
	}
}

static void
check_links(const struct span *got, const struct span *want)
{
	assert_int_equal(got->n_links, want->n_links);
	for (uint32_t i = 0; i < want->n_links; i++) {
		const struct link *g = &got->links[i], *w = &want->links[i];

		assert_true(trace_id_eq(g->trace_id, w->trace_id));
		assert_true(g->span_id == w->span_id);
		same(g->trace_state, w->trace_state);
		assert_int_equal(g->dropped_attrs, w->dropped_attrs);
		assert_int_equal(g->flags, w->flags);
		assert_true(attrs_eq(&g->attrs, &w->attrs));
	}
}

static void
check_span(const struct span *got, const struct span *want)
{
	struct hash128 g, w;

	assert_true(trace_id_eq(got->trace_id, want->trace_id));
	assert_true(got->span_id == want->span_id);
	assert_true(got->parent_span_id == want->parent_span_id);
	assert_true(got->start_ns == want->start_ns);
	assert_true(got->end_ns == want->end_ns);
	assert_int_equal(got->kind, want->kind);
	assert_int_equal(got->status, want->status);
	assert_int_equal(got->flags, want->flags);
	assert_int_equal(got->dropped_attrs, want->dropped_attrs);
	assert_int_equal(got->dropped_events, want->dropped_events);
	assert_int_equal(got->dropped_links, want->dropped_links);
	same(got->name, want->name);
	same(got->status_message, want->status_message);
	same(got->trace_state, want->trace_state);
	assert_true(attrs_eq(&got->attrs, &want->attrs));
	assert_true(resource_eq(got->resource, want->resource));
	assert_true(scope_eq(got->scope, want->scope));
	check_events(got, want);
	check_links(got, want);
	g = span_hash(got);
	w = span_hash(want);
	assert_true(g.lo == w.lo && g.hi == w.hi);
}

static void
check_order(const struct span *a, const struct span *b)
{
	int c = sv_cmp(a->resource->service, b->resource->service);

	if (c == 0)
		c = (a->start_ns > b->start_ns) - (a->start_ns < b->start_ns);
	if (c == 0)
		c = trace_id_cmp(a->trace_id, b->trace_id);
	assert_true(c < 0 || (c == 0 && a->span_id <= b->span_id));
}

static void
check_rows(struct trip *t, struct shard *s)
{
	const struct shard_info *info = shard_info(s);
	const struct projection all = { .all = true };
	struct span spans[FETCH_ROWS + 1];
	uint32_t rows[FETCH_ROWS + 1];
	struct err e = ERR_INIT;
	struct fetch *f;

	assert_int_equal(fetch_new(&f, &e), 0);
	for (uint32_t from = 0; from < info->n_rows; from += FETCH_ROWS) {
		uint32_t n = 0;
		int rc;

		/* One more at the end, to compare with its neighbour. */
		while (n <= FETCH_ROWS && from + n < info->n_rows) {
			rows[n] = from + n;
			n++;
		}
		rc = fetch_rows(f, s, rows, n, &all, spans, &e);
		if (rc != 0)
			fail_msg("%s", e.msg);
		for (uint32_t i = 0; i < n; i++) {
			const struct span *got = &spans[i], **want;

			want = bsearch(&got, t->sorted, t->n, sizeof *t->sorted, by_ids);
			assert_non_null(want);
			check_span(got, *want);
			t->seen[(struct span **)(void *)want - t->sorted] = true;
			if (i > 0)
				check_order(got - 1, got);
		}
		fetch_reset(f);
	}
	fetch_free(f);
}

/* Every trace is found, in the bloom filter and in the index. */
static void
check_traces(struct trip *t, struct shard *s, uint64_t partition)
{
	const struct traceids *idx;
	const uint8_t *bloom;
	size_t bytes;
	uint32_t ord;
	struct err e = ERR_INIT;

	assert_int_equal(traceids_get(s, &idx, &e), 0);
	assert_int_equal(shard_bloom(s, &bloom, &bytes, &e), 0);
	for (size_t i = 0; i < t->n; i++)
		if (partition_of(t->sorted[i]->start_ns, NOW) == partition) {
			assert_true(traceids_find(idx, t->sorted[i]->trace_id, &ord));
			assert_true(bloom_may_have(bloom, bytes,
			    trace_id_hash(t->sorted[i]->trace_id)));
		}
	traceids_put(idx);
}

/* What the footer says of columns holds. */
static void
check_columns(struct shard *s)
{
	const struct shard_info *info = shard_info(s);
	size_t n_attrs = 0;

	for (size_t i = 0; i < info->n_columns; i++) {
		const struct column *c = &info->columns[i];
		uint64_t n = 0;

		n_attrs += c->id == COL_ATTR;
		assert_true(c->n_distinct > 0 && c->n_distinct <= c->n_present);
		for (uint32_t g = 0; g < info->n_row_groups; g++) {
			struct zone z = shard_zone(s, c, g);

			n += z.n_present;
			if (z.n_present != 0 && c->has_range)
				assert_true(z.min >= c->min && z.max <= c->max);
		}
		assert_int_equal(n, c->n_present);
		for (size_t k = 0; k < c->n_top; k++) {
			assert_true(c->top[k].n_rows > 0 && c->top[k].n_rows <= c->n_present);
			if (k > 0)
				assert_true(c->top[k].n_rows <= c->top[k - 1].n_rows);
		}
	}
	assert_true(n_attrs <= LIMIT_SHARD_COLUMNS);
}

static void
trip_check(struct trip *t)
{
	struct err e = ERR_INIT;

	for (size_t i = 0; i < memtable_parts(t->mt); i++) {
		struct memtable_part p = memtable_part(t->mt, i);
		const struct shard_info *info;
		struct shard_entry entry;
		struct shard *s;
		char path[32];

		snprintf(path, sizeof path, "%zu.shard", i);
		if (memtable_seal(t->mt, i, t->fs, path, &entry, &e) != 0 ||
		    shard_open(t->fs, path, t->cache, &s, &e) != 0)
			fail_msg("%s", e.msg);
		info = shard_info(s);
		assert_true(info->partition == p.partition && entry.partition == p.partition);
		assert_true(info->n_rows == p.n_rows && entry.n_rows == p.n_rows);
		assert_int_equal(entry.n_bytes, fsys_mem_get(t->fs, path).n);
		assert_true(entry.min_start == info->min_start);
		assert_true(entry.max_start == info->max_start);
		check_columns(s);
		check_traces(t, s, p.partition);
		check_rows(t, s);
		shard_unref(s);
	}
}

static void
run(const struct gen_span_options *gen, const struct shard_options *opts, size_t n)
{
	struct gen_span g;
	struct trip t;

	trip_begin(&t, opts);
	gen_span_init(&g, gen);
	assert_true(gen_span_add(&g, &t.batch, n));
	trip_append(&t);
	trip_check(&t);
	trip_end(&t);
}

static void
awkward_spans_come_back(void **state)
{
	static const uint32_t group_rows[] = { 1, 7, 64, 100, 1000, 65536 };

	(void)state;
	for (uint64_t seed = 0; seed < 12; seed++) {
		struct gen_span_options gen = { .seed = seed, .start_ns = NOW,
		    .range_ns = HOUR, .wild_times = seed % 2 };
		struct shard_options opts = { .row_group_rows = group_rows[seed % 6],
		    .compression_level = (int)(seed % 4) };

		run(&gen, &opts, group_rows[seed % 6] < 10 ? 300 : 3000);
	}
}

static void
few_spans_come_back(void **state)
{
	(void)state;
	for (uint64_t seed = 100; seed < 160; seed++) {
		struct gen_span_options gen = { .seed = seed, .start_ns = NOW };
		struct shard_options opts = { .compression_level = 3 };

		run(&gen, &opts, seed % 10 + 1);
	}
}

static void
more_keys_than_columns_come_back(void **state)
{
	static const uint32_t n_keys[] = { 400, 2000, 20000 };

	(void)state;
	for (size_t i = 0; i < sizeof n_keys / sizeof *n_keys; i++) {
		struct gen_span_options gen = { .seed = 5, .start_ns = NOW, .n_keys = n_keys[i],
		    .unique_ids = true };
		struct shard_options opts = { .row_group_rows = 512, .compression_level = 1 };

		run(&gen, &opts, 6000);
	}
}

/* The shard of the first part, opened. */
static struct shard *
sealed(struct trip *t)
{
	struct shard_entry entry;
	struct err e = ERR_INIT;
	struct shard *s;

	if (memtable_seal(t->mt, 0, t->fs, "s", &entry, &e) != 0 ||
	    shard_open(t->fs, "s", t->cache, &s, &e) != 0)
		fail_msg("%s", e.msg);
	return s;
}

static void
frequent_keys_get_columns_however_late_they_come(void **state)
{
	struct shard_options opts = { .row_group_rows = 512, .compression_level = 1 };
	const struct column *c;
	struct shard *s;
	struct trip t;

	(void)state;
	trip_begin(&t, &opts);
	for (uint64_t i = 0; i < 2500; i++) {
		struct span *sp = span_batch_add(&t.batch);
		struct attr *a = arena_array(&t.batch.arena, 1, struct attr);

		assert_true(sp != NULL && a != NULL);
		a->key = i < 2000 ? sv_cstr(arena_printf(&t.batch.arena, "rare%llu",
		    (unsigned long long)i)) : SV("frequent");
		a->val.type = VAL_BOOL;
		*sp = (struct span){ .trace_id = { 1, 1 }, .span_id = i + 1, .start_ns = NOW + i,
		    .resource = arena_new(&t.batch.arena, struct resource),
		    .scope = arena_new(&t.batch.arena, struct scope), .attrs = { a, 1 } };
	}
	trip_append(&t);
	s = sealed(&t);
	assert_int_equal(shard_attr(s, ATTR_SPAN, SV("frequent"), &c), 1);
	assert_int_equal(c->n_present, 500);
	assert_int_equal(shard_column(s, COL_REST)->n_present, 2000 - LIMIT_SHARD_COLUMNS + 1);
	check_rows(&t, s);
	shard_unref(s);
	trip_end(&t);
}

static void
very_long_values_come_back(void **state)
{
	struct gen_span_options gen = { .seed = 6, .start_ns = NOW, .long_values = true };
	struct shard_options opts = { .row_group_rows = 512, .compression_level = 1 };

	(void)state;
	run(&gen, &opts, 3000);
}

static void
one_trace_of_many_spans_comes_back(void **state)
{
	struct gen_span_options gen = { .seed = 7, .start_ns = NOW, .n_traces = 1,
	    .n_services = 1 };
	struct shard_options opts = { .compression_level = 1 };

	(void)state;
	run(&gen, &opts, 20000);
}

static void
a_service_per_span_comes_back(void **state)
{
	struct gen_span_options gen = { .seed = 8, .start_ns = NOW, .n_services = 100000,
	    .n_traces = 100000 };
	struct shard_options opts = { .row_group_rows = 300, .compression_level = 1 };

	(void)state;
	run(&gen, &opts, 5000);
}

static void
spans_of_one_moment_come_back(void **state)
{
	struct gen_span_options gen = { .seed = 9, .start_ns = NOW, .range_ns = 1 };
	struct shard_options opts = { .row_group_rows = 300, .compression_level = 1 };

	(void)state;
	run(&gen, &opts, 5000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(awkward_spans_come_back),
		cmocka_unit_test(few_spans_come_back),
		cmocka_unit_test(more_keys_than_columns_come_back),
		cmocka_unit_test(frequent_keys_get_columns_however_late_they_come),
		cmocka_unit_test(very_long_values_come_back),
		cmocka_unit_test(one_trace_of_many_spans_comes_back),
		cmocka_unit_test(a_service_per_span_comes_back),
		cmocka_unit_test(spans_of_one_moment_come_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

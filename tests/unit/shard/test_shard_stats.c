/* SPDX-License-Identifier: ISC */
/*
 * Tests of SECTION_STATS: cells and what falls into them are what the spans say, histograms
 * and sketches are near what they describe, a shard without has none, and no flipped bit is
 * read past its end.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "lib/index_rig.h"
#include "lib/span_rows.h"
#include "catalog/catalog.h"
#include "base/hll.h"
#include "shard/shard_stats.h"

static void
ok(int rc, const struct err *e)
{
	if (rc != 0)
		fail_msg("%s", e->msg);
}

static const struct shard_more *
more_of(struct shard *s, struct arena *a)
{
	const struct shard_more *m;
	struct err e = ERR_INIT;

	arena_init(a);
	ok(shard_more_read(s, a, &m, &e), &e);
	return m;
}

/* ---- buckets and sketches ---- */

static void
buckets_rise_four_a_doubling(void **state)
{
	unsigned last = 0;

	(void)state;
	assert_int_equal(stats_bucket(0), 0);
	assert_int_equal(stats_bucket(1), 1);
	assert_int_equal(stats_bucket(UINT64_MAX), CELL_BUCKETS - 1);
	for (uint64_t v = 1; v < UINT64_MAX / 3; v += 1 + v / 7) {
		unsigned b = stats_bucket(v);

		assert_true(b >= last && b < CELL_BUCKETS);
		if (v >= 4 && v < UINT64_MAX / 4)
			assert_int_equal(stats_bucket(2 * v), b + 4);
		last = b;
	}
}

static void
sketches_count_within_their_error(void **state)
{
	static const uint64_t sizes[] = { 1, 10, 300, 2500, 5000, 100000 };

	(void)state;
	for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
		uint8_t a[HLL_REGISTERS] = { 0 }, b[HLL_REGISTERS] = { 0 }, whole[HLL_REGISTERS] = { 0 };
		double n = (double)sizes[k], got;

		for (uint64_t i = 0; i < sizes[k]; i++) {
			uint64_t h = hash_u64(i + 1);

			hll_add(whole, h);
			/* A third is in both. */
			if (i % 3 != 0)
				hll_add(a, h);
			if (i % 3 != 1)
				hll_add(b, h);
		}
		hll_merge(a, b);
		assert_memory_equal(a, whole, sizeof a);
		got = hll_count(whole);
		if (got < n * 0.88 - 1 || got > n * 1.12 + 1)
			fail_msg("%.0f values are counted as %.0f", n, got);
	}
}

/* ---- cells ---- */

struct expect {
	uint64_t rows, errors, kinds, first_kind;
};

static struct expect
expected(const struct shard_rig *r, const struct shard_cell *c, int32_t kind)
{
	struct expect x = { 0 };

	for (size_t i = 0; i < r->spans.n; i++) {
		const struct span *s = &r->spans.spans[i];

		if (!sv_eq(s->resource->service, c->service) || !(c->all || sv_eq(s->name, c->name)))
			continue;
		x.rows++;
		x.errors += s->status == STATUS_ERROR;
		x.kinds += s->kind == kind;
	}
	return x;
}

static const struct column_more *
column_of(struct shard *s, const struct shard_more *m, enum column_id id)
{
	const struct column *c = shard_column(s, id);

	assert_non_null(c);
	return &m->columns[c->index];
}

static void
cells_say_what_the_spans_say(void **state)
{
	static const size_t sizes[] = { 1, 40, 1500 };

	(void)state;
	for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
		const struct column_more *kind;
		const struct shard_more *m;
		struct shard_rig r;
		struct arena a;
		uint64_t rows = 0;

		rig_init(&r, sizes[k], 256, 3, 5 + k);
		m = more_of(r.shard, &a);
		assert_non_null(m);
		kind = column_of(r.shard, m, COL_KIND);
		assert_int_equal(kind->n_cells, m->n_cells);
		for (size_t i = 0; i < m->n_cells; i++) {
			const struct shard_cell *c = &m->cells[i];
			const struct cell_column *x = &kind->cells[i];
			struct expect want = expected(&r, c, (int32_t)x->top[0].val.i);

			assert_int_equal(c->n_rows, want.rows);
			assert_int_equal(c->n_errors, want.errors);
			assert_int_equal(x->cell, i);
			assert_int_equal(x->n_present, want.rows);
			if (x->n_top != 0)
				assert_int_equal(x->top[0].n_rows, want.kinds);
			rows += c->n_rows;
		}
		assert_int_equal(rows, sizes[k]);
		arena_release(&a);
		rig_release(&r);
	}
}

static void
columns_add_up_over_cells(void **state)
{
	const struct shard_info *info;
	const struct shard_more *m;
	struct shard_rig r;
	struct arena a;
	size_t n_checked = 0;

	(void)state;
	index_rig_init(&r, 3000, 512, 100, 3);
	info = shard_info(r.shard);
	m = more_of(r.shard, &a);
	for (size_t i = 0; i < info->n_columns; i++) {
		const struct column *c = &info->columns[i];
		const struct column_more *x = &m->columns[i];
		uint64_t present = 0;

		for (size_t k = 0; k < x->n_cells; k++) {
			const struct cell_column *p = &x->cells[k];

			present += p->n_present;
			assert_true(p->n_distinct <= c->n_distinct || c->n_distinct > 512 ||
			    c->id == COL_PARENT);
			assert_true(!p->has_range || (p->min >= c->min && p->max <= c->max));
		}
		if (c->id != COL_ATTR)
			continue;
		assert_int_equal(present, c->n_present);
		n_checked++;
		if (x->hll != NULL) {
			double n = hll_count(x->hll);

			assert_true(n > (double)c->n_distinct * 0.85 - 2 &&
			    n < (double)c->n_distinct * 1.15 + 2);
		} else
			assert_true(c->n_top >= c->n_distinct || c->type == VAL_ARRAY ||
			    c->type == VAL_MAP);
	}
	assert_true(n_checked > 5);
	arena_release(&a);
	rig_release(&r);
}

/* ---- histograms ---- */

static void
as_many_values_lie_between_any_bounds(void **state)
{
	const struct column_more *x;
	const struct shard_more *m;
	struct shard_rig r = { .shard = NULL };
	struct arena a;
	size_t n = 1000;

	(void)state;
	span_batch_init(&r.spans);
	for (size_t i = 0; i < n; i++) {
		struct span *s = span_batch_add(&r.spans);
		const struct span *min = span_min(&r.spans.arena, i + 1, "x");

		assert_true(s != NULL && min != NULL);
		*s = *min;
		s->start_ns = RIG_HOUR + i;
		s->end_ns = s->start_ns + (i * 7 % n) * (i * 7 % n);
	}
	rig_seal(&r, 256, 0);
	rig_open(&r, 1u << 20);
	m = more_of(r.shard, &a);
	x = column_of(r.shard, m, COL_DURATION);
	assert_int_equal(x->n_bounds, STATS_BUCKETS + 1);
	for (size_t i = 1; i < x->n_bounds; i++) {
		size_t in = 0;

		for (size_t k = 0; k < n; k++) {
			uint64_t v = value_image_i64((int64_t)(k * k));

			in += v >= x->bounds[i - 1] && v < x->bounds[i];
		}
		assert_in_range(in, n / STATS_BUCKETS - 2, n / STATS_BUCKETS + 2);
	}
	arena_release(&a);
	rig_release(&r);
}

/* ---- damage ---- */

static void
any_bit_flipped_is_refused_or_read_within_bounds(void **state)
{
	struct index_flips f;

	(void)state;
	index_flips_init(&f, SECTION_STATS);
	index_flips_run(&f);
	assert_int_equal(f.n_sections, 1);
	assert_true(f.n_refused > f.n_flips / 10);
	index_flips_release(&f);
}

static void
a_shard_without_has_none(void **state)
{
	const struct shard_more *m;
	struct chunkcache *cache;
	struct index_flips f;
	struct fsys_bytes fs;
	struct shard *s;
	struct arena a;
	struct err e = ERR_INIT;

	(void)state;
	index_flips_init(&f, SECTION_STATS);
	fsys_bytes_init(&fs);
	fsys_bytes_set(&fs, RIG_FILE, index_flips_unknown(&f, true));
	ok(chunkcache_new(1u << 20, &cache, &e), &e);
	ok(shard_open(&fs.fs, RIG_FILE, cache, &s, &e), &e);
	m = more_of(s, &a);
	assert_null(m);
	arena_release(&a);
	shard_unref(s);
	chunkcache_free(cache);
	index_flips_release(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(buckets_rise_four_a_doubling),
		cmocka_unit_test(sketches_count_within_their_error),
		cmocka_unit_test(cells_say_what_the_spans_say),
		cmocka_unit_test(columns_add_up_over_cells),
		cmocka_unit_test(as_many_values_lie_between_any_bounds),
		cmocka_unit_test(any_bit_flipped_is_refused_or_read_within_bounds),
		cmocka_unit_test(a_shard_without_has_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

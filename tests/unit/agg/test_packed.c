/* SPDX-License-Identifier: ISC */
/*
 * Unit tests of packed runs and of numbers that are kept in them: they come back, whatever their bits
 * are they rise within their bounds, and a rank among many runs is that of the sorted numbers, with few
 * of them decoded.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "agg/agg_bytes.h"
#include "agg/agg_i.h"

static uint64_t
random_of(uint64_t *state)
{
	*state += 0x9e3779b97f4a7c15;
	return hash_u64(*state);
}

static int
by_u64(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* Kinds of numbers: far apart, close, few different ones, one that most are, both ends, all the same. */
#define N_KINDS 6

static uint64_t
draw(unsigned kind, uint64_t *state)
{
	uint64_t r = random_of(state);

	switch (kind) {
	case 0:
		return r;
	case 1:
		return 5000000000 + r % 100000;
	case 2:
		return r % 7 * 1000;
	case 3:
		return r % 3 == 0 ? r >> 20 : 77777777;
	case 4:
		return r % 2 == 0 ? r % 3 : UINT64_MAX - r % 3;
	default:
		return 12;
	}
}

static void
fill(uint64_t *v, size_t n, unsigned kind, uint64_t seed)
{
	for (size_t i = 0; i < n; i++)
		v[i] = draw(kind, &seed);
	qsort(v, n, sizeof *v, by_u64);
}

static const size_t lengths[] = { 1, 2, 63, 64, 65, 127, 128, 129, 640, 1000, 5003 };

#define N_LENGTHS (sizeof lengths / sizeof *lengths)
#define MOST 5003

/* ---- one run ---- */

static void
a_run_comes_back(void **state)
{
	uint64_t v[MOST], block[PACKED_BLOCK];

	(void)state;
	for (size_t i = 0; i < N_LENGTHS; i++)
		for (unsigned kind = 0; kind < N_KINDS; kind++) {
			struct buf b = BUF_INIT, again = BUF_INIT;
			struct packed_place at = { 0 };
			struct packed_run r;
			struct cursor c;
			size_t n = 0;

			fill(v, lengths[i], kind, i);
			packed_put(&b, v, lengths[i]);
			c = cursor_new(b.p, b.n);
			assert_true(packed_get(&c, &r));
			assert_true(!c.bad && cursor_left(&c) == 0);
			assert_int_equal(r.n, lengths[i]);
			while (at.block < r.n_blocks) {
				size_t k = packed_next(&r, &at, block);

				assert_memory_equal(block, v + n, k * sizeof *v);
				n += k;
			}
			assert_int_equal(n, r.n);
			assert_int_equal(packed_bound(&r, r.n_blocks), v[n - 1]);
			packed_put_run(&again, &r);
			assert_int_equal(again.n, b.n);
			assert_memory_equal(again.p, b.p, b.n);
			buf_release(&again);
			buf_release(&b);
		}
}

/* They rise, and lie where the bounds say. */
static void
look_at(const struct packed_run *r)
{
	uint64_t block[PACKED_BLOCK], before = 0;
	struct packed_place at = { 0 };
	size_t n = 0;

	while (at.block < r->n_blocks) {
		uint64_t from = packed_bound(r, at.block), to = packed_bound(r, at.block + 1);
		size_t k = packed_next(r, &at, block);

		for (size_t i = 0; i < k; i++) {
			assert_true(block[i] >= before && block[i] >= from && block[i] <= to);
			before = block[i];
		}
		n += k;
	}
	assert_int_equal(n, r->n);
}

static bool
get_copy(struct sv bytes)
{
	uint8_t *p = malloc(bytes.n == 0 ? 1 : bytes.n);
	struct packed_run r;
	struct cursor c;
	bool got;

	assert_non_null(p);
	if (bytes.n != 0)
		memcpy(p, bytes.p, bytes.n);
	c = cursor_new(p, bytes.n);
	if ((got = packed_get(&c, &r)))
		look_at(&r);
	else
		assert_true(c.bad);
	free(p);
	return got;
}

static void
any_bytes_are_none_or_rise(void **state)
{
	uint64_t v[129], seed = 1;
	size_t refused = 0, taken = 0;

	(void)state;
	for (unsigned kind = 0; kind < N_KINDS; kind++) {
		struct buf b = BUF_INIT;

		fill(v, 129, kind, kind);
		packed_put(&b, v, 129);
		for (size_t n = 0; n < b.n; n++)
			assert_false(get_copy(sv_new(b.p, n)));
		for (size_t i = 0; i < b.n; i++)
			for (unsigned k = 0; k < 12; k++) {
				char was = b.p[i];

				b.p[i] = (char)(was ^ (k < 8 ? 1 << k : (int)random_of(&seed)));
				if (get_copy(buf_view(&b)))
					taken++;
				else
					refused++;
				b.p[i] = was;
			}
		buf_release(&b);
	}
	assert_true(refused > 1000 && taken > 1000);
	/* More numbers than bytes could hold, of an overflow, too. */
	for (unsigned bits = 20; bits < 64; bits++) {
		struct buf b = BUF_INIT;

		buf_varint(&b, ((uint64_t)1 << bits) - (bits & 1));
		for (size_t i = 0; i < 200; i++)
			buf_putc(&b, 0);
		assert_false(get_copy(buf_view(&b)));
		buf_release(&b);
	}
}

/* ---- many ---- */

struct many {
	struct agg_memory m;
	struct quantile q;
	struct buf bytes[40];
	size_t n_runs;
	uint64_t *all;		/* images */
	size_t n;
};

static void
many_init(struct many *x)
{
	*x = (struct many){ .m = { .limit = SIZE_MAX } };
	x->all = malloc(40 * MOST * sizeof *x->all);
	assert_non_null(x->all);
}

static void
many_release(struct many *x)
{
	for (size_t i = 0; i < x->n_runs; i++)
		buf_release(&x->bytes[i]);
	packs_drop(&x->m, &x->q);
	assert_int_equal(x->m.used, (x->q.cap_ints + x->q.cap_doubles) * sizeof *x->q.ints);
	free(x->q.ints);
	free(x->q.doubles);
	free(x->all);
}

/* A run of n, as quantile_merge gets it of a part. */
static void
add_run(struct many *x, unsigned kind, size_t n, bool doubles, uint64_t seed)
{
	uint64_t *v = x->all + x->n;
	struct buf *b = &x->bytes[x->n_runs++];
	struct quantile from = { .is_unsigned = !doubles };
	struct packed_run r;
	struct cursor c;
	struct err e;

	fill(v, n, kind, seed);
	for (size_t i = 0; doubles && i < n; i++)
		v[i] = value_image_double((double)(v[i] >> 3) / 16);
	packed_put(b, v, n);
	c = cursor_new(b->p, b->n);
	assert_true(packed_get(&c, &r));
	assert_int_equal(packs_add(&x->m, &from, doubles, &r, &e), 0);
	assert_int_equal(quantile_merge(&x->m, &x->q, &from, &e), 0);
	packs_drop(&x->m, &from);
	x->n += n;
}

static void
add_plain(struct many *x, unsigned kind, size_t n, uint64_t seed)
{
	struct err e;

	for (size_t i = 0; i < n; i++) {
		x->all[x->n] = draw(kind, &seed);
		assert_int_equal(quantile_add(&x->m, &x->q, number_u64(x->all[x->n++]), &e), 0);
	}
}

static void
assert_ranks(struct many *x)
{
	qsort(x->all, x->n, sizeof *x->all, by_u64);
	assert_int_equal(quantile_count(&x->q), x->n);
	for (size_t i = 1; i <= x->n; i += 1 + x->n / 60)
		assert_int_equal(quantile_at(&x->m, &x->q, i, x->n).u, x->all[i - 1]);
	assert_int_equal(quantile_at(&x->m, &x->q, 1, 1).u, x->all[x->n - 1]);
	assert_int_equal(quantile_at(&x->m, &x->q, 0, 1).u, x->all[0]);
}

static void
ranks_of_many_runs_are_those_of_all(void **state)
{
	(void)state;
	for (unsigned round = 0; round < 240; round++) {
		uint64_t seed = round;
		struct many x;
		size_t runs = 1 + random_of(&seed) % (round % 5 == 0 ? 40 : 6);

		many_init(&x);
		for (size_t i = 0; i < runs; i++)
			add_run(&x, (round + (unsigned)i * (round % 2)) % N_KINDS,
			    lengths[random_of(&seed) % N_LENGTHS], false, seed);
		if (round % 3 == 0)
			add_plain(&x, round % N_KINDS, random_of(&seed) % 300, seed);
		assert_ranks(&x);
		many_release(&x);
	}
}

static void
few_of_many_are_decoded(void **state)
{
	(void)state;
	for (unsigned kind = 0; kind < N_KINDS; kind++) {
		uint64_t one, most = 0;
		struct many x;

		many_init(&x);
		for (size_t i = 0; i < 30; i++)
			add_run(&x, kind, MOST, false, i);
		qsort(x.all, x.n, sizeof *x.all, by_u64);
		for (unsigned part = 0; part <= 100; part += 5) {
			size_t at = (x.n * part + 99) / 100;

			one = x.m.n_decoded;
			assert_int_equal(quantile_at(&x.m, &x.q, part, 100).u,
			    x.all[at == 0 ? 0 : at - 1]);
			one = x.m.n_decoded - one;
			most = one > most ? one : most;
		}
		/* About three blocks of a run of 79. */
		assert_true(most <= x.n / 15);
		many_release(&x);
	}
}

/* Integers and doubles, in either order: what was packed is decoded, and nothing is lost. */
static void
another_kind_is_put_beside(void **state)
{
	(void)state;
	for (unsigned way = 0; way < 6; way++) {
		struct number before;
		struct many x;
		struct err e;

		many_init(&x);
		add_run(&x, 1, 1000, way % 2 == 1, 1);
		if (way < 2)
			add_run(&x, 2, 640, way % 2 == 0, 2);
		else if (way < 4)
			assert_int_equal(quantile_add(&x.m, &x.q, way % 2 == 0 ?
			    number_double(0.5) : number_u64(3), &e), 0);
		else {
			add_run(&x, 2, 640, way % 2 == 1, 2);
			assert_int_equal(quantile_add(&x.m, &x.q, way % 2 == 0 ?
			    number_double((double)NAN) : number_u64(3), &e), 0);
		}
		assert_null(x.q.packs);
		before = quantile_at(&x.m, &x.q, 0, 1);
		assert_int_equal(quantile_count(&x.q), x.n + (way >= 2));
		for (size_t i = 1; i <= quantile_count(&x.q); i++) {
			struct number v = quantile_at(&x.m, &x.q, i, quantile_count(&x.q));

			assert_true(number_order(before, v) <= 0);
			before = v;
		}
		many_release(&x);
	}
}

/* NaN stands beside what is packed, and last. */
static void
nan_is_last(void **state)
{
	struct many x;
	struct err e;

	(void)state;
	many_init(&x);
	add_run(&x, 1, 1000, true, 1);
	assert_int_equal(quantile_add(&x.m, &x.q, number_double(-(double)NAN), &e), 0);
	assert_non_null(x.q.packs);
	assert_true(isnan(quantile_at(&x.m, &x.q, 1, 1).d));
	qsort(x.all, x.n, sizeof *x.all, by_u64);
	assert_true(quantile_at(&x.m, &x.q, 1000, 1001).d == value_double_of(x.all[999]));
	many_release(&x);
}

/* Of many short runs nothing is gained, and few stay packed. */
static void
many_short_runs_are_decoded(void **state)
{
	struct many x;

	(void)state;
	many_init(&x);
	for (size_t i = 0; i < 40; i++)
		add_run(&x, (unsigned)i % 3, 65 + i, false, i);
	assert_true(x.q.packs == NULL || x.q.packs->n < 32);
	assert_true(x.q.n_ints >= 32 * 65);
	assert_ranks(&x);
	many_release(&x);
}

static void
a_sketch_is_made_of_all(void **state)
{
	struct many x;
	struct err e;
	double want, got;

	(void)state;
	many_init(&x);
	for (size_t i = 0; i < 5; i++)
		add_run(&x, 1, 1000, false, i);
	add_plain(&x, 1, 500, 9);
	qsort(x.all, x.n, sizeof *x.all, by_u64);
	assert_int_equal(quantile_shrink(&x.m, &x.q, &e), 0);
	assert_non_null(x.q.sketch);
	assert_null(x.q.packs);
	assert_int_equal(x.q.sketch->total, x.n);
	want = (double)x.all[x.n / 2];
	got = number_to_double(quantile_at(&x.m, &x.q, 1, 2));
	assert_true(fabs(got - want) <= want / 100);
	x.m.used -= sizeof *x.q.sketch + sketch_bytes(x.q.sketch);
	sketch_release(x.q.sketch);
	free(x.q.sketch);
	many_release(&x);
}

/* ---- in a file ---- */

#define OF_DURATION .typed = SV("duration"), .field = { .scope = FIELD_INTRINSIC, .intrinsic = IN_DURATION }
static const struct field by_start[] = { { .scope = FIELD_INTRINSIC, .intrinsic = IN_START } };
static const struct sv typed[] = { SV("start") };
static const struct aggregate p50[] = {
	{ .kind = AGG_QUANTILE, .name = SV("p50"), .part = 1, .whole = 2, OF_DURATION } };
static const struct group_ref columns[] = { { REF_KEY, 0, false }, { REF_AGG, 0, false } };
static const struct grouping starts = { .keys = by_start, .keys_typed = typed, .n_keys = 1,
	.aggs = p50, .n_aggs = 1, .n_shown = 1, .columns = columns, .n_columns = 2 };

static struct agg_table *
table_of(size_t memory, const char *dir)
{
	struct agg_options o = { .groups = &starts, .memory = memory, .spill_dir = dir,
		.spill_max = SIZE_MAX };
	struct agg_table *t;
	struct err e = ERR_INIT;

	assert_int_equal(agg_table_new(&o, &t, &e), 0);
	return t;
}

static void
add(struct agg_table *t, uint64_t start)
{
	struct span s = { .start_ns = start, .end_ns = start + 12 };
	struct span_row row = { .span = &s };
	struct err e = ERR_INIT;

	if (agg_add(t, SIDE_NOW, &row, 1, &e) < 0)
		fail_msg("%s", e.msg);
}

static void
put_nothing(void *arg)
{
	(void)arg;
}

#define MEMORY 400000

/* Packed they fit, and went to the file; decoded they would take all of the memory and more. */
static void
what_was_packed_comes_back_where_memory_is_short(void **state)
{
	char dir[] = "/tmp/spanfs-packed-XXXXXX";
	struct agg_table *all = table_of(SIZE_MAX, NULL), *t, *kept;
	const struct agg_hold hold = { put_nothing, NULL };
	struct group_cell cells[2];
	struct err e = ERR_INIT;
	struct buf b = BUF_INIT;

	(void)state;
	assert_non_null(mkdtemp(dir));
	for (size_t i = 0; i < MEMORY / 2; i++)
		add(all, 0);
	assert_int_equal(agg_save(all, &b, &e), 0);
	t = table_of(MEMORY, dir);
	assert_int_equal(agg_load(t, buf_view(&b), &hold, &kept, &e), 0);
	assert_int_equal(agg_merge(t, kept, &e), 0);
	agg_table_free(kept);
	for (uint64_t i = 0; i < 20000; i++)
		add(t, i % 10000);
	assert_true(agg_spilled_bytes(t) != 0);
	if (agg_finish(t, &e) < 0)
		fail_msg("%s", e.msg);
	assert_false(agg_is_exact(t));
	assert_int_equal(agg_n_rows(t), 10000);
	assert_int_equal(agg_cells(t, 0, 1, cells, &e), 0);
	assert_int_equal(cells[0].time, 0);
	assert_true(cells[1].kind == GROUP_UINT && cells[1].u == 12);
	agg_table_free(t);
	agg_table_free(all);
	buf_release(&b);
	assert_int_equal(rmdir(dir), 0);
}

#define PARTS 8
#define PART_GROUPS 150
#define PART_NUMBERS 400

static uint64_t
spread(uint64_t group, uint64_t i)
{
	uint64_t r = hash_u64(group * PART_NUMBERS + i);

	return (1024 + r % 1024) << (r >> 32) % 12;
}

static void
put_buf(void *arg)
{
	buf_release(arg);
}

/* Groups of a part of their own each, as kept ones come; b is the hold's. */
static void
merge_part(struct agg_table *t, uint64_t part, struct buf *b)
{
	struct agg_table *all = table_of(SIZE_MAX, NULL), *kept;
	const struct agg_hold hold = { put_buf, b };
	struct err e = ERR_INIT;

	for (uint64_t g = part * PART_GROUPS; g < (part + 1) * PART_GROUPS; g++)
		for (uint64_t i = 0; i < PART_NUMBERS; i++) {
			struct span s = { .start_ns = g, .end_ns = g + spread(g, i) };
			struct span_row row = { .span = &s };

			assert_int_equal(agg_add(all, SIDE_NOW, &row, 1, &e), 0);
		}
	assert_int_equal(agg_save(all, b, &e), 0);
	agg_table_free(all);
	assert_int_equal(agg_load(t, buf_view(b), &hold, &kept, &e), 0);
	if (agg_merge(t, kept, &e) < 0)
		fail_msg("%s", e.msg);
	agg_table_free(kept);
}

/* Sketches of them would take more than they do packed: they go to the file as they are. */
static void
packed_groups_that_are_too_many_go_to_the_file(void **state)
{
	char dir[] = "/tmp/spanfs-packed-XXXXXX";
	struct buf b[PARTS] = { BUF_INIT };
	uint64_t v[PART_NUMBERS];
	struct group_cell cells[2];
	struct agg_table *t;
	struct err e = ERR_INIT;

	(void)state;
	assert_non_null(mkdtemp(dir));
	t = table_of(MEMORY, dir);
	for (uint64_t i = 0; i < PARTS; i++)
		merge_part(t, i, &b[i]);
	if (agg_finish(t, &e) < 0)
		fail_msg("%s", e.msg);
	assert_true(agg_spilled_bytes(t) != 0);
	assert_true(agg_is_exact(t));
	assert_int_equal(agg_n_rows(t), PARTS * PART_GROUPS);
	for (uint64_t g = 0; g < PARTS * PART_GROUPS; g++) {
		for (uint64_t i = 0; i < PART_NUMBERS; i++)
			v[i] = spread(g, i);
		qsort(v, PART_NUMBERS, sizeof *v, by_u64);
		assert_int_equal(agg_cells(t, g, 1, cells, &e), 0);
		assert_int_equal(cells[0].time, g);
		assert_int_equal(cells[1].u, v[PART_NUMBERS / 2 - 1]);
	}
	agg_table_free(t);
	assert_int_equal(rmdir(dir), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_run_comes_back),
		cmocka_unit_test(any_bytes_are_none_or_rise),
		cmocka_unit_test(ranks_of_many_runs_are_those_of_all),
		cmocka_unit_test(few_of_many_are_decoded),
		cmocka_unit_test(another_kind_is_put_beside),
		cmocka_unit_test(nan_is_last),
		cmocka_unit_test(many_short_runs_are_decoded),
		cmocka_unit_test(a_sketch_is_made_of_all),
		cmocka_unit_test(what_was_packed_comes_back_where_memory_is_short),
		cmocka_unit_test(packed_groups_that_are_too_many_go_to_the_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

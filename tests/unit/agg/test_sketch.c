/* SPDX-License-Identifier: ISC */
/*
 * Unit tests of sketch and hll16: their errors on nasty distributions, against the sorted numbers
 * and the number that was put in; parts that are merged are the whole; and how large they get.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "agg/agg_i.h"
#include "base/hash.h"

#define N 100000

static struct agg_memory
plenty(void)
{
	return (struct agg_memory){ .limit = SIZE_MAX };
}

/* ---- distributions ---- */

static uint64_t
random_of(uint64_t *state)
{
	*state += 0x9e3779b97f4a7c15;
	return hash_u64(*state);
}

static double
unit_of(uint64_t *state)
{
	return ((double)(random_of(state) >> 11) + 1) / 9007199254740993.0;
}

static uint64_t
constant(uint64_t *state, size_t i)
{
	(void)state;
	(void)i;
	return 777777777;
}

/* Half and half, so that the median is at the edge; far apart. */
static uint64_t
two_points(uint64_t *state, size_t i)
{
	(void)state;
	return i % 2 == 0 ? 3 : UINT64_MAX - 1;
}

static uint64_t
exponential(uint64_t *state, size_t i)
{
	(void)i;
	return (uint64_t)(-1e6 * log(unit_of(state)));
}

static uint64_t
pareto(uint64_t *state, size_t i)
{
	double x = 1000 * pow(unit_of(state), -1 / 0.5);

	(void)i;
	return x < 1e19 ? (uint64_t)x : 10000000000000000000u;
}

static uint64_t
rising(uint64_t *state, size_t i)
{
	(void)state;
	return i;
}

static uint64_t
falling(uint64_t *state, size_t i)
{
	(void)state;
	return (N - i) * 1000003;
}

/* As many of each length in bits: all of the range. */
static uint64_t
huge_range(uint64_t *state, size_t i)
{
	return random_of(state) >> i % 64;
}

/* Just at and beside the edges of buckets. */
static uint64_t
edges(uint64_t *state, size_t i)
{
	unsigned k = (unsigned)(i % 57) + 6;
	uint64_t sub = 64 + random_of(state) % 64;

	return (sub << (k - 6)) + random_of(state) % 3 - 1;
}

/* Few values, most of them one: heavy duplicates. */
static uint64_t
duplicates(uint64_t *state, size_t i)
{
	return i % 10 != 0 ? 1000 : 1000 + random_of(state) % 5;
}

static uint64_t
small(uint64_t *state, size_t i)
{
	(void)i;
	return random_of(state) % 300;
}

static uint64_t (*const kinds[])(uint64_t *, size_t) = {
	constant, two_points, exponential, pareto, rising, falling, huge_range, edges, duplicates,
	small,
};
#define N_KINDS (sizeof kinds / sizeof *kinds)

/* ---- numbers ---- */

static int
by_number(const void *a, const void *b)
{
	return number_order(*(const struct number *)a, *(const struct number *)b);
}

static struct number
nearest_rank(const struct number *v, size_t n, uint64_t part, uint64_t whole)
{
	size_t at = (size_t)(((unsigned __int128)part * n + whole - 1) / whole);

	return v[at == 0 ? 0 : at - 1];
}

/* Within 1 % of the number, the same one if it is no finite number; and never outside of all. */
static void
assert_near(struct number want, struct number got)
{
	double w, g;

	if (want.kind == NUMBER_DOUBLE && !isfinite(want.d)) {
		assert_int_equal(number_order(want, got), 0);
		return;
	}
	w = number_to_double(want);
	g = number_to_double(got);
	if (fabs(g - w) > 0.01 * fabs(w))
		fail_msg("%.20g is not within 1 %% of %.20g", g, w);
}

static const uint64_t asked[][2] = {
	{ 0, 1 }, { 1, 1000 }, { 1, 100 }, { 10, 100 }, { 25, 100 }, { 333, 1000 }, { 50, 100 },
	{ 500001, 1000000 }, { 75, 100 }, { 90, 100 }, { 95, 100 }, { 99, 100 }, { 999, 1000 },
	{ 99999, 100000 }, { 1, 1 },
};

static void
check_quantiles(const struct number *v, size_t n, bool is_unsigned)
{
	struct number *sorted = malloc(n * sizeof *v);
	struct sketch s = { NULL };
	struct agg_memory m = plenty();
	struct err e;

	assert_non_null(sorted);
	memcpy(sorted, v, n * sizeof *v);
	qsort(sorted, n, sizeof *v, by_number);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(sketch_add(&m, &s, v[i], 1, &e), 0);
	assert_int_equal(s.total, n);
	for (size_t i = 0; i < sizeof asked / sizeof *asked; i++)
		assert_near(nearest_rank(sorted, n, asked[i][0], asked[i][1]),
		    sketch_at(&s, asked[i][0], asked[i][1], is_unsigned));
	assert_int_equal(m.used, sketch_bytes(&s));
	sketch_release(&s);
	free(sorted);
}

static struct number *
numbers(size_t n)
{
	struct number *v = malloc(n * sizeof *v);

	assert_non_null(v);
	return v;
}

static void
positive_integers_are_within_one_percent(void **state)
{
	struct number *v = numbers(N);

	(void)state;
	for (size_t k = 0; k < N_KINDS; k++)
		for (size_t n = 1; n <= N; n = n < 4 ? n + 1 : n * 18) {
			uint64_t seed = k;

			for (size_t i = 0; i < n; i++)
				v[i] = number_u64(kinds[k](&seed, i));
			check_quantiles(v, n, true);
		}
	free(v);
}

static void
integers_of_both_signs_are_within_one_percent(void **state)
{
	struct number *v = numbers(N);

	(void)state;
	for (size_t k = 0; k < N_KINDS; k++) {
		uint64_t seed = k;

		for (size_t i = 0; i < N; i++)
			v[i] = number_i64((int64_t)(i % 3 == 0 ? -kinds[k](&seed, i) :
			    kinds[k](&seed, i)));
		v[7] = number_i64(INT64_MIN);
		v[8] = number_i64(INT64_MAX);
		v[9] = number_i64(0);
		check_quantiles(v, N, false);
	}
	for (size_t i = 0; i < N; i++)
		v[i] = number_i64(INT64_MIN + (int64_t)(i % 2));
	check_quantiles(v, N, false);
	free(v);
}

/* Every exponent and sign, the smallest too; and the few that are no numbers. */
static void
doubles_are_within_one_percent(void **state)
{
	struct number *v = numbers(N);
	uint64_t seed = 1;

	(void)state;
	for (size_t i = 0; i < N; i++) {
		uint64_t u = random_of(&seed);
		double d;

		if (i % 4 == 0)
			u = (u & (uint64_t)1 << 63) | (u & 0xfffffffffffff) >> i / 4 % 52;
		memcpy(&d, &u, sizeof d);
		v[i] = number_double(isnan(d) ? (double)NAN : d);
	}
	v[0] = number_double(0.0);
	v[1] = number_double(-0.0);
	v[2] = number_double((double)INFINITY);
	v[3] = number_double((double)-INFINITY);
	check_quantiles(v, N, false);
	free(v);
}

static void
integers_among_doubles_are_within_one_percent(void **state)
{
	struct number *v = numbers(N);
	uint64_t seed = 1;

	(void)state;
	for (size_t i = 0; i < N; i++) {
		uint64_t u = 50 + random_of(&seed) % 200;

		v[i] = i % 2 == 0 ? number_i64((int64_t)u) :
		    number_double((double)u + 0.99 * unit_of(&seed));
	}
	check_quantiles(v, N, false);
	free(v);
}

static void
small_integers_and_equal_numbers_are_exact(void **state)
{
	struct agg_memory m = plenty();
	struct sketch s = { NULL };
	struct err e;

	(void)state;
	for (uint64_t i = 0; i < 128; i++)
		assert_int_equal(sketch_add(&m, &s, number_u64(i), 1, &e), 0);
	for (uint64_t i = 1; i <= 128; i++)
		assert_int_equal(sketch_at(&s, i, 128, true).u, i - 1);
	sketch_release(&s);
	assert_int_equal(sketch_add(&m, &s, number_double(1.1), 1000, &e), 0);
	assert_true(sketch_at(&s, 1, 2, false).d == 1.1);
	sketch_release(&s);
}

static void
of_nothing_there_is_no_number(void **state)
{
	struct sketch s = { NULL };

	(void)state;
	assert_int_equal(sketch_at(&s, 1, 2, false).kind, NUMBER_NONE);
}

static void
merged_sketches_are_the_sketch_of_all(void **state)
{
	(void)state;
	for (size_t k = 0; k < N_KINDS; k++) {
		struct sketch all = { NULL }, part[3] = { { NULL } }, sum = { NULL };
		struct agg_memory m = plenty();
		uint64_t seed = k;
		struct err e;

		for (size_t i = 0; i < 3000; i++) {
			struct number x = number_u64(kinds[k](&seed, i));

			assert_int_equal(sketch_add(&m, &all, x, 1, &e), 0);
			assert_int_equal(sketch_add(&m, &part[i < 10 ? 0 : 1 + i % 2], x, 1, &e),
			    0);
		}
		for (size_t i = 3; i-- > 0;)
			assert_int_equal(sketch_merge(&m, &sum, &part[i], &e), 0);
		assert_int_equal(sum.n, all.n);
		assert_int_equal(sum.total, all.total);
		assert_memory_equal(sum.v, all.v, all.n * sizeof *all.v);
		assert_int_equal(number_order(sum.min, all.min), 0);
		assert_int_equal(number_order(sum.max, all.max), 0);
		for (size_t i = 0; i < 3; i++)
			sketch_release(&part[i]);
		sketch_release(&all);
		sketch_release(&sum);
		assert_true(m.used < 400000);
	}
}

/* Many at once, as those that were kept come, are what they are one by one. */
static void
images_are_added_as_numbers_are(void **state)
{
	static uint64_t images[30000];

	(void)state;
	for (size_t k = 0; k < N_KINDS; k++)
		for (int kind = NUMBER_I64; kind <= NUMBER_DOUBLE; kind++)
			for (size_t n = 0; n <= 30000; n = n == 0 ? 1 : n * 30) {
				struct sketch one = { NULL }, all = { NULL };
				struct agg_memory m = plenty();
				uint64_t seed = k;
				struct err e;

				for (size_t i = 0; i < n; i++) {
					images[i] = kinds[k](&seed, i);
					if (kind == NUMBER_DOUBLE)
						images[i] = value_image_double(i % 5000 == 77 ?
						    (double)NAN : (double)images[i] - 1e9);
					assert_int_equal(sketch_add(&m, &one,
					    number_of_image((enum number_kind)kind, images[i]), 1,
					    &e), 0);
				}
				assert_int_equal(sketch_add_images(&m, &all,
				    (enum number_kind)kind, images, n, &e), 0);
				assert_int_equal(all.n, one.n);
				assert_int_equal(all.total, one.total);
				if (n != 0) {
					assert_memory_equal(all.v, one.v, one.n * sizeof *one.v);
					assert_int_equal(number_order(all.min, one.min), 0);
					assert_int_equal(number_order(all.max, one.max), 0);
				}
				sketch_release(&one);
				sketch_release(&all);
			}
}

static void
a_sketch_is_bounded(void **state)
{
	struct agg_memory m = plenty();
	struct sketch s = { NULL };
	uint64_t seed = 1;
	struct err e;

	(void)state;
	for (size_t i = 0; i < 3000000; i++)
		assert_int_equal(sketch_add(&m, &s, number_i64((int64_t)(i % 2 == 0 ? 1 : -1) *
		    (int64_t)(random_of(&seed) >> (1 + i % 63))), 1, &e), 0);
	assert_true(s.n > 7000 && s.n < 7500);
	sketch_release(&s);
}

static void
too_many_numbers_are_refused(void **state)
{
	struct agg_memory m = plenty();
	struct sketch s = { NULL }, one = { NULL };
	struct err e;

	(void)state;
	assert_int_equal(sketch_add(&m, &s, number_i64(1), ((uint64_t)1 << 44) - 1, &e), 0);
	assert_int_equal(sketch_add(&m, &s, number_i64(1), 1, &e), ERR_TOOBIG);
	assert_int_equal(sketch_add(&m, &s, number_i64(2), 1, &e), ERR_TOOBIG);
	assert_int_equal(sketch_add(&m, &one, number_i64(2), 1, &e), 0);
	assert_int_equal(sketch_merge(&m, &s, &one, &e), ERR_TOOBIG);
	assert_int_equal(s.n, 1);
	assert_int_equal(sketch_at(&s, 1, 2, false).i, 1);
	sketch_release(&s);
	sketch_release(&one);
}

/* What a sketch stands in for: each rank of all numbers, exact, of any number and kind of them. */
static void
kept_numbers_give_every_rank(void **state)
{
	struct number *v = numbers(N);

	(void)state;
	for (size_t k = 0; k < N_KINDS; k++)
		for (size_t n = 1; n <= 20000; n = n < 70 ? n + 23 : n * 6) {
			struct agg_memory m = plenty();
			struct quantile q = { NULL };
			uint64_t seed = k;
			struct err e;

			for (size_t i = 0; i < n; i++) {
				v[i] = number_i64((int64_t)kinds[k](&seed, i));
				if (k % 2 == 1 && i % 3 == 0)
					v[i] = number_double(number_to_double(v[i]) - 0.5);
				assert_int_equal(quantile_add(&m, &q, v[i], &e), 0);
			}
			qsort(v, n, sizeof *v, by_number);
			for (size_t i = 1; i <= n; i += n < 200 ? 1 : n / 50)
				assert_int_equal(number_order(quantile_at(&m, &q, i, n), v[i - 1]), 0);
			assert_int_equal(m.used, (q.cap_ints + q.cap_doubles) * sizeof *q.ints);
			free(q.ints);
			free(q.doubles);
		}
	free(v);
}

/* ---- different values ---- */

static uint64_t
hash_of(uint64_t i)
{
	return hash128(&i, sizeof i).hi;
}

static void
assert_counts(const struct hll16 *h, uint64_t n, double most)
{
	double error = fabs((double)hll16_count(h) - (double)n);

	if (error > most * (double)n)
		fail_msg("%llu different values, not %llu", (unsigned long long)hll16_count(h),
		    (unsigned long long)n);
}

static void
counts_are_within_two_percent_at_every_size(void **state)
{
	(void)state;
	for (uint64_t base = 0; base < 8; base++) {
		struct agg_memory m = plenty();
		struct hll16 h = { NULL };
		struct err e;

		assert_int_equal(hll16_count(&h), 0);
		for (uint64_t i = 1; i <= 500000; i++) {
			assert_int_equal(hll16_add(&m, &h, hash_of(base << 32 | i), &e), 0);
			if (i < 100)
				assert_counts(&h, i, 0);
			else if (i % 97 == 0 && (i < 10000 || i % 970 == 0))
				assert_counts(&h, i, h.dense == NULL ? 0.002 : 0.02);
		}
		assert_non_null(h.dense);
		assert_int_equal(m.used, hll16_bytes(&h));
		assert_int_equal(m.used, 1 << HLL16_BITS);
		hll16_release(&h);
	}
}

static void
millions_are_within_two_percent(void **state)
{
	struct agg_memory m = plenty();
	struct hll16 h = { NULL };
	struct err e;

	(void)state;
	for (uint64_t i = 0; i < 5000000; i++)
		assert_int_equal(hll16_add(&m, &h, hash_of(i), &e), 0);
	assert_counts(&h, 5000000, 0.02);
	hll16_release(&h);
}

static void
a_value_again_counts_nothing(void **state)
{
	static const uint64_t sizes[] = { 1, 1000, 30000 };

	(void)state;
	for (size_t k = 0; k < 3; k++) {
		struct agg_memory m = plenty();
		struct hll16 h = { NULL };
		uint64_t once;
		struct err e;

		for (uint64_t i = 0; i < sizes[k]; i++)
			assert_int_equal(hll16_add(&m, &h, hash_of(i), &e), 0);
		once = hll16_count(&h);
		for (uint64_t i = 0; i < 3 * sizes[k]; i++)
			assert_int_equal(hll16_add(&m, &h, hash_of(i % sizes[k]), &e), 0);
		assert_int_equal(hll16_count(&h), once);
		hll16_release(&h);
	}
}

/* Sparse and dense, either way around, overlapping. */
static void
merged_counts_are_the_count_of_all(void **state)
{
	static const uint64_t sizes[] = { 0, 5, 3000, 6143, 7000, 40000 };

	(void)state;
	for (size_t a = 0; a < 6; a++)
		for (size_t b = 0; b < 6; b++) {
			struct hll16 all = { NULL }, one = { NULL }, two = { NULL };
			struct agg_memory m = plenty();
			struct err e;

			for (uint64_t i = 0; i < sizes[a]; i++)
				assert_int_equal(hll16_add(&m, &one, hash_of(i), &e) |
				    hll16_add(&m, &all, hash_of(i), &e), 0);
			for (uint64_t i = 3; i < 3 + sizes[b]; i++)
				assert_int_equal(hll16_add(&m, &two, hash_of(i), &e) |
				    hll16_add(&m, &all, hash_of(i), &e), 0);
			assert_int_equal(hll16_merge(&m, &one, &two, &e), 0);
			assert_int_equal(one.dense == NULL, all.dense == NULL);
			assert_int_equal(hll16_count(&one), hll16_count(&all));
			hll16_release(&all);
			hll16_release(&one);
			hll16_release(&two);
		}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(positive_integers_are_within_one_percent),
		cmocka_unit_test(integers_of_both_signs_are_within_one_percent),
		cmocka_unit_test(doubles_are_within_one_percent),
		cmocka_unit_test(integers_among_doubles_are_within_one_percent),
		cmocka_unit_test(small_integers_and_equal_numbers_are_exact),
		cmocka_unit_test(of_nothing_there_is_no_number),
		cmocka_unit_test(merged_sketches_are_the_sketch_of_all),
		cmocka_unit_test(images_are_added_as_numbers_are),
		cmocka_unit_test(a_sketch_is_bounded),
		cmocka_unit_test(too_many_numbers_are_refused),
		cmocka_unit_test(kept_numbers_give_every_rank),
		cmocka_unit_test(counts_are_within_two_percent_at_every_size),
		cmocka_unit_test(millions_are_within_two_percent),
		cmocka_unit_test(a_value_again_counts_nothing),
		cmocka_unit_test(merged_counts_are_the_count_of_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

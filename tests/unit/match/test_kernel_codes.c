/* SPDX-License-Identifier: ISC */
/*
 * Unit tests of match/kernel_codes: each variant of the set test against single bits; the lazy
 * table against asking each row, with answers that fail.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/hash.h"
#include "match/kernel.h"

#define MOST 330

static void
fill(uint64_t *v, size_t n, uint32_t n_codes, uint64_t seed)
{
	for (size_t i = 0; i < n; i++)
		v[i] = hash_u64(seed + i) % n_codes;
}

/* ---- sets ---- */

static void
check_set(const struct code_set *s, const uint64_t *v, size_t n)
{
	uint64_t words[MOST / 64 + 1];

	for (int all = 0; all < 2; all++) {
		cpu_limit(all ? CPU_ALL : 0);
		memset(words, 0, sizeof words);
		code_set_test(s, v, n, words);
		for (size_t i = 0; i < sizeof words * 8; i++)
			assert_int_equal(bitmap_get(words, i),
			    i < n && bitmap_get(s->bits, v[i]));
	}
	cpu_limit(CPU_ALL);
}

static void
every_variant_of_the_set_test_agrees(void **state)
{
	static const uint32_t sizes[] = { 1, 2, 31, 32, 33, 64, 255, 256, 257, 1000, 65536 };
	uint64_t v[MOST];
	struct err e = ERR_INIT;

	(void)state;
	for (uint64_t round = 0; round < 3000; round++) {
		uint32_t n_codes = sizes[round % (sizeof sizes / sizeof *sizes)];
		uint64_t rare = 1 + round % 7;
		struct code_set s;

		assert_int_equal(code_set_new(n_codes, &s, &e), 0);
		for (uint32_t i = 0; i < n_codes; i++)
			if (hash_u64(round << 32 | i) % rare == 0)
				bitmap_set(s.bits, i);
		fill(v, MOST, n_codes, round);
		check_set(&s, v, round % MOST + 1);
		code_set_release(&s);
	}
}

/* All codes in turn, alone in the set and alone missing. */
static void
each_code_has_its_bit(void **state)
{
	uint64_t v[300];
	struct err e = ERR_INIT;

	(void)state;
	for (uint64_t i = 0; i < 300; i++)
		v[i] = i;
	for (uint32_t n = 256; n <= 300; n += 44)
		for (uint32_t code = 0; code < n; code++) {
			struct code_set s;

			assert_int_equal(code_set_new(n, &s, &e), 0);
			bitmap_set(s.bits, code);
			check_set(&s, v, n);
			bitmap_not(s.bits, n);
			check_set(&s, v, n);
			code_set_release(&s);
		}
}

/* ---- the lazy table ---- */

struct answers {
	uint64_t seed;
	uint32_t n_bad, asked;
};

static int
answer_of(const struct answers *a, uint32_t code)
{
	return code < a->n_bad ? ERR_TIMEOUT : (int)(hash_u64(a->seed + code) & 1);
}

static int
ask_answer(void *arg, uint32_t code, struct err *e)
{
	struct answers *a = arg;

	(void)e;
	a->asked++;
	return answer_of(a, code);
}

static void
check_codes(struct codes *c, struct answers *a, const uint64_t *v, size_t n,
    const uint64_t *want)
{
	uint64_t words[MOST / 64 + 1] = { 0 };
	struct err e = ERR_INIT;
	size_t at = SIZE_MAX, i = 0;
	int rc = codes_test(c, v, n, want, ask_answer, a, words, &at, &e);

	for (; i < n; i++) {
		int one = bitmap_get(want, i) ? answer_of(a, (uint32_t)v[i]) : 0;

		if (one < 0)
			break;
		if (rc == 0)
			assert_int_equal(bitmap_get(words, i), one);
	}
	assert_int_equal(rc, i < n ? ERR_TIMEOUT : 0);
	if (rc < 0)
		assert_int_equal(at, i);
}

/* Only what is wanted is asked, each code once, and the first row that fails is told. */
static void
codes_are_asked_as_rows_need_them(void **state)
{
	uint64_t v[MOST], want[MOST / 64 + 1];
	struct err e = ERR_INIT;

	(void)state;
	for (uint64_t round = 0; round < 1000; round++) {
		uint32_t n_codes = (uint32_t)(hash_u64(round) % 500 + 1);
		struct answers a = { round, round % 5 == 0 ? 3 : 0, 0 };
		size_t n = round % MOST + 1;
		struct codes c;

		assert_int_equal(codes_new(n_codes, &c, &e), 0);
		for (uint64_t k = 0; k < 6; k++) {
			fill(v, MOST, n_codes, round * 6 + k);
			memset(want, 0, sizeof want);
			for (size_t i = 0; i < n; i++)
				if (hash_u64(~(round * MOST + i)) % (k + 1) == 0)
					bitmap_set(want, i);
			check_codes(&c, &a, v, n, want);
		}
		if (a.n_bad == 0)
			assert_true(a.asked <= n_codes);
		codes_release(&c);
	}
}

static void
what_no_row_wants_is_not_asked(void **state)
{
	struct answers a = { 7, 0, 0 };
	uint64_t v[64], want = 1, words = 0;
	struct err e = ERR_INIT;
	struct codes c;
	size_t at;

	(void)state;
	fill(v, 64, 64, 9);
	assert_int_equal(codes_new(64, &c, &e), 0);
	assert_int_equal(codes_test(&c, v, 64, &want, ask_answer, &a, &words, &at, &e), 0);
	assert_int_equal(a.asked, 1);
	codes_release(&c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_variant_of_the_set_test_agrees),
		cmocka_unit_test(each_code_has_its_bit),
		cmocka_unit_test(codes_are_asked_as_rows_need_them),
		cmocka_unit_test(what_no_row_wants_is_not_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

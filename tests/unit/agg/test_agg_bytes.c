/* SPDX-License-Identifier: ISC */
/* Unit tests of agg_bytes: tables of groups as bytes and back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "agg/agg_bytes.h"
#include "lib/agg_rig.h"

#define N 3000
#define PLENTY SIZE_MAX
#define DENSE_FROM 9000		/* different values, from which there are registers for them */

static struct agg_table *
filled(unsigned shape, size_t memory, size_t from, size_t n)
{
	struct agg_table *t = agg_rig_table(shape, memory);
	struct err e;

	assert_int_equal(agg_rig_add(t, SIDE_NOW, 1, from, n, &e), 0);
	if (shape == 2)
		assert_int_equal(agg_rig_add(t, SIDE_BEFORE, 2, from, n, &e), 0);
	return t;
}

/* So small that states are shrunk, but not so that it fails; what of it can't shrink differs. */
static struct agg_table *
filled_short(unsigned shape)
{
	size_t n = shape == 0 ? DENSE_FROM : N;
	struct err e;

	for (size_t memory = 100000;; memory += memory / 20) {
		struct agg_table *t = agg_rig_table(shape, memory);

		if (agg_rig_add(t, SIDE_NOW, 1, 0, n, &e) == 0 && (shape != 2 ||
		    agg_rig_add(t, SIDE_BEFORE, 2, 0, n, &e) == 0))
			return t;
		agg_table_free(t);
	}
}

/* How many are not put yet. */
static size_t held;

static void
put_bytes(void *p)
{
	held--;
	free(p);
}

static int
release_all(void **state)
{
	(void)state;
	return held == 0 ? 0 : -1;
}

/* Half of the tables borrow of their bytes. */
static struct agg_table *
through_bytes(struct agg_table *t, unsigned shape)
{
	struct agg_table *like = agg_rig_table(shape, PLENTY), *back = NULL;
	static unsigned turn;
	struct buf b = BUF_INIT;
	struct agg_hold hold;
	struct err e;

	assert_int_equal(agg_save(t, &b, &e), 0);
	hold = (struct agg_hold){ put_bytes, b.p };
	held++;
	assert_int_equal(agg_load(like, buf_view(&b), ++turn % 2 == 0 ? &hold : NULL, &back, &e),
	    0);
	assert_int_equal(agg_n_groups(back), agg_n_groups(t));
	assert_int_equal(agg_is_exact(back), agg_is_exact(t));
	if (turn % 2 != 0)
		put_bytes(b.p);
	agg_table_free(like);
	return back;
}

/* Both end; they are freed. */
static void
assert_same(struct agg_table *want, struct agg_table *got, unsigned shape)
{
	struct buf w = BUF_INIT, g = BUF_INIT;
	struct err e;

	assert_true(agg_rig_print(want, shape, &w, &e));
	assert_true(agg_rig_print(got, shape, &g, &e));
	assert_string_equal(buf_cstr(&g), buf_cstr(&w));
	assert_true(w.n > 10);
	buf_release(&w);
	buf_release(&g);
	agg_table_free(want);
	agg_table_free(got);
}

static void
what_was_saved_is_what_is_loaded(void **state)
{
	(void)state;
	for (unsigned shape = 0; shape < AGG_RIG_SHAPES; shape++)
		for (size_t n = 0; n <= N; n = n == 0 ? 1 : n * 30) {
			struct agg_table *t = filled(shape, PLENTY, 0, n), *back;

			if (n == 0) {
				back = through_bytes(t, shape);
				assert_int_equal(agg_n_groups(back), 0);
				agg_table_free(back);
				agg_table_free(t);
				continue;
			}
			back = through_bytes(t, shape);
			assert_same(t, back, shape);
		}
}

static void
sketches_are_loaded_as_they_were(void **state)
{
	(void)state;
	for (unsigned shape = 0; shape < AGG_RIG_SHAPES; shape++) {
		struct agg_table *t = filled_short(shape), *all = agg_rig_table(shape, PLENTY), *back;
		struct err e;

		if (shape == 0 || shape == 3)
			assert_false(agg_is_exact(t));
		back = through_bytes(t, shape);
		/* With room to end: a table takes over all of another one. */
		assert_int_equal(agg_merge(all, t, &e), 0);
		agg_table_free(t);
		assert_same(all, back, shape);
	}
}

/* As the groups of shards are, and in another order. */
static void
parts_that_were_saved_merge_to_the_whole(void **state)
{
	(void)state;
	for (unsigned shape = 0; shape < AGG_RIG_SHAPES; shape++) {
		struct agg_table *sum = agg_rig_table(shape, PLENTY);
		struct err e;

		for (size_t i = 5; i-- > 0;) {
			struct agg_table *part = filled(shape, PLENTY, i * N / 5, N / 5);
			struct agg_table *back = through_bytes(part, shape);

			assert_int_equal(agg_merge(sum, back, &e), 0);
			agg_table_free(part);
			agg_table_free(back);
		}
		assert_same(filled(shape, PLENTY, 0, N), sum, shape);
	}
}

static void
a_table_that_was_loaded_takes_more(void **state)
{
	(void)state;
	for (unsigned shape = 0; shape < AGG_RIG_SHAPES; shape++) {
		struct agg_table *part = filled(shape, PLENTY, 0, N / 2), *back;
		struct err e;

		back = through_bytes(part, shape);
		agg_table_free(part);
		assert_int_equal(agg_rig_add(back, SIDE_NOW, 1, N / 2, N - N / 2, &e), 0);
		if (shape == 2)
			assert_int_equal(agg_rig_add(back, SIDE_BEFORE, 2, N / 2, N - N / 2, &e),
			    0);
		assert_same(filled(shape, PLENTY, 0, N), back, shape);
	}
}

static void
bytes_of_other_groups_are_refused(void **state)
{
	struct agg_table *t = filled(0, PLENTY, 0, 100), *out;
	struct buf b = BUF_INIT;
	struct err e;

	(void)state;
	assert_int_equal(agg_save(t, &b, &e), 0);
	for (unsigned shape = 1; shape < AGG_RIG_SHAPES; shape++) {
		struct agg_table *other = agg_rig_table(shape, PLENTY);

		assert_int_equal(agg_load(other, buf_view(&b), NULL, &out, &e), ERR_VERSION);
		agg_table_free(other);
	}
	b.p[3]++;
	assert_int_equal(agg_load(t, buf_view(&b), NULL, &out, &e), ERR_VERSION);
	b.p[0]++;
	assert_int_equal(agg_load(t, buf_view(&b), NULL, &out, &e), ERR_CORRUPT);
	buf_release(&b);
	agg_table_free(t);
}

/* A copy that ends where the bytes end, so that a checker sees any read past them. */
static int
load_copy(const struct agg_table *like, struct sv bytes, struct agg_table **out, struct err *e)
{
	char *p = malloc(bytes.n + 1);
	int code;

	assert_non_null(p);
	memcpy(p, bytes.p, bytes.n);
	p = realloc(p, bytes.n == 0 ? 1 : bytes.n);
	code = agg_load(like, sv_new(p, bytes.n), NULL, out, e);
	free(p);
	return code;
}

static void
bytes_cut_anywhere_are_refused(void **state)
{
	(void)state;
	for (unsigned shape = 0; shape < AGG_RIG_SHAPES; shape++) {
		struct agg_table *t = filled(shape, PLENTY, 0, 14), *out;
		struct buf b = BUF_INIT;
		struct err e;

		assert_int_equal(agg_save(t, &b, &e), 0);
		for (size_t n = 0; n < b.n; n++) {
			assert_int_equal(load_copy(t, sv_new(b.p, n), &out, &e), ERR_CORRUPT);
			assert_true(e.off >= 0 && (size_t)e.off <= n);
		}
		buf_putc(&b, 0);
		assert_int_equal(load_copy(t, buf_view(&b), &out, &e), ERR_CORRUPT);
		buf_release(&b);
		agg_table_free(t);
	}
}

/* An error, or other groups: whoever keeps the bytes has a checksum. */
static void
bytes_flipped_anywhere_do_no_harm(void **state)
{
	size_t refused = 0, tried = 0;

	(void)state;
	for (unsigned shape = 0; shape < AGG_RIG_SHAPES; shape++) {
		struct agg_table *t = filled(shape, PLENTY, 0, 14), *out;
		struct buf b = BUF_INIT, text = BUF_INIT;
		struct err e;

		assert_int_equal(agg_save(t, &b, &e), 0);
		for (size_t i = 0; i < b.n; i++)
			for (unsigned flip = 1; flip < 256; flip = flip * 3 + 1) {
				char was = b.p[i];

				b.p[i] = (char)(was ^ (char)flip);
				tried++;
				if (load_copy(t, buf_view(&b), &out, &e) < 0)
					refused++;
				else {
					text.n = 0;
					(void)agg_rig_print(out, shape, &text, &e);
					agg_table_free(out);
				}
				b.p[i] = was;
			}
		buf_release(&b);
		buf_release(&text);
		agg_table_free(t);
	}
	assert_true(refused > 0 && refused < tried);
}

/* Of numbers that are borrowed only those near the rank are decoded; a failure leaves the hold alone. */
static void
what_is_borrowed_is_hardly_decoded(void **state)
{
	struct agg_table *t = filled(1, PLENTY, 0, 40 * N), *like = agg_rig_table(1, PLENTY);
	struct agg_table *lent = NULL, *copied = NULL;
	struct buf b = BUF_INIT;
	struct agg_hold hold;
	struct err e;

	(void)state;
	assert_int_equal(agg_save(t, &b, &e), 0);
	hold = (struct agg_hold){ put_bytes, b.p };
	assert_int_equal(agg_load(like, sv_new(b.p, b.n - 1), &hold, &lent, &e), ERR_CORRUPT);
	held++;
	assert_int_equal(agg_load(like, buf_view(&b), NULL, &copied, &e), 0);
	assert_int_equal(agg_load(like, buf_view(&b), &hold, &lent, &e), 0);
	assert_int_equal(held, 1);
	/* The other measure's are integers and doubles, which are not packed. */
	assert_true(agg_n_decoded(lent) < agg_n_decoded(copied) / 2);
	assert_true(agg_memory_used(lent) < agg_memory_used(copied));
	assert_same(copied, lent, 1);
	assert_int_equal(held, 0);
	agg_table_free(t);
	agg_table_free(like);
}

static void
memory_bounds_what_is_loaded(void **state)
{
	struct agg_table *t = filled(1, PLENTY, 0, N), *small = agg_rig_table(1, 200000), *out;
	struct buf b = BUF_INIT;
	struct err e;

	(void)state;
	assert_int_equal(agg_save(t, &b, &e), 0);
	assert_int_equal(agg_load(small, buf_view(&b), NULL, &out, &e), ERR_NOMEM);
	assert_non_null(strstr(e.msg, "[query] memory"));
	buf_release(&b);
	agg_table_free(t);
	agg_table_free(small);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_saved_is_what_is_loaded),
		cmocka_unit_test(sketches_are_loaded_as_they_were),
		cmocka_unit_test(parts_that_were_saved_merge_to_the_whole),
		cmocka_unit_test(a_table_that_was_loaded_takes_more),
		cmocka_unit_test(bytes_of_other_groups_are_refused),
		cmocka_unit_test(bytes_cut_anywhere_are_refused),
		cmocka_unit_test(bytes_flipped_anywhere_do_no_harm),
		cmocka_unit_test(what_is_borrowed_is_hardly_decoded),
		cmocka_unit_test(memory_bounds_what_is_loaded),
	};

	return cmocka_run_group_tests(tests, NULL, release_all);
}

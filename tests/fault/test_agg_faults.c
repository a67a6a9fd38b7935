/* SPDX-License-Identifier: ISC */
/*
 * Groups without memory: each allocation of reading two tables back, merging, ending and showing
 * them and of writing them fails in turn, once or for good. Then there is an error, or the groups are
 * those with memory, or say that they are not exact; and nothing is left behind. So too where groups
 * go to a file on the way. Links with --wrap.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "agg/agg_bytes.h"
#include "lib/agg_rig.h"
#include "lib/fault_malloc.h"

struct job {
	unsigned shape;
	struct agg_table *like;
	struct buf one, two;		/* tables as bytes */
	struct buf text;		/* of both, with memory */
	bool exact;
	struct agg_table *spills;	/* or NULL: with no room for both, of a file of its own */
};

static void
save_part(struct job *j, size_t memory, size_t from, size_t n, struct buf *out)
{
	struct agg_table *t = agg_rig_table(j->shape, memory);
	struct err e;

	assert_int_equal(agg_rig_add(t, SIDE_NOW, 1, from, n, &e), 0);
	assert_int_equal(agg_save(t, out, &e), 0);
	agg_table_free(t);
}

static size_t held;

static void
let_go(void *arg)
{
	(void)arg;
	held--;
}

/* Half of the tables borrow of the bytes, which stay. */
static int
load(const struct job *j, const struct buf *b, bool borrows, struct agg_table **out, struct err *e)
{
	const struct agg_hold hold = { let_go, NULL };
	int code;

	held += borrows;
	code = agg_load(j->like, buf_view(b), borrows ? &hold : NULL, out, e);
	if (code < 0)
		held -= borrows;
	return code;
}

static int
merge_all(const struct job *j, struct agg_table *t, struct buf *text, struct err *e)
{
	struct agg_table *more = NULL;
	struct buf bytes = BUF_INIT;
	int code = load(j, &j->two, true, &more, e);

	if (code == 0)
		code = agg_merge(t, more, e);
	agg_table_free(more);
	if (code == 0)
		code = agg_save(t, &bytes, e);
	buf_release(&bytes);
	if (code == 0 && !agg_rig_print(t, j->shape, text, e))
		code = ERR_NOMEM;
	return code;
}

/* Both into a table that has no room for them. */
static int
run_spilled(const struct job *j, struct buf *text, bool *exact, struct err *e)
{
	const struct buf *parts[] = { &j->one, &j->two };
	struct agg_table *t = j->spills, *part;
	int code = 0;

	for (size_t i = 0; code == 0 && i < 2; i++) {
		part = NULL;
		if ((code = load(j, parts[i], i == 0, &part, e)) == 0)
			code = agg_merge(t, part, e);
		agg_table_free(part);
	}
	if (code == 0)
		assert_true(agg_spilled_bytes(t) != 0);
	if (code == 0 && !agg_rig_print(t, j->shape, text, e))
		code = ERR_NOMEM;
	*exact = code == 0 && agg_is_exact(t);
	return code;
}

static int
run(const struct job *j, struct buf *text, bool *exact, struct err *e)
{
	struct agg_table *t = NULL;
	int code;

	if (j->spills != NULL)
		return run_spilled(j, text, exact, e);
	code = load(j, &j->one, true, &t, e);
	if (code == 0)
		code = merge_all(j, t, text, e);
	*exact = code == 0 && agg_is_exact(t);
	agg_table_free(t);
	assert_int_equal(held, 0);
	return code;
}

static void
each_allocation_fails(struct job *j, bool persist)
{
	struct buf text = BUF_INIT;
	uint64_t n = 1, asked;
	struct err e;
	bool exact;
	int code;

	do {
		if (j->spills != NULL) {
			agg_table_free(j->spills);
			j->spills = agg_rig_spilling(j->shape, SIZE_MAX, "/tmp", SIZE_MAX, 1500);
		}
		text.n = 0;
		text.oom = false;
		fault_malloc_start(n, persist);
		code = run(j, &text, &exact, &e);
		asked = fault_malloc_stop();
		if (code < 0)
			assert_int_equal(code, ERR_NOMEM);
		else if (exact == j->exact)
			assert_string_equal(buf_cstr(&text), buf_cstr(&j->text));
		else
			assert_true(j->exact);
		buf_release(&text);
		buf_init(&text);
	} while (n++ <= asked);
	assert_int_equal(code, 0);
	assert_true(n > 20);
}

static void
test_shape(unsigned shape, size_t memory, size_t n, bool spills)
{
	struct job j = { .shape = shape, .like = agg_rig_table(shape, SIZE_MAX) };
	struct err e;

	save_part(&j, memory, 0, n, &j.one);
	save_part(&j, SIZE_MAX, n, n, &j.two);
	if (spills)
		j.spills = agg_rig_spilling(shape, SIZE_MAX, "/tmp", SIZE_MAX, 1500);
	assert_int_equal(run(&j, &j.text, &j.exact, &e), 0);
	each_allocation_fails(&j, false);
	each_allocation_fails(&j, true);
	buf_release(&j.one);
	buf_release(&j.two);
	buf_release(&j.text);
	agg_table_free(j.like);
	agg_table_free(j.spills);
}

static void
exact_groups_fail_or_are_whole(void **state)
{
	(void)state;
	test_shape(0, SIZE_MAX, 100, false);
	test_shape(1, SIZE_MAX, 10, false);
	test_shape(2, SIZE_MAX, 8, false);
}

static void
approximate_groups_fail_or_are_whole(void **state)
{
	(void)state;
	test_shape(0, 25000, 400, false);
}

static void
spilled_groups_fail_or_are_whole(void **state)
{
	(void)state;
	test_shape(1, SIZE_MAX, 14, true);
	test_shape(2, SIZE_MAX, 12, true);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(exact_groups_fail_or_are_whole),
		cmocka_unit_test(approximate_groups_fail_or_are_whole),
		cmocka_unit_test(spilled_groups_fail_or_are_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

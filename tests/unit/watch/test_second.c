/* SPDX-License-Identifier: ISC */
/* second: what two runs of a query say; and a third where the spans may change between them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "watch/second.h"

/* What runs give. */
struct runs {
	const char *plain, *again;
	int plain_code, again_code;
	unsigned n_again;
};

static int
run(void *query, const struct second_run *r, struct err *e)
{
	const struct runs *x = query;

	(void)e;
	digest_add(r->digest, x->plain, strlen(x->plain));
	return x->plain_code;
}

static int
rerun(void *query, bool chosen, const struct second_run *r, struct err *e)
{
	struct runs *x = query;

	(void)e;
	assert_true(chosen);
	x->n_again++;
	digest_add(r->digest, x->again, strlen(x->again));
	return x->again_code;
}

static void
nothing(void *query)
{
	(void)query;
}

static const struct second_ops ops = { .run = run, .rerun = rerun, .free = nothing };

static enum verdict
verdict_of(const char *first, struct runs *x, bool moves)
{
	struct second s = { .ops = &ops, .query = x, .moves = moves };
	struct second_run run = { 0 };
	struct difference d;
	struct digest other;

	digest_init(&s.digest, 0);
	digest_add(&s.digest, first, strlen(first));
	digest_end(&s.digest);
	digest_init(&other, 0);
	run.digest = &other;
	(void)second_compare(&s, &run, &d, NULL);
	digest_release(&other);
	second_release(&s);
	return d.verdict;
}

static void
equal_answers_are_the_same(void **state)
{
	struct runs x = { .plain = "a\nb\n", .again = "" };

	(void)state;
	assert_int_equal(verdict_of("a\nb\n", &x, false), VERDICT_SAME);
	assert_int_equal(verdict_of("a\nb\n", &x, true), VERDICT_SAME);
	assert_int_equal(x.n_again, 0);
}

static void
what_stands_still_differs_at_once(void **state)
{
	struct runs x = { .plain = "a\nc\n", .again = "a\nc\n" };

	(void)state;
	assert_int_equal(verdict_of("a\nb\n", &x, false), VERDICT_DIFFERENT);
	assert_int_equal(x.n_again, 0);
}

static void
what_moves_differs_if_the_first_answer_stands(void **state)
{
	struct runs same = { .plain = "a\nc\n", .again = "a\nb\n" };
	struct runs moved = { .plain = "a\nc\n", .again = "a\nc\n" };
	struct runs failed = { .plain = "a\nc\n", .again = "", .again_code = ERR_IO };
	struct runs refused = { .plain = "", .plain_code = ERR_SYNTAX, .again = "a\nb\n" };

	(void)state;
	assert_int_equal(verdict_of("a\nb\n", &same, true), VERDICT_DIFFERENT);
	assert_int_equal(same.n_again, 1);
	assert_int_equal(verdict_of("a\nb\n", &moved, true), VERDICT_UNDECIDED);
	assert_int_equal(verdict_of("a\nb\n", &failed, true), VERDICT_UNDECIDED);
	assert_int_equal(verdict_of("a\nb\n", &refused, true), VERDICT_DIFFERENT);
}

static void
a_run_that_fails_for_the_moment_says_nothing(void **state)
{
	struct runs x = { .plain = "", .plain_code = ERR_IO, .again = "" };

	(void)state;
	assert_int_equal(verdict_of("a\n", &x, true), VERDICT_UNDECIDED);
	assert_int_equal(x.n_again, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equal_answers_are_the_same),
		cmocka_unit_test(what_stands_still_differs_at_once),
		cmocka_unit_test(what_moves_differs_if_the_first_answer_stands),
		cmocka_unit_test(a_run_that_fails_for_the_moment_says_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

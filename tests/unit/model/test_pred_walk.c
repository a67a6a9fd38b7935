/* SPDX-License-Identifier: ISC */
/* Unit tests of model/pred_walk: numbers of leaves, what is asked, and rewriting. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "lib/stats_builder.h"
#include "model/pred_walk.h"

static struct arena arena;

static int
setup(void **state)
{
	(void)state;
	arena_init(&arena);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	arena_release(&arena);
	return 0;
}

#define L(value) test_leaf(&arena, "a", OP_EQ, value)

/* (1 AND NOT (2 OR 3)) OR 4 */
static const struct pred *
tree(void)
{
	return test_or(&arena, test_and(&arena, L("1"),
	    pred_not(&arena, test_or(&arena, L("2"), L("3")))), L("4"));
}

struct seen {
	char text[64];
	size_t n;
	int stop_at;
	unsigned hold;		/* bit i: leaf i holds */
};

static int
see(void *arg, const struct pred *p, size_t no, bool under_not)
{
	struct seen *s = arg;

	s->text[s->n++] = p->lits[0].text.p[0];
	s->text[s->n++] = (char)('0' + no);
	if (under_not)
		s->text[s->n++] = '-';
	return (int)no == s->stop_at ? 7 : 0;
}

static void
leaves_come_in_order_with_their_numbers(void **state)
{
	struct seen s = { .stop_at = -1 };

	(void)state;
	assert_int_equal(pred_n_leaves(tree()), 4);
	assert_int_equal(pred_each_leaf(tree(), see, &s), 0);
	assert_string_equal(s.text, "1021-32-43");
	s = (struct seen){ .stop_at = 1 };
	assert_int_equal(pred_each_leaf(tree(), see, &s), 7);
	assert_string_equal(s.text, "1021-");
}

static int
holds(void *arg, const struct pred *p, size_t no, struct err *e)
{
	struct seen *s = arg;

	(void)e;
	s->text[s->n++] = p->lits[0].text.p[0];
	return (int)no == s->stop_at ? ERR_TIMEOUT : (int)(s->hold >> no & 1);
}

static void
truth_asks_only_what_still_decides(void **state)
{
	struct seen s = { .stop_at = -1, .hold = 1 };

	(void)state;
	assert_int_equal(pred_truth(tree(), holds, &s, NULL), 1);
	assert_string_equal(s.text, "123");
	s = (struct seen){ .stop_at = -1, .hold = 1 | 2 };
	assert_int_equal(pred_truth(tree(), holds, &s, NULL), 0);
	assert_string_equal(s.text, "124");
	s = (struct seen){ .stop_at = -1, .hold = 8 };
	assert_int_equal(pred_truth(tree(), holds, &s, NULL), 1);
	assert_string_equal(s.text, "14");
	s = (struct seen){ .stop_at = 2, .hold = 1 };
	assert_int_equal(pred_truth(tree(), holds, &s, NULL), ERR_TIMEOUT);
}

static const struct pred *
deny_two(void *arg, struct arena *a, const struct pred *p)
{
	(void)arg;
	return p->kind == PRED_LEAF && sv_is(p->lits[0].text, "2") ? pred_not(a, p) : p;
}

static const struct pred *
same(void *arg, struct arena *a, const struct pred *p)
{
	(void)arg;
	(void)a;
	return p;
}

static void
a_rewrite_changes_what_it_must(void **state)
{
	const struct pred *p = tree(), *q = pred_map(&arena, p, deny_two, NULL);
	char *text = test_pred_text(q);

	(void)state;
	assert_string_equal(text, "(a = 1 AND NOT (NOT a = 2 OR a = 3)) OR a = 4");
	free(text);
	assert_ptr_equal(pred_map(&arena, p, same, NULL), p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(leaves_come_in_order_with_their_numbers),
		cmocka_unit_test(truth_asks_only_what_still_decides),
		cmocka_unit_test(a_rewrite_changes_what_it_must),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}

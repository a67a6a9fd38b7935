/* SPDX-License-Identifier: ISC */
/* Unit tests of model/attr: normalizing (order, last of doubles, speed at the limit), lookup. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/limits.h"
#include "model/attr.h"

static struct attr
attr(const char *key, int64_t i)
{
	return (struct attr){ sv_cstr(key), { .type = VAL_INT, .i = i } };
}

static void
sorts_and_keeps_the_last_of_doubles(void **state)
{
	struct attr v[] = { attr("b", 1), attr("a", 2), attr("b", 3), attr("", 4), attr("a", 5),
	    attr("ab", 6), attr("b", 7) };
	struct attrs a = { v, 7 };

	(void)state;
	attrs_normalize(&a);
	assert_int_equal(a.n, 4);
	assert_int_equal(attrs_find(&a, SV(""))->i, 4);
	assert_int_equal(attrs_find(&a, SV("a"))->i, 5);
	assert_int_equal(attrs_find(&a, SV("ab"))->i, 6);
	assert_int_equal(attrs_find(&a, SV("b"))->i, 7);
	assert_null(attrs_find(&a, SV("c")));
	assert_null(attrs_find(&a, SV("aa")));
	assert_true(sv_is(a.v[0].key, ""));
	assert_true(sv_is(a.v[3].key, "b"));
}

static void
leaves_normal_lists_alone(void **state)
{
	struct attr v[] = { attr("a", 1), attr("a.b", 2), attr("b", 3) };
	struct attrs a = { v, 3 }, none = { NULL, 0 };

	(void)state;
	attrs_normalize(&a);
	assert_int_equal(a.n, 3);
	assert_int_equal(v[1].val.i, 2);
	attrs_normalize(&none);
	assert_int_equal(none.n, 0);
	assert_null(attrs_find(&none, SV("a")));
}

/* Random lists of every small size against what a plain "last one wins" says. */
static void
agrees_with_the_definition(void **state)
{
	char keys[64][4];
	uint32_t rnd = 1;

	(void)state;
	for (size_t i = 0; i < 64; i++)
		snprintf(keys[i], sizeof keys[i], "%zu", i);
	for (uint32_t n = 0; n < 400; n++) {
		struct attr *v = malloc((n + 1) * sizeof *v);
		int64_t last[64];
		struct attrs a = { v, n };
		uint32_t distinct = 0;

		memset(last, -1, sizeof last);
		for (uint32_t i = 0; i < n; i++) {
			rnd = rnd * 1664525 + 1013904223;
			v[i] = attr(keys[rnd >> 26], i);
			last[rnd >> 26] = i;
		}
		attrs_normalize(&a);
		for (size_t k = 0; k < 64; k++) {
			const struct value *x = attrs_find(&a, sv_cstr(keys[k]));

			distinct += last[k] >= 0;
			assert_int_equal(x == NULL ? -1 : x->i, last[k]);
		}
		assert_int_equal(a.n, distinct);
		for (uint32_t i = 1; i < a.n; i++)
			assert_true(sv_cmp(a.v[i - 1].key, a.v[i].key) < 0);
		free(v);
	}
}


/* As many as one span may have, in the worst orders: done in well under a second. */
static void
is_not_quadratic_at_the_limit(void **state)
{
	uint32_t n = LIMIT_SPAN_ATTRS;
	struct attr *v = malloc(n * sizeof *v);
	char (*keys)[8] = malloc(n * sizeof *keys);

	(void)state;
	for (int order = 0; order < 3; order++) {
		struct attrs a = { v, n };

		for (uint32_t i = 0; i < n; i++) {
			uint32_t k = order == 0 ? n - i : order == 1 ? i * 40503u % 65536u :
			    (i % 2 ? i : n - i);

			snprintf(keys[i], sizeof keys[i], "%07u", k);
			v[i] = (struct attr){ sv_new(keys[i], 7), { .type = VAL_INT, .i = i } };
		}
		attrs_normalize(&a);
		for (uint32_t i = 1; i < a.n; i++)
			assert_true(sv_cmp(a.v[i - 1].key, a.v[i].key) < 0);
	}
	free(v);
	free(keys);
}

static void
compares_lists(void **state)
{
	struct attr v[] = { attr("a", 1), attr("b", 2) }, w[] = { attr("a", 1), attr("b", 3) };
	struct attr x[] = { attr("a", 1), attr("c", 2) };
	struct attrs a = { v, 2 }, b = { w, 2 }, c = { v, 1 }, d = { x, 2 };

	(void)state;
	assert_true(attrs_eq(&a, &a));
	assert_false(attrs_eq(&a, &b));
	assert_false(attrs_eq(&a, &c));
	assert_false(attrs_eq(&a, &d));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sorts_and_keeps_the_last_of_doubles),
		cmocka_unit_test(leaves_normal_lists_alone),
		cmocka_unit_test(agrees_with_the_definition),
		cmocka_unit_test(is_not_quadratic_at_the_limit),
		cmocka_unit_test(compares_lists),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: ISC */
/* Unit tests of opt/template: what is one template, and what is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#include "lib/opt_case.h"
#include "opt/decision.h"

static struct opt_case c;

static int
setup(void **state)
{
	(void)state;
	opt_case_init(&c);
	for (uint64_t h = 0; h < 4; h++)
		stats_add_shard(&c.stats, h, 1000);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	opt_case_release(&c);
	return 0;
}

static struct buf
key(void)
{
	struct buf b = BUF_INIT;

	template_key(&b, &c.query, stats_done(&c.stats), &c.options);
	assert_false(b.oom);
	return b;
}

static void
where(const char *field, enum pred_op op, const char *values)
{
	c.query.filter = test_leaf(&c.arena, field, op, values);
}

static void
compare(struct buf a, struct buf b, bool same)
{
	assert_int_equal(sv_eq(buf_view(&a), buf_view(&b)), same);
	buf_release(&a);
	buf_release(&b);
}

/* Is the leaf with the one value of the template of the other? */
static void
one(const char *field, enum pred_op op, const char *v, const char *w, bool same)
{
	struct buf a;

	where(field, op, v);
	a = key();
	where(field, op, w);
	compare(a, key(), same);
}

static void
values_are_classes(void **state)
{
	(void)state;
	one("user.id", OP_EQ, "alice", "bob", true);
	one("user.id", OP_EQ, "alice", "7", false);
	one("http.status_code", OP_GE, "500", "1", true);
	one("http.status_code", OP_GE, "500", "0.5", true);
	one("http.status_code", OP_GE, "500", "x", false);
	one("service", OP_EQ, "a", "500", true);
	one("user.id", OP_IN, "a,b", "a,b,c,d", true);
	one("user.id", OP_IN, "a,b", "a", false);
	one("user.id", OP_IN, "a,b", "a,b,c,d,e,f,g,h,i", false);
	one("user.id", OP_CONTAINS, "abc", "wxyz", true);
	one("user.id", OP_CONTAINS, "abc", "ab", false);
	one("user.id", OP_EQ, "abc", "ab", true);
}

static void
fields_and_operators_are_told_apart(void **state)
{
	struct buf a;

	(void)state;
	where("a", OP_EQ, "x");
	a = key();
	where("b", OP_EQ, "x");
	compare(a, key(), false);
	where("a", OP_EQ, "x");
	a = key();
	where("a", OP_NE, "x");
	compare(a, key(), false);
	where("span.a", OP_EQ, "x");
	a = key();
	where("resource.a", OP_EQ, "x");
	compare(a, key(), false);
}

/* Keys of unequal length may not run into what follows. */
static void
groups_are_told_apart(void **state)
{
	const struct pred *x = test_leaf(&c.arena, "a", OP_EQ, "x");
	const struct pred *y = test_leaf(&c.arena, "b", OP_EQ, "y");
	struct buf a;

	(void)state;
	c.query.filter = test_and(&c.arena, x, y);
	a = key();
	c.query.filter = test_or(&c.arena, x, y);
	compare(a, key(), false);
	c.query.filter = pred_not(&c.arena, x);
	a = key();
	c.query.filter = x;
	compare(a, key(), false);
}

static struct buf
range_key(uint64_t from, uint64_t to)
{
	c.query.range = (struct time_range){ from, to };
	return key();
}

static void
ranges_are_widths(void **state)
{
	uint64_t t = STATS_T0, m = NS_PER_MIN, end = STATS_T0 + 4 * NS_PER_HOUR;

	(void)state;
	compare(range_key(t, t + 60 * m), range_key(t + 5 * m, t + 80 * m), true);
	compare(range_key(t, t + 60 * m), range_key(t, t + 29 * m), false);
	compare(range_key(end - 50 * m, WHEN_MAX), range_key(end - 70 * m, WHEN_MAX), true);
	compare(range_key(end - 50 * m, WHEN_MAX), range_key(end - 50 * m, end), false);
	/* The newest partition is touched, or not. */
	compare(range_key(t, t + 60 * m), range_key(end - 60 * m, end), false);
	compare(range_key(0, WHEN_MAX), range_key(t, WHEN_MAX), false);
}

static void
pages_are_classes(void **state)
{
	struct buf a;

	(void)state;
	c.query.has_limit = true;
	c.query.limit = 17;
	a = key();
	c.query.limit = 256;
	compare(a, key(), true);
	a = key();
	c.query.limit = 257;
	compare(a, key(), false);
	a = key();
	c.query.has_limit = false;
	compare(a, key(), false);
	a = key();
	c.query.offset = 1;
	compare(a, key(), false);
}

static void
what_is_shown_and_how_is_told_apart(void **state)
{
	struct sort_item sort = { .by.field = { .scope = FIELD_INTRINSIC,
	    .intrinsic = IN_DURATION } };
	struct buf a = key();

	(void)state;
	c.options.output = ROW_COUNT;
	compare(a, key(), false);
	a = key();
	c.options.rules_off = 1;
	compare(a, key(), false);
	a = key();
	c.query.sort = &sort;
	c.query.n_sort = 1;
	compare(a, key(), false);
	a = key();
	sort.by.desc = true;
	compare(a, key(), false);
	a = key();
	c.query.select = &sort.by.field;
	c.query.n_select = 1;
	compare(a, key(), false);
}

static void
no_value_is_in_it(void **state)
{
	struct buf a, text = BUF_INIT;

	(void)state;
	where("user.id", OP_IN, "verysecret,othersecret");
	a = key();
	template_print(&text, &c.query, stats_done(&c.stats), &c.options);
	assert_true(sv_find(buf_view(&a), SV("secret")) < 0);
	assert_true(sv_find(buf_view(&text), SV("secret")) < 0);
	buf_release(&a);
	buf_release(&text);
}

static void
reads_like_a_query(void **state)
{
	struct buf text = BUF_INIT;

	(void)state;
	where("service", OP_EQ, "checkout");
	opt_case_where(&c, "user.id", OP_EQ, "7");
	opt_case_where(&c, "name", OP_IN, "a,b");
	c.query.filter = test_or(&c.arena, c.query.filter,
	    pred_not(&c.arena, test_leaf(&c.arena, "x", OP_HAS, "")));
	c.query.range = (struct time_range){ STATS_T0 + 3 * NS_PER_HOUR, WHEN_MAX };
	c.query.has_limit = true;
	c.query.limit = 100;
	template_print(&text, &c.query, stats_done(&c.stats), &c.options);
	assert_string_equal(buf_cstr(&text), "spans: (service eq ? and user.id eq ? and "
	    "name in ?{2-8}) or not x has range ~1h to now limit 17-256");
	text.n = 0;
	c.query.range.from -= 3 * NS_PER_HOUR;
	template_print(&text, &c.query, stats_done(&c.stats), &c.options);
	assert_non_null(strstr(buf_cstr(&text), "range ~4h to now"));
	text.n = 0;
	c.query.range.to = c.query.range.from + 10 * NS_PER_S;
	template_print(&text, &c.query, stats_done(&c.stats), &c.options);
	assert_non_null(strstr(buf_cstr(&text), "range ~14s of the past"));
	buf_release(&text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(values_are_classes, setup, teardown),
		cmocka_unit_test_setup_teardown(fields_and_operators_are_told_apart, setup, teardown),
		cmocka_unit_test_setup_teardown(groups_are_told_apart, setup, teardown),
		cmocka_unit_test_setup_teardown(ranges_are_widths, setup, teardown),
		cmocka_unit_test_setup_teardown(pages_are_classes, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_shown_and_how_is_told_apart, setup, teardown),
		cmocka_unit_test_setup_teardown(no_value_is_in_it, setup, teardown),
		cmocka_unit_test_setup_teardown(reads_like_a_query, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

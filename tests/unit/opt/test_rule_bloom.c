/* SPDX-License-Identifier: ISC */
/* Unit tests of opt/rule_bloom: trace ids and values of attributes against the shards' filters. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#include "lib/opt_case.h"

static struct opt_case c;

static int
setup(void **state)
{
	(void)state;
	opt_case_init(&c);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	opt_case_release(&c);
	return 0;
}

/* Shards 0, 1, 2 hold ids of hi 0xa, 0xb and, unknown, 0xc. */
static void
three_shards(void)
{
	stats_set_bloom(&c.stats, stats_add_shard(&c.stats, 0, 100), 0xa, 50);
	stats_set_bloom(&c.stats, stats_add_shard(&c.stats, 1, 100), 0xb, 50);
	stats_add_shard(&c.stats, 2, 100);
}

#define ID_A "000000000000000a0000000000000007"
#define ID_B "000000000000000b0000000000000032"
#define ID_NONE "000000000000000f0000000000000001"

static void
expect(const char *access)
{
	opt_case_run(&c, "bloom");
	assert_string_equal(opt_case_access(&c), access);
}

static void
shards_without_the_id_go(void **state)
{
	(void)state;
	three_shards();
	opt_case_where(&c, "trace_id", OP_EQ, ID_A);
	expect("TPT");
	assert_string_equal(c.plan->scan.shards[1].pruned_by, "bloom");
	c.query.filter = test_leaf(&c.arena, "trace_id", OP_IN, ID_B "," ID_NONE);
	expect("PTT");
	c.query.filter = test_leaf(&c.arena, "trace_id", OP_EQ, ID_NONE);
	expect("PPT");
}

static void
other_conditions_do_not_matter(void **state)
{
	(void)state;
	three_shards();
	opt_case_where(&c, "name", OP_EQ, "x");
	opt_case_where(&c, "trace_id", OP_EQ, ID_A);
	expect("TPT");
	c.query.filter = test_leaf(&c.arena, "link:trace_id", OP_EQ, ID_NONE);
	expect("FFF");
	c.query.filter = test_leaf(&c.arena, "trace_id", OP_NE, ID_A);
	expect("FFF");
	assert_int_equal(c.plan->n_fired, 0);
}

static void
or_and_not_are_conservative(void **state)
{
	const struct pred *a = test_leaf(&c.arena, "trace_id", OP_EQ, ID_A);

	(void)state;
	three_shards();
	c.query.filter = pred_not(&c.arena, a);
	expect("FFF");
	c.query.filter = test_or(&c.arena, a, test_leaf(&c.arena, "name", OP_EQ, "x"));
	expect("FFF");
	c.query.filter = test_or(&c.arena, a, test_leaf(&c.arena, "trace_id", OP_EQ, ID_NONE));
	expect("FPF");
}

static void
damaged_shards_stay(void **state)
{
	(void)state;
	stats_add_shard(&c.stats, 0, 100)->damaged = true;
	opt_case_where(&c, "trace_id", OP_EQ, ID_A);
	expect("F");
}

/* ---- values of attributes ---- */

static struct shard_filter *filter;

/*
 * What shards may say of a field, in this order: a filter with "ann", "bob" and "7"; one
 * with "cy"; nothing; no row has it; a column of the strings "x" and "y" without a filter;
 * one of strings that are not all known; one of the numbers 5 to 9; one of arrays.
 */
static void
eight_shards(const char *field)
{
	struct column_stats *col[8];

	for (unsigned i = 0; i < 8; i++) {
		struct shard_stats *s = stats_add_shard(&c.stats, i, 100);
		enum value_type t = i == 6 ? VAL_INT : i == 7 ? VAL_ARRAY : VAL_STRING;

		col[i] = stats_add_column(&c.stats, s, "span.user", t, 100, 30);
	}
	stats_add_top(&c.stats, col[4], (struct value){ .type = VAL_STRING, .s = SV("x") }, 60);
	stats_add_top(&c.stats, col[4], (struct value){ .type = VAL_STRING, .s = SV("y") }, 40);
	stats_add_top(&c.stats, col[5], (struct value){ .type = VAL_STRING, .s = SV("x") }, 60);
	stats_set_ints(col[6], 5, 9);
	filter = stats_add_filter(&c.stats, field);
	stats_set_filter(&c.stats, &filter[0], col[0], "ann,bob,7");
	stats_set_filter(&c.stats, &filter[1], col[1], "cy");
	filter[3].kind = FILTER_ABSENT;
	for (unsigned i = 4; i < 8; i++)
		stats_set_filter(&c.stats, &filter[i], col[i], NULL);
}

static void
expect_where(const char *field, enum pred_op op, const char *values, const char *access)
{
	c.query.filter = test_leaf(&c.arena, field, op, values);
	expect(access);
}

static void
shards_without_the_value_go(void **state)
{
	(void)state;
	eight_shards("span.user");
	expect_where("span.user", OP_EQ, "ann", "FPFPPFPF");
	for (unsigned i = 1; i < 7; i++)
		if (c.plan->scan.shards[i].access == ACCESS_PRUNED)
			assert_string_equal(c.plan->scan.shards[i].pruned_by, "bloom");
	assert_string_equal(c.plan->scan.shards[1].why, "value not in the Bloom filter");
	assert_string_equal(c.plan->scan.shards[3].why, "attribute absent");
	assert_string_equal(c.plan->scan.shards[4].why, "values outside the column's range");
	expect_where("span.user", OP_EQ, "cy", "PFFPPFPF");
	expect_where("span.user", OP_EQ, "nobody", "PPFPPFPF");
	expect_where("span.user", OP_EQ, "x", "PPFPFFPF");
}

static void
a_number_may_be_text_or_a_number(void **state)
{
	(void)state;
	eight_shards("span.user");
	expect_where("span.user", OP_EQ, "7", "FPFPPFFF");
	expect_where("span.user", OP_EQ, "7.0", "PPFPPFFF");
	expect_where("span.user", OP_EQ, "10", "PPFPPFPF");
	expect_where("span.user", OP_EQ, "true", "PPFPPFPF");
}

static void
lists_need_one_of_theirs(void **state)
{
	(void)state;
	eight_shards("span.user");
	expect_where("span.user", OP_IN, "ann,cy", "FFFPPFPF");
	expect_where("span.user", OP_IN, "nobody,bob", "FPFPPFPF");
	expect_where("span.user", OP_IN, "nobody,none", "PPFPPFPF");
	expect_where("span.user", OP_IN, "nobody,y,6", "PPFPFFFF");
}

static void
a_text_of_no_bytes_is_not_looked_up(void **state)
{
	struct literal none[2] = { literal_of(SV_EMPTY), literal_of(SV("nobody")) };
	struct field f;

	(void)state;
	eight_shards("span.user");
	assert_true(field_parse(SV("span.user"), &f));
	c.query.filter = pred_leaf(&c.arena, OP_EQ, f, none, 1);
	expect("FFFPFFPF");
	c.query.filter = pred_leaf(&c.arena, OP_IN, f, none, 2);
	expect("FFFPFFPF");
}

static void
only_equalities_on_the_field_conclude(void **state)
{
	static const enum pred_op ops[] = { OP_NE, OP_NOTIN, OP_LT, OP_GE, OP_CONTAINS,
		OP_NOTCONTAINS, OP_STARTS, OP_ENDS, OP_RE, OP_NRE };

	(void)state;
	eight_shards("span.user");
	for (size_t i = 0; i < sizeof ops / sizeof *ops; i++) {
		expect_where("span.user", ops[i], "nobody", "FFFFFFFF");
		assert_int_equal(c.plan->n_fired, 0);
	}
	expect_where("span.user", OP_HAS, "", "FFFFFFFF");
	expect_where("span.user", OP_BETWEEN, "a,b", "FFFFFFFF");
	/* The same key elsewhere is another field. */
	expect_where("user", OP_EQ, "nobody", "FFFFFFFF");
	expect_where("event.user", OP_EQ, "nobody", "FFFFFFFF");
	expect_where("link.user", OP_EQ, "nobody", "FFFFFFFF");
	expect_where("resource.user", OP_EQ, "nobody", "FFFFFFFF");
	expect_where("scope.user", OP_EQ, "nobody", "FFFFFFFF");
	expect_where("name", OP_EQ, "nobody", "FFFFFFFF");
}

static void
bare_fields_and_children_have_filters_of_their_own(void **state)
{
	(void)state;
	eight_shards("user");
	filter = stats_add_filter(&c.stats, "event.user");
	filter[5].kind = FILTER_ABSENT;
	filter = stats_add_filter(&c.stats, "link.user");
	stats_set_filter(&c.stats, &filter[2], &c.stats.shards[2].columns[0], "ann");
	expect_where("user", OP_EQ, "ann", "FPFPPFPF");
	expect_where("event.user", OP_EQ, "ann", "FFFFFPFF");
	expect_where("link.user", OP_EQ, "ann", "FFFFFFFF");
	expect_where("link.user", OP_EQ, "bob", "FFPFFFFF");
	expect_where("span.user", OP_EQ, "ann", "FFFFFFFF");
}

static void
not_and_or_of_values_are_conservative(void **state)
{
	const struct pred *ann, *nobody, *name;

	(void)state;
	eight_shards("span.user");
	ann = test_leaf(&c.arena, "span.user", OP_EQ, "ann");
	nobody = test_leaf(&c.arena, "span.user", OP_EQ, "nobody");
	name = test_leaf(&c.arena, "name", OP_EQ, "x");
	c.query.filter = pred_not(&c.arena, nobody);
	expect("FFFFFFFF");
	c.query.filter = pred_not(&c.arena, test_or(&c.arena, nobody, name));
	expect("FFFFFFFF");
	c.query.filter = test_or(&c.arena, nobody, name);
	expect("FFFFFFFF");
	c.query.filter = test_or(&c.arena, nobody, ann);
	expect("FPFPPFPF");
	c.query.filter = test_and(&c.arena, name, ann);
	expect("FPFPPFPF");
	c.query.filter = test_and(&c.arena, test_leaf(&c.arena, "span.user", OP_EQ, "cy"), ann);
	expect("PPFPPFPF");
	c.query.filter = test_and(&c.arena, pred_not(&c.arena, ann), nobody);
	expect("PPFPPFPF");
}

static void
damaged_shards_stay_whatever_their_filters_say(void **state)
{
	(void)state;
	eight_shards("span.user");
	c.stats.shards[1].damaged = c.stats.shards[3].damaged = true;
	expect_where("span.user", OP_EQ, "nobody", "PFFFPFPF");
}

static void
values_and_trace_ids_go_together(void **state)
{
	(void)state;
	eight_shards("span.user");
	stats_set_bloom(&c.stats, &c.stats.shards[0], 0xa, 50);
	stats_set_bloom(&c.stats, &c.stats.shards[2], 0xb, 50);
	opt_case_where(&c, "trace_id", OP_EQ, ID_A);
	opt_case_where(&c, "span.user", OP_EQ, "ann");
	expect("TPPPPTPT");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(shards_without_the_id_go, setup, teardown),
		cmocka_unit_test_setup_teardown(other_conditions_do_not_matter, setup, teardown),
		cmocka_unit_test_setup_teardown(or_and_not_are_conservative, setup, teardown),
		cmocka_unit_test_setup_teardown(damaged_shards_stay, setup, teardown),
		cmocka_unit_test_setup_teardown(shards_without_the_value_go, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(a_number_may_be_text_or_a_number, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(lists_need_one_of_theirs, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(a_text_of_no_bytes_is_not_looked_up, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(only_equalities_on_the_field_conclude, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(bare_fields_and_children_have_filters_of_their_own, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(not_and_or_of_values_are_conservative, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(damaged_shards_stay_whatever_their_filters_say, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(values_and_trace_ids_go_together, setup,
		    teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: ISC */
/* Unit tests of rule_groups: groups that footers and dictionaries tell, and those that they don't. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#include "lib/opt_case.h"

#define INTRINSIC(i) { .scope = FIELD_INTRINSIC, .intrinsic = i }
#define MINUTE ((uint64_t)60 * NS_PER_S)

static const struct field service = INTRINSIC(IN_SERVICE), kind = INTRINSIC(IN_KIND),
    both[] = { INTRINSIC(IN_NAME), INTRINSIC(IN_SERVICE) },
    few = { .scope = FIELD_SPAN, .key = SV("few") }, many = { .scope = FIELD_BARE, .key = SV("many") },
    number = { .scope = FIELD_SPAN, .key = SV("number") },
    shared = { .scope = FIELD_BARE, .key = SV("host") };
static const struct aggregate count[] = { { .kind = AGG_COUNT } },
    errors[] = { { .kind = AGG_COUNT }, { .kind = AGG_ERROR_RATE } }, rate[] = { { .kind = AGG_RATE } },
    sum[] = { { .kind = AGG_SUM, .field = INTRINSIC(IN_DURATION) } };
static struct opt_case c;
static struct grouping g;
static const struct pred *all;

static int
setup(void **state)
{
	struct shard_stats *s;
	struct column_stats *col;

	(void)state;
	opt_case_init(&c);
	c.options.output = ROW_GROUP;
	c.options.groups = &g;
	all = c.query.filter;
	s = stats_add_shard(&c.stats, 0, 1000);
	stats_add_service(&c.stats, s, "a", 600, 5);
	stats_add_service(&c.stats, s, "b", 400, 0);
	col = stats_add_column(&c.stats, s, "span.few", VAL_STRING, 7, 1);
	col->dict_bytes = 10;
	stats_add_top(&c.stats, col, (struct value){ .type = VAL_STRING, .s = SV("x") }, 7);
	col = stats_add_column(&c.stats, s, "span.many", VAL_STRING, 900, 100);
	col->dict_bytes = 10;
	(void)stats_add_column(&c.stats, s, "span.number", VAL_INT, 900, 100);
	col = stats_add_column(&c.stats, s, "span.host", VAL_STRING, 900, 100);
	col->dict_bytes = 10;
	(void)stats_add_column(&c.stats, s, "name", VAL_STRING, 1000, 30);
	(void)stats_add_column(&c.stats, s, "resource.host", VAL_STRING, 1000, 3);
	s->all_keys = true;
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	opt_case_release(&c);
	return 0;
}

static void
expect(const struct grouping *asked, const struct pred *filter, const char *access)
{
	g = *asked;
	c.query.filter = filter != NULL ? filter : all;
	opt_case_run(&c, "pushdown,groups");
	assert_string_equal(opt_case_access(&c), access);
}

#define GROUPS(...) &(struct grouping){ __VA_ARGS__ }
#define BY(f, a) .keys = f, .n_keys = 1, .aggs = a, .n_aggs = sizeof(a) / sizeof *(a)

static void
services_and_names_are_told(void **state)
{
	const struct pred *error = test_leaf(&c.arena, "status", OP_EQ, "error");
	const struct pred *ok = test_leaf(&c.arena, "status", OP_EQ, "ok");
	const struct pred *name = test_leaf(&c.arena, "name", OP_RE, "x");

	(void)state;
	expect(GROUPS(BY(&service, count)), NULL, "X");
	expect(GROUPS(BY(both, errors)), NULL, "X");
	expect(GROUPS(.keys = both, .n_keys = 2, .aggs = errors, .n_aggs = 2), name, "X");
	expect(GROUPS(.aggs = errors, .n_aggs = 2), error, "X");
	expect(GROUPS(BY(&service, count)), ok, "F");
	expect(GROUPS(BY(&kind, count)), NULL, "F");
	expect(GROUPS(BY(&service, sum)), NULL, "F");
	expect(GROUPS(BY(&service, count), .per_trace = true), NULL, "F");
}

/* The first and last span of a name, or of errors, are not there. */
static void
a_rate_is_told_of_whole_services(void **state)
{
	(void)state;
	expect(GROUPS(BY(&service, rate)), test_leaf(&c.arena, "service", OP_EQ, "a"), "X");
	expect(GROUPS(BY(&service, rate)), test_leaf(&c.arena, "name", OP_EQ, "a"), "F");
	expect(GROUPS(BY(&service, rate)), test_leaf(&c.arena, "status", OP_EQ, "error"), "F");
}

static void
buckets_are_told_that_hold_all_of_a_service(void **state)
{
	(void)state;
	expect(GROUPS(BY(&service, count), .has_bucket = true,
	    .step = { .kind = STEP_NS, .ns = 60 * MINUTE }), NULL, "X");
	expect(GROUPS(BY(&service, count), .has_bucket = true,
	    .step = { .kind = STEP_NS, .ns = MINUTE }), NULL, "F");
	expect(GROUPS(BY(&service, count), .has_bucket = true,
	    .step = { .kind = STEP_AUTO }), NULL, "F");
}

static void
values_of_dictionaries_are_told(void **state)
{
	(void)state;
	expect(GROUPS(.keys = &many, .n_keys = 1, .distinct = true), NULL, "X");
	expect(GROUPS(BY(&many, count), .distinct = true), NULL, "F");
	expect(GROUPS(BY(&few, count)), NULL, "X");
	expect(GROUPS(BY(&few, errors)), NULL, "F");
	expect(GROUPS(BY(&many, count)), NULL, "F");
	expect(GROUPS(.keys = &number, .n_keys = 1, .distinct = true), NULL, "F");
	expect(GROUPS(.keys = &shared, .n_keys = 1, .distinct = true), NULL, "F");
	expect(GROUPS(.keys = &many, .n_keys = 1, .distinct = true),
	    test_leaf(&c.arena, "service", OP_EQ, "a"), "F");
}

static void
of_a_part_nothing_is_told(void **state)
{
	(void)state;
	c.query.range = (struct time_range){ c.stats.stats.shards[0].min_start + 1, WHEN_MAX };
	c.query.has_since = true;
	expect(GROUPS(.keys = &many, .n_keys = 1, .distinct = true), NULL, "F");
	expect(GROUPS(BY(&service, count)), NULL, "F");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(services_and_names_are_told, setup, teardown),
		cmocka_unit_test_setup_teardown(a_rate_is_told_of_whole_services, setup, teardown),
		cmocka_unit_test_setup_teardown(buckets_are_told_that_hold_all_of_a_service, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(values_of_dictionaries_are_told, setup, teardown),
		cmocka_unit_test_setup_teardown(of_a_part_nothing_is_told, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

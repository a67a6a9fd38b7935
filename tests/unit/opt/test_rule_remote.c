/* SPDX-License-Identifier: ISC */
/* Unit tests of the rules about a server in place of shards, and of what its plans cost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "lib/opt_case.h"

static struct opt_case c;
static struct plan_caps caps;
static struct stats_server server;

static int
setup(void **state)
{
	(void)state;
	opt_case_init(&c);
	caps = (struct plan_caps){ .server = "a server", .projection = true,
		.newest = true, .takes = { true, true, true } };
	c.options.caps = &caps;
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
again(void)
{
	opt_case_release(&c);
	setup(NULL);
}

/* A million spans of a day, which a question reads all of. */
static void
know(void)
{
	static const struct stats_server_value services[] = { { SV("cart"), 600000 }, { SV("pay"), 300000 },
		{ SV("rare"), 100 } };
	static const struct stats_server_value kinds[] = { { SV("server"), 500000 }, { SV("client"), 500000 } };
	static struct stats_server_field fields[2];

	fields[0] = (struct stats_server_field){ { .scope = FIELD_INTRINSIC, .intrinsic = IN_SERVICE },
		services, 3, false, 1000000 };
	fields[1] = (struct stats_server_field){ { .scope = FIELD_INTRINSIC, .intrinsic = IN_KIND },
		kinds, 2, true, 1000000 };
	server = (struct stats_server){ .has_rows = true, .has_times = true, .has_bytes = true,
		.n_rows = 1000000, .n_bytes = 50000000, .first_ns = 0, .last_ns = NS_PER_DAY - 1,
		.has_read = true, .read_rows = 1000000, .read_marks = 123, .read_parts = 2,
		.fields = fields, .n_fields = 2 };
	c.stats.stats.server = &server;
}

static double
rows(void)
{
	return opt_case_run(&c, "all")->fetch.node.est_rows;
}

static void
nothing_is_handed_over_by_the_plain_plan(void **state)
{
	const struct plan *p;

	(void)state;
	opt_case_where(&c, "service", OP_EQ, "cart");
	c.query.has_limit = true;
	c.query.limit = 3;
	p = opt_case_run(&c, "");
	assert_false(p->scan.handed.filter || p->scan.handed.page || p->scan.handed.groups);
	p = opt_case_run(&c, "all");
	assert_true(p->scan.handed.filter && p->scan.handed.page && !p->scan.handed.groups);
	p = opt_case_run(&c, "remote-page");
	assert_true(!p->scan.handed.filter && p->scan.handed.page);
}

static void
no_more_is_handed_over_than_is_taken(void **state)
{
	(void)state;
	opt_case_where(&c, "service", OP_EQ, "cart");
	c.options.output = ROW_COUNT;
	assert_true(opt_case_run(&c, "all")->scan.handed.groups);
	caps.takes.groups = false;
	assert_false(opt_case_run(&c, "all")->scan.handed.groups);
	caps.takes = (struct plan_handed){ .groups = true };
	assert_false(opt_case_run(&c, "all")->scan.handed.filter);
	/* Found out before. */
	c.options.no_remote_groups = true;
	assert_false(opt_case_run(&c, "all")->scan.handed.groups);
}

static void
shards_are_handed_nothing(void **state)
{
	(void)state;
	c.options.caps = NULL;
	stats_add_shard(&c.stats, 0, 1000);
	opt_case_where(&c, "service", OP_EQ, "cart");
	c.query.has_limit = true;
	c.query.limit = 3;
	assert_false(opt_case_run(&c, "all")->scan.handed.filter);
	assert_false(c.plan->scan.handed.page || c.plan->scan.may_group);
}

static void
rows_are_estimated_by_what_is_known(void **state)
{
	(void)state;
	assert_true(rows() == 0);	/* nothing is */
	know();
	assert_true(rows() == 1000000);
	opt_case_where(&c, "service", OP_EQ, "pay");
	assert_true(rows() > 299000 && rows() < 301000);
	opt_case_where(&c, "kind", OP_EQ, "server");
	assert_true(rows() > 149000 && rows() < 151000);
	/* Half of the time. */
	c.query.range = (struct time_range){ 0, NS_PER_DAY / 2 };
	assert_true(rows() > 74000 && rows() < 76000);
	/* It says that it reads less. */
	server.read_rows = 8192;
	assert_true(rows() == 8192);
}

static void
values_that_are_not_listed_are_rare(void **state)
{
	(void)state;
	know();
	opt_case_where(&c, "service", OP_EQ, "unheard-of");
	assert_true(rows() > 0 && rows() <= 100);
	again();
	know();
	opt_case_where(&c, "kind", OP_EQ, "producer");	/* all are listed */
	assert_true(rows() < 1);
	again();
	know();
	opt_case_where(&c, "trace_id", OP_EQ, "00000000000000000000000000000001");
	assert_true(rows() > 1 && rows() < 1000);
}

static void
the_network_costs(void **state)
{
	double one, bytes;

	(void)state;
	know();
	opt_case_where(&c, "service", OP_EQ, "rare");
	one = opt_case_run(&c, "all")->est_cost;
	c.options.cost.network_round_trip_cost += 1000;
	assert_true(opt_case_run(&c, "all")->est_cost >= one + 1000);
	again();
	know();
	bytes = opt_case_run(&c, "all")->scan.node.est_cost;
	c.options.cost.network_byte_cost *= 100;
	assert_true(opt_case_run(&c, "all")->scan.node.est_cost > 20 * bytes);
}

/* Where what comes costs nothing, and making groups there does. */
static void
groups_are_made_where_that_is_cheaper(void **state)
{
	const struct plan *p;

	(void)state;
	c.options.output = ROW_COUNT;
	assert_true(opt_case_run(&c, "all")->scan.handed.groups);	/* nothing is known */
	know();
	p = opt_case_run(&c, "all");
	assert_true(p->scan.handed.groups && p->scan.groups_cost < p->scan.rows_cost);
	assert_true(p->est_cost >= p->scan.groups_cost && p->est_cost < p->scan.rows_cost);
	c.options.cost.network_byte_cost = 0;
	c.options.cost.cpu_tuple_cost = 0;
	p = opt_case_run(&c, "all");
	assert_false(p->scan.handed.groups);
	assert_true(p->scan.may_group && p->scan.groups_cost > 2 * p->scan.rows_cost);
}

/* That they are the same says nothing of what they cost. */
static void
groups_are_made_on_the_level_that_is_cheaper(void **state)
{
	static const struct field service = { .scope = FIELD_INTRINSIC, .intrinsic = IN_SERVICE };
	static const struct grouping by_service = { .keys = (struct field *)(uintptr_t)&service, .n_keys = 1 };
	static const struct grouping of_traces = { .per_trace = true };
	const struct plan *p;

	(void)state;
	know();
	caps.takes.by_trace = true;
	c.options.output = ROW_GROUP;
	c.options.groups = &by_service;
	p = opt_case_run(&c, "all");
	assert_true(p->scan.may_by_trace && p->scan.handed.groups && !p->scan.handed.by_trace);
	assert_true(p->scan.by_trace_cost > p->scan.groups_cost);
	c.options.force = OPT_FORCE_LEVELS;
	p = opt_case_run(&c, "all");
	assert_true(p->scan.handed.by_trace);
	assert_true(p->est_cost >= p->scan.by_trace_cost);
	/* By the plain plan, and of whole traces, there is nothing to choose. */
	assert_false(opt_case_run(&c, "")->scan.handed.by_trace);
	c.options.groups = &of_traces;
	assert_false(opt_case_run(&c, "all")->scan.may_by_trace);
	c.options.groups = &by_service;
	caps.takes.by_trace = false;
	assert_false(opt_case_run(&c, "all")->scan.handed.by_trace);
}

static void
a_limit_lets_fewer_come(void **state)
{
	(void)state;
	know();
	c.query.has_limit = true;
	c.query.limit = 10;
	assert_true(opt_case_run(&c, "all")->scan.node.est_rows == 10);
	assert_true(opt_case_run(&c, "limit")->scan.node.est_rows == 1000000);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(nothing_is_handed_over_by_the_plain_plan),
		T(no_more_is_handed_over_than_is_taken),
		T(shards_are_handed_nothing),
		T(rows_are_estimated_by_what_is_known),
		T(values_that_are_not_listed_are_rare),
		T(the_network_costs),
		T(groups_are_made_where_that_is_cheaper),
		T(groups_are_made_on_the_level_that_is_cheaper),
		T(a_limit_lets_fewer_come),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: ISC */
/* Unit tests of rule_index: indexes are asked where a condition may have one. */
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

static void
asks_for_attributes_and_names(void **state)
{
	(void)state;
	opt_case_where(&c, "user.id", OP_EQ, "42");
	assert_true(opt_case_run(&c, "pushdown,index")->indexes);
}

static void
does_not_ask_for_what_has_no_index(void **state)
{
	(void)state;
	opt_case_where(&c, "status", OP_EQ, "error");
	assert_false(opt_case_run(&c, "pushdown,index")->indexes);
}

static void
needs_columns(void **state)
{
	(void)state;
	opt_case_where(&c, "name", OP_EQ, "x");
	assert_false(opt_case_run(&c, "index")->indexes);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(asks_for_attributes_and_names, setup, teardown),
		cmocka_unit_test_setup_teardown(does_not_ask_for_what_has_no_index, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(needs_columns, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

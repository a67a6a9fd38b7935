/* SPDX-License-Identifier: ISC */
/*
 * matrix: see lib/matrix.h. SPANFS_MATRIX_STEP=1 asks for every file in every way (some
 * minutes); else every count in every way, and of the rest one pair in so many.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "lib/matrix.h"

/* All fields, but where the thread sanitizer makes each answer thirty times as slow. */
#ifdef __SANITIZE_THREAD__
#define ONE_FIELD "flags"
#define LEAST_CELLS 20
#else
#define ONE_FIELD NULL
#define LEAST_CELLS 3000
#endif

static void
each_cell_is_what_the_judge_says(void **state)
{
	const char *env = getenv("SPANFS_MATRIX_STEP");
	size_t step = env != NULL ? (size_t)strtoul(env, NULL, 10) : 16;
	struct matrix_result r;
	struct matrix m;

	(void)state;
	matrix_open(&m);
	matrix_run(&m, ONE_FIELD, step == 0 ? 1 : step, false, &r);
	matrix_close(&m);
	print_message("%zu cells, %zu answers, %zu wrong\n", r.n_cells, r.n_answers, r.n_wrong);
	if (r.n_wrong != 0)
		fail_msg("%s", r.first);
	assert_true(r.n_cells > LEAST_CELLS);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_cell_is_what_the_judge_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

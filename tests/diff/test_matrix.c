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

/* All fields (NULL), but where a sanitizer makes each answer ten or thirty times as slow. */
static const char *const fields[] = {
#if defined(__SANITIZE_THREAD__)
	"flags",
#elif defined(__SANITIZE_ADDRESS__)
	"service", "trace_id", "duration", "event:name", "link:trace_id", "depth", "score:label",
	"cost", "span.k", "k",
#else
	NULL,
#endif
};
#define N_FIELDS (sizeof fields / sizeof *fields)

static void
each_cell_is_what_the_judge_says(void **state)
{
	const char *env = getenv("SPANFS_MATRIX_STEP");
	size_t step = env != NULL ? (size_t)strtoul(env, NULL, 10) : 16;
	struct matrix_result r;
	struct matrix m;

	(void)state;
	matrix_open(&m);
	for (size_t i = 0; i < N_FIELDS; i++) {
		matrix_run(&m, fields[i], step == 0 ? 1 : step, false, &r);
		print_message("%s: %zu cells, %zu answers, %zu wrong\n",
		    fields[i] == NULL ? "all" : fields[i], r.n_cells, r.n_answers, r.n_wrong);
		if (r.n_wrong != 0)
			fail_msg("%s", r.first);
		assert_true(r.n_cells > (fields[i] == NULL ? 3000 : 20));
	}
	matrix_close(&m);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_cell_is_what_the_judge_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

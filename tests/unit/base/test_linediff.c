/* SPDX-License-Identifier: ISC */
/* linediff: what is marked in two texts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/linediff.h"

static void
check(const char *a, const char *b, const char *want)
{
	struct buf out = BUF_INIT;
	bool same;

	assert_int_equal(linediff(&out, sv_cstr(a), sv_cstr(b), &same, NULL), 0);
	assert_string_equal(buf_cstr(&out), want);
	assert_int_equal(same, strcmp(a, b) == 0);
	buf_release(&out);
}

static void
lines_are_marked(void **state)
{
	(void)state;
	check("", "", "");
	check("a\nb\n", "a\nb\n", "  a\n  b\n");
	check("a\nb\nc\n", "a\nx\nc\n", "  a\n- b\n+ x\n  c\n");
	check("a\n", "", "- a\n");
	check("", "a\nb", "+ a\n+ b\n");
	check("a\nb\nc\nd\n", "b\nd\ne\n", "- a\n  b\n- c\n  d\n+ e\n");
}

static void
long_texts_are_shown_whole(void **state)
{
	struct buf a = BUF_INIT, out = BUF_INIT;
	bool same;

	(void)state;
	for (int i = 0; i < LINEDIFF_MAX + 1; i++)
		BUF_LIT(&a, "x\n");
	assert_int_equal(linediff(&out, buf_view(&a), SV("x\n"), &same, NULL), 0);
	assert_false(same);
	assert_int_equal(out.n, 2 * a.n + 4);
	buf_release(&a);
	buf_release(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_are_marked),
		cmocka_unit_test(long_texts_are_shown_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: ISC */
/*
 * Unit tests of format/fmt_compare: shares and bars, sides without spans, lines that stay within
 * their width, and texts that may hold anything.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#include "lib/span_rows.h"
#include "model/contrast_column.h"

static struct group_cell
text(const char *s)
{
	return (struct group_cell){ .kind = GROUP_VALUE,
	    .value = { .type = VAL_STRING, .s = sv_cstr(s) } };
}

static struct group_cell
share(uint64_t n, uint64_t of)
{
	if (of == 0)
		return (struct group_cell){ .kind = GROUP_NULL };
	return (struct group_cell){ .kind = GROUP_VALUE,
	    .value = { .type = VAL_DOUBLE, .d = (double)n / (double)of } };
}

static void
set_row(struct group_cell *c, const char *field, struct group_cell value, const uint64_t n[2],
    const uint64_t of[2])
{
	c[CONTRAST_FIELD] = text(field);
	c[CONTRAST_VALUE] = value;
	c[CONTRAST_SELECTION] = (struct group_cell){ .kind = GROUP_UINT, .u = n[0] };
	c[CONTRAST_BASELINE] = (struct group_cell){ .kind = GROUP_UINT, .u = n[1] };
	c[CONTRAST_SELECTION_SHARE] = share(n[0], of[0]);
	c[CONTRAST_BASELINE_SHARE] = share(n[1], of[1]);
	c[CONTRAST_DIFFERENCE] = (struct group_cell){ .kind = GROUP_NULL };
	if (of[0] != 0 && of[1] != 0) {
		c[CONTRAST_DIFFERENCE] = c[CONTRAST_SELECTION_SHARE];
		c[CONTRAST_DIFFERENCE].value.d -= c[CONTRAST_BASELINE_SHARE].value.d;
	}
}

static char *
render(const struct group_cell *cells, size_t n, const uint64_t of[2], const char *note)
{
	struct format_options o = { .selection = of[0], .baseline = of[1],
	    .note = sv_cstr(note) };
	struct group_rows rows = { .n_columns = N_CONTRAST_COLUMNS, .cells = cells };
	struct batch b = { .kind = ROW_CONTRAST, .n = n, .groups = &rows };

	return render_batches("compare.txt", &o, &b, n == 0 ? 0 : 1);
}

static void
shares_are_read_at_once(void **state)
{
	const uint64_t of[2] = { 1000, 200000 };
	struct group_cell c[4 * N_CONTRAST_COLUMNS];
	char *got;

	(void)state;
	set_row(c, "resource.service.version", text("2.5.0"), (uint64_t[]){ 1000, 0 }, of);
	set_row(c + N_CONTRAST_COLUMNS, "status",
	    (struct group_cell){ .kind = GROUP_STATUS, .number = STATUS_OK },
	    (uint64_t[]){ 0, 100000 }, of);
	set_row(c + 2 * N_CONTRAST_COLUMNS, "span.k", text("x"), (uint64_t[]){ 0, 1 }, of);
	set_row(c + 3 * N_CONTRAST_COLUMNS, "span.k", text("y"), (uint64_t[]){ 10, 2000 }, of);
	got = render(c, 4, of, "left out: span.id");
	assert_string_equal(got,
	    "1.00k spans match (selection), compared with 200k others (baseline)\n"
	    "\n"
	    "field                     value  selection  baseline  difference\n"
	    "resource.service.version  2.5.0     100.0%      0.0%     +100.0%  █████████\n"
	    "status                    ok          0.0%     50.0%      -50.0%  ░░░░░\n"
	    "span.k                    x           0.0%     <0.1%      -<0.1%\n"
	    "span.k                    y           1.0%      1.0%        0.0%\n"
	    "\n"
	    "left out: span.id\n");
	free(got);
}

static void
an_empty_side_has_no_shares(void **state)
{
	const uint64_t of[2] = { 1, 0 };
	struct group_cell c[N_CONTRAST_COLUMNS];
	char *got;

	(void)state;
	set_row(c, "name", text("a"), (uint64_t[]){ 1, 0 }, of);
	got = render(c, 1, of, "");
	assert_string_equal(got,
	    "1 span matches (selection), compared with 0 others (baseline)\n"
	    "nothing to compare: the baseline is empty\n"
	    "\n"
	    "field  value  selection  baseline  difference\n"
	    "name   a         100.0%         -           -\n");
	free(got);
}

/* The widest line in characters. */
static size_t
widest(const char *s)
{
	size_t most = 0, n = 0;

	for (; *s != '\0'; s++) {
		if (*s == '\n')
			n = 0;
		else if (((unsigned char)*s & 0xc0) != 0x80)
			n++;
		most = n > most ? n : most;
	}
	return most;
}

static void
lines_stay_within_their_width_and_are_safe(void **state)
{
	static char field[300] = "span.", value[300], note[4000];
	const uint64_t of[2] = { 7, 7 };
	struct group_cell c[N_CONTRAST_COLUMNS];
	char *got;

	(void)state;
	memset(field + 5, 'f', sizeof field - 6);
	memset(value, 'v', sizeof value - 1);
	memcpy(value, "\033[31m\n\x07", 7);
	for (size_t i = 0; i < sizeof note - 1; i++)
		note[i] = i % 13 == 12 ? ' ' : i == 100 ? '\033' : 'n';
	set_row(c, field, text(value), (uint64_t[]){ 7, 0 }, of);
	got = render(c, 1, of, note);
	assert_true(widest(got) <= 100);
	assert_null(strchr(got, '\033'));
	assert_null(strchr(got, '\x07'));
	assert_non_null(strstr(got, "\\u{1b}[31m\\u{a}"));
	assert_non_null(strstr(got, "█████████\n"));
	free(got);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shares_are_read_at_once),
		cmocka_unit_test(an_empty_side_has_no_shares),
		cmocka_unit_test(lines_stay_within_their_width_and_are_safe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

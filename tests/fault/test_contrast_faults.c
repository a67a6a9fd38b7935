/* SPDX-License-Identifier: ISC */
/*
 * compare without memory: each allocation of counting spans, merging two tables and showing them
 * fails in turn, once or for good. Then there is an error, or the rows are those with memory; and
 * what was taken of the quota is given back. Links with --wrap.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agg/contrast.h"
#include "lib/fault_malloc.h"

#define SPANS 40

static struct quota quota;

static int
add_spans(struct contrast *c, int from, struct err *e)
{
	const struct resource r = { .service = SV("s") };
	const struct scope sc = { .name = SV("l") };
	int code = 0;

	for (int i = from; code == 0 && i < from + SPANS; i++) {
		struct attr attrs[] = {
			{ SV("k"), { .type = VAL_INT, .i = i % 7 } },
			{ SV("t"), { .type = VAL_STRING, .s = i % 2 ? SV("odd") : SV("even") } },
		};
		const struct event ev = { .name = SV("e"), .attrs = { attrs, 2 } };
		const struct span s = { .name = SV("n"), .attrs = { attrs, 2 }, .resource = &r,
		    .scope = &sc, .events = &ev, .n_events = 1 };

		code = contrast_span(c, &s, i % 3 ? SIDE_BASELINE : SIDE_SELECTION, e);
	}
	return code;
}

/* All cells of all rows, as bytes. */
static int
show(struct contrast *c, struct buf *out, struct err *e)
{
	struct group_cell cells[N_CONTRAST_COLUMNS];
	int code = contrast_finish(c, NULL, 0, UINT64_MAX, e);

	for (size_t i = 0; code == 0 && i < contrast_n_rows(c); i++) {
		contrast_cells(c, i, 1, cells);
		buf_sv(out, cells[CONTRAST_FIELD].value.s);
		buf_printf(out, " %llu %llu\n", (unsigned long long)cells[CONTRAST_SELECTION].u,
		    (unsigned long long)cells[CONTRAST_BASELINE].u);
	}
	if (code == 0)
		code = contrast_note(c, out, e);
	return code < 0 ? code : buf_ok(out, e);
}

static int
run(struct buf *out, struct err *e)
{
	const struct contrast_options o = { .memory = SIZE_MAX / 2, .quota = &quota };
	struct contrast *c = NULL, *part = NULL;
	int code = contrast_new(&o, &c, e);

	if (code == 0 && (code = contrast_like(c, &part, e)) == 0 &&
	    (code = add_spans(c, 0, e)) == 0 && (code = add_spans(part, SPANS, e)) == 0 &&
	    (code = contrast_share_drops(c, part, e)) == 0 &&
	    (code = contrast_merge(c, part, e)) == 0)
		code = show(c, out, e);
	contrast_free(part);
	contrast_free(c);
	assert_int_equal(atomic_load(&quota.used), 0);
	return code;
}

static void
each_allocation_fails(const char *want, bool persist)
{
	struct buf text = BUF_INIT;
	uint64_t n = 1, asked;
	int code;

	do {
		struct err e = ERR_INIT;

		fault_malloc_start(n, persist);
		code = run(&text, &e);
		asked = fault_malloc_stop();
		if (code < 0)
			assert_int_equal(code, ERR_NOMEM);
		else
			assert_string_equal(buf_cstr(&text), want);
		buf_release(&text);
		buf_init(&text);
	} while (n++ <= asked);
	assert_int_equal(code, 0);
	assert_true(n > 20);
}

static void
comparing_fails_or_is_whole(void **state)
{
	struct buf want = BUF_INIT;
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(run(&want, &e), 0);
	assert_true(want.n > 0);
	each_allocation_fails(buf_cstr(&want), false);
	each_allocation_fails(buf_cstr(&want), true);
	buf_release(&want);
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(comparing_fails_or_is_whole) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}

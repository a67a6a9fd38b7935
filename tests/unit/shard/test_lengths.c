/* SPDX-License-Identifier: ISC */
/*
 * Tests of the lengths that a shard keeps: they are those of the lines, or not told; a shard
 * without has none; any bit of the section flipped is refused or found by the check.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "check/check.h"
#include "lib/index_rig.h"
#include "lib/span_rows.h"
#include "render/span_line.h"
#include "shard/lengths.h"
#include "shard/shard_i.h"

static void
ok(int rc, const struct err *e)
{
	if (rc != 0)
		fail_msg("%s", e->msg);
}

static void
on_bad(void *arg, const char *file, int64_t off, const char *why)
{
	(void)file;
	(void)off;
	(void)why;
	++*(size_t *)arg;
}

static size_t
findings(struct shard_rig *r)
{
	struct err e = ERR_INIT;
	uint64_t n_spans;
	size_t n = 0;

	ok(shard_check(&r->fs.fs, RIG_FILE, on_bad, &n, &n_spans, &e), &e);
	return n;
}

/* A row's line, and what is said of it. */
static void
compare_row(struct fetch *f, struct render *render, struct shard *s, uint32_t row,
    uint32_t told)
{
	struct buf line = BUF_INIT;
	struct err e = ERR_INIT;
	struct span span;

	ok(fetch_rows(f, s, &row, 1, NULL, &span, &e), &e);
	render_batch(render);
	span_line_put(render, &line, &span);
	assert_false(line.oom);
	if (told != line.n)
		fail_msg("row %u: %u told, %zu bytes", row, told, line.n);
	buf_release(&line);
	fetch_reset(f);
}

static void
compare_all(struct shard_rig *r)
{
	const struct shard_info *info = shard_info(r->shard);
	struct render *render = calloc(1, sizeof *render);
	const struct lengths *l;
	struct err e = ERR_INIT;
	struct fetch *f;

	assert_non_null(render);
	assert_true(lengths_made(r->shard));
	ok(fetch_new(&f, &e), &e);
	for (uint32_t g = 0; g < info->n_row_groups; g++) {
		const struct row_group *rg = &info->row_groups[g];

		ok(lengths_get(r->shard, g, &l, &e), &e);
		assert_int_equal(lengths_version(l), SPAN_LINE_VERSION);
		for (uint32_t row = rg->row_from; row < rg->row_to; row++)
			compare_row(f, render, r->shard, row, lengths_at(l, row - rg->row_from));
		lengths_put(l);
	}
	fetch_free(f);
	render_release(render);
	free(render);
}

/* By service what its rows' lengths are together. */
static void
compare_totals(struct shard_rig *r)
{
	const struct shard_info *info = shard_info(r->shard);
	const struct line_totals *t;
	const struct lengths *l;
	struct err e = ERR_INIT;

	ok(line_totals_get(r->shard, &t, &e), &e);
	assert_non_null(t);
	assert_int_equal(line_totals_version(t), SPAN_LINE_VERSION);
	for (size_t i = 0; i < info->n_services; i++) {
		const struct shard_service *s = &info->services[i];
		uint64_t sum = 0;

		for (uint32_t row = s->row_from; row < s->row_to; row++) {
			uint32_t g = row / info->row_group_rows;

			ok(lengths_get(r->shard, g, &l, &e), &e);
			sum += lengths_at(l, row - info->row_groups[g].row_from);
			lengths_put(l);
		}
		assert_int_equal(line_totals_at(t, i), sum);
	}
	line_totals_put(t);
}

static void
they_are_those_of_the_lines(void **state)
{
	static const struct {
		size_t n;
		uint32_t group_rows;
		int level;
	} size[] = { { 1, 1, 3 }, { 40, 8, 0 }, { 2000, 256, 3 }, { 3000, 16384, 0 } };

	(void)state;
	for (size_t i = 0; i < sizeof size / sizeof *size; i++) {
		struct shard_rig r;

		rig_init(&r, size[i].n, size[i].group_rows, size[i].level, 50 + i);
		compare_all(&r);
		compare_totals(&r);
		rig_release(&r);
	}
}

/* Of one with a long value, and of one that nobody measures. */
static void
an_enormous_line_is_not_told(void **state)
{
	static const size_t bytes[] = { 10, 100000, 17u << 20 };
	struct shard_rig r = { .shard = NULL };
	const struct line_totals *t;
	const struct lengths *l;
	struct err e = ERR_INIT;

	(void)state;
	span_batch_init(&r.spans);
	for (size_t i = 0; i < 3; i++) {
		struct span *s = span_batch_add(&r.spans);
		struct buf text = BUF_INIT;

		assert_true(s != NULL && buf_reserve(&text, bytes[i]));
		memset(text.p, 'x', bytes[i]);
		*s = *span_min(&r.spans.arena, 1 + i, "a");
		s->start_ns = RIG_HOUR + i;
		s->end_ns = s->start_ns;
		s->status_message = arena_sv(&r.spans.arena, sv_new(text.p, bytes[i]));
		buf_release(&text);
	}
	rig_seal(&r, 16, 3);
	rig_open(&r, 1u << 20);
	ok(lengths_get(r.shard, 0, &l, &e), &e);
	assert_in_range(lengths_at(l, 0), 200, 400);
	assert_int_equal(lengths_at(l, 1), lengths_at(l, 0) + 100000 - 10);
	assert_int_equal(lengths_at(l, 2), 0);
	lengths_put(l);
	ok(line_totals_get(r.shard, &t, &e), &e);
	assert_int_equal(shard_info(r.shard)->n_services, 1);
	assert_int_equal(line_totals_at(t, 0), 0);
	line_totals_put(t);
	assert_int_equal(findings(&r), 0);
	rig_release(&r);
}

static void
any_bit_flipped_is_refused_or_found(void **state)
{
	struct index_flips f;

	(void)state;
	index_flips_init(&f, SECTION_LENGTHS);
	index_flips_run(&f);
	assert_true(f.n_sections > 1);
	assert_true(f.n_flips > 100);
	/* But for those of the version: lengths of another one are not looked at. */
	assert_true(f.n_found >= f.n_flips - 8 * f.n_sections);
	index_flips_release(&f);
}

static void
so_is_any_of_the_totals(void **state)
{
	struct index_flips f;

	(void)state;
	index_flips_init(&f, SECTION_LINE_TOTALS);
	index_flips_run(&f);
	assert_int_equal(f.n_sections, 1);
	assert_true(f.n_flips > 30);
	assert_true(f.n_found >= f.n_flips - 8 * f.n_sections);
	index_flips_footer(&f);
	assert_true(f.n_refused > f.n_flips / 2);
	index_flips_release(&f);
}

static void
their_entries_in_the_footer_are_checked(void **state)
{
	struct index_flips f;

	(void)state;
	index_flips_init(&f, SECTION_LENGTHS);
	index_flips_footer(&f);
	assert_true(f.n_refused > f.n_flips / 2);
	index_flips_release(&f);
}

static void
a_section_of_another_size_is_refused(void **state)
{
	const struct lengths *l;
	struct chunkcache *cache;
	struct index_flips f;
	struct fsys_bytes fs;
	struct shard *s;

	(void)state;
	for (size_t less = 1; less < 4; less++) {
		size_t bytes;
		struct err e = ERR_INIT;

		index_flips_init(&f, SECTION_LENGTHS);
		bytes = lengths_section(f.rig.shard, 0)->n_raw - less;
		fsys_bytes_init(&fs);
		fsys_bytes_set(&fs, RIG_FILE, index_flips_cut(&f, bytes, false));
		ok(chunkcache_new(1u << 20, &cache, &e), &e);
		ok(shard_open(&fs.fs, RIG_FILE, cache, &s, &e), &e);
		assert_int_equal(lengths_get(s, 0, &l, &e), ERR_CORRUPT);
		assert_non_null(strstr(e.msg, "lengths, row group 0"));
		shard_unref(s);
		chunkcache_free(cache);
		index_flips_release(&f);
	}
}

static void
totals_of_another_number_of_services_are_refused(void **state)
{
	const struct line_totals *t;
	struct chunkcache *cache;
	struct index_flips f;
	struct fsys_bytes fs;
	struct shard *s;
	struct err e = ERR_INIT;

	(void)state;
	index_flips_init(&f, SECTION_LINE_TOTALS);
	fsys_bytes_init(&fs);
	fsys_bytes_set(&fs, RIG_FILE, index_flips_cut(&f,
	    1 + 8 * (shard_info(f.rig.shard)->n_services - 1), false));
	ok(chunkcache_new(1u << 20, &cache, &e), &e);
	ok(shard_open(&fs.fs, RIG_FILE, cache, &s, &e), &e);
	assert_int_equal(line_totals_get(s, &t, &e), ERR_CORRUPT);
	assert_non_null(strstr(e.msg, "totals of lengths"));
	shard_unref(s);
	chunkcache_free(cache);
	index_flips_release(&f);
}

static void
without_totals_are_the_lengths(void **state)
{
	const struct line_totals *t;
	struct chunkcache *cache;
	struct index_flips f;
	struct fsys_bytes fs;
	struct shard *s;
	struct err e = ERR_INIT;

	(void)state;
	index_flips_init(&f, SECTION_LINE_TOTALS);
	fsys_bytes_init(&fs);
	fsys_bytes_set(&fs, RIG_FILE, index_flips_unknown(&f, true));
	ok(chunkcache_new(1u << 20, &cache, &e), &e);
	ok(shard_open(&fs.fs, RIG_FILE, cache, &s, &e), &e);
	ok(line_totals_get(s, &t, &e), &e);
	assert_null(t);
	line_totals_put(t);
	assert_true(lengths_made(s));
	shard_unref(s);
	chunkcache_free(cache);
	index_flips_release(&f);
}

static void
a_shard_without_has_none(void **state)
{
	const struct lengths *l;
	struct chunkcache *cache;
	struct index_flips f;
	struct fsys_bytes fs;
	struct shard *s;
	struct err e = ERR_INIT;

	(void)state;
	index_flips_init(&f, SECTION_LENGTHS);
	fsys_bytes_init(&fs);
	fsys_bytes_set(&fs, RIG_FILE, index_flips_unknown(&f, true));
	ok(chunkcache_new(1u << 20, &cache, &e), &e);
	ok(shard_open(&fs.fs, RIG_FILE, cache, &s, &e), &e);
	assert_false(lengths_made(s));
	ok(lengths_get(s, 0, &l, &e), &e);
	assert_null(l);
	lengths_put(l);
	shard_unref(s);
	chunkcache_free(cache);
	index_flips_release(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(they_are_those_of_the_lines),
		cmocka_unit_test(an_enormous_line_is_not_told),
		cmocka_unit_test(so_is_any_of_the_totals),
		cmocka_unit_test(any_bit_flipped_is_refused_or_found),
		cmocka_unit_test(their_entries_in_the_footer_are_checked),
		cmocka_unit_test(a_section_of_another_size_is_refused),
		cmocka_unit_test(totals_of_another_number_of_services_are_refused),
		cmocka_unit_test(without_totals_are_the_lengths),
		cmocka_unit_test(a_shard_without_has_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

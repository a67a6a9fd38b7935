/* SPDX-License-Identifier: ISC */
/*
 * Tests of trace summaries: they say what the spans say, ties included; a shard without has
 * none; any bit of the section flipped is refused or found by the check.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "lib/index_rig.h"
#include "lib/span_rows.h"
#include "catalog/catalog.h"
#include "shard/tracesum.h"

static void
ok(int rc, const struct err *e)
{
	if (rc != 0)
		fail_msg("%s", e->msg);
}

/* Does a lead rather than b? As the header says it. */
static bool
leads(const struct span *a, const struct span *b)
{
	int c;

	if ((a->parent_span_id == 0) != (b->parent_span_id == 0))
		return a->parent_span_id == 0;
	if (a->start_ns != b->start_ns)
		return a->start_ns < b->start_ns;
	if (a->span_id != b->span_id)
		return a->span_id < b->span_id;
	if ((c = sv_cmp(a->name, b->name)) != 0)
		return c < 0;
	return sv_cmp(a->resource->service, b->resource->service) < 0;
}

static struct sv
service_at(const struct shard_info *info, uint32_t row)
{
	for (size_t i = 0; i < info->n_services; i++)
		if (row < info->services[i].row_to)
			return info->services[i].service;
	return SV_EMPTY;
}

static void
compare(struct shard_rig *r, struct trace_id id, const struct trace_part *p)
{
	const struct span *lead = NULL;
	uint64_t first = UINT64_MAX, last = 0, n = 0, errors = 0;
	struct err e = ERR_INIT;
	const struct dict *d;

	for (size_t i = 0; i < r->spans.n; i++) {
		const struct span *s = &r->spans.spans[i];

		if (trace_id_cmp(s->trace_id, id) != 0)
			continue;
		n++;
		errors += s->status == STATUS_ERROR;
		first = s->start_ns < first ? s->start_ns : first;
		last = s->end_ns > last ? s->end_ns : last;
		if (lead == NULL || leads(s, lead))
			lead = s;
	}
	assert_non_null(lead);
	assert_true(p->first_ns == first && p->last_ns == last);
	assert_int_equal(p->n_spans, n);
	assert_int_equal(p->n_errors, errors);
	assert_true(p->lead_ns == lead->start_ns);
	assert_int_equal(p->has_root, lead->parent_span_id == 0);
	assert_true(sv_eq(service_at(shard_info(r->shard), p->lead_row), lead->resource->service));
	ok(dict_get(r->shard, shard_column(r->shard, COL_NAME), &d, &e), &e);
	assert_true(sv_eq(dict_at(d, p->lead_name), lead->name));
	dict_put(d);
}

static void
compare_all(struct shard_rig *r)
{
	const struct tracesum *t;
	const struct traceids *ids;
	const struct tracerows *rows;
	struct trace_part p;
	struct err e = ERR_INIT;

	assert_true(tracesum_there(r->shard));
	ok(traceids_get(r->shard, &ids, &e), &e);
	ok(tracerows_get(r->shard, &rows, &e), &e);
	ok(tracesum_get(r->shard, rows, &t, &e), &e);
	assert_non_null(t);
	for (uint32_t i = 0; i < shard_info(r->shard)->n_traces; i++) {
		tracesum_at(t, rows, i, &p);
		compare(r, traceids_at(ids, i), &p);
	}
	tracesum_put(t);
	tracerows_put(rows);
	traceids_put(ids);
}

static void
they_say_what_the_spans_say(void **state)
{
	static const struct {
		size_t n;
		uint32_t group_rows;
	} size[] = { { 1, 1 }, { 40, 8 }, { 1500, 256 } };

	(void)state;
	for (size_t i = 0; i < sizeof size / sizeof *size; i++) {
		struct shard_rig r;

		rig_init(&r, size[i].n, size[i].group_rows, 3, 5 + i);
		compare_all(&r);
		rig_release(&r);
	}
}

/* Twelve spans alike in start, by pairs in id, by fours in name. */
static void
ties_are_told_as_everywhere(void **state)
{
	static const char *const names[] = { "b", "a", "b" };
	static const char *const services[] = { "y", "x" };
	struct shard_rig r = { .shard = NULL };

	(void)state;
	for (unsigned root = 0; root < 2; root++) {
		span_batch_init(&r.spans);
		for (unsigned i = 0; i < 12; i++) {
			struct span *s = span_batch_add(&r.spans);
			const struct span *min = span_min(&r.spans.arena, 1 + i / 6, services[i % 2]);

			assert_true(s != NULL && min != NULL);
			*s = *min;
			s->trace_id = (struct trace_id){ 1, 2 };
			s->start_ns = RIG_HOUR + 5;
			s->end_ns = s->start_ns + i;
			s->name = sv_cstr(names[i % 3]);
			s->parent_span_id = root == 0 || i == 7 || i == 9 ? 0 : 77;
		}
		rig_seal(&r, 4, 0);
		rig_open(&r, 1u << 20);
		compare_all(&r);
		rig_release(&r);
	}
}

static void
any_bit_flipped_is_refused_or_found(void **state)
{
	struct index_flips f;

	(void)state;
	index_flips_init(&f, SECTION_TRACE_SUMMARY);
	index_flips_run(&f);
	assert_int_equal(f.n_sections, 1);
	assert_true(f.n_refused > 0);
	/* But for padding every bit says something. */
	assert_true(f.n_found > f.n_flips / 10 * 9);
	index_flips_release(&f);
}

static void
a_shard_without_has_none(void **state)
{
	const struct tracerows *rows;
	const struct tracesum *t;
	struct chunkcache *cache;
	struct index_flips f;
	struct fsys_bytes fs;
	struct shard *s;
	struct err e = ERR_INIT;

	(void)state;
	index_flips_init(&f, SECTION_TRACE_SUMMARY);
	fsys_bytes_init(&fs);
	fsys_bytes_set(&fs, RIG_FILE, index_flips_unknown(&f, true));
	ok(chunkcache_new(1u << 20, &cache, &e), &e);
	ok(shard_open(&fs.fs, RIG_FILE, cache, &s, &e), &e);
	assert_false(tracesum_there(s));
	ok(tracerows_get(s, &rows, &e), &e);
	ok(tracesum_get(s, rows, &t, &e), &e);
	assert_null(t);
	tracerows_put(rows);
	shard_unref(s);
	chunkcache_free(cache);
	index_flips_release(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(they_say_what_the_spans_say),
		cmocka_unit_test(ties_are_told_as_everywhere),
		cmocka_unit_test(any_bit_flipped_is_refused_or_found),
		cmocka_unit_test(a_shard_without_has_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

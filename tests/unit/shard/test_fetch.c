/* SPDX-License-Identifier: ISC */
/* Tests of fetch: what was written comes back, whatever rows, order and projection are asked for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "lib/frozen_span.h"
#include "lib/shard_rig.h"
#include "shard/chunk.h"

static void
ok(int rc, const struct err *e)
{
	if (rc != 0)
		fail_msg("%s (%s)", e->msg, err_name(rc));
}

static void
check_round_trip(size_t n, uint32_t group_rows, int level, uint64_t seed)
{
	struct err e = ERR_INIT;
	struct shard_rig r;
	uint64_t digest = 0, n_read = 0;

	rig_init(&r, n, group_rows, level, seed);
	ok(rig_walk(buf_view(&r.bytes), &digest, &n_read, &e), &e);
	assert_int_equal(n_read, n);
	assert_int_equal(digest, spans_digest(r.spans.spans, r.spans.n));
	rig_release(&r);
}

static void
brings_back_every_span(void **state)
{
	(void)state;
	check_round_trip(1, 16384, 3, 1);
	check_round_trip(700, 16384, 3, 2);
	check_round_trip(3000, 256, 3, 3);
	check_round_trip(20000, 4096, 1, 4);
}

static void
brings_back_every_span_uncompressed(void **state)
{
	(void)state;
	check_round_trip(2000, 333, 0, 5);
}

static void
brings_back_row_groups_of_one_row(void **state)
{
	(void)state;
	check_round_trip(60, 1, 3, 6);
}

/* Every row of the shard fetched alone, as the truth to compare other ways with. */
struct truth {
	struct shard_rig rig;
	struct hash128 *hash;
	uint32_t n;
};

static void
truth_init(struct truth *t, size_t n, uint32_t group_rows)
{
	struct err e = ERR_INIT;
	struct fetch *f;
	struct span s;

	rig_init(&t->rig, n, group_rows, 3, 7);
	t->n = (uint32_t)n;
	t->hash = calloc(n, sizeof *t->hash);
	assert_non_null(t->hash);
	ok(fetch_new(&f, &e), &e);
	for (uint32_t i = 0; i < t->n; i++) {
		ok(fetch_rows(f, t->rig.shard, &i, 1, NULL, &s, &e), &e);
		t->hash[i] = span_hash(&s);
		fetch_reset(f);
	}
	fetch_free(f);
}

static void
truth_release(struct truth *t)
{
	free(t->hash);
	rig_release(&t->rig);
}

static void
check_rows(struct truth *t, const uint32_t *rows, size_t n)
{
	struct span *out = calloc(n, sizeof *out);
	struct err e = ERR_INIT;
	struct fetch *f;

	assert_non_null(out);
	ok(fetch_new(&f, &e), &e);
	ok(fetch_rows(f, t->rig.shard, rows, n, NULL, out, &e), &e);
	for (size_t i = 0; i < n; i++) {
		struct hash128 h = span_hash(&out[i]);

		assert_int_equal(h.lo, t->hash[rows[i]].lo);
		assert_int_equal(h.hi, t->hash[rows[i]].hi);
	}
	fetch_free(f);
	free(out);
}

static void
takes_rows_in_any_order(void **state)
{
	struct truth t;
	uint32_t *rows;
	size_t n = 5000;

	(void)state;
	truth_init(&t, n, 1500);
	rows = calloc(n, sizeof *rows);
	assert_non_null(rows);
	for (size_t i = 0; i < n; i++)
		rows[i] = (uint32_t)(n - 1 - i);
	check_rows(&t, rows, n);
	for (size_t i = 0; i < n; i++)
		rows[i] = (uint32_t)(hash_u64(i) % n);
	check_rows(&t, rows, n);
	check_rows(&t, rows, 30);
	for (size_t i = 0; i < n; i++)
		rows[i] = (uint32_t)(i % 7 * 700 % n);
	check_rows(&t, rows, n);
	for (uint32_t step = 2; step < 400; step = step * 3 / 2) {
		for (size_t i = 0; i < n / step; i++)
			rows[i] = (uint32_t)i * step;
		check_rows(&t, rows, n / step);
	}
	free(rows);
	truth_release(&t);
}

static void
refuses_a_row_past_the_end(void **state)
{
	struct err e = ERR_INIT;
	struct shard_rig r;
	struct fetch *f;
	uint32_t row = 50;
	struct span s;

	(void)state;
	rig_init(&r, 50, 16, 3, 8);
	ok(fetch_new(&f, &e), &e);
	assert_int_equal(fetch_rows(f, r.shard, &row, 1, NULL, &s, &e), ERR_CORRUPT);
	ok(fetch_rows(f, r.shard, NULL, 0, NULL, NULL, &e), &e);
	fetch_free(f);
	rig_release(&r);
}

/* ---- projections ---- */

static struct span *
fetch_all(struct fetch *f, struct shard *s, const struct projection *p)
{
	size_t n = (size_t)shard_info(s)->n_rows;
	struct span *out = calloc(n, sizeof *out);
	uint32_t *rows = calloc(n, sizeof *rows);
	struct err e = ERR_INIT;

	assert_non_null(out);
	assert_non_null(rows);
	for (size_t i = 0; i < n; i++)
		rows[i] = (uint32_t)i;
	ok(fetch_rows(f, s, rows, n, p, out, &e), &e);
	free(rows);
	return out;
}

static void
check_always(const struct span *a, const struct span *b)
{
	assert_true(trace_id_eq(a->trace_id, b->trace_id));
	assert_int_equal(a->span_id, b->span_id);
	assert_int_equal(a->parent_span_id, b->parent_span_id);
	assert_int_equal(a->start_ns, b->start_ns);
	assert_int_equal(a->end_ns, b->end_ns);
	assert_int_equal(a->kind, b->kind);
	assert_int_equal(a->status, b->status);
	assert_true(sv_eq(a->name, b->name));
	assert_ptr_equal(a->resource, b->resource);
	assert_ptr_equal(a->scope, b->scope);
}

static void
leaves_out_what_the_projection_does(void **state)
{
	struct projection none = { .attrs = false };
	struct err e = ERR_INIT;
	struct span *all, *some;
	struct shard_rig r;
	struct fetch *f;

	(void)state;
	rig_init(&r, 800, 300, 3, 9);
	ok(fetch_new(&f, &e), &e);
	all = fetch_all(f, r.shard, NULL);
	some = fetch_all(f, r.shard, &none);
	for (size_t i = 0; i < 800; i++) {
		check_always(&all[i], &some[i]);
		assert_int_equal(some[i].attrs.n + some[i].n_events + some[i].n_links, 0);
		assert_int_equal(some[i].status_message.n, 0);
	}
	free(all);
	free(some);
	fetch_free(f);
	rig_release(&r);
}

/* Each intrinsic alone is right; what it does not need is left out. */
static void
a_lean_projection_brings_what_it_names(void **state)
{
	struct err e = ERR_INIT;
	struct span *all;
	struct shard_rig r;
	struct fetch *f;

	(void)state;
	rig_init(&r, 800, 300, 3, 9);
	ok(fetch_new(&f, &e), &e);
	all = fetch_all(f, r.shard, NULL);
	for (unsigned in = 0; in < N_INTRINSICS; in++) {
		struct projection p = { .lean = true, .intrinsics = INTRINSIC_BIT(in) };
		struct span *some = fetch_all(f, r.shard, &p);

		for (size_t i = 0; i < 800; i++) {
			const struct span *a = &all[i], *b = &some[i];

			assert_true(trace_id_eq(a->trace_id, b->trace_id));
			assert_int_equal(a->span_id, b->span_id);
			assert_int_equal(b->parent_span_id,
			    in == IN_PARENT_SPAN_ID ? a->parent_span_id : 0);
			assert_int_equal(b->kind, in == IN_KIND ? a->kind : 0);
			assert_int_equal(b->status, in == IN_STATUS ? a->status : 0);
			assert_true(sv_eq(b->name, in == IN_NAME ? a->name : SV_EMPTY));
			assert_true(sv_eq(b->resource->service,
			    in == IN_SERVICE ? a->resource->service : SV_EMPTY));
			assert_true(sv_eq(b->scope->version,
			    in == IN_SCOPE_VERSION || in == IN_SCOPE ? a->scope->version :
			    SV_EMPTY));
			if (in == IN_START || in == IN_BUCKET || in == IN_DURATION || in == IN_END)
				assert_int_equal(a->start_ns, b->start_ns);
			if (in == IN_DURATION || in == IN_END)
				assert_int_equal(a->end_ns, b->end_ns);
			if (in == IN_EVENT_TIME && a->n_events != 0)
				assert_int_equal(a->events[0].time_ns, b->events[0].time_ns);
		}
		free(some);
	}
	free(all);
	fetch_free(f);
	rig_release(&r);
}

static void
brings_single_attributes(void **state)
{
	struct err e = ERR_INIT;
	struct span *all, *some;
	struct shard_rig r;
	struct fetch *f;
	struct field fields[3];
	struct projection p = { .fields = fields, .n_fields = 3 };
	size_t n_found = 0;

	(void)state;
	rig_init(&r, 800, 300, 3, 10);
	ok(fetch_new(&f, &e), &e);
	all = fetch_all(f, r.shard, NULL);
	/* Any two keys that occur, one of them asked for twice. */
	for (size_t i = 0; i < 800 && n_found < 2; i++)
		if (all[i].attrs.n > n_found)
			fields[n_found++] = (struct field){ .scope = FIELD_SPAN,
			    .key = all[i].attrs.v[all[i].attrs.n - 1 - n_found].key };
	assert_int_equal(n_found, 2);
	fields[2] = fields[0];
	fields[2].scope = FIELD_BARE;
	some = fetch_all(f, r.shard, &p);
	for (size_t i = 0; i < 800; i++) {
		check_always(&all[i], &some[i]);
		for (size_t k = 0; k < 2; k++) {
			const struct value *a = attrs_find(&all[i].attrs, fields[k].key);
			const struct value *b = attrs_find(&some[i].attrs, fields[k].key);

			assert_int_equal(a == NULL, b == NULL);
			if (a != NULL)
				assert_true(value_eq(a, b));
		}
		assert_true(some[i].attrs.n <= 2);
		assert_int_equal(some[i].n_events, 0);
	}
	free(all);
	free(some);
	fetch_free(f);
	rig_release(&r);
}

/* More keys than columns: some attributes come from the rest column, in their place. */
static void
merges_attributes_of_the_rest_column(void **state)
{
	struct err e = ERR_INIT;
	struct span *all, *some;
	struct shard_rig r;
	struct fetch *f;
	struct field fields[] = {
		{ .scope = FIELD_SPAN, .key = SV("key.0001") },
		{ .scope = FIELD_SPAN, .key = SV("key.1099") },
		{ .scope = FIELD_SPAN, .key = SV("once") },
	};
	struct projection p = { .fields = fields, .n_fields = 3 };

	(void)state;
	span_batch_init(&r.spans);
	assert_true(frozen_spans(&r.spans));
	rig_seal(&r, 700, 3);
	rig_open(&r, 64u << 20);
	assert_non_null(shard_column(r.shard, COL_REST));
	ok(fetch_new(&f, &e), &e);
	all = fetch_all(f, r.shard, NULL);
	some = fetch_all(f, r.shard, &p);
	assert_int_equal(spans_digest(all, FROZEN_SPANS),
	    spans_digest(r.spans.spans, FROZEN_SPANS));
	for (size_t i = 0; i < FROZEN_SPANS; i++) {
		uint32_t n = 0;

		for (size_t k = 0; k < 3; k++) {
			const struct value *a = attrs_find(&all[i].attrs, fields[k].key);
			const struct value *b = attrs_find(&some[i].attrs, fields[k].key);

			assert_true((a == NULL) == (b == NULL));
			assert_true(a == NULL || value_eq(a, b));
			n += a != NULL;
		}
		assert_int_equal(some[i].attrs.n, n);
	}
	free(all);
	free(some);
	fetch_free(f);
	rig_release(&r);
}

static void
stops_at_its_memory_limit(void **state)
{
	struct err e = ERR_INIT;
	struct shard_rig r;
	struct fetch *f;
	uint32_t rows[100];
	struct span out[100];

	(void)state;
	rig_init(&r, 100, 100, 3, 14);
	for (uint32_t i = 0; i < 100; i++)
		rows[i] = i;
	ok(fetch_new(&f, &e), &e);
	fetch_limit(f, 2000);
	assert_int_equal(fetch_rows(f, r.shard, rows, 100, NULL, out, &e), ERR_NOMEM);
	fetch_reset(f);
	fetch_limit(f, 1u << 20);
	ok(fetch_rows(f, r.shard, rows, 100, NULL, out, &e), &e);
	assert_int_equal(spans_digest(out, 100), spans_digest(r.spans.spans, 100));
	fetch_free(f);
	rig_release(&r);
}

static void
brings_parts_that_fields_stand_for(void **state)
{
	struct field fields[] = {
		{ .scope = FIELD_EVENT, .key = SV("x") },
		{ .scope = FIELD_INTRINSIC, .intrinsic = IN_LINK_SPAN_ID },
	};
	struct projection p = {
		.intrinsics = UINT32_C(1) << IN_STATUS_MESSAGE, .fields = fields, .n_fields = 2,
	};
	struct err e = ERR_INIT;
	struct span *all, *some;
	struct shard_rig r;
	struct fetch *f;

	(void)state;
	rig_init(&r, 800, 300, 3, 11);
	ok(fetch_new(&f, &e), &e);
	all = fetch_all(f, r.shard, NULL);
	some = fetch_all(f, r.shard, &p);
	for (size_t i = 0; i < 800; i++) {
		assert_int_equal(all[i].n_events, some[i].n_events);
		assert_int_equal(all[i].n_links, some[i].n_links);
		assert_true(sv_eq(all[i].status_message, some[i].status_message));
	}
	free(all);
	free(some);
	fetch_free(f);
	rig_release(&r);
}

/* ---- lifetimes ---- */

static void
spans_outlive_other_references_until_the_reset(void **state)
{
	struct err e = ERR_INIT;
	uint64_t before, after;
	struct shard_rig r;
	struct span *all;
	struct fetch *f;

	(void)state;
	rig_init(&r, 500, 100, 3, 12);
	ok(fetch_new(&f, &e), &e);
	all = fetch_all(f, r.shard, NULL);
	before = spans_digest(all, 500);
	chunkcache_drop(r.cache);
	shard_unref(r.shard);
	r.shard = NULL;
	after = spans_digest(all, 500);
	assert_int_equal(before, after);
	fetch_reset(f);
	assert_int_equal(r.fs.n_open, 0);
	fetch_free(f);
	free(all);
	rig_release(&r);
}

static void
works_with_a_cache_of_nothing(void **state)
{
	struct err e = ERR_INIT;
	struct shard_rig r;
	struct span *all;
	struct fetch *f;

	(void)state;
	rig_init(&r, 500, 100, 3, 13);
	chunkcache_resize(r.cache, 0);
	ok(fetch_new(&f, &e), &e);
	all = fetch_all(f, r.shard, NULL);
	assert_int_equal(spans_digest(all, 500), spans_digest(r.spans.spans, 500));
	fetch_reset(f);
	assert_int_equal(chunkcache_stats(r.cache).n_bytes, 0);
	free(all);
	fetch_free(f);
	rig_release(&r);
}

/* What is read ahead is all that a fetch of the row group's rows reads, but for the trace ids. */
static void
chunks_can_be_read_ahead(void **state)
{
	uint32_t columns[2048], row = 300;
	struct err e = ERR_INIT;
	struct shard_rig r;
	struct fetch *f;
	struct span s;
	uint64_t reads;
	size_t n, other;

	(void)state;
	rig_init(&r, 1000, 256, 3, 9);
	assert_true(shard_info(r.shard)->n_columns <= sizeof columns / sizeof *columns);
	ok(fetch_new(&f, &e), &e);
	n = fetch_missing(r.shard, 1, columns);
	assert_true(n > 10);
	other = fetch_missing(r.shard, 2, columns + 1024);
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(fetch_missing(r.shard, 1, columns), n - i);
		fetch_load(r.shard, columns[0], 1);
	}
	assert_int_equal(fetch_missing(r.shard, 1, columns), 0);
	assert_int_equal(fetch_missing(r.shard, 2, columns + 1024), other);
	reads = read_counters.n_reads;
	ok(fetch_rows(f, r.shard, &row, 1, NULL, &s, &e), &e);
	assert_true(read_counters.n_reads - reads <= 4);
	fetch_free(f);
	rig_release(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(brings_back_every_span),
		cmocka_unit_test(brings_back_every_span_uncompressed),
		cmocka_unit_test(brings_back_row_groups_of_one_row),
		cmocka_unit_test(takes_rows_in_any_order),
		cmocka_unit_test(refuses_a_row_past_the_end),
		cmocka_unit_test(leaves_out_what_the_projection_does),
		cmocka_unit_test(a_lean_projection_brings_what_it_names),
		cmocka_unit_test(brings_single_attributes),
		cmocka_unit_test(merges_attributes_of_the_rest_column),
		cmocka_unit_test(stops_at_its_memory_limit),
		cmocka_unit_test(brings_parts_that_fields_stand_for),
		cmocka_unit_test(spans_outlive_other_references_until_the_reset),
		cmocka_unit_test(works_with_a_cache_of_nothing),
		cmocka_unit_test(chunks_can_be_read_ahead),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

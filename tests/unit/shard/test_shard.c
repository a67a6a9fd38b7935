/* SPDX-License-Identifier: ISC */
/* Tests of opening a shard and of lookups in its footer; of what is refused; of the frozen example. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/bloom.h"
#include "lib/frozen_span.h"
#include "lib/shard_rig.h"
#include "lib/testdata.h"
#include "check/check.h"
#include "catalog/catalog.h"
#include "shard/chunk.h"

static void
ok(int rc, const struct err *e)
{
	if (rc != 0)
		fail_msg("%s (%s)", e->msg, err_name(rc));
}

/* ---- lookups ---- */

static void
tells_rows_times_and_services(void **state)
{
	const struct shard_info *info;
	struct shard_rig r;
	uint64_t rows = 0;

	(void)state;
	rig_init(&r, 1000, 300, 3, 31);
	info = shard_info(r.shard);
	assert_string_equal(info->file, RIG_FILE);
	assert_int_equal(info->n_rows, 1000);
	assert_int_equal(info->n_row_groups, 4);
	assert_int_equal(info->row_groups[3].row_from, 900);
	assert_int_equal(info->row_groups[3].row_to, 1000);
	assert_int_equal(info->n_bytes, r.bytes.n);
	assert_int_equal(info->partition, RIG_HOUR);
	for (size_t i = 0; i < info->n_services; i++) {
		const struct shard_service *v = &info->services[i];

		assert_int_equal(v->row_from, rows);
		rows = v->row_to;
		assert_int_equal(shard_service_find(r.shard, v->service), i);
	}
	assert_int_equal(rows, 1000);
	assert_int_equal(shard_service_find(r.shard, SV("no such service")), -1);
	rig_release(&r);
}

static void
finds_columns_by_id_and_by_attribute(void **state)
{
	const struct shard_info *info;
	const struct column *c;
	struct shard_rig r;

	(void)state;
	rig_init(&r, 1000, 300, 3, 32);
	info = shard_info(r.shard);
	assert_non_null(shard_column(r.shard, COL_START));
	assert_null(shard_column(r.shard, COL_ATTR));
	assert_null(shard_column(r.shard, (enum column_id)31));
	for (size_t i = 0; i < info->n_columns; i++) {
		const struct column *want = &info->columns[i];
		size_t n;

		assert_int_equal(want->index, i);
		if (want->id != COL_ATTR) {
			assert_ptr_equal(shard_column(r.shard, want->id), want);
			continue;
		}
		n = shard_attr(r.shard, want->scope, want->key, &c);
		assert_true(n >= 1 && want >= c && want < c + n);
		for (size_t k = 0; k < n; k++)
			assert_true(sv_eq(c[k].key, want->key));
	}
	assert_int_equal(shard_attr(r.shard, ATTR_SPAN, SV("no.such.key"), &c), 0);
	assert_int_equal(shard_attr(r.shard, ATTR_LINK, SV("\xff\xff"), &c), 0);
	rig_release(&r);
}

static void
zones_hold_every_value_and_cost_no_read(void **state)
{
	struct err e = ERR_INIT;
	struct shard_rig r;

	(void)state;
	rig_init(&r, 1000, 300, 3, 33);
	for (size_t i = 0; i < shard_info(r.shard)->n_columns; i++)
		for (uint32_t g = 0; g < 5; g++) {
			const struct column *col = &shard_info(r.shard)->columns[i];
			uint64_t preads = r.fs.n_preads;
			struct zone z = shard_zone(r.shard, col, g);
			const struct chunk *c;

			assert_int_equal(preads, r.fs.n_preads);
			ok(chunk_get(r.shard, col, g, &c, &e), &e);
			assert_int_equal(z.n_present, c == NULL ? 0 : c->n_present);
			if (c != NULL && c->encoding != ENC_BYTES)
				for (uint32_t k = 0; k < c->n_present; k++)
					assert_in_range(chunk_u64_at(c, k), z.min, z.max);
			chunk_put(c);
		}
	rig_release(&r);
}

static void
bloom_filter_has_every_trace(void **state)
{
	struct err e = ERR_INIT;
	struct shard_rig r;
	const uint8_t *bloom;
	size_t n, n_false = 0;

	(void)state;
	rig_init(&r, 1000, 300, 3, 34);
	ok(shard_bloom(r.shard, &bloom, &n, &e), &e);
	for (size_t i = 0; i < r.spans.n; i++)
		assert_true(bloom_may_have(bloom, n, trace_id_hash(r.spans.spans[i].trace_id)));
	for (uint64_t i = 0; i < 1000; i++)
		n_false += bloom_may_have(bloom, n,
		    trace_id_hash((struct trace_id){ 0xdead, i }));
	assert_true(n_false < 100);
	rig_release(&r);
}

static void
trace_table_knows_the_rows_of_each_trace(void **state)
{
	const struct traceids *t;
	const struct tracerows *rows;
	const struct chunk *c;
	struct err e = ERR_INIT;
	struct shard_rig r;
	uint32_t ord;

	(void)state;
	rig_init(&r, 1000, 1000, 3, 35);
	ok(traceids_get(r.shard, &t, &e), &e);
	ok(tracerows_get(r.shard, &rows, &e), &e);
	ok(chunk_get(r.shard, shard_column(r.shard, COL_TRACE), 0, &c, &e), &e);
	for (size_t i = 0; i < r.spans.n; i++) {
		assert_true(traceids_find(t, r.spans.spans[i].trace_id, &ord));
		assert_true(trace_id_eq(traceids_at(t, ord), r.spans.spans[i].trace_id));
		for (uint32_t k = 0; k < tracerows_n(rows, ord); k++)
			assert_int_equal(chunk_u64_at(c, tracerows_at(rows, ord, k)), ord);
	}
	assert_false(traceids_find(t, (struct trace_id){ 1, 1 }, &ord));
	chunk_put(c);
	tracerows_put(rows);
	traceids_put(t);
	rig_release(&r);
}

/* Who only asks for ids reads nothing else. */
static void
trace_ids_are_read_without_rows(void **state)
{
	const struct traceids *t;
	struct err e = ERR_INIT;
	struct shard_rig r;

	(void)state;
	rig_init(&r, 1000, 1000, 3, 35);
	read_counters = (struct read_counters){ 0 };
	ok(traceids_get(r.shard, &t, &e), &e);
	assert_int_equal(read_counters.n_reads, 1);
	assert_int_equal(read_counters.decoded_bytes, shard_info(r.shard)->n_traces * 16);
	traceids_put(t);
	rig_release(&r);
}

/* ---- what is refused ---- */

static int
open_bytes(struct sv bytes, struct err *e)
{
	struct chunkcache *cache;
	struct fsys_bytes fs;
	struct shard *s;
	int rc;

	fsys_bytes_init(&fs);
	fsys_bytes_set(&fs, RIG_FILE, bytes);
	ok(chunkcache_new(1000, &cache, e), e);
	if ((rc = shard_open(&fs.fs, RIG_FILE, cache, &s, e)) == 0)
		shard_unref(s);
	chunkcache_free(cache);
	assert_int_equal(fs.n_open, 0);
	return rc;
}

/* Makes the checksum of a changed header true. */
static void
seal_header(char *p)
{
	uint64_t h = hash64(p, 24);

	memcpy(p + 24, &h, 8);
}

static void
refuses_another_version_naming_both(void **state)
{
	struct err e = ERR_INIT;
	struct shard_rig r;

	(void)state;
	rig_init(&r, 20, 300, 3, 36);
	r.bytes.p[8] = 7;
	seal_header(r.bytes.p);
	assert_int_equal(open_bytes(buf_view(&r.bytes), &e), ERR_VERSION);
	assert_string_equal(e.msg,
	    RIG_FILE ": shard of format version 7; this program reads version 1");
	rig_release(&r);
}

static void
refuses_an_unknown_incompatible_feature_only(void **state)
{
	struct err e = ERR_INIT;
	struct shard_rig r;

	(void)state;
	rig_init(&r, 20, 300, 3, 37);
	r.bytes.p[12] = 4;
	seal_header(r.bytes.p);
	assert_int_equal(open_bytes(buf_view(&r.bytes), &e), ERR_VERSION);
	r.bytes.p[12] = 0;
	/* A compatible one: then the header is well, but the trailer's checksum covers it. */
	r.bytes.p[16] ^= 0x40;
	seal_header(r.bytes.p);
	assert_int_equal(open_bytes(buf_view(&r.bytes), &e), ERR_CORRUPT);
	assert_int_equal(e.off, r.bytes.n - 16);
	rig_release(&r);
}

static void
refuses_what_is_no_shard(void **state)
{
	static const char zeros[200];
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(open_bytes(SV_EMPTY, &e), ERR_CORRUPT);
	assert_int_equal(open_bytes(sv_new(zeros, sizeof zeros), &e), ERR_CORRUPT);
	assert_int_equal(open_bytes(SV("SPANFSSH"), &e), ERR_CORRUPT);
}

static void
says_so_if_the_file_is_not_there(void **state)
{
	struct chunkcache *cache;
	struct err e = ERR_INIT;
	struct fsys_bytes fs;
	struct shard *s;

	(void)state;
	fsys_bytes_init(&fs);
	ok(chunkcache_new(1000, &cache, &e), &e);
	assert_int_equal(shard_open(&fs.fs, "none", cache, &s, &e), ERR_UNKNOWN);
	chunkcache_free(cache);
}

static void
reads_a_section_once_while_it_is_cached(void **state)
{
	const struct chunk *c;
	struct err e = ERR_INIT;
	struct shard_rig r;
	uint64_t preads;

	(void)state;
	rig_init(&r, 100, 100, 3, 38);
	ok(chunk_get(r.shard, shard_column(r.shard, COL_START), 0, &c, &e), &e);
	chunk_put(c);
	preads = r.fs.n_preads;
	read_counters = (struct read_counters){ 0 };
	ok(chunk_get(r.shard, shard_column(r.shard, COL_START), 0, &c, &e), &e);
	chunk_put(c);
	assert_int_equal(r.fs.n_preads, preads);
	assert_int_equal(read_counters.n_cached, 1);
	assert_int_equal(read_counters.n_reads, 0);
	chunkcache_drop(r.cache);
	ok(chunk_get(r.shard, shard_column(r.shard, COL_START), 0, &c, &e), &e);
	chunk_put(c);
	assert_int_equal(r.fs.n_preads, preads + 1);
	assert_int_equal(read_counters.n_reads, 1);
	assert_true(read_counters.read_bytes > 0);
	rig_release(&r);
}

/* ---- the frozen example ---- */

static void
reads_the_frozen_shard_of_version_1(void **state)
{
	struct buf file = BUF_INIT;
	struct span_batch want;
	struct err e = ERR_INIT;
	uint64_t digest, n;

	(void)state;
	testdata_read(&file, FROZEN_FILE);
	span_batch_init(&want);
	assert_true(frozen_spans(&want));
	ok(rig_walk(buf_view(&file), &digest, &n, &e), &e);
	assert_int_equal(n, FROZEN_SPANS);
	assert_int_equal(digest, spans_digest(want.spans, want.n));
	span_batch_release(&want);
	buf_release(&file);
}

static void
no_finding(void *arg, const char *file, int64_t off, const char *why)
{
	(void)arg;
	fail_msg("%s, %lld: %s", file, (long long)off, why);
}

static void
frozen_shard_has_every_form_of_a_chunk(void **state)
{
	unsigned encodings = 0, presences = 0;
	struct chunkcache *cache;
	struct buf file = BUF_INIT;
	struct err e = ERR_INIT;
	struct fsys_bytes fs;
	struct shard *s;
	uint64_t n;

	(void)state;
	testdata_read(&file, FROZEN_FILE);
	fsys_bytes_init(&fs);
	fsys_bytes_set(&fs, RIG_FILE, buf_view(&file));
	ok(chunkcache_new(1u << 20, &cache, &e), &e);
	ok(shard_open(&fs.fs, RIG_FILE, cache, &s, &e), &e);
	for (size_t i = 0; i < shard_info(s)->n_columns; i++)
		for (uint32_t g = 0; g < shard_info(s)->n_row_groups; g++) {
			const struct chunk *c;

			ok(chunk_get(s, &shard_info(s)->columns[i], g, &c, &e), &e);
			if (c != NULL) {
				encodings |= 1u << c->encoding;
				presences |= 1u << c->presence;
			}
			chunk_put(c);
		}
	assert_int_equal(presences, 7);
	assert_int_equal(encodings, 1u << ENC_CONST | 1u << ENC_PACK | 1u << ENC_RLE |
	    1u << ENC_RAW64 | 1u << ENC_BYTES);
	assert_non_null(shard_column(s, COL_REST));
	shard_unref(s);
	chunkcache_free(cache);
	ok(shard_check(&fs.fs, RIG_FILE, no_finding, NULL, &n, &e), &e);
	buf_release(&file);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tells_rows_times_and_services),
		cmocka_unit_test(finds_columns_by_id_and_by_attribute),
		cmocka_unit_test(zones_hold_every_value_and_cost_no_read),
		cmocka_unit_test(bloom_filter_has_every_trace),
		cmocka_unit_test(trace_table_knows_the_rows_of_each_trace),
		cmocka_unit_test(trace_ids_are_read_without_rows),
		cmocka_unit_test(refuses_another_version_naming_both),
		cmocka_unit_test(refuses_an_unknown_incompatible_feature_only),
		cmocka_unit_test(refuses_what_is_no_shard),
		cmocka_unit_test(says_so_if_the_file_is_not_there),
		cmocka_unit_test(reads_a_section_once_while_it_is_cached),
		cmocka_unit_test(reads_the_frozen_shard_of_version_1),
		cmocka_unit_test(frozen_shard_has_every_form_of_a_chunk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

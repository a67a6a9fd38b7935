/* SPDX-License-Identifier: ISC */
/* shard_rig: see shard_rig.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "shard_rig.h"

#include "base/limits.h"
#include "fsys_mem.h"
#include "seal/memtable.h"
#include "shard/chunk.h"
#include "shard/lengths.h"

#define WALK_ROWS 1024

static void
ok(int rc, const struct err *e)
{
	if (rc != 0)
		fail_msg("%s (%s, offset %lld)", e->msg, err_name(rc), (long long)e->off);
}

void
rig_file(const struct span_batch *b, const struct shard_options *o, struct buf *out)
{
	struct shard_entry entry;
	struct err e = ERR_INIT;
	struct fsys *fs = fsys_mem();
	struct memtable *mt;

	assert_non_null(fs);
	ok(memtable_new(o, RIG_HOUR, &mt, &e), &e);
	for (size_t i = 0; i < b->n; i++) {
		int rc = memtable_append(mt, &b->spans[i], &e);

		assert_true(rc >= 0);
		if (rc > 0)
			ok(memtable_append_twin(mt, &b->spans[i], &e), &e);
	}
	assert_int_equal(memtable_parts(mt), 1);
	ok(memtable_seal(mt, 0, fs, RIG_FILE, &entry, &e), &e);
	buf_sv(out, fsys_mem_get(fs, RIG_FILE));
	ok(buf_ok(out, &e), &e);
	assert_int_equal(entry.n_bytes, out->n);
	memtable_free(mt);
	fsys_free(fs);
}

void
rig_seal(struct shard_rig *r, uint32_t group_rows, int level)
{
	struct shard_options o = { .row_group_rows = group_rows, .compression_level = level };

	buf_init(&r->bytes);
	rig_file(&r->spans, &o, &r->bytes);
	r->shard = NULL;
	r->cache = NULL;
	fsys_bytes_init(&r->fs);
	fsys_bytes_set(&r->fs, RIG_FILE, buf_view(&r->bytes));
}

void
rig_init(struct shard_rig *r, size_t n, uint32_t group_rows, int level, uint64_t seed)
{
	struct gen_span_options o = {
		.seed = seed, .start_ns = RIG_HOUR, .range_ns = UINT64_C(3600000000000),
		.unique_ids = true,
	};
	struct gen_span g;

	span_batch_init(&r->spans);
	gen_span_init(&g, &o);
	assert_true(gen_span_add(&g, &r->spans, n));
	rig_seal(r, group_rows, level);
	rig_open(r, 64u << 20);
}

void
rig_open(struct shard_rig *r, size_t cache_bytes)
{
	struct err e = ERR_INIT;

	ok(chunkcache_new(cache_bytes, &r->cache, &e), &e);
	ok(shard_open(&r->fs.fs, RIG_FILE, r->cache, &r->shard, &e), &e);
}

void
rig_release(struct shard_rig *r)
{
	shard_unref(r->shard);
	chunkcache_free(r->cache);
	assert_int_equal(r->fs.n_open, 0);
	buf_release(&r->bytes);
	span_batch_release(&r->spans);
}

uint64_t
spans_digest(const struct span *s, size_t n)
{
	uint64_t sum = n;

	for (size_t i = 0; i < n; i++) {
		struct hash128 h = span_hash(&s[i]);

		sum += hash_u64(h.lo ^ hash_u64(h.hi));
	}
	return sum;
}

static int
walk_rows(struct shard *s, uint64_t *digest, struct err *e)
{
	uint64_t n = shard_info(s)->n_rows;
	uint32_t rows[WALK_ROWS];
	struct span *spans = calloc(WALK_ROWS, sizeof *spans);
	struct fetch *f = NULL;
	int rc = spans == NULL ? err_nomem(e) : fetch_new(&f, e);

	*digest = 0;
	for (uint64_t at = 0; rc == 0 && at < n; at += WALK_ROWS) {
		size_t k = n - at < WALK_ROWS ? (size_t)(n - at) : WALK_ROWS;

		for (size_t i = 0; i < k; i++)
			rows[i] = (uint32_t)(at + i);
		if ((rc = fetch_rows(f, s, rows, k, NULL, spans, e)) == 0)
			*digest += spans_digest(spans, k);
		fetch_reset(f);
	}
	fetch_free(f);
	free(spans);
	return rc;
}

/* Sections that a fetch of everything does not need as well. */
static int
walk_sections(struct shard *s, struct err *e)
{
	const struct shard_info *info = shard_info(s);
	const struct traceids *ids;
	const struct tracerows *rows;
	const struct line_totals *t;
	const struct lengths *l;
	const struct chunk *c;
	const struct dict *d;
	const uint8_t *bloom;
	size_t n;
	int rc;

	if ((rc = shard_bloom(s, &bloom, &n, e)) != 0 || (rc = traceids_get(s, &ids, e)) != 0)
		return rc;
	traceids_put(ids);
	if ((rc = tracerows_get(s, &rows, e)) != 0)
		return rc;
	tracerows_put(rows);
	if ((rc = line_totals_get(s, &t, e)) != 0)
		return rc;
	line_totals_put(t);
	for (uint32_t g = 0; g < info->n_row_groups; g++) {
		if ((rc = lengths_get(s, g, &l, e)) != 0)
			return rc;
		lengths_put(l);
	}
	for (size_t i = 0; i < info->n_columns; i++) {
		if (info->columns[i].kind == COLUMN_DICT) {
			if ((rc = dict_get(s, &info->columns[i], &d, e)) != 0)
				return rc;
			dict_put(d);
		}
		for (uint32_t g = 0; g < info->n_row_groups; g++) {
			if ((rc = chunk_get(s, &info->columns[i], g, &c, e)) != 0)
				return rc;
			chunk_put(c);
		}
	}
	return 0;
}

int
rig_walk(struct sv bytes, uint64_t *digest, uint64_t *n, struct err *e)
{
	struct chunkcache *cache = NULL;
	struct shard *s = NULL;
	struct fsys_bytes fs;
	int rc;

	fsys_bytes_init(&fs);
	fsys_bytes_set(&fs, RIG_FILE, bytes);
	if ((rc = chunkcache_new(1u << 20, &cache, e)) == 0 &&
	    (rc = shard_open(&fs.fs, RIG_FILE, cache, &s, e)) == 0 &&
	    (rc = walk_sections(s, e)) == 0 && (rc = walk_rows(s, digest, e)) == 0)
		*n = shard_info(s)->n_rows;
	shard_unref(s);
	chunkcache_free(cache);
	return rc;
}

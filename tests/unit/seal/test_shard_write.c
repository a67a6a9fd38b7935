/* SPDX-License-Identifier: ISC */
/*
 * shard_write: the file as bytes: head and trailer where they belong,
 * the same spans the same bytes, failures of the disk reported and cleaned up,
 * parts sealed by several threads at once. What is in the file: test_shard_roundtrip.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/hash.h"
#include "lib/fsys_fault.h"
#include "lib/fsys_mem.h"
#include "lib/gen_span.h"
#include "shard/codec.h"
#include "seal/memtable.h"

#define HOUR (3600 * UINT64_C(1000000000))
#define NOW (UINT64_C(490000) * HOUR)
#define N_PARTS 6

/* Spans of N_PARTS hours. */
static struct memtable *
filled(uint64_t seed, size_t n, int level)
{
	struct gen_span_options gen = { .seed = seed, .start_ns = NOW - (N_PARTS - 1) * HOUR,
	    .range_ns = N_PARTS * HOUR };
	struct shard_options opts = { .row_group_rows = 256, .compression_level = level,
	    .sync = true };
	struct span_batch batch;
	struct err e = ERR_INIT;
	struct memtable *mt;
	struct gen_span g;

	span_batch_init(&batch);
	gen_span_init(&g, &gen);
	assert_true(gen_span_add(&g, &batch, n));
	assert_int_equal(memtable_new(&opts, NOW, &mt, &e), 0);
	for (size_t i = 0; i < batch.n; i++)
		assert_true(memtable_append(mt, &batch.spans[i], &e) >= 0);
	span_batch_release(&batch);
	return mt;
}

static void
seal(struct memtable *mt, size_t part, struct fsys *fs, const char *path)
{
	struct shard_entry entry = { .file = (char *)(uintptr_t)"mine" };
	struct err e = ERR_INIT;

	if (memtable_seal(mt, part, fs, path, &entry, &e) != 0)
		fail_msg("%s", e.msg);
	assert_string_equal(entry.file, "mine");
	assert_int_equal(entry.n_bytes, fsys_mem_get(fs, path).n);
}

static uint64_t
le(const char *p, size_t n)
{
	uint64_t v = 0;

	for (size_t i = 0; i < n; i++)
		v |= (uint64_t)(uint8_t)p[i] << 8 * i;
	return v;
}

static void
head_and_trailer_are_where_they_belong(void **state)
{
	struct memtable *mt = filled(1, 3000, 3);
	struct fsys *fs = fsys_mem();
	char both[24 + SHARD_HEADER_BYTES];
	const char *end;
	uint64_t at, stored, raw;
	struct buf footer = BUF_INIT;
	struct sv f;

	(void)state;
	seal(mt, 0, fs, "a");
	f = fsys_mem_get(fs, "a");
	assert_memory_equal(f.p, "SPANFSSH", 8);
	assert_int_equal(le(f.p + 8, 4), SHARD_VERSION);
	assert_int_equal(le(f.p + 12, 4), 0);
	assert_int_equal(le(f.p + 16, 4), SHARD_COMPAT_TRACES | SHARD_COMPAT_STATS |
	    SHARD_COMPAT_SHOWN | SHARD_COMPAT_LENGTHS | SHARD_COMPAT_TOTALS |
	    SHARD_COMPAT_SINGLE);
	assert_int_equal(le(f.p + 20, 4), 256);
	assert_true(le(f.p + 24, 8) == hash64(f.p, 24));
	end = f.p + f.n - SHARD_TRAILER_BYTES;
	assert_memory_equal(end + 32, "SPANFSND", 8);
	memcpy(both, end, 24);
	memcpy(both + 24, f.p, SHARD_HEADER_BYTES);
	assert_true(le(end + 24, 8) == hash64(both, sizeof both));
	at = le(end, 8);
	stored = le(end + 8, 4);
	raw = le(end + 12, 4);
	assert_int_equal(at + stored, f.n - SHARD_TRAILER_BYTES);
	assert_true(le(end + 16, 8) == hash64(f.p + at, stored));
	assert_true(buf_reserve(&footer, raw));
	assert_int_equal(codec_decompress(CODEC_ZSTD, sv_new(f.p + at, stored), footer.p, raw,
	    NULL), 0);
	buf_release(&footer);
	memtable_free(mt);
	fsys_free(fs);
}

static void
the_same_spans_make_the_same_bytes(void **state)
{
	struct fsys *fs = fsys_mem();

	(void)state;
	for (int level = 0; level < 3; level++) {
		struct memtable *a = filled(2, 2000, level), *b = filled(2, 2000, level);

		for (size_t i = 0; i < memtable_parts(a); i++) {
			struct sv x, y;

			seal(a, i, fs, "a");
			seal(b, i, fs, "b");
			x = fsys_mem_get(fs, "a");
			y = fsys_mem_get(fs, "b");
			assert_true(sv_eq(x, y));
		}
		memtable_free(a);
		memtable_free(b);
	}
	fsys_free(fs);
}

struct job {
	struct memtable *mt;
	struct fsys *fs;
	size_t part;
	int rc;
};

static void *
seal_in_thread(void *arg)
{
	struct job *j = arg;
	struct shard_entry entry;
	char path[16];

	snprintf(path, sizeof path, "t%zu", j->part);
	j->rc = memtable_seal(j->mt, j->part, j->fs, path, &entry, NULL);
	return NULL;
}

static void
parts_are_sealed_by_several_threads(void **state)
{
	struct memtable *mt = filled(3, 6000, 3);
	struct fsys *fs = fsys_mem();
	struct job jobs[N_PARTS];
	pthread_t t[N_PARTS];

	(void)state;
	assert_int_equal(memtable_parts(mt), N_PARTS);
	for (size_t i = 0; i < N_PARTS; i++) {
		jobs[i] = (struct job){ mt, fs, i, -1 };
		assert_int_equal(pthread_create(&t[i], NULL, seal_in_thread, &jobs[i]), 0);
	}
	for (size_t i = 0; i < N_PARTS; i++) {
		char path[16];
		struct sv alone, threaded;

		pthread_join(t[i], NULL);
		assert_int_equal(jobs[i].rc, 0);
		snprintf(path, sizeof path, "t%zu", i);
		seal(mt, i, fs, "alone");
		alone = fsys_mem_get(fs, "alone");
		threaded = fsys_mem_get(fs, path);
		assert_true(sv_eq(alone, threaded));
	}
	memtable_free(mt);
	fsys_free(fs);
}

static void
every_failure_of_the_disk_is_reported(void **state)
{
	struct memtable *mt = filled(4, 500, 1);
	struct fsys *mem = fsys_mem(), *fs = fsys_fault(mem);
	struct shard_entry entry = { .n_rows = 77 };
	struct fault_plan plan = { .kinds = FAULT_BIT(FAULT_CREATE) | FAULT_BIT(FAULT_WRITE) |
	    FAULT_BIT(FAULT_SYNC) | FAULT_BIT(FAULT_CLOSE), .code = ERR_NOSPC };
	uint64_t n;

	(void)state;
	for (n = 1; ; n++) {
		struct err e = ERR_INIT;
		int rc;

		plan.nth = n;
		fsys_fault_set(fs, &plan);
		rc = memtable_seal(mt, 0, fs, "x", &entry, &e);
		if (!fsys_fault_struck(fs)) {
			assert_int_equal(rc, 0);
			break;
		}
		assert_int_equal(rc, ERR_NOSPC);
		assert_int_equal(e.code, ERR_NOSPC);
		assert_int_equal(entry.n_rows, 77);
		assert_null(fsys_mem_get(mem, "x").p);
		assert_int_equal(fsys_mem_open_handles(mem), 0);
	}
	/* Created, written, synced, closed. */
	assert_true(n > 4);
	assert_int_equal(entry.n_rows, memtable_part(mt, 0).n_rows);
	assert_int_equal(entry.n_bytes, fsys_mem_get(mem, "x").n);
	memtable_free(mt);
	fsys_free(fs);
	fsys_free(mem);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(head_and_trailer_are_where_they_belong),
		cmocka_unit_test(the_same_spans_make_the_same_bytes),
		cmocka_unit_test(parts_are_sealed_by_several_threads),
		cmocka_unit_test(every_failure_of_the_disk_is_reported),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: ISC */
/* Tests of shard_check: silent on what the write side makes, and finding what is false. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "lib/rounds.h"
#include "lib/shard_rig.h"
#include "lib/span_rows.h"
#include "base/hash.h"
#include "check/check.h"
#include "catalog/catalog.h"
#include "shard/shard_format.h"
#include "shard/tracetree.h"

struct findings {
	size_t n;
	int64_t off;
	char why[256];
};

static void
on_bad(void *arg, const char *file, int64_t off, const char *why)
{
	struct findings *f = arg;

	assert_string_equal(file, RIG_FILE);
	if (f->n++ == 0) {
		f->off = off;
		snprintf(f->why, sizeof f->why, "%s", why);
	}
}

static struct findings
check(struct shard_rig *r)
{
	struct findings f = { 0, 0, "" };
	struct err e = ERR_INIT;
	uint64_t n;

	assert_int_equal(shard_check(&r->fs.fs, RIG_FILE, on_bad, &f, &n, &e), 0);
	return f;
}

static void
check_good(size_t n, uint32_t group_rows, int level, uint64_t seed)
{
	struct findings f;
	struct shard_rig r;

	rig_init(&r, n, group_rows, level, seed);
	f = check(&r);
	if (f.n != 0)
		fail_msg("%zu findings, first: %s at %lld", f.n, f.why, (long long)f.off);
	rig_release(&r);
}

static void
finds_nothing_in_a_good_shard(void **state)
{
	(void)state;
	check_good(1, 16384, 3, 1);
	check_good(500, 100, 3, 2);
	check_good(500, 1, 0, 3);
	check_good(20000, 8192, 3, 4);
	check_good(3000, 16384, 0, 5);
}

/* Two spans of a trace bear one id, and the header says that they don't. */
static void
finds_twins_that_the_header_denies(void **state)
{
	char *copy, root[24 + SHARD_HEADER_BYTES];
	struct findings f;
	struct shard_rig r;
	struct sv file;
	uint64_t h;

	(void)state;
	span_batch_init(&r.spans);
	for (uint64_t i = 0; i < 3; i++) {
		struct span *s = span_batch_add(&r.spans);

		assert_non_null(s);
		*s = *span_min(&r.spans.arena, 1 + i / 2, "a");
		s->trace_id = (struct trace_id){ 7, 7 };
		s->start_ns = s->end_ns = RIG_HOUR + i;
	}
	rig_seal(&r, 100, 3);
	rig_open(&r, 64u << 20);
	f = check(&r);
	assert_int_equal(f.n, 0);
	assert_false(shard_ids_single(r.shard));
	file = buf_view(&r.bytes);
	copy = malloc(file.n);
	assert_non_null(copy);
	memcpy(copy, file.p, file.n);
	copy[17] |= 1;			/* SHARD_COMPAT_SINGLE */
	h = hash64(copy, 24);
	memcpy(copy + 24, &h, 8);
	memcpy(root, copy + file.n - SHARD_TRAILER_BYTES, 24);
	memcpy(root + 24, copy, SHARD_HEADER_BYTES);
	h = hash64(root, sizeof root);
	memcpy(copy + file.n - SHARD_TRAILER_BYTES + 24, &h, 8);
	fsys_bytes_set(&r.fs, RIG_FILE, sv_new(copy, file.n));
	f = check(&r);
	assert_int_equal(f.n, 1);
	assert_string_equal(f.why, "header: two spans of a trace bear one id");
	assert_int_equal(f.off, 16);
	free(copy);
	rig_release(&r);
}

static void
finds_a_file_that_is_no_shard(void **state)
{
	struct findings f;
	struct shard_rig r;

	(void)state;
	rig_init(&r, 10, 10, 3, 6);
	fsys_bytes_set(&r.fs, RIG_FILE, SV("short"));
	f = check(&r);
	assert_int_equal(f.n, 1);
	assert_string_equal(f.why, "a file of 5 bytes is no shard");
	rig_release(&r);
}

static void
finds_every_flipped_byte(void **state)
{
	struct shard_rig r;

	(void)state;
	rig_init(&r, 40, 32, 3, 7);
	for (size_t at = 0; at < r.bytes.n; at += (at % 3 == 0 ? 2 : 1) * rounds_step()) {
		struct findings f;

		r.bytes.p[at] = (char)(r.bytes.p[at] ^ 0x10);
		f = check(&r);
		if (f.n == 0)
			fail_msg("byte %zu flipped: nothing found", at);
		r.bytes.p[at] = (char)(r.bytes.p[at] ^ 0x10);
	}
	rig_release(&r);
}

static void
reports_a_damaged_section_once_and_goes_on(void **state)
{
	struct findings f;
	struct shard_rig r;

	(void)state;
	rig_init(&r, 500, 100, 3, 8);
	/* Two sections far apart. */
	r.bytes.p[SHARD_HEADER_BYTES + 4] ^= 1;
	f = check(&r);
	assert_int_equal(f.n, 1);
	assert_int_equal(f.off, SHARD_HEADER_BYTES);
	r.bytes.p[r.bytes.n / 2] ^= 1;
	f = check(&r);
	assert_in_range(f.n, 1, 3);
	rig_release(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_nothing_in_a_good_shard),
		cmocka_unit_test(finds_twins_that_the_header_denies),
		cmocka_unit_test(finds_a_file_that_is_no_shard),
		cmocka_unit_test(finds_every_flipped_byte),
		cmocka_unit_test(reports_a_damaged_section_once_and_goes_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

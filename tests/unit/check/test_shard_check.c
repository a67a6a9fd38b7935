/* SPDX-License-Identifier: ISC */
/* Tests of shard_check: silent on what the write side makes, and finding what is false. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <stdio.h>
#include <cmocka.h>

#include "lib/rounds.h"
#include "lib/shard_rig.h"
#include "check/check.h"
#include "catalog/catalog.h"

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
		cmocka_unit_test(finds_a_file_that_is_no_shard),
		cmocka_unit_test(finds_every_flipped_byte),
		cmocka_unit_test(reports_a_damaged_section_once_and_goes_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

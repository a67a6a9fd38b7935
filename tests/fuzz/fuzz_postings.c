/* SPDX-License-Identifier: ISC */
/*
 * fuzz_postings: any bytes as the postings (or hashes) of any column: refused with a place, or
 * all ways of reading them agree and name rows that there are.
 */
#include <stdlib.h>

#include "base/bitmap.h"
#include "lib/one_section.h"
#include "shard/postings.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

#define MOST_ROWS 65536
#define MOST_KEYS 4096		/* of which the rows are looked at */

static void
check(bool good)
{
	if (!good)
		abort();
}

static void
check_error(const struct err *e)
{
	check(e->code == ERR_CORRUPT && e->off >= 0);
}

static void
read_key(const struct postings *p, uint32_t key, uint32_t n_rows)
{
	static uint32_t rows[MOST_ROWS];
	static uint64_t all[BITMAP_WORDS(MOST_ROWS)], some[BITMAP_WORDS(MOST_ROWS)];
	uint32_t n = postings_count(p, key), from = n_rows / 3, to = n_rows - n_rows / 5;

	check(n > 0 && n <= n_rows && postings_rows(p, key, rows) == n);
	bitmap_zero(all, n_rows);
	bitmap_zero(some, n_rows);
	postings_or(p, key, 0, n_rows, all);
	postings_or(p, key, from, to, some);
	for (uint32_t i = 0; i < n; i++) {
		check(rows[i] < n_rows && (i == 0 || rows[i - 1] < rows[i]));
		check(bitmap_get(all, rows[i]));
		if (rows[i] >= from && rows[i] < to)
			check(bitmap_get(some, rows[i] - from));
	}
	check(bitmap_count(all, n_rows) == n);
	check(bitmap_count(some, n_rows) ==
	    bitmap_rank(all, to) - bitmap_rank(all, from));
}

static void
read_postings(struct one_section *x)
{
	const struct postings *p;
	struct err e = ERR_INIT;

	if (postings_get(&x->shard, &x->column, &p, &e) != 0) {
		check_error(&e);
		return;
	}
	for (uint32_t key = 0; key < postings_n(p) && key < MOST_KEYS; key++) {
		read_key(p, key, (uint32_t)x->shard.info.n_rows);
		if (x->column.kind == COLUMN_INT)
			check(postings_lower(p, postings_value(p, key)) == key);
	}
	postings_put(p);
}

static void
read_hashes(struct one_section *x)
{
	const struct hashidx *h;
	struct err e = ERR_INIT;
	uint32_t rows[64];

	if (hashidx_get(&x->shard, &x->column, &h, &e) != 0) {
		check_error(&e);
		return;
	}
	for (uint32_t i = 0; i < 300; i++) {
		uint32_t n = hashidx_find(h, i < 256 ? i : i * 0x9e3779b1u, rows, 64);

		for (uint32_t k = 0; k < n && k < 64; k++)
			check(rows[k] < x->shard.info.n_rows && (k == 0 || rows[k - 1] < rows[k]));
	}
	hashidx_put(h);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct one_section x;

	if (!one_section_init(&x, SECTION_POSTINGS, data, n))
		return 0;
	if (x.column.kind == COLUMN_BYTES)
		read_hashes(&x);
	else
		read_postings(&x);
	one_section_release(&x);
	return 0;
}

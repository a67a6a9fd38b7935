/* SPDX-License-Identifier: ISC */
/*
 * Tests of postings and hashes: against a naive look at every value, of random shards; what
 * the budget buys; Roaring sets by themselves; and damaged sections, with true checksums.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/bitmap.h"
#include "lib/index_rig.h"
#include "lib/rounds.h"
#include "check/check.h"
#include "catalog/catalog.h"
#include "shard/chunk.h"
#include "shard/poslist.h"
#include "shard/postings.h"
#include "shard/roaring_i.h"
#include "shard/shard_i.h"

static void
ok(int rc, const struct err *e)
{
	if (rc != 0)
		fail_msg("%s (%s)", e->msg, err_name(rc));
}

/* ---- Roaring sets ---- */

static uint64_t state_of_random;

static uint32_t
below(uint32_t n)
{
	state_of_random = hash_u64(state_of_random + 0x9e3779b97f4a7c15);
	return (uint32_t)(state_of_random % n);
}

/* Rising numbers below limit in one of several fashions: returns how many. */
static uint32_t
make_set(uint32_t how, uint32_t limit, uint32_t *v)
{
	uint32_t n = 0;

	for (uint32_t i = below(200); i < limit; i++) {
		uint32_t gap = how == 0 ? below(1000) : how == 1 ? below(3) : how == 2 ? 0 :
		    below(50) == 0 ? below(5000) : 0;

		i += gap;
		if (i < limit)
			v[n++] = i;
	}
	return n;
}

static void
a_set_is_read_back_from_its_bytes(void **state)
{
	uint32_t limit = 300000, *v = malloc(limit * 4), *out = malloc(limit * 4);
	uint64_t *bits = malloc(limit / 8 + 8);

	(void)state;
	assert_non_null(v);
	assert_non_null(out);
	assert_non_null(bits);
	for (uint32_t round = 0; round < 40; round++) {
		uint32_t n = make_set(round % 4, 1 + below(limit), v), from, to;
		struct buf b = BUF_INIT;

		if (n == 0)
			continue;
		roaring_put(&b, v, n);
		assert_int_equal(b.n, roaring_bytes(v, n));
		assert_true(roaring_check((uint8_t *)b.p, b.n, n, v[n - 1] + 1));
		assert_false(roaring_check((uint8_t *)b.p, b.n, n, v[n - 1]));
		assert_false(roaring_check((uint8_t *)b.p, b.n, n + 1, limit));
		assert_false(roaring_check((uint8_t *)b.p, b.n - 1, n, limit));
		assert_int_equal(roaring_list((uint8_t *)b.p, out), n);
		assert_memory_equal(out, v, n * 4);
		from = below(limit);
		to = from + below(limit - from) + 1;
		memset(bits, 0, BITMAP_WORDS(to - from) * 8);
		roaring_or((uint8_t *)b.p, from, to, bits);
		for (uint32_t i = 0, k = 0; i < to - from; i++) {
			while (k < n && v[k] < from + i)
				k++;
			assert_int_equal(bitmap_get(bits, i), k < n && v[k] == from + i);
		}
		buf_release(&b);
	}
	free(v);
	free(out);
	free(bits);
}

static void
a_set_of_any_bytes_is_refused_or_stays_in_them(void **state)
{
	uint32_t v[3000], out[70000], n;
	struct buf b = BUF_INIT;
	char *copy;

	(void)state;
	for (uint32_t how = 0; how < 4; how++) {
		n = make_set(how, 2800, v);
		b.n = 0;
		roaring_put(&b, v, n);
		copy = malloc(b.n);
		assert_non_null(copy);
		memcpy(copy, b.p, b.n);
		for (size_t i = 0; i < b.n * 8; i += rounds_step()) {
			copy[i / 8] = (char)(copy[i / 8] ^ 1 << i % 8);
			if (roaring_check((uint8_t *)copy, b.n, n, 2800))
				assert_int_equal(roaring_list((uint8_t *)copy, out), n);
			copy[i / 8] = (char)(copy[i / 8] ^ 1 << i % 8);
		}
		free(copy);
	}
	buf_release(&b);
}

/* ---- postings of shards ---- */

struct pair {
	uint32_t key, row;
};

static int
pair_cmp(const void *pa, const void *pb)
{
	const struct pair *a = pa, *b = pb;

	return a->key != b->key ? (a->key > b->key) - (a->key < b->key) :
	    (a->row > b->row) - (a->row < b->row);
}

/* The span's row of every event or link of a row group. */
static uint32_t *
owners(struct shard *s, const struct column *col, uint32_t g)
{
	const struct row_group *rg = &shard_info(s)->row_groups[g];
	uint32_t *out = calloc((size_t)rg->n_events + rg->n_links + 1, sizeof *out), n = 0;
	const struct chunk *c;
	struct err e = ERR_INIT;

	ok(chunk_get(s, shard_column(s, col->domain == DOMAIN_EVENT ? COL_N_EVENTS :
	    COL_N_LINKS), g, &c, &e), &e);
	for (uint32_t i = 0; i < c->n_present; i++)
		for (uint64_t k = chunk_u64_at(c, i); k > 0; k--)
			out[n++] = rg->row_from + chunk_row(c, i);
	chunk_put(c);
	return out;
}

/* What postings should say, by looking at every value. */
static size_t
naive(struct shard *s, const struct column *col, const struct postings *p, struct pair *out)
{
	const struct shard_info *info = shard_info(s);
	size_t n = 0, k = 0;

	for (uint32_t g = 0; g < info->n_row_groups; g++) {
		const struct chunk *c;
		struct err e = ERR_INIT;
		uint32_t *owner = NULL;

		ok(chunk_get(s, col, g, &c, &e), &e);
		if (c == NULL)
			continue;
		if (col->domain != DOMAIN_SPAN)
			owner = owners(s, col, g);
		for (uint32_t i = 0; i < c->n_present; i++) {
			uint64_t v = chunk_u64_at(c, i);
			uint32_t row = chunk_row(c, i), key = (uint32_t)v;

			if (col->kind == COLUMN_INT) {
				key = postings_lower(p, v);
				assert_int_equal(postings_value(p, key), v);
			}
			out[n++] = (struct pair){ key, owner != NULL ? owner[row] :
			    info->row_groups[g].row_from + row };
		}
		free(owner);
		chunk_put(c);
	}
	qsort(out, n, sizeof *out, pair_cmp);
	for (size_t i = 0; i < n; i++)
		if (i == 0 || pair_cmp(&out[i - 1], &out[i]) != 0)
			out[k++] = out[i];
	return k;
}

static void
check_key(struct shard *s, const struct postings *p, uint32_t key, const struct pair *want,
    uint32_t n)
{
	uint32_t n_rows = (uint32_t)shard_info(s)->n_rows, from = below(n_rows), to;
	uint32_t *rows = calloc((size_t)n + 1, sizeof *rows), n_in = 0;
	uint64_t *bits = calloc(BITMAP_WORDS(n_rows), sizeof *bits);

	to = from + 1 + below(n_rows - from);
	assert_int_equal(postings_count(p, key), n);
	assert_int_equal(postings_rows(p, key, rows), n);
	postings_or(p, key, from, to, bits);
	for (uint32_t i = 0; i < n; i++) {
		assert_int_equal(rows[i], want[i].row);
		if (rows[i] >= from && rows[i] < to) {
			assert_true(bitmap_get(bits, rows[i] - from));
			n_in++;
		}
	}
	assert_int_equal(bitmap_count(bits, n_rows), n_in);
	free(rows);
	free(bits);
}

static void
check_postings(struct shard *s, const struct column *col)
{
	struct pair *want = calloc(col->n_present, sizeof *want);
	const struct postings *p;
	struct err e = ERR_INIT;
	size_t n, at = 0, end;

	ok(postings_get(s, col, &p, &e), &e);
	assert_non_null(p);
	assert_non_null(want);
	n = naive(s, col, p, want);
	assert_int_equal(postings_n(p), col->kind == COLUMN_DICT ? col->n_dict : col->n_distinct);
	for (uint32_t key = 0; key < postings_n(p); key++, at = end) {
		for (end = at; end < n && want[end].key == key;)
			end++;
		check_key(s, p, key, want + at, (uint32_t)(end - at));
	}
	assert_int_equal(at, n);
	if (col->kind == COLUMN_INT)
		assert_int_equal(postings_lower(p, UINT64_MAX),
		    postings_value(p, postings_n(p) - 1) == UINT64_MAX ? postings_n(p) - 1 :
		    postings_n(p));
	postings_put(p);
	free(want);
}

static void
check_hashes(struct shard *s, const struct column *col)
{
	const struct shard_info *info = shard_info(s);
	uint32_t *rows = calloc(col->n_present, sizeof *rows), n, strangers = 0;
	const struct hashidx *h;
	struct err e = ERR_INIT;

	ok(hashidx_get(s, col, &h, &e), &e);
	assert_non_null(h);
	for (uint32_t g = 0; g < info->n_row_groups; g++) {
		const struct chunk *c;

		ok(chunk_get(s, col, g, &c, &e), &e);
		for (uint32_t i = 0; c != NULL && i < c->n_present; i++) {
			uint32_t row = info->row_groups[g].row_from + chunk_row(c, i), k = 0;

			n = hashidx_find(h, hashidx_hash(chunk_bytes_at(c, i)), rows,
			    (uint32_t)col->n_present);
			while (k < n && rows[k] != row)
				k++;
			assert_true(k < n);
			for (k = 1; k < n; k++)
				assert_true(rows[k - 1] < rows[k]);
			/* The first of them are the same when there is less room. */
			assert_int_equal(hashidx_find(h, hashidx_hash(chunk_bytes_at(c, i)), rows,
			    0), n);
		}
		chunk_put(c);
	}
	for (uint32_t i = 0; i < 1000; i++) {
		char name[32];

		snprintf(name, sizeof name, "nobody %u", i);
		strangers += hashidx_find(h, hashidx_hash(sv_cstr(name)), rows, 0) != 0;
	}
	assert_true(strangers < 30);
	hashidx_put(h);
	free(rows);
}

static void
on_bad(void *arg, const char *file, int64_t off, const char *why)
{
	(void)arg;
	fail_msg("%s, byte %lld: %s", file, (long long)off, why);
}

static void
postings_say_what_the_values_say(void **state)
{
	const unsigned n_seeds = rounds_of(6);
	uint32_t n_codes = 0, n_numbers = 0, n_hashes = 0, n_children = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= n_seeds; seed++) {
		const uint32_t group_rows[] = { 512, 1000, 4096 };
		const struct shard_info *info;
		struct shard_rig r;
		struct err e = ERR_INIT;
		uint64_t n;

		index_rig_init(&r, 3000, group_rows[seed % 3], 100, seed);
		info = shard_info(r.shard);
		for (size_t i = 0; i < info->n_columns; i++) {
			const struct column *c = &info->columns[i];

			if (c->postings_bytes == 0)
				continue;
			n_codes += c->kind == COLUMN_DICT;
			n_numbers += c->kind == COLUMN_INT;
			n_hashes += c->kind == COLUMN_BYTES;
			n_children += c->domain != DOMAIN_SPAN;
			if (c->kind == COLUMN_BYTES)
				check_hashes(r.shard, c);
			else
				check_postings(r.shard, c);
		}
		ok(shard_check(&r.fs.fs, RIG_FILE, on_bad, NULL, &n, &e), &e);
		rig_release(&r);
	}
	assert_true(n_codes > 2 * n_seeds);
	assert_true(n_numbers > n_seeds);
	assert_true(n_hashes >= n_seeds);
	assert_true(n_children >= n_seeds);
}

static void
a_shard_without_a_budget_has_no_index(void **state)
{
	const struct shard_info *info;
	const struct postings *p;
	struct shard_rig r;
	struct err e = ERR_INIT;

	(void)state;
	index_rig_init(&r, 3000, 1000, 0, 1);
	info = shard_info(r.shard);
	for (size_t i = 0; i < info->n_columns; i++) {
		assert_int_equal(info->columns[i].postings_bytes, 0);
		ok(postings_get(r.shard, &info->columns[i], &p, &e), &e);
		assert_null(p);
	}
	rig_release(&r);
}

static void
indexes_stay_within_the_budget(void **state)
{
	uint64_t plain = 0, last = 0;

	(void)state;
	for (uint32_t budget = 0; budget <= 20; budget += 5) {
		struct shard_rig r;
		uint64_t n = 0;

		index_rig_init(&r, 4000, 4096, budget, 2);
		for (size_t i = 0; i < shard_info(r.shard)->n_columns; i++)
			n += shard_info(r.shard)->columns[i].postings_bytes +
			    shard_info(r.shard)->columns[i].text_bytes;
		if (budget == 0)
			plain = r.bytes.n;
		assert_true(n <= plain * budget / 100);
		assert_true(r.bytes.n <= plain + plain * (budget + 1) / 100);
		assert_true(budget == 0 || (n > 0 && n >= last));
		last = n;
		rig_release(&r);
	}
}

static void
finds_any_bit_of_the_sections_flipped(void **state)
{
	struct index_flips f;

	(void)state;
	index_flips_init(&f, SECTION_POSTINGS);
	f.every = rounds_step();
	index_flips_run(&f);
	assert_true(f.n_sections > 5);
	/* Other rows below a true checksum can be told from the values only. */
	assert_true(f.n_refused > f.n_flips / 4);
	assert_true(f.n_found > f.n_flips * 9 / 10);
	index_flips_release(&f);
}

static void
sections_of_unknown_kinds_are_passed_over(void **state)
{
	(void)state;
	for (int feature = 0; feature < 2; feature++) {
		struct chunkcache *cache;
		struct index_flips f;
		struct fsys_bytes fs;
		struct err e = ERR_INIT;
		struct shard *s;
		uint64_t n;

		index_flips_init(&f, SECTION_POSTINGS);
		fsys_bytes_init(&fs);
		fsys_bytes_set(&fs, RIG_FILE, index_flips_unknown(&f, feature == 1));
		ok(chunkcache_new(1u << 20, &cache, &e), &e);
		if (feature == 0) {
			assert_int_equal(shard_open(&fs.fs, RIG_FILE, cache, &s, &e), ERR_CORRUPT);
		} else {
			ok(shard_open(&fs.fs, RIG_FILE, cache, &s, &e), &e);
			for (size_t i = 0; i < shard_info(s)->n_columns; i++)
				assert_int_equal(shard_info(s)->columns[i].postings_bytes, 0);
			shard_unref(s);
			ok(shard_check(&fs.fs, RIG_FILE, on_bad, NULL, &n, &e), &e);
		}
		chunkcache_free(cache);
		index_flips_release(&f);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_set_is_read_back_from_its_bytes),
		cmocka_unit_test(a_set_of_any_bytes_is_refused_or_stays_in_them),
		cmocka_unit_test(postings_say_what_the_values_say),
		cmocka_unit_test(a_shard_without_a_budget_has_no_index),
		cmocka_unit_test(indexes_stay_within_the_budget),
		cmocka_unit_test(sections_of_unknown_kinds_are_passed_over),
		cmocka_unit_test(finds_any_bit_of_the_sections_flipped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

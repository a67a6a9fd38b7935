/* SPDX-License-Identifier: ISC */
/*
 * Tests of chunk and dictionary reads: every way to ask for the same thing agrees, over chunks of
 * every form; and of the chunk cache, alone and under threads.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <pthread.h>
#include <cmocka.h>

#include "base/bitmap.h"
#include "lib/frozen_span.h"
#include "lib/shard_rig.h"
#include "shard/chunk.h"
#include "shard/shard_i.h"

static void
ok(int rc, const struct err *e)
{
	if (rc != 0)
		fail_msg("%s (%s)", e->msg, err_name(rc));
}

/* The spans of the frozen example: all forms of a chunk. */
static void
rig_frozen(struct shard_rig *r, uint32_t group_rows)
{
	span_batch_init(&r->spans);
	assert_true(frozen_spans(&r->spans));
	rig_seal(r, group_rows, 3);
	rig_open(r, 64u << 20);
}

static void
each_chunk(struct shard_rig *r, void (*fn)(const struct chunk *))
{
	const struct shard_info *info = shard_info(r->shard);
	const struct chunk *c;
	struct err e = ERR_INIT;

	for (size_t i = 0; i < info->n_columns; i++)
		for (uint32_t g = 0; g < info->n_row_groups; g++) {
			ok(chunk_get(r->shard, &info->columns[i], g, &c, &e), &e);
			if (c != NULL)
				fn(c);
			chunk_put(c);
		}
}

static void
check_presence(const struct chunk *c)
{
	uint64_t *words = calloc(BITMAP_WORDS(c->n_rows), sizeof *words);
	uint32_t n = 0;

	assert_non_null(words);
	chunk_presence(c, words);
	for (uint32_t row = 0; row < c->n_rows; row++) {
		bool there = bitmap_get(words, row);

		assert_int_equal(chunk_present(c, row), there);
		assert_int_equal(chunk_rank(c, row), n);
		if (there)
			assert_int_equal(chunk_row(c, n), row);
		n += there;
	}
	assert_int_equal(n, c->n_present);
	assert_int_equal(chunk_rank(c, c->n_rows), c->n_present);
	free(words);
}

static void
presence_rank_and_row_agree(void **state)
{
	struct shard_rig r;

	(void)state;
	rig_frozen(&r, 700);
	each_chunk(&r, check_presence);
	rig_release(&r);
	rig_init(&r, 3000, 1400, 3, 41);
	each_chunk(&r, check_presence);
	rig_release(&r);
}

static void
check_numbers(const struct chunk *c)
{
	uint32_t n = c->n_present, some, first;
	uint64_t *v, *part;

	if (c->encoding == ENC_BYTES)
		return;
	v = calloc(n, sizeof *v);
	part = calloc(n, sizeof *part);
	assert_non_null(v);
	assert_non_null(part);
	for (uint32_t i = 0; i < n; i++)
		v[i] = chunk_u64_at(c, i);
	chunk_u64(c, 0, n, part);
	assert_memory_equal(v, part, n * sizeof *v);
	for (first = 0; first < n; first += 1 + n / 11)
		for (some = 1; some <= n - first; some = some * 5 + 1) {
			chunk_u64(c, first, some, part);
			assert_memory_equal(v + first, part, some * sizeof *v);
		}
	free(v);
	free(part);
}

static void
ranges_of_numbers_agree_with_single_ones(void **state)
{
	struct shard_rig r;

	(void)state;
	rig_frozen(&r, 700);
	each_chunk(&r, check_numbers);
	rig_release(&r);
	rig_init(&r, 3000, 1400, 3, 42);
	each_chunk(&r, check_numbers);
	rig_release(&r);
}

static size_t n_stepped;

/* Made by the second look-up of a single value, and not by who reads them in a row. */
static void
check_steps(const struct chunk *c)
{
	struct chunk_steps *s = c->steps;
	uint64_t *v;

	assert_int_equal(s != NULL, c->encoding == ENC_PACK && pack_n_steps(&c->pack) != 0);
	if (s == NULL)
		return;
	n_stepped++;
	v = calloc(c->n_present, sizeof *v);
	assert_non_null(v);
	chunk_u64(c, 0, c->n_present, v);
	chunk_u64(c, 0, c->n_present, v);
	assert_int_equal(atomic_load(&s->state), STEPS_NEW);
	assert_true(chunk_u64_at(c, c->n_present - 1) == v[c->n_present - 1]);
	assert_int_equal(atomic_load(&s->state), STEPS_ASKED);
	assert_true(chunk_u64_at(c, c->n_present / 2) == v[c->n_present / 2]);
	assert_int_equal(atomic_load(&s->state), STEPS_MADE);
	for (uint32_t i = 0; i < c->n_present; i++) {
		uint64_t x;

		chunk_gather(c, &i, 1, &x);
		assert_true(x == v[i]);
	}
	free(v);
}

static void
single_values_behind_differences_are_found_by_steps(void **state)
{
	struct shard_rig r;

	(void)state;
	rig_init(&r, 3000, 1400, 3, 43);
	n_stepped = 0;
	each_chunk(&r, check_steps);
	assert_true(n_stepped > 0);
	rig_release(&r);
}

/* The same rows as bits: their ordinals, and back. */
static void
check_sets(const struct chunk *c, const uint32_t *rows, uint32_t n, const uint32_t *sel,
    const uint32_t *ord, uint32_t m)
{
	size_t words = BITMAP_WORDS(c->n_rows), ord_words = BITMAP_WORDS(c->n_present) + 1;
	uint64_t *in = calloc(words, 8), *ords = calloc(ord_words, 8);
	uint64_t *want = calloc(ord_words, 8), *out = calloc(words, 8), *back = calloc(words, 8);

	assert_true(in != NULL && ords != NULL && want != NULL && out != NULL && back != NULL);
	for (uint32_t i = 0; i < n; i++)
		bitmap_set(in, rows[i]);
	for (uint32_t i = 0; i < m; i++) {
		bitmap_set(want, ord[i]);
		bitmap_set(back, rows[sel[i]]);
	}
	chunk_ordinals(c, in, ords);
	assert_memory_equal(ords, want, ord_words * 8);
	chunk_rows(c, ords, out);
	assert_memory_equal(out, back, words * 8);
	free(in);
	free(ords);
	free(want);
	free(out);
	free(back);
}

/* The same by words of rows. */
static void
check_words(const struct chunk *c, const uint32_t *rows, uint32_t n, const uint32_t *sel,
    const uint32_t *ord, uint32_t m)
{
	struct row_word *words = calloc(n + 1, sizeof *words);
	uint32_t *s = calloc(n + 1, sizeof *s), *o = calloc(n + 1, sizeof *o), k;

	assert_true(words != NULL && s != NULL && o != NULL);
	k = row_words(rows, n, words);
	assert_int_equal(chunk_select_words(c, rows, n, words, k, s, o), m);
	assert_memory_equal(s, sel, m * sizeof *s);
	assert_memory_equal(o, ord, m * sizeof *o);
	free(words);
	free(s);
	free(o);
}

struct selection {
	uint32_t *rows, *sel, *ord;
	uint64_t *v;
};

static void
check_selection(const struct chunk *c, struct selection *s, uint32_t n)
{
	uint32_t m = chunk_select(c, s->rows, n, s->sel, s->ord), at = 0;

	check_sets(c, s->rows, n, s->sel, s->ord, m);
	check_words(c, s->rows, n, s->sel, s->ord, m);
	for (uint32_t i = 0; i < n; i++) {
		if (!chunk_present(c, s->rows[i]))
			continue;
		assert_true(at < m);
		assert_int_equal(s->sel[at], i);
		assert_int_equal(s->ord[at], chunk_rank(c, s->rows[i]));
		at++;
	}
	assert_int_equal(at, m);
	if (c->encoding == ENC_BYTES)
		return;
	chunk_gather(c, s->ord, m, s->v);
	for (uint32_t i = 0; i < m; i++)
		assert_int_equal(s->v[i], chunk_u64_at(c, s->ord[i]));
}

/* Rows at a stride that changes, so that all densities come; rows without a gap. */
static void
check_select(const struct chunk *c)
{
	struct selection s = { calloc(c->n_rows, 4), calloc(c->n_rows, 4),
		calloc(c->n_rows, 4), calloc(c->n_rows, 8) };
	uint32_t n;

	assert_true(s.rows != NULL && s.sel != NULL && s.ord != NULL && s.v != NULL);
	for (uint32_t step = 1; step < c->n_rows * 2; step = step * 3 / 2 + 1) {
		n = 0;
		for (uint32_t row = step % 5; row < c->n_rows;
		    row += 1 + (uint32_t)(hash_u64(row) % step))
			s.rows[n++] = row;
		check_selection(c, &s, n);
	}
	for (uint64_t i = 0; i < 64; i++) {
		uint32_t from = (uint32_t)(hash_u64(i) % c->n_rows);
		uint32_t most = (uint32_t)(hash_u64(i + 64) % 200 + 1);

		for (n = 0; n < most && from + n < c->n_rows; n++)
			s.rows[n] = from + n;
		check_selection(c, &s, n);
	}
	free(s.rows);
	free(s.sel);
	free(s.ord);
	free(s.v);
}

static void
selection_and_gathering_agree_with_single_reads(void **state)
{
	struct shard_rig r;

	(void)state;
	rig_frozen(&r, 700);
	each_chunk(&r, check_select);
	rig_release(&r);
	rig_init(&r, 3000, 1400, 3, 43);
	each_chunk(&r, check_select);
	rig_release(&r);
}

static void
sums_of_counts_end_at_the_row_groups_number(void **state)
{
	static const enum column_id ids[] = { COL_N_EVENTS, COL_N_LINKS };
	struct err e = ERR_INIT;
	struct shard_rig r;

	(void)state;
	rig_frozen(&r, 200);
	for (size_t i = 0; i < 2; i++)
		for (uint32_t g = 0; g < shard_info(r.shard)->n_row_groups; g++) {
			const struct row_group *rg = &shard_info(r.shard)->row_groups[g];
			const struct chunk *c;
			uint64_t sum = 0;

			ok(chunk_get(r.shard, shard_column(r.shard, ids[i]), g, &c, &e), &e);
			assert_non_null(c);
			for (uint32_t k = 0; k < c->n_present; k++) {
				assert_int_equal(c->sums[k], sum);
				sum += chunk_u64_at(c, k);
			}
			assert_int_equal(c->sums[c->n_present], sum);
			assert_int_equal(sum, i == 0 ? rg->n_events : rg->n_links);
			chunk_put(c);
		}
	rig_release(&r);
}

static void
a_column_absent_from_a_row_group_has_no_chunk(void **state)
{
	const struct column *col;
	const struct chunk *c;
	struct err e = ERR_INIT;
	struct shard_rig r;
	uint32_t n = 0;

	(void)state;
	rig_frozen(&r, 100);
	/* Of an attribute that a single span has. */
	col = shard_info(r.shard)->columns;
	while (col->id != COL_ATTR || col->n_present != 1)
		col++;
	for (uint32_t g = 0; g < 9; g++) {
		ok(chunk_get(r.shard, col, g, &c, &e), &e);
		n += c != NULL;
		chunk_put(c);
	}
	assert_int_equal(n, 1);
	ok(chunk_get(r.shard, col, 9, &c, &e), &e);
	assert_null(c);
	rig_release(&r);
}

static void
dictionary_finds_each_value_and_where_others_would_stand(void **state)
{
	const struct dict *d;
	struct err e = ERR_INIT;
	struct shard_rig r;
	uint32_t code;

	(void)state;
	rig_frozen(&r, 700);
	ok(dict_get(r.shard, shard_column(r.shard, COL_NAME), &d, &e), &e);
	assert_int_equal(d->n, 5);
	for (uint32_t i = 0; i < d->n; i++) {
		assert_true(dict_find(d, dict_at(d, i), &code));
		assert_int_equal(code, i);
	}
	assert_false(dict_find(d, SV(""), &code));
	assert_int_equal(code, 0);
	assert_false(dict_find(d, SV("POST"), &code));
	assert_int_equal(code, 1);
	assert_false(dict_find(d, SV("zzz"), &code));
	assert_int_equal(code, 5);
	dict_put(d);
	rig_release(&r);
}

/* Again and again, so that each is found where another was remembered, and where itself was. */
static void
values_and_attributes_are_found_again_where_they_were(void **state)
{
	const struct shard_info *info;
	struct err e = ERR_INIT;
	struct shard_rig r;
	size_t n_large = 0;
	uint32_t code;

	(void)state;
	rig_init(&r, 3000, 1400, 3, 44);
	info = shard_info(r.shard);
	for (size_t i = 0; i < info->n_columns; i++) {
		const struct column *col = &info->columns[i], *first;
		const struct dict *d;

		for (int k = 0; k < 2 && col->id == COL_ATTR; k++) {
			size_t n = shard_attr(r.shard, col->scope, col->key, &first);

			assert_true(first <= col && col < first + n);
			assert_true(sv_eq(first->key, col->key) && first->scope == col->scope);
			assert_true(first == info->columns || first[-1].id != COL_ATTR ||
			    first[-1].scope != col->scope || !sv_eq(first[-1].key, col->key));
			n = shard_attr(r.shard, col->scope, SV("no such key"), &first);
			assert_int_equal(n, 0);
		}
		if (col->kind != COLUMN_DICT)
			continue;
		ok(dict_get(r.shard, col, &d, &e), &e);
		n_large += d->found != NULL;
		for (uint32_t k = 0; k < 2 * d->n; k++) {
			uint32_t at = k % 2 == 0 ? k / 2 : (k / 2 * 7 + 3) % d->n;

			assert_true(dict_find(d, dict_at(d, at), &code));
			assert_int_equal(code, at);
			assert_true(dict_find(d, dict_at(d, at), &code));
			assert_int_equal(code, at);
			assert_false(dict_find(d, SV("\xff\xff no such value"), &code));
			assert_int_equal(code, d->n);
		}
		dict_put(d);
	}
	assert_true(n_large > 0);
	rig_release(&r);
}

/* ---- the cache ---- */

static void
cache_stays_within_its_bound_but_for_what_is_pinned(void **state)
{
	const struct chunk *pinned, *c;
	struct err e = ERR_INIT;
	struct shard_rig r;
	size_t held;

	(void)state;
	rig_frozen(&r, 700);
	ok(chunk_get(r.shard, shard_column(r.shard, COL_SPAN_ID), 0, &pinned, &e), &e);
	held = chunkcache_stats(r.cache).n_bytes;
	chunkcache_resize(r.cache, held + 3000);
	for (uint32_t i = 0; i < shard_info(r.shard)->n_columns; i++) {
		ok(chunk_get(r.shard, &shard_info(r.shard)->columns[i], 0, &c, &e), &e);
		chunk_put(c);
		assert_true(chunkcache_stats(r.cache).n_bytes <= held + 3000);
	}
	assert_true(chunkcache_stats(r.cache).evictions > 0);
	chunkcache_resize(r.cache, 0);
	assert_int_equal(chunkcache_stats(r.cache).n_entries, 1);
	assert_int_equal(pinned->raw[0], chunk_u64_at(pinned, 0));
	chunk_put(pinned);
	assert_int_equal(chunkcache_stats(r.cache).n_entries, 0);
	assert_int_equal(chunkcache_stats(r.cache).n_bytes, 0);
	rig_release(&r);
}

static void
cache_keeps_what_is_used_again_over_a_scan(void **state)
{
	const struct column *hot;
	const struct chunk *c;
	struct err e = ERR_INIT;
	struct shard_rig r;
	uint64_t before;

	(void)state;
	rig_frozen(&r, 100);
	hot = shard_column(r.shard, COL_SPAN_ID);
	chunkcache_resize(r.cache, 12000);
	read_counters = (struct read_counters){ 0 };
	for (uint32_t i = 0; i < shard_info(r.shard)->n_columns; i++) {
		ok(chunk_get(r.shard, hot, 0, &c, &e), &e);
		chunk_put(c);
		ok(chunk_get(r.shard, &shard_info(r.shard)->columns[i], 1, &c, &e), &e);
		chunk_put(c);
	}
	before = read_counters.n_reads;
	ok(chunk_get(r.shard, hot, 0, &c, &e), &e);
	chunk_put(c);
	assert_int_equal(read_counters.n_reads, before);
	assert_true(chunkcache_stats(r.cache).evictions > 0);
	rig_release(&r);
}

/* One column of all row groups; returns the reads that this took. */
static uint64_t
walk(struct shard_rig *r)
{
	uint64_t before = read_counters.n_reads;
	const struct chunk *c;
	struct err e = ERR_INIT;

	for (uint32_t g = 0; g < shard_info(r->shard)->n_row_groups; g++) {
		ok(chunk_get(r->shard, shard_column(r->shard, COL_SPAN_ID), g, &c, &e), &e);
		chunk_put(c);
	}
	return read_counters.n_reads - before;
}

static void
cache_that_begins_small_grows_to_what_comes_back(void **state)
{
	struct shard_rig r;
	size_t all, small;

	(void)state;
	rig_frozen(&r, 10);
	chunkcache_resize(r.cache, 1u << 20);
	assert_true(walk(&r) > 0);
	all = chunkcache_stats(r.cache).n_bytes;
	chunkcache_drop(r.cache);
	small = all / 4;
	chunkcache_begin_small(r.cache, small);
	/* What is asked for once gets no more room. */
	assert_true(walk(&r) > 0);
	assert_in_range(chunkcache_stats(r.cache).n_bytes, 1, small);
	/* What comes back does. */
	assert_true(walk(&r) > 0);
	assert_in_range(chunkcache_stats(r.cache).n_bytes, small + 1, all);
	(void)walk(&r);
	assert_int_equal(walk(&r), 0);
	/* But no more than the bound. */
	chunkcache_resize(r.cache, all / 2);
	chunkcache_begin_small(r.cache, small);
	for (int i = 0; i < 4; i++) {
		assert_true(walk(&r) > 0);
		assert_in_range(chunkcache_stats(r.cache).n_bytes, 1, all / 2);
	}
	rig_release(&r);
}

/* All columns of row groups [from, to), each asked for twice, as a scan does; returns the reads. */
static uint64_t
scan(struct shard_rig *r, uint32_t reader, uint32_t from, uint32_t to)
{
	uint64_t before = read_counters.n_reads;
	const struct chunk *c;
	struct err e = ERR_INIT;

	cache_reader = reader;
	for (uint32_t g = from; g < to; g++)
		for (uint32_t i = 0; i < 2 * shard_info(r->shard)->n_columns; i++) {
			ok(chunk_get(r->shard, &shard_info(r->shard)->columns[i / 2], g, &c, &e), &e);
			chunk_put(c);
		}
	cache_reader = 0;
	return read_counters.n_reads - before;
}

static void
cache_holds_a_scan_of_much_on_trial_only(void **state)
{
	struct shard_rig r;
	size_t all, few, room;
	uint32_t n;

	(void)state;
	rig_frozen(&r, 10);
	n = shard_info(r.shard)->n_row_groups;
	chunkcache_resize(r.cache, 1u << 30);
	assert_true(scan(&r, 1, 0, 2) > 0);
	few = chunkcache_stats(r.cache).n_bytes;
	assert_true(scan(&r, 2, 0, n) > 0);
	all = chunkcache_stats(r.cache).n_bytes;
	chunkcache_drop(r.cache);
	room = 4 * few;
	assert_true(all > 3 * room);
	chunkcache_resize(r.cache, room);
	/* Its own coming back is no use by another, and who comes back late finds nothing. */
	for (uint32_t i = 3; i < 6; i++) {
		assert_true(scan(&r, i, 0, n) > 0);
		/* The rows of traces, which the parents of each row group are checked by. */
		assert_in_range(chunkcache_kept_bytes(r.cache), 0, few / 2);
		assert_in_range(chunkcache_stats(r.cache).n_bytes, 1, room);
	}
	/* What two have asked for stays over scans. */
	assert_true(scan(&r, 6, 0, 2) > 0);
	assert_int_equal(scan(&r, 7, 0, 2), 0);
	for (uint32_t i = 8; i < 11; i++) {
		assert_true(scan(&r, i, 0, n) > 0);
		assert_in_range(chunkcache_kept_bytes(r.cache), few, room / 2);
	}
	assert_int_equal(scan(&r, 11, 0, 2), 0);
	rig_release(&r);
}

/* As filters are that plans are made with. */
static void
cache_gives_a_trial_beside_what_is_pinned_for_long(void **state)
{
	const struct chunk *pinned[64];
	struct shard_rig r;
	struct err e = ERR_INIT;
	uint32_t n, m = 0;
	size_t few;

	(void)state;
	rig_frozen(&r, 10);
	n = shard_info(r.shard)->n_row_groups;
	chunkcache_resize(r.cache, 1u << 30);
	assert_true(scan(&r, 1, 0, 2) > 0);
	few = chunkcache_stats(r.cache).n_bytes;
	chunkcache_drop(r.cache);
	chunkcache_resize(r.cache, 6 * few);
	for (uint32_t i = 0; i < shard_info(r.shard)->n_columns && m < 64; i++) {
		ok(chunk_get(r.shard, &shard_info(r.shard)->columns[i], 0, &pinned[m], &e), &e);
		m += pinned[m] != NULL;
	}
	assert_true(m > 10);
	assert_true(scan(&r, 2, 1, n) > 0);
	/* What was read last is there still, and who comes back to it keeps it. */
	assert_int_equal(scan(&r, 3, n - 2, n), 0);
	assert_in_range(chunkcache_stats(r.cache).n_bytes, 1, 6 * few);
	for (uint32_t i = 0; i < m; i++)
		chunk_put(pinned[i]);
	/* By and by what was pinned goes, too. */
	assert_true(scan(&r, 4, 1, n / 2) > 0);
	assert_true(scan(&r, 5, 0, 1) > 0);
	rig_release(&r);
}

static void
cache_keeps_what_comes_back_soon(void **state)
{
	struct shard_rig r;
	size_t few;
	uint32_t n;

	(void)state;
	rig_frozen(&r, 10);
	n = shard_info(r.shard)->n_row_groups;
	chunkcache_resize(r.cache, 1u << 30);
	assert_true(scan(&r, 1, 0, 2) > 0);
	few = chunkcache_stats(r.cache).n_bytes;
	chunkcache_drop(r.cache);
	chunkcache_resize(r.cache, 4 * few);
	/* Over the room by half: the first row groups have just gone. */
	assert_true(scan(&r, 2, 0, 12) > 0);
	assert_true(scan(&r, 3, 0, 2) > 0);
	assert_in_range(chunkcache_kept_bytes(r.cache), few / 2, 2 * few);
	assert_true(scan(&r, 4, 12, n) > 0);
	assert_int_equal(scan(&r, 5, 0, 2), 0);
	rig_release(&r);
}

struct racer {
	struct shard_rig *rig;
	uint64_t seed, want;
	bool failed;
};

static void *
race(void *arg)
{
	struct racer *me = arg;
	struct shard *s = me->rig->shard;
	const struct shard_info *info = shard_info(s);
	struct span *out = calloc(FROZEN_SPANS, sizeof *out);
	uint32_t rows[FROZEN_SPANS];
	struct fetch *f;

	if (out == NULL || fetch_new(&f, NULL) != 0) {
		me->failed = true;
		free(out);
		return NULL;
	}
	for (uint32_t i = 0; i < FROZEN_SPANS; i++)
		rows[i] = (i * 7 + (uint32_t)me->seed) % FROZEN_SPANS;
	for (uint64_t k = 0; k < 40 && !me->failed; k++) {
		uint64_t x = hash_u64(me->seed * 1000 + k);
		const struct chunk *c;

		if (chunk_get(s, &info->columns[x % info->n_columns],
		    (uint32_t)(x >> 40) % info->n_row_groups, &c, NULL) != 0)
			me->failed = true;
		else
			chunk_put(c);
		if (k % 8 == 0)
			chunkcache_drop(me->rig->cache);
		if (k % 4 != 0)
			continue;
		if (fetch_rows(f, s, rows, FROZEN_SPANS, NULL, out, NULL) != 0 ||
		    spans_digest(out, FROZEN_SPANS) != me->want)
			me->failed = true;
		fetch_reset(f);
	}
	fetch_free(f);
	free(out);
	return NULL;
}

static void
threads_share_a_shard_and_a_small_cache(void **state)
{
	struct racer racer[6];
	pthread_t thread[6];
	struct shard_rig r;

	(void)state;
	rig_frozen(&r, 128);
	chunkcache_resize(r.cache, 30000);
	for (size_t i = 0; i < 6; i++) {
		racer[i] = (struct racer){ &r, i + 1,
		    spans_digest(r.spans.spans, r.spans.n), false };
		assert_int_equal(pthread_create(&thread[i], NULL, race, &racer[i]), 0);
	}
	for (size_t i = 0; i < 6; i++) {
		pthread_join(thread[i], NULL);
		assert_false(racer[i].failed);
	}
	chunkcache_drop(r.cache);
	assert_int_equal(chunkcache_stats(r.cache).n_bytes, 0);
	rig_release(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(presence_rank_and_row_agree),
		cmocka_unit_test(ranges_of_numbers_agree_with_single_ones),
		cmocka_unit_test(single_values_behind_differences_are_found_by_steps),
		cmocka_unit_test(selection_and_gathering_agree_with_single_reads),
		cmocka_unit_test(sums_of_counts_end_at_the_row_groups_number),
		cmocka_unit_test(a_column_absent_from_a_row_group_has_no_chunk),
		cmocka_unit_test(dictionary_finds_each_value_and_where_others_would_stand),
		cmocka_unit_test(values_and_attributes_are_found_again_where_they_were),
		cmocka_unit_test(cache_stays_within_its_bound_but_for_what_is_pinned),
		cmocka_unit_test(cache_keeps_what_is_used_again_over_a_scan),
		cmocka_unit_test(cache_that_begins_small_grows_to_what_comes_back),
		cmocka_unit_test(cache_holds_a_scan_of_much_on_trial_only),
		cmocka_unit_test(cache_gives_a_trial_beside_what_is_pinned_for_long),
		cmocka_unit_test(cache_keeps_what_comes_back_soon),
		cmocka_unit_test(threads_share_a_shard_and_a_small_cache),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: ISC */
/*
 * filter_chunk: the numbers or codes of one chunk against a test, on the rows that still count.
 * Values are gone through by blocks of PACK_BLOCK: a block without such a row is passed over, and
 * so is one whose zone tells the answer. Where not every row has a value, sets of rows become
 * sets of ordinals and back; few rows are gone through by a list.
 */
#include "filter/filter_cost.h"
#include "filter_i.h"

static int
test_values(const struct col_test *t, const uint64_t *v, size_t n, const uint64_t *want,
    uint64_t *words, size_t *at, struct err *e)
{
	if (t->set != NULL)
		code_set_test(t->set, v, n, words);
	else if (t->ranges != NULL)
		range_test(v, n, t->ranges, words);
	else
		return codes_test(t->codes, v, n, want, t->fn, t->arg, words, at, e);
	return 0;
}

#define BLOCK_WORDS (PACK_BLOCK / 64)

/* What a block's zone says: 1 all, 0 none, -1 ask the values. */
static int
ask_zone(struct scan *sc, const struct chunk *c, const struct col_test *t, uint32_t block)
{
	struct pack_block b;

	if (!sc->xs->zones || t->ranges == NULL || c->encoding != ENC_PACK)
		return -1;
	b = pack_block(&c->pack, block);
	if (!ranges_touch(t->ranges, b.base, b.max)) {
		sc->prof->blocks_pruned++;
		return 0;
	}
	return ranges_cover(t->ranges, b.base, b.max) ? 1 : -1;
}

static int
test_block(struct scan *sc, const struct chunk *c, const struct col_test *t, uint32_t block,
    const uint64_t *in, uint64_t *out, uint32_t *bad)
{
	uint32_t first = block * PACK_BLOCK, n = c->n_present - first;
	uint64_t v[PACK_BLOCK], got[BLOCK_WORDS] = { 0 };
	size_t words, at;
	int rc;

	if (n > PACK_BLOCK)
		n = PACK_BLOCK;
	words = BITMAP_WORDS(n);
	if (!bitmap_any(in, n))
		return 0;
	if ((rc = ask_zone(sc, c, t, block)) == 0)
		return 0;
	if (rc > 0) {
		bitmap_or(out, in, n);
		return 0;
	}
	chunk_u64(c, first, n, v);
	if ((rc = test_values(t, v, n, in, got, &at, sc->e)) < 0) {
		*bad = first + (uint32_t)at;
		return rc;
	}
	for (size_t i = 0; i < words; i++)
		out[i] |= got[i] & in[i];
	return 0;
}

/* The first row of `in` from `from` on; n_rows if none. */
static uint32_t
next_row(const uint64_t *in, uint32_t from, uint32_t n_rows)
{
	uint32_t w = from / 64;
	uint64_t word;

	if (from >= n_rows)
		return n_rows;
	word = in[w] & ~(uint64_t)0 << from % 64;
	while (word == 0)
		if (++w >= BITMAP_WORDS(n_rows))
			return n_rows;
		else
			word = in[w];
	return w * 64 + (uint32_t)__builtin_ctzll(word);
}

/* The bits of `in` in [from, to), into out. */
static void
copy_bits(const uint64_t *in, uint32_t from, uint32_t to, uint64_t *out)
{
	for (uint32_t w = from / 64; w * 64 < to; w++) {
		uint64_t mask = ~(uint64_t)0;

		if (w * 64 < from)
			mask <<= from % 64;
		if (to - w * 64 < 64)
			mask &= ((uint64_t)1 << to % 64) - 1;
		out[w] |= in[w] & mask;
	}
}

/* Runs of one value; those without an ordinal in question are passed over. */
static int
test_runs(struct scan *sc, const struct chunk *c, const struct col_test *t, const uint64_t *in,
    uint64_t *out, uint32_t *bad)
{
	uint32_t row = next_row(in, 0, c->n_present);

	for (uint32_t i = 0; i < c->n_runs && row < c->n_present; i++) {
		uint32_t end = c->run_ends[i];
		int rc;

		if (row >= end)
			continue;
		if ((rc = col_test_one(t, pack_at(&c->pack, i), sc->e)) < 0) {
			*bad = row;
			return rc;
		}
		if (rc > 0)
			copy_bits(in, row, end, out);
		row = next_row(in, end, c->n_present);
	}
	return 0;
}

/* in, out, *bad: ordinals. */
static int
test_ordinals(struct scan *sc, const struct chunk *c, const struct col_test *t, const uint64_t *in,
    uint64_t *out, uint32_t *bad)
{
	uint32_t n_blocks = (c->n_present + PACK_BLOCK - 1) / PACK_BLOCK;
	int rc;

	if (c->encoding == ENC_RLE)
		return test_runs(sc, c, t, in, out, bad);
	for (uint32_t b = 0; b < n_blocks; b++)
		if ((rc = test_block(sc, c, t, b, in + b * BLOCK_WORDS, out + b * BLOCK_WORDS,
		    bad)) < 0)
			return rc;
	return 0;
}

int
chunk_pick(struct scan *sc, const struct chunk *c, const uint64_t *in, struct picked *p)
{
	uint32_t n;

	if ((p->rows = scan_list(sc, in, c->n_rows, &n)) == NULL)
		return ERR_NOMEM;
	p->sel = arena_alloc(&sc->mem, (n + 1) * sizeof *p->sel);
	p->ord = arena_alloc(&sc->mem, (n + 1) * sizeof *p->ord);
	if (p->sel == NULL || p->ord == NULL)
		return err_nomem(sc->e);
	p->n = chunk_select(c, p->rows, n, p->sel, p->ord);
	return 0;
}

/* Ordinals [i, j) of the list are of one block. */
static int
test_some(struct scan *sc, const struct chunk *c, const struct col_test *t,
    const struct picked *p, uint32_t i, uint32_t n, uint64_t *out, uint32_t *bad)
{
	uint64_t v[PACK_BLOCK], got[BLOCK_WORDS] = { 0 }, some[BLOCK_WORDS] = { 0 };
	int rc = ask_zone(sc, c, t, p->ord[i] / PACK_BLOCK);
	size_t at;

	if (rc == 0)
		return 0;
	if (rc > 0) {
		for (uint32_t k = i; k < i + n; k++)
			bitmap_set(out, p->rows[p->sel[k]]);
		return 0;
	}
	bitmap_set_range(some, 0, n);
	chunk_gather(c, p->ord + i, n, v);
	if ((rc = test_values(t, v, n, some, got, &at, sc->e)) < 0) {
		*bad = p->rows[p->sel[i + at]];
		return rc;
	}
	BITMAP_EACH(got, n, k)
		bitmap_set(out, p->rows[p->sel[i + k]]);
	return 0;
}

/* Few rows: one by one. */
static int
test_picked(struct scan *sc, const struct chunk *c, const struct col_test *t,
    const uint64_t *in, uint64_t *out, uint32_t *bad)
{
	struct picked p;
	int rc;

	if ((rc = chunk_pick(sc, c, in, &p)) < 0)
		return rc;
	sc->prof->values_tested += p.n;
	for (uint32_t i = 0, j; i < p.n; i = j) {
		uint32_t end = (p.ord[i] / PACK_BLOCK + 1) * PACK_BLOCK;

		for (j = i + 1; j < p.n && p.ord[j] < end; j++)
			;
		if ((rc = test_some(sc, c, t, &p, i, j - i, out, bad)) < 0)
			return rc;
	}
	return 0;
}

int
chunk_test(struct scan *sc, const struct chunk *c, const struct col_test *t, const uint64_t *in,
    uint64_t *out, uint32_t *bad)
{
	uint64_t *want, *got;
	int rc;

	if (!chunk_all(c) && bitmap_count(in, c->n_rows) <= c->n_rows / PICK_SHARE)
		return test_picked(sc, c, t, in, out, bad);
	sc->prof->values_tested += c->n_present;
	if (chunk_all(c))
		return test_ordinals(sc, c, t, in, out, bad);
	want = scan_bits(sc, c->n_present + 64);
	got = scan_bits(sc, c->n_present + 64);
	if (want == NULL || got == NULL)
		return ERR_NOMEM;
	chunk_ordinals(c, in, want);
	if ((rc = test_ordinals(sc, c, t, want, got, bad)) < 0) {
		*bad = chunk_row(c, *bad);
		return rc;
	}
	if (bitmap_any(got, c->n_present))
		chunk_rows(c, got, out);
	return 0;
}

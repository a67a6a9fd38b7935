/* SPDX-License-Identifier: ISC */
/*
 * chunk: reads of a chunk that chunk_load.c has validated. Nothing here checks anything: row
 * and ordinal are the caller's duty.
 */
#include "shard/chunk.h"

#include "base/bitmap.h"
#include "base/search.h"
#include "shard_i.h"

#define RANK_WORDS 8		/* words between two entries of the rank directory */
/* From so many values wanted of one block, decoding it whole is cheaper than one by one. */
#define DENSE_BLOCK 24

void
chunk_put(const struct chunk *c)
{
	if (c != NULL)
		cache_unpin(c->shard->cache, c->pin);
}

/* Place of the first entry of the list that is >= row, from `lo` on. */
static uint32_t
list_lower(const struct chunk *c, uint32_t lo, uint32_t row)
{
	LOWER_BOUND(lo, c->n_present, i, c->list[i] < row);
	return lo;
}

/* Ones of the bitmap before word w. */
static uint32_t
rank_word(const struct chunk *c, uint32_t w)
{
	uint32_t i = w / RANK_WORDS * RANK_WORDS, n = c->rank[w / RANK_WORDS];

	for (; i < w; i++)
		n += bitmap_ones(c->bitmap[i]);
	return n;
}

/* The same, where word `from` has so many before it: from there, or from the directory's last entry. */
static uint32_t
rank_from(const struct chunk *c, uint32_t from, uint32_t before, uint32_t w)
{
	if (w % RANK_WORDS < w - from)
		return rank_word(c, w);
	for (; from < w; from++)
		before += bitmap_ones(c->bitmap[from]);
	return before;
}

bool
chunk_present(const struct chunk *c, uint32_t row)
{
	uint32_t i;

	switch (c->presence) {
	case PRESENT_ALL:
		break;
	case PRESENT_BITMAP:
		return bitmap_get(c->bitmap, row);
	case PRESENT_LIST:
		i = list_lower(c, 0, row);
		return i < c->n_present && c->list[i] == row;
	}
	return true;
}

uint32_t
chunk_rank(const struct chunk *c, uint32_t row)
{
	switch (c->presence) {
	case PRESENT_ALL:
		break;
	case PRESENT_BITMAP:
		if (row >= c->n_rows)
			return c->n_present;
		return rank_word(c, row / 64) + bitmap_ones(c->bitmap[row / 64] &
		    (((uint64_t)1 << row % 64) - 1));
	case PRESENT_LIST:
		return list_lower(c, 0, row);
	}
	return row;
}

static uint32_t
bitmap_row(const struct chunk *c, uint32_t ordinal)
{
	uint32_t lo = 1, w, n;
	uint64_t word;

	/* The last directory entry that is not beyond the ordinal. */
	LOWER_BOUND(lo, (c->n_rows + 511) / 512, i, c->rank[i] <= ordinal);
	lo--;
	w = lo * RANK_WORDS;
	ordinal -= c->rank[lo];
	while (ordinal >= (n = bitmap_ones(c->bitmap[w]))) {
		ordinal -= n;
		w++;
	}
	for (word = c->bitmap[w]; ordinal > 0; ordinal--)
		word &= word - 1;
	return w * 64 + (uint32_t)__builtin_ctzll(word);
}

uint32_t
chunk_row(const struct chunk *c, uint32_t ordinal)
{
	switch (c->presence) {
	case PRESENT_ALL:
		break;
	case PRESENT_BITMAP:
		return bitmap_row(c, ordinal);
	case PRESENT_LIST:
		return c->list[ordinal];
	}
	return ordinal;
}

void
chunk_presence(const struct chunk *c, uint64_t *words)
{
	switch (c->presence) {
	case PRESENT_ALL:
		bitmap_fill(words, c->n_rows);
		break;
	case PRESENT_BITMAP:
		memcpy(words, c->bitmap, BITMAP_WORDS(c->n_rows) * sizeof *words);
		break;
	case PRESENT_LIST:
		bitmap_zero(words, c->n_rows);
		for (uint32_t i = 0; i < c->n_present; i++)
			bitmap_set(words, c->list[i]);
		break;
	}
}

/* The run that holds an ordinal. */
static uint32_t
run_of(const struct chunk *c, uint32_t ordinal)
{
	uint32_t lo = 0;

	LOWER_BOUND(lo, c->n_runs, i, c->run_ends[i] <= ordinal);
	return lo;
}

static void
runs_u64(const struct chunk *c, uint32_t first, uint32_t n, uint64_t *out)
{
	for (uint32_t run = run_of(c, first), end = first + n; first < end; run++) {
		uint32_t to = c->run_ends[run] < end ? c->run_ends[run] : end;
		uint64_t v = pack_at(&c->pack, run);

		while (first < to) {
			*out++ = v;
			first++;
		}
	}
}

/* What was added up on the way through the chunk's pack, if that is there. */
static const uint64_t *
made_steps(const struct chunk *c)
{
	struct chunk_steps *s = c->steps;

	return s != NULL && atomic_load_explicit(&s->state, memory_order_acquire) == STEPS_MADE ?
	    s->v : NULL;
}

/* For single values: one thread makes it at the second look-up; others do without till then. */
static const uint64_t *
steps_of(const struct chunk *c)
{
	const uint64_t *made = made_steps(c);
	int state;

	if (made != NULL || c->steps == NULL)
		return made;
	state = atomic_load(&c->steps->state);
	if (state >= STEPS_MAKING || !atomic_compare_exchange_strong(&c->steps->state, &state,
	    state + 1) || state == STEPS_NEW)
		return NULL;
	pack_make_steps(&c->pack, c->steps->v);
	atomic_store_explicit(&c->steps->state, STEPS_MADE, memory_order_release);
	return c->steps->v;
}

void
chunk_u64(const struct chunk *c, uint32_t first, uint32_t n, uint64_t *out)
{
	if (n == 0)
		return;
	switch (c->encoding) {
	case ENC_CONST:
		for (uint32_t i = 0; i < n; i++)
			out[i] = c->constant;
		break;
	case ENC_RAW64:
		memcpy(out, c->raw + first, n * sizeof *out);
		break;
	case ENC_PACK:
		pack_decode_steps(&c->pack, made_steps(c), first, n, out);
		break;
	case ENC_RLE:
		runs_u64(c, first, n, out);
		break;
	case ENC_BYTES:
		break;
	}
}

uint64_t
chunk_u64_at(const struct chunk *c, uint32_t ordinal)
{
	switch (c->encoding) {
	case ENC_CONST:
		return c->constant;
	case ENC_RAW64:
		return c->raw[ordinal];
	case ENC_PACK:
		return pack_at_steps(&c->pack, steps_of(c), ordinal);
	case ENC_RLE:
		return pack_at(&c->pack, run_of(c, ordinal));
	case ENC_BYTES:
		break;
	}
	return 0;
}

/* Rows without a gap: their bits are gone through word by word. */
static uint32_t
select_run(const struct chunk *c, uint32_t first, uint32_t n, uint32_t *sel, uint32_t *ord)
{
	uint32_t w = first / 64, last = (first + n - 1) / 64, m = 0, at;
	uint64_t left = (uint64_t)-1 << first % 64, word = c->bitmap[w] & left;

	at = rank_word(c, w) + bitmap_ones(c->bitmap[w] & ~left);
	for (;;) {
		if (w == last)
			word &= (uint64_t)-1 >> (63 - (first + n - 1) % 64);
		for (; word != 0; word &= word - 1) {
			sel[m] = w * 64 + (uint32_t)__builtin_ctzll(word) - first;
			ord[m++] = at++;
		}
		if (w++ == last)
			return m;
		word = c->bitmap[w];
	}
}

/* Rows rise, so the words between two of them are counted once. */
static uint32_t
select_bitmap(const struct chunk *c, const uint32_t *rows, uint32_t n, uint32_t *sel,
    uint32_t *ord)
{
	uint32_t m = 0, w = 0, before = 0;

	if (n != 0 && rows[n - 1] - rows[0] == n - 1)
		return select_run(c, rows[0], n, sel, ord);
	for (uint32_t i = 0; i < n; i++) {
		uint32_t to = rows[i] / 64;
		uint64_t word = c->bitmap[to], bit = (uint64_t)1 << rows[i] % 64;

		if ((word & bit) == 0)
			continue;
		before = rank_from(c, w, before, to);
		w = to;
		sel[m] = i;
		ord[m++] = before + bitmap_ones(word & (bit - 1));
	}
	return m;
}

uint32_t
row_words(const uint32_t *rows, uint32_t n, struct row_word *words)
{
	uint32_t m = 0;

	for (uint32_t i = 0; i < n; i++) {
		if (m == 0 || words[m - 1].word != rows[i] / 64)
			words[m++] = (struct row_word){ 0, rows[i] / 64, i };
		words[m - 1].bits |= (uint64_t)1 << rows[i] % 64;
	}
	return m;
}

/* Words that have none of the rows are passed over, and counted only if one behind them has. */
static uint32_t
select_words(const struct chunk *c, const struct row_word *v, uint32_t n, uint32_t *sel,
    uint32_t *ord)
{
	uint32_t m = 0, w = 0, before = 0;

	for (uint32_t i = 0; i < n; i++) {
		uint64_t word = c->bitmap[v[i].word], hit = word & v[i].bits;
		uint32_t at = v[i].from;
		bool all = hit == v[i].bits;

		if (hit == 0)
			continue;
		before = rank_from(c, w, before, v[i].word);
		w = v[i].word;
		for (; hit != 0; hit &= hit - 1) {
			uint64_t below = (hit & -hit) - 1;

			sel[m] = all ? at++ : at + bitmap_ones(v[i].bits & below);
			ord[m++] = before + bitmap_ones(word & below);
		}
	}
	return m;
}

uint32_t
chunk_select_words(const struct chunk *c, const uint32_t *rows, uint32_t n,
    const struct row_word *words, uint32_t n_words, uint32_t *sel, uint32_t *ord)
{
	if (c->presence != PRESENT_BITMAP || n_words == n || rows[n - 1] - rows[0] == n - 1)
		return chunk_select(c, rows, n, sel, ord);
	return select_words(c, words, n_words, sel, ord);
}

/* Steps through the longer side by doubling: few rows in a long list and the other way round. */
static uint32_t
select_list(const struct chunk *c, const uint32_t *rows, uint32_t n, uint32_t *sel,
    uint32_t *ord)
{
	uint32_t m = 0, at = 0;

	for (uint32_t i = 0; i < n && at < c->n_present; i++) {
		if (c->list[at] < rows[i]) {
			uint32_t step = 1;

			while (at + step < c->n_present && c->list[at + step] < rows[i]) {
				at += step;
				step *= 2;
			}
			/* list[at] is below; the first that is not lies at most a step on. */
			at = list_lower(c, at + 1, rows[i]);
		}
		if (at < c->n_present && c->list[at] == rows[i]) {
			sel[m] = i;
			ord[m++] = at++;
		}
	}
	return m;
}

uint32_t
chunk_select(const struct chunk *c, const uint32_t *rows, uint32_t n, uint32_t *sel,
    uint32_t *ord)
{
	switch (c->presence) {
	case PRESENT_ALL:
		break;
	case PRESENT_BITMAP:
		return select_bitmap(c, rows, n, sel, ord);
	case PRESENT_LIST:
		return select_list(c, rows, n, sel, ord);
	}
	for (uint32_t i = 0; i < n; i++) {
		sel[i] = i;
		ord[i] = rows[i];
	}
	return n;
}

/* The words between the first and the last that is not 0. */
static bool
used_words(const uint64_t *w, size_t n, size_t *from, size_t *to)
{
	*from = 0;
	*to = n;
	while (*from < n && w[*from] == 0)
		++*from;
	while (*to > *from && w[*to - 1] == 0)
		--*to;
	return *from < *to;
}

void
chunk_ordinals(const struct chunk *c, const uint64_t *rows, uint64_t *ords)
{
	size_t words = BITMAP_WORDS(c->n_rows), from, to;

	switch (c->presence) {
	case PRESENT_ALL:
		bitmap_or(ords, rows, c->n_rows);
		break;
	case PRESENT_BITMAP:
		if (used_words(rows, words, &from, &to))
			(void)bitmap_compress(rows + from, c->bitmap + from, to - from, ords,
			    rank_word(c, (uint32_t)from));
		break;
	case PRESENT_LIST:
		for (uint32_t i = 0; i < c->n_present; i++)
			ords[i / 64] |= (uint64_t)bitmap_get(rows, c->list[i]) << i % 64;
		break;
	}
}

void
chunk_rows(const struct chunk *c, const uint64_t *ords, uint64_t *rows)
{
	switch (c->presence) {
	case PRESENT_ALL:
		bitmap_or(rows, ords, c->n_rows);
		break;
	case PRESENT_BITMAP:
		(void)bitmap_expand(ords, 0, c->bitmap, BITMAP_WORDS(c->n_rows), rows);
		break;
	case PRESENT_LIST:
		BITMAP_EACH(ords, c->n_present, i)
			bitmap_set(rows, c->list[i]);
		break;
	}
}

/* Is that cheaper one by one than all from the first to the last, of one block? */
static bool
is_sparse(const struct pack_block *b, const uint64_t *steps, const uint32_t *ord, uint32_t n)
{
	if (b->mode == PACK_FOR)
		return n < DENSE_BLOCK;
	return n == 1 || (steps != NULL && ord[n - 1] - ord[0] > n * (PACK_STEP / 2));
}

static void
gather_pack(const struct pack *p, const uint64_t *steps, const uint32_t *ord, uint32_t n,
    uint64_t *out)
{
	uint64_t block[PACK_BLOCK];

	for (uint32_t i = 0, j; i < n; i = j) {
		uint32_t no = ord[i] / PACK_BLOCK, end = (no + 1) * PACK_BLOCK;
		struct pack_block b = pack_block(p, no);

		for (j = i + 1; j < n && ord[j] < end; j++)
			;
		if (is_sparse(&b, steps, ord + i, j - i)) {
			for (uint32_t k = i; k < j; k++)
				out[k] = pack_at_steps(p, steps, ord[k]);
			continue;
		}
		pack_decode_steps(p, steps, ord[i], ord[j - 1] - ord[i] + 1, block);
		for (uint32_t k = i; k < j; k++)
			out[k] = block[ord[k] - ord[i]];
	}
}

static void
gather_runs(const struct chunk *c, const uint32_t *ord, uint32_t n, uint64_t *out)
{
	uint32_t run = 0, end = 0;
	uint64_t v = 0;

	for (uint32_t i = 0; i < n; i++) {
		if (ord[i] >= end) {
			run = run_of(c, ord[i]);
			end = c->run_ends[run];
			v = pack_at(&c->pack, run);
		}
		out[i] = v;
	}
}

void
chunk_gather(const struct chunk *c, const uint32_t *ord, uint32_t n, uint64_t *out)
{
	if (n == 0)
		return;
	if (n == 1) {
		*out = chunk_u64_at(c, ord[0]);
		return;
	}
	if (ord[n - 1] - ord[0] == n - 1) {
		chunk_u64(c, ord[0], n, out);
		return;
	}
	switch (c->encoding) {
	case ENC_CONST:
		chunk_u64(c, 0, n, out);
		break;
	case ENC_RAW64:
		for (uint32_t i = 0; i < n; i++)
			out[i] = c->raw[ord[i]];
		break;
	case ENC_PACK:
		gather_pack(&c->pack, steps_of(c), ord, n, out);
		break;
	case ENC_RLE:
		gather_runs(c, ord, n, out);
		break;
	case ENC_BYTES:
		break;
	}
}

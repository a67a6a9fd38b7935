/* SPDX-License-Identifier: ISC */
/*
 * select: see rank/select.h. What
 * blocks' bounds tell of how many numbers lie below a value is right to a block of each run: so it
 * is known between which two values the one that is sought lies, and only blocks that reach between
 * these are decoded.
 */
#include "rank/select.h"

#include "base/search.h"
#include "rank/images.h"

#define FEW_NUMBERS 4096	/* that are looked at one by one, in 32 KiB of the stack */

/* How many numbers blocks [0, n) have. */
static size_t
numbers_of(const struct packed_run *r, size_t blocks)
{
	return blocks == r->n_blocks ? r->n : blocks * PACKED_BLOCK;
}

/* Of a run: blocks [0, whole) are at x or below, and those from `some` on are above. */
static void
blocks_at(const struct packed_run *r, uint64_t x, size_t *whole, size_t *some)
{
	*some = packed_at_most(r, x);
	*whole = *some != 0 && packed_bound(r, *some) > x ? *some - 1 : *some;
}

/* How many are at x or below: at least, at most. */
static void
count(const struct ranking *s, uint64_t x, uint64_t *least, uint64_t *most)
{
	size_t plain = s->n == 0 ? 0 : x == UINT64_MAX ? s->n : lower_bound_u64(s->v, 0, s->n, x + 1);

	*least = *most = plain;
	for (size_t i = 0; i < s->n_runs; i++) {
		const struct packed_run *r = &s->runs[i];
		size_t whole, some;

		blocks_at(r, x, &whole, &some);
		*least += numbers_of(r, whole);
		*most += numbers_of(r, some);
	}
}

/* The least value of [lo, hi] with perhaps, or surely, more than `rank` at it or below; hi surely has. */
static uint64_t
bound_of(const struct ranking *s, uint64_t lo, uint64_t hi, uint64_t rank, bool surely)
{
	while (lo < hi) {
		uint64_t mid = lo + (hi - lo) / 2, least, most;

		count(s, mid, &least, &most);
		if ((surely ? least : most) > rank)
			hi = mid;
		else
			lo = mid + 1;
	}
	return lo;
}

static size_t
block_of(const struct ranking *s, const struct packed_run *r, size_t block,
    uint64_t out[PACKED_BLOCK])
{
	struct packed_place at = { 0 };
	size_t n;

	packed_seek(r, &at, block);
	n = packed_next(r, &at, out);
	*s->n_decoded += n;
	return n;
}

/* How many are at x or below. */
static uint64_t
count_exactly(const struct ranking *s, uint64_t x)
{
	uint64_t least, most, block[PACKED_BLOCK];

	count(s, x, &least, &most);
	for (size_t i = 0; i < s->n_runs; i++) {
		const struct packed_run *r = &s->runs[i];
		size_t whole, some, n;

		blocks_at(r, x, &whole, &some);
		if (whole == some)
			continue;
		n = block_of(s, r, whole, block);
		for (size_t k = 0; k < n; k++)
			least += block[k] <= x;
	}
	return least;
}

/* ---- numbers of [from, to) ---- */

struct between {
	uint64_t from, to;
	size_t plain_from, plain_to;
};

static struct between
between(const struct ranking *s, uint64_t from, uint64_t to)
{
	struct between b = { .from = from, .to = to };

	b.plain_from = lower_bound_u64(s->v, 0, s->n, from);
	b.plain_to = lower_bound_u64(s->v, b.plain_from, s->n, to);
	return b;
}

/* Blocks that may have some. */
static void
blocks_between(const struct packed_run *r, const struct between *b, size_t *first, size_t *end)
{
	*end = packed_below(r, b->to);
	*first = packed_below(r, b->from);
	if (*first != 0 && packed_bound(r, *first) >= b->from)
		--*first;
}

static uint64_t
most_between(const struct ranking *s, const struct between *b)
{
	uint64_t n = b->plain_to - b->plain_from;

	for (size_t i = 0; i < s->n_runs; i++) {
		size_t first, end;

		blocks_between(&s->runs[i], b, &first, &end);
		n += first < end ? numbers_of(&s->runs[i], end) - numbers_of(&s->runs[i], first) : 0;
	}
	return n;
}

/* Of one run: those that there are go behind v[*n]. How many are before them. */
static uint64_t
gather_run(const struct ranking *s, const struct packed_run *r, const struct between *b,
    uint64_t *v, size_t *n)
{
	struct packed_place at = { 0 };
	uint64_t block[PACKED_BLOCK], below;
	size_t first, end;

	blocks_between(r, b, &first, &end);
	below = numbers_of(r, first);
	packed_seek(r, &at, first < end ? first : 0);
	while (first < end && at.block < end) {
		size_t k = packed_next(r, &at, block);

		*s->n_decoded += k;
		for (size_t i = 0; i < k; i++) {
			below += block[i] < b->from;
			if (block[i] >= b->from && block[i] < b->to)
				v[(*n)++] = block[i];
		}
	}
	return below;
}

/* There are few. `to` if they are before the rank. */
static uint64_t
select_between(const struct ranking *s, const struct between *b, uint64_t rank)
{
	uint64_t v[FEW_NUMBERS], below = b->plain_from;
	size_t n = 0;

	for (size_t i = b->plain_from; i < b->plain_to; i++)
		v[n++] = s->v[i];
	for (size_t i = 0; i < s->n_runs; i++)
		below += gather_run(s, &s->runs[i], b, v, &n);
	return rank - below < n ? images_select(v, n, (size_t)(rank - below)) : b->to;
}

/* ---- the whole ---- */

static uint64_t
select_one(const struct ranking *s, size_t rank)
{
	uint64_t block[PACKED_BLOCK];

	block_of(s, &s->runs[0], rank / PACKED_BLOCK, block);
	return block[rank % PACKED_BLOCK];
}

uint64_t
ranking_select(const struct ranking *s, size_t rank)
{
	uint64_t lo = UINT64_MAX, hi = 0;
	struct between b;

	if (s->n_runs == 1 && s->n == 0)
		return select_one(s, rank);
	for (size_t i = 0; i < s->n_runs; i++) {
		uint64_t least = packed_bound(&s->runs[i], 0);
		uint64_t most = packed_bound(&s->runs[i], s->runs[i].n_blocks);

		lo = least < lo ? least : lo;
		hi = most > hi ? most : hi;
	}
	if (s->n != 0) {
		lo = s->v[0] < lo ? s->v[0] : lo;
		hi = s->v[s->n - 1] > hi ? s->v[s->n - 1] : hi;
	}
	lo = bound_of(s, lo, hi, rank, false);
	hi = bound_of(s, lo, hi, rank, true);
	while (lo < hi && (b = between(s, lo, hi), most_between(s, &b) > FEW_NUMBERS)) {
		uint64_t mid = lo + (hi - lo) / 2;

		if (count_exactly(s, mid) > rank)
			hi = mid;
		else
			lo = mid + 1;
	}
	return lo < hi ? select_between(s, &b, rank) : lo;
}

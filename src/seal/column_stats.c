/* SPDX-License-Identifier: ISC */
/*
 * column_stats: what the footer says of a column as a whole. Codes are counted one by one.
 * Numbers are counted in a small hash table: exact up to MOST_NUMBERS distinct values; beyond
 * that the count of distinct values comes from linear counting (a bitmap of hashes, 16 to 32
 * bits a value, so with few collisions), and top values from those that came first.
 *
 * A top value that occurs once says nothing unless all values are listed: it is left out.
 */
#include "seal_i.h"

#include <stdlib.h>

#include "base/bitmap.h"

#define NUM_SLOTS 8192
#define MOST_NUMBERS 4096
#define MOST_PROBES 32		/* numbers chosen to collide cost no more */

/* Keeps the `most` most frequent, first come first among equals. */
static void
offer(struct column_stats_out *st, uint32_t most, uint64_t v, uint32_t n_rows)
{
	uint32_t i = st->n_top;

	if (i == most) {
		if (most == 0 || st->top[i - 1].n_rows >= n_rows)
			return;
		i--;
	} else
		st->n_top++;
	for (; i > 0 && st->top[i - 1].n_rows < n_rows; i--)
		st->top[i] = st->top[i - 1];
	st->top[i] = (struct top){ v, n_rows };
}

static void
drop_single(struct column_stats_out *st)
{
	if (st->n_top == st->n_distinct)
		return;
	while (st->n_top > 0 && st->top[st->n_top - 1].n_rows < 2)
		st->n_top--;
}

int
column_stats_codes(struct seal *s, uint32_t n, uint32_t n_codes)
{
	struct column_stats_out *st = &s->stats;

	st->n_present = n;
	st->n_distinct = n_codes;
	st->has_range = false;
	st->n_top = 0;
	if (!vec_reserve(&s->counts, n_codes))
		return err_nomem(s->err);
	memset(s->counts.v, 0, n_codes * sizeof *s->counts.v);
	for (uint32_t i = 0; i < n; i++)
		s->counts.v[s->vals[i]]++;
	for (uint32_t i = 0; i < n_codes; i++)
		offer(st, s->opts.top_values, i, s->counts.v[i]);
	drop_single(st);
	return 0;
}

/* Distinct hashes among n values, in a bitmap made in s->tmp. */
static uint64_t
estimate_distinct(struct seal *s, uint32_t n)
{
	unsigned bits = 4 + 32 - (unsigned)__builtin_clz(n);
	uint64_t mask = ((uint64_t)1 << bits) - 1, ones = 0;

	memset(s->tmp, 0, (mask + 1) / 8);
	for (uint32_t i = 0; i < n; i++) {
		uint64_t h = hash_u64(s->vals[i]) & mask;

		ones += !bitmap_get(s->tmp, h);
		bitmap_set(s->tmp, h);
	}
	/* n = -m ln(1 - ones/m), its first two terms: ones is at most m / 8. */
	ones += ones * ones / (2 * (mask + 1));
	return ones > n ? n : ones;
}

/* The slot of v: its own, a free one, or NULL if there is neither nearby. */
static struct num_slot *
slot_of(struct num_slot *slots, uint32_t n_slots, uint64_t v)
{
	uint32_t at = (uint32_t)hash_u64(v);

	for (uint32_t i = 0; i < MOST_PROBES; i++) {
		struct num_slot *x = &slots[(at + i) & (n_slots - 1)];

		if (x->n == 0 || x->v == v)
			return x;
	}
	return NULL;
}

/* Counts s->vals; returns how many distinct ones are in the table, *full: but not all. */
static uint32_t
count_numbers(struct seal *s, uint32_t n, uint32_t n_slots, bool *full)
{
	uint32_t used = 0;

	memset(s->num_slots, 0, n_slots * sizeof *s->num_slots);
	for (uint32_t i = 0; i < n; i++) {
		struct num_slot *x = slot_of(s->num_slots, n_slots, s->vals[i]);

		if (x == NULL || (x->n == 0 && used == MOST_NUMBERS)) {
			*full = true;
			continue;
		}
		used += x->n == 0;
		x->v = s->vals[i];
		x->n++;
	}
	return used;
}

/* Columns of which no value is expected to come twice, or that nobody asks about. */
static bool
is_uncounted(enum column_id id)
{
	return id == COL_TRACE || id == COL_SPAN_ID || id == COL_PARENT || id == COL_PARENT_ID ||
	    id == COL_START || id == COL_DURATION || id == COL_EVENT_TIME ||
	    id == COL_LINK_SPAN_ID;
}

static void
range(struct seal *s, uint32_t n)
{
	struct column_stats_out *st = &s->stats;

	st->has_range = n > 0;
	st->min = UINT64_MAX;
	st->max = 0;
	for (uint32_t i = 0; i < n; i++) {
		if (s->vals[i] < st->min)
			st->min = s->vals[i];
		if (s->vals[i] > st->max)
			st->max = s->vals[i];
	}
}

int
column_stats_numbers(struct seal *s, const struct column_desc *d, uint32_t n)
{
	struct column_stats_out *st = &s->stats;
	uint32_t n_slots = 64;
	bool full = false;

	st->n_present = st->n_distinct = n;
	st->n_top = 0;
	s->n_num_slots = 0;
	range(s, n);
	if (d->id == COL_TRACE)
		st->n_distinct = s->part->ids.n_traces;
	if (n == 0 || is_uncounted(d->id))
		return 0;
	if (s->num_slots == NULL && (s->num_slots =
	    arena_alloc(&s->mem, NUM_SLOTS * sizeof *s->num_slots)) == NULL)
		return err_nomem(s->err);
	while (n_slots < 2 * (uint64_t)n && n_slots < NUM_SLOTS)
		n_slots *= 2;
	st->n_distinct = count_numbers(s, n, n_slots, &full);
	if (full)
		st->n_distinct = estimate_distinct(s, n);
	else
		s->n_num_slots = n_slots;
	for (uint32_t i = 0; i < n_slots; i++)
		if (s->num_slots[i].n != 0)
			offer(st, s->opts.top_values, s->num_slots[i].v, s->num_slots[i].n);
	drop_single(st);
	return 0;
}

static int
u64_cmp(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

uint32_t
column_number_ranks(struct seal *s, uint32_t n)
{
	uint32_t n_keys = 0;

	for (uint32_t i = 0; i < s->n_num_slots; i++)
		if (s->num_slots[i].n != 0)
			s->tmp[n_keys++] = s->num_slots[i].v;
	if (n_keys == 0 || !vec_reserve(&s->counts, n_keys))
		return 0;
	qsort(s->tmp, n_keys, sizeof *s->tmp, u64_cmp);
	for (uint32_t i = 0; i < n_keys; i++) {
		struct num_slot *x = slot_of(s->num_slots, s->n_num_slots, s->tmp[i]);

		x->rank = i;
		s->counts.v[i] = x->n;
	}
	for (uint32_t i = 0; i < n; i++)
		s->vals[i] = slot_of(s->num_slots, s->n_num_slots, s->vals[i])->rank;
	return n_keys;
}

/* SPDX-License-Identifier: ISC */
/*
 * column_write: one column at a time: its values are brought into row order, cut at the row
 * groups and encoded. Values stand in s->vals by ordinal, s->present says which rows they
 * belong to. A memcol's values arrive in arrival order: each sets its row's bit and notes its
 * place there, then the bits are walked; no sorting, nothing per absent row but its bit.
 *
 * Of the encodings the smallest before compression is taken; of presence forms as well.
 */
#include "seal_i.h"

#include "base/bitmap.h"
#include "shard/enc.h"
#include "shard/shard.h"

int
column_write_numbers(struct seal *s, const struct column_desc *d, uint32_t n, bool all)
{
	int rc;

	if ((rc = column_stats_numbers(s, d, n)) != 0 ||
	    (rc = stats_column(s, d, NULL, NULL, n, all)) != 0 ||
	    (rc = column_chunks(s, d, n, all)) != 0 ||
	    (rc = postings_numbers(s, d, n, all)) != 0)
		return rc;
	return column_end(s, d, NULL, NULL);
}

int
column_write_nonzero(struct seal *s, const struct column_desc *d)
{
	uint32_t rows = s->ord.domain[d->domain].n, n = 0;

	bitmap_zero(s->present, rows);
	for (uint32_t i = 0; i < rows; i++)
		if (s->vals[i] != 0) {
			bitmap_set(s->present, i);
			s->vals[n++] = s->vals[i];
		}
	return n == 0 ? 0 : column_write_numbers(s, d, n, n == rows);
}

/* Presence and values (codes) of a memcol, in row order. */
static void
gather(struct seal *s, const struct memcol *c)
{
	const struct domain_order *d = &s->ord.domain[c->domain];
	uint32_t n = 0;

	bitmap_zero(s->present, d->n);
	for (uint32_t i = 0; i < c->n; i++) {
		uint32_t row = d->rank[c->rows[i]];

		bitmap_set(s->present, row);
		s->slot[row] = i;
	}
	for (size_t w = 0; w < BITMAP_WORDS(d->n); w++)
		for (uint64_t bits = s->present[w]; bits != 0; bits &= bits - 1) {
			uint32_t i = s->slot[w * 64 + (size_t)__builtin_ctzll(bits)];

			s->vals[n++] = c->strings ? c->codes[i] : c->nums[i];
		}
}

int
column_write_memcol(struct seal *s, const struct memcol *c)
{
	struct column_desc d = {
		.id = c->id, .domain = c->domain, .type = c->type, .scope = c->scope,
		.key = c->key, .kind = COLUMN_INT,
	};
	bool all = c->n == s->ord.domain[c->domain].n;

	if (c->n == 0)
		return 0;
	gather(s, c);
	if (!c->strings)
		return column_write_numbers(s, &d, c->n, all);
	return column_write_strings(s, &d, &c->dict, c->n, all, c->id != COL_EVENT_NAME);
}

/* ---- the footer's entry ---- */


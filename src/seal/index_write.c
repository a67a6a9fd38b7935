/* SPDX-License-Identifier: ISC */
/*
 * index_write: which of a shard's indexes are kept. While columns are written, those that
 * could be of use are made and held, compressed, with a number for their use: how many rows (or work
 * worth as much) a look-up of one of the column's values need not look at. In the end those
 * with most use per byte are written, until index_budget percent of what the shard has without
 * them are spent; one that no longer fits is passed over for a smaller one.
 *
 * What the shard will take is not known before it is written, so it is guessed high, and what
 * better indexes leave no room for in that guess is not made, or given up: so hardly more is
 * held than is written. A shard that takes more than the guess has fewer indexes for it.
 */
#include "seal_i.h"

#include <stdlib.h>

#include "base/limits.h"
#include "shard/codec.h"

#define ENTRY_BYTES 32		/* of a section, in footer and padding */
#define ROW_BYTES 64		/* of a shard, guessed high */

/* The most that may be spent, as far as it can be known now. */
static uint64_t
most_bytes(const struct seal *s)
{
	uint64_t bytes = (uint64_t)s->ord.n_rows * ROW_BYTES;

	return (s->off > bytes ? s->off : bytes) / 100 * s->opts.index_budget;
}

static size_t
cost(const struct index_cand *c)
{
	return c->stored.n + ENTRY_BYTES;
}

bool
index_worth(const struct seal *s, double gain, double bytes)
{
	uint64_t better = 0;

	if (gain <= 0)
		return false;
	for (size_t i = 0; i < s->cands.n; i++)
		if (s->cands.v[i].gain * bytes > gain * (double)cost(&s->cands.v[i]))
			better += cost(&s->cands.v[i]);
	return (double)better + bytes <= (double)most_bytes(s);
}

/* Gives up those that there is no more room for. */
static void
give_up(struct seal *s)
{
	size_t k = 0;

	for (size_t i = 0; i < s->cands.n; i++) {
		struct index_cand *c = &s->cands.v[i];

		if (index_worth(s, c->gain, (double)cost(c)))
			continue;
		buf_release(&c->stored);
		c->gain = -1;
	}
	for (size_t i = 0; i < s->cands.n; i++)
		if (s->cands.v[i].gain >= 0)
			s->cands.v[k++] = s->cands.v[i];
	s->cands.n = k;
}

int
index_offer(struct seal *s, enum section_kind kind, double gain)
{
	struct index_cand c = {
		.n_raw = s->raw.n, .column = s->n_columns, .kind = kind, .gain = gain,
	};
	int rc;

	if ((rc = buf_ok(&s->raw, s->err)) != 0 || s->raw.n > LIMIT_SECTION_BYTES)
		return rc;
	rc = codec_compress(&c.stored, buf_view(&s->raw), s->opts.compression_level, &c.codec,
	    s->err);
	if (rc == 0 && !vec_push(&s->cands, c))
		rc = err_nomem(s->err);
	if (rc != 0)
		buf_release(&c.stored);
	else
		give_up(s);
	return rc;
}

/* By use per byte; of equals the first column's. */
static int
best_first(const void *pa, const void *pb)
{
	const struct index_cand *a = pa, *b = pb;
	double x = a->gain * (double)cost(b), y = b->gain * (double)cost(a);

	if (x != y)
		return x > y ? -1 : 1;
	if (a->column != b->column)
		return a->column < b->column ? -1 : 1;
	return a->kind < b->kind ? -1 : a->kind > b->kind;
}

static int
by_column(const void *pa, const void *pb)
{
	const struct index_cand *a = pa, *b = pb;

	if (a->column != b->column)
		return a->column < b->column ? -1 : 1;
	return a->kind < b->kind ? -1 : a->kind > b->kind;
}

/* Moves the ones to be written to the front; returns how many. */
static size_t
choose(struct index_cand *v, size_t n, uint64_t budget)
{
	size_t k = 0;

	for (size_t i = 0; i < n; i++) {
		struct index_cand c = v[i];

		if (cost(&c) > budget)
			continue;
		budget -= cost(&c);
		v[i] = v[k];
		v[k++] = c;
	}
	return k;
}

int
seal_indexes(struct seal *s)
{
	struct index_cand *v = s->cands.v;
	size_t n;
	int rc;

	if (s->cands.n == 0)
		return 0;
	qsort(v, s->cands.n, sizeof *v, best_first);
	n = choose(v, s->cands.n, s->off / 100 * s->opts.index_budget);
	qsort(v, n, sizeof *v, by_column);
	for (size_t i = 0; i < n; i++)
		if ((rc = section_put_stored(s, &v[i])) != 0)
			return rc;
	return 0;
}

void
seal_indexes_release(struct seal *s)
{
	for (size_t i = 0; i < s->cands.n; i++)
		buf_release(&s->cands.v[i].stored);
	vec_release(&s->cands);
}

/* SPDX-License-Identifier: ISC */
/* export_batch: see export_i.h. */
#include "export_i.h"

#define MOST_ROWS 50000u
#define LEAST_ROWS 10000u		/* but of spans so large or so far apart that it must be fewer */
#define ENOUGH_BYTES (32u << 20)	/* with LEAST_ROWS */
#define MOST_BYTES (128u << 20)
#define DAY_NS 86400000000000ull

void
export_batch_clear(struct export_batch *b)
{
	b->rows.n = 0;
	b->refs.n = 0;
	b->n_days = 0;
}

void
export_batch_release(struct export_batch *b)
{
	buf_release(&b->rows);
	vec_release(&b->refs);
}

static bool
has_day(const struct export_batch *b, uint64_t day)
{
	/* Most often it is that of the row before. */
	for (size_t i = b->n_days; i-- > 0;)
		if (b->days[i] == day)
			return true;
	return false;
}

/*
 * Rows of one span, as far as its ids and start say so, stay together: those that are equal are
 * told apart only by how many the server has.
 */
static bool
belongs(const struct export_batch *b, const struct batch_row *r)
{
	const struct batch_row *last = &b->refs.v[b->refs.n - 1];

	return last->span_id == r->span_id && last->start_ns == r->start_ns &&
	    trace_id_eq(last->trace_id, r->trace_id);
}

bool
export_batch_full(const struct export_batch *b, const struct batch_row *r, size_t most_rows)
{
	size_t least = most_rows != 0 ? most_rows : LEAST_ROWS;

	if (most_rows == 0)
		most_rows = MOST_ROWS;
	if (b->refs.n == 0 || (belongs(b, r) && b->rows.n < 2 * MOST_BYTES &&
	    b->refs.n < 2 * MOST_ROWS))
		return false;
	return b->refs.n >= most_rows || b->rows.n >= MOST_BYTES ||
	    (b->refs.n >= least && b->rows.n >= ENOUGH_BYTES) ||
	    (b->n_days == BATCH_DAYS && !has_day(b, r->start_ns / DAY_NS));
}

int
export_batch_add(struct export_batch *b, struct sv row, const struct batch_row *r, struct err *e)
{
	struct batch_row ref = *r;

	buf_sv(&b->rows, row);
	ref.end = b->rows.n;
	if (!vec_push(&b->refs, ref))
		return err_nomem(e);
	if (!has_day(b, r->start_ns / DAY_NS) && b->n_days < BATCH_DAYS)
		b->days[b->n_days++] = r->start_ns / DAY_NS;
	b->chain = chain_next(b->chain, r->hash);
	return buf_ok(&b->rows, e);
}

struct hash128
chain_next(struct hash128 chain, struct hash128 row)
{
	const struct hash128 both[2] = { chain, row };

	return hash128(both, sizeof both);
}

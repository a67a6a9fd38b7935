/* SPDX-License-Identifier: ISC */
/*
 * ch_first: are the rows that came the first? They were sorted by one column, and one more was asked
 * for than is wanted. If the last two differ in it, all rows that did not come are behind those that
 * are wanted, whatever else orders them. If fewer came, there are no others.
 *
 * The column orders rows as spans are ordered, from one of over 63 bits on: there a duration is none,
 * but comes first, and so is seen. What differs in the column may be equal here, but not the other way.
 */
#include "ch_source_i.h"

static uint64_t
key(const struct ch_select *q, const struct span *s)
{
	return q->sort[0].column == CHC_TIMESTAMP ? s->start_ns : span_duration(s);
}

static bool
settled(const struct ch_select *q, const struct span_batch *b, uint64_t passed_over)
{
	const struct span *v = b->spans;

	if (b->n + passed_over <= q->limit)
		return true;
	if (b->n != q->limit + 1 || passed_over != 0 || key(q, &v[b->n - 2]) == key(q, &v[b->n - 1]))
		return false;
	return q->sort[0].column == CHC_TIMESTAMP || q->schema->signed_duration ||
	    (q->sort[0].desc && key(q, &v[0]) != 0);
}

int
ch_first_read(struct ch_state *st, struct ch_scan *scan, struct err *e)
{
	struct span_batch *b = &st->batch;
	int rc = 0;

	span_batch_reset(b);
	while (rc == 0 && b->n <= st->q.limit + 1)
		rc = ch_scan_next(scan, b, CH_SPARE_MOST + 1, e);
	if (rc == 0)
		return 0;
	return rc < 0 ? rc : settled(&st->q, b, ch_scan_passed_over(scan));
}

/* SPDX-License-Identifier: ISC */
/* repeats: see model/repeats.h. */
#include "model/repeats.h"

static bool
same_hash(struct hash128 a, struct hash128 b)
{
	return a.hi == b.hi && a.lo == b.lo;
}

static bool
same_ids(const struct span *a, const struct span *b)
{
	return a->span_id == b->span_id && a->start_ns == b->start_ns && trace_id_eq(a->trace_id, b->trace_id);
}

void
repeats_add(struct repeats *r, const struct span_row *rows, size_t n)
{
	const struct span *first, *last;

	if (n == 0)
		return;
	first = rows[0].span;
	last = rows[n - 1].span;
	if (r->any && r->span == first->span_id && r->start_ns == first->start_ns &&
	    trace_id_eq(r->trace, first->trace_id))
		r->n += same_hash(r->hash, span_hash(first));
	for (size_t i = 1; i < n; i++)
		if (same_ids(rows[i - 1].span, rows[i].span))
			r->n += same_hash(span_hash(rows[i - 1].span), span_hash(rows[i].span));
	/* What the batch has is gone when the next one comes. */
	*r = (struct repeats){ r->n, true, last->trace_id, last->span_id, last->start_ns, span_hash(last) };
}

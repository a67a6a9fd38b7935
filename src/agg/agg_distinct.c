/* SPDX-License-Identifier: ISC */
/*
 * agg_distinct: the different values of a field in a group, by the 128-bit hashes of their packed
 * bytes (what says of spans, too, that they are the same).
 */
#include <stdlib.h>

#include "agg_i.h"

static bool
is_free(struct hash128 h)
{
	return h.lo == 0 && h.hi == 0;
}

static struct hash128 *
place(struct hash128 *v, size_t cap, struct hash128 h)
{
	size_t i = (size_t)h.lo & (cap - 1);

	while (!is_free(v[i]) && (v[i].lo != h.lo || v[i].hi != h.hi))
		i = (i + 1) & (cap - 1);
	return &v[i];
}

static int
grow(struct agg_memory *m, struct distinct *d, struct err *e)
{
	size_t cap = d->cap == 0 ? 4 : d->cap * 2;
	struct hash128 *v;
	int code;

	if ((code = agg_take(m, (cap - d->cap) * sizeof *v, e)) < 0)
		return code;
	if ((v = calloc(cap, sizeof *v)) == NULL)
		return err_nomem(e);
	for (size_t i = 0; i < d->cap; i++)
		if (!is_free(d->v[i]))
			*place(v, cap, d->v[i]) = d->v[i];
	free(d->v);
	d->v = v;
	d->cap = cap;
	return 0;
}

int
distinct_add(struct agg_memory *m, struct distinct *d, struct hash128 h, struct err *e)
{
	struct hash128 *p;
	int code;

	h.lo += is_free(h);
	if (4 * (d->n + 1) > 3 * d->cap && (code = grow(m, d, e)) < 0)
		return code;
	p = place(d->v, d->cap, h);
	d->n += is_free(*p);
	*p = h;
	return 0;
}

int
distinct_merge(struct agg_memory *m, struct distinct *d, const struct distinct *from,
    struct err *e)
{
	int code = 0;

	for (size_t i = 0; code == 0 && i < from->cap; i++)
		if (!is_free(from->v[i]))
			code = distinct_add(m, d, from->v[i], e);
	return code;
}

/* SPDX-License-Identifier: ISC */
/*
 * agg_distinct: the different values of a field in a group, by the 128-bit hashes of their packed
 * bytes (what says of spans, too, that they are the same); or their number alone, by HyperLogLog.
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
	if ((v = calloc(cap, sizeof *v)) == NULL) {
		m->used -= (cap - d->cap) * sizeof *v;
		return err_nomem(e);
	}
	for (size_t i = 0; i < d->cap; i++)
		if (!is_free(d->v[i]))
			*place(v, cap, d->v[i]) = d->v[i];
	free(d->v);
	d->v = v;
	d->cap = cap;
	return 0;
}

/* From the upper half: place() looks at the lower one. */
static int
add_all(struct agg_memory *m, struct hll16 *h, const struct distinct *from, struct err *e)
{
	int code = 0;

	for (size_t i = 0; code == 0 && i < from->cap; i++)
		if (!is_free(from->v[i]))
			code = hll16_add(m, h, from->v[i].hi, e);
	return code;
}

/* What it held is given back first: it is to get by where there is no memory left. */
static int
become_hll(struct agg_memory *m, struct distinct *d, struct err *e)
{
	size_t held = d->cap * sizeof *d->v;
	struct hll16 *h;
	int code;

	if ((h = calloc(1, sizeof *h)) == NULL)
		return err_nomem(e);
	m->used -= held;
	if ((code = add_all(m, h, d, e)) < 0) {
		m->used += held - hll16_bytes(h);
		hll16_release(h);
		free(h);
		return code;
	}
	m->used += sizeof *h;
	free(d->v);
	*d = (struct distinct){ .hll = h };
	m->inexact = true;
	return 0;
}

int
distinct_shrink(struct agg_memory *m, struct distinct *d, struct err *e)
{
	return d->hll != NULL || d->given || d->n < SMALL_STATE ? 0 : become_hll(m, d, e);
}

int
distinct_give(struct distinct *d, uint64_t n, struct err *e)
{
	if (d->given || d->hll != NULL || d->n != 0)
		return given_clash(e);
	*d = (struct distinct){ .n = (size_t)n, .given = true };
	return 0;
}

uint64_t
distinct_count(const struct distinct *d)
{
	return d->hll != NULL ? hll16_count(d->hll) : d->n;
}

int
distinct_add(struct agg_memory *m, struct distinct *d, struct hash128 h, struct err *e)
{
	bool full = 4 * (d->n + 1) > 3 * d->cap;
	struct hash128 *p;
	int code;

	if (d->given)
		return given_clash(e);
	h.lo += is_free(h);
	if (d->hll == NULL && full && m->short_of && (code = distinct_shrink(m, d, e)) < 0)
		return code;
	if (d->hll != NULL)
		return hll16_add(m, d->hll, h.hi, e);
	if (full && (code = grow(m, d, e)) < 0)
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

	if (d->given || from->given)
		return given_clash(e);
	if (from->hll != NULL && d->hll == NULL) {
		if ((code = become_hll(m, d, e)) < 0)
			return code;
	}
	if (from->hll != NULL)
		return hll16_merge(m, d->hll, from->hll, e);
	for (size_t i = 0; code == 0 && i < from->cap; i++)
		if (!is_free(from->v[i]))
			code = distinct_add(m, d, from->v[i], e);
	return code;
}

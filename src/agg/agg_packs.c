/* SPDX-License-Identifier: ISC */
/*
 * agg_packs: numbers of a group that are kept as they were stored, packed (rank/packed.h): all of them
 * integers, or all doubles, and so is what is there beside them. Where another kind comes they are decoded.
 * Their bytes are of a hold of the table (agg/agg_bytes.h), and counted here.
 */
#include <math.h>
#include <stdlib.h>

#include "agg_i.h"

size_t
packs_bytes(const struct packs *p)
{
	return p == NULL ? 0 : sizeof *p + p->cap * sizeof p->v[0] + p->bytes;
}

size_t
packs_count(const struct packs *p)
{
	return p == NULL ? 0 : p->n_numbers;
}

void
packs_drop(struct agg_memory *m, struct quantile *q)
{
	m->used -= packs_bytes(q->packs);
	free(q->packs);
	q->packs = NULL;
}

/* Room for n more, of so many bytes, which are counted from here on. */
static int
reserve(struct agg_memory *m, struct quantile *q, size_t n, size_t bytes, struct err *e)
{
	struct packs *p = q->packs, *more;
	size_t have = p == NULL ? 0 : p->n, cap = p == NULL ? 0 : p->cap, old = packs_bytes(p);
	int code;

	if (have + n > cap)
		cap = have + n > 2 * cap ? have + n : 2 * cap;
	bytes += sizeof *p + cap * sizeof p->v[0] + (p == NULL ? 0 : p->bytes);
	if ((code = agg_take(m, bytes - old, e)) < 0)
		return code;
	if ((more = realloc(p, sizeof *p + cap * sizeof p->v[0])) == NULL) {
		m->used -= bytes - old;
		return err_nomem(e);
	}
	if (p == NULL)
		*more = (struct packs){ 0 };
	more->cap = cap;
	more->bytes = bytes - sizeof *p - cap * sizeof p->v[0];
	q->packs = more;
	return 0;
}

static void
push(struct packs *p, const struct packed_run *r)
{
	p->v[p->n++] = *r;
	p->n_numbers += r->n;
}

int
packs_add(struct agg_memory *m, struct quantile *q, bool doubles, const struct packed_run *r,
    struct err *e)
{
	int code = reserve(m, q, 1, r->n_bytes, e);

	if (code < 0)
		return code;
	q->packs->doubles = doubles;
	push(q->packs, r);
	return 0;
}

int
packs_append(struct agg_memory *m, struct quantile *q, const struct packs *from, struct err *e)
{
	int code = from == NULL ? 0 : reserve(m, q, from->n, from->bytes, e);

	if (code < 0 || from == NULL)
		return code;
	q->packs->doubles = from->doubles;
	for (size_t i = 0; i < from->n; i++)
		push(q->packs, &from->v[i]);
	return 0;
}

/* ---- decoded ---- */

static void
pour(struct agg_memory *m, const struct packed_run *r, uint64_t *out)
{
	struct packed_place at = { 0 };
	uint64_t block[PACKED_BLOCK];

	while (at.block < r->n_blocks) {
		size_t n = packed_next(r, &at, block);

		memcpy(out, block, n * sizeof *block);
		out += n;
	}
	m->n_decoded += r->n;
}

int
packs_pour_all(struct agg_memory *m, struct quantile *q, const struct packs *p, struct err *e)
{
	uint64_t **v = p->doubles ? &q->doubles : &q->ints;
	size_t *n = p->doubles ? &q->n_doubles : &q->n_ints;
	int code = agg_grow(m, (void **)v, p->doubles ? &q->cap_doubles : &q->cap_ints,
	    *n + p->n_numbers, sizeof **v, e);

	for (size_t i = 0; code == 0 && i < p->n; i++) {
		pour(m, &p->v[i], *v + *n);
		*n += p->v[i].n;
	}
	q->sorted = false;
	return code;
}

int
packs_unpack(struct agg_memory *m, struct quantile *q, struct err *e)
{
	int code = q->packs == NULL ? 0 : packs_pour_all(m, q, q->packs, e);

	if (code == 0)
		packs_drop(m, q);
	return code;
}

/* ---- from bytes ---- */

/* There is one NaN. */
static bool
is_double(uint64_t image)
{
	return !isnan(value_double_of(image)) || image == value_image_double((double)NAN);
}

int
rising_load(struct agg_memory *m, struct quantile *q, bool doubles, struct cursor *c, size_t more,
    struct err *e)
{
	uint64_t **v = doubles ? &q->doubles : &q->ints, x = 0;
	size_t *n = doubles ? &q->n_doubles : &q->n_ints, end = *n + more;
	int code = agg_grow(m, (void **)v, doubles ? &q->cap_doubles : &q->cap_ints, end, sizeof **v,
	    e);

	if (code < 0)
		return code;
	for (; *n < end && !c->bad; ++*n) {
		c->bad |= __builtin_add_overflow(x, cursor_varint(c), &x);
		c->bad |= doubles && !is_double(x);
		(*v)[*n] = x;
	}
	m->n_decoded += more;
	return 0;
}

static bool
has_no_nan(const struct packed_run *r)
{
	return packed_bound(r, 0) >= value_image_double((double)-INFINITY) &&
	    packed_bound(r, r->n_blocks) <= value_image_double((double)INFINITY);
}

/* What a state says of how many things of so many bytes at least there are. */
static size_t
count_of(struct cursor *c, size_t bytes)
{
	uint64_t n = cursor_varint(c);

	c->bad |= n > cursor_left(c) / bytes;
	return c->bad ? 0 : (size_t)n;
}

int
packs_load(struct agg_memory *m, struct quantile *q, struct cursor *c, struct err *e)
{
	unsigned doubles = cursor_u8(c);
	size_t n = count_of(c, PACKED_LEAST_BYTES), more;
	struct packed_run r;
	int code = 0;

	c->bad |= doubles > 1 || n == 0;
	for (size_t i = 0; code == 0 && !c->bad && i < n; i++) {
		if (!packed_get(c, &r) || (c->bad |= doubles == 1 && !has_no_nan(&r)))
			return 0;
		code = packs_add(m, q, doubles == 1, &r, e);
	}
	if (code < 0 || c->bad)
		return code;
	more = count_of(c, 1);
	q->sorted = true;
	return rising_load(m, q, doubles == 1, c, more, e);
}

/* ---- what is borrowed ---- */

int
table_take_holds(struct agg_table *t, struct agg_table *from, struct err *e)
{
	if (!vec_reserve(&t->holds, t->holds.n + from->holds.n))
		return err_nomem(e);
	for (size_t i = 0; i < from->holds.n; i++)
		t->holds.v[t->holds.n++] = from->holds.v[i];
	from->holds.n = 0;
	return 0;
}

void
table_drop_holds(struct agg_table *t)
{
	for (size_t i = 0; i < t->holds.n; i++)
		t->holds.v[i].put(t->holds.v[i].arg);
	vec_release(&t->holds);
}

/* SPDX-License-Identifier: ISC */
/*
 * agg_quantile: all numbers of a group in a field, for percentiles by the nearest rank. They are
 * kept as unsigned images (model/value.h) and sorted when first asked; or a sketch of them is.
 */
#include <math.h>
#include <stdlib.h>

#include "agg_i.h"

static struct number
int_at(const struct quantile *q, size_t i)
{
	return q->is_unsigned ? number_u64(q->ints[i]) : number_i64(value_i64_of(q->ints[i]));
}

static struct number
double_at(const struct quantile *q, size_t i)
{
	return number_double(value_double_of(q->doubles[i]));
}

/* ---- over to a sketch ---- */

static int
add_to_sketch(struct agg_memory *m, struct sketch *s, const struct quantile *q, struct err *e)
{
	int code = 0;

	for (size_t i = 0; code == 0 && i < q->n_ints; i++)
		code = sketch_add(m, s, int_at(q, i), 1, e);
	for (size_t i = 0; code == 0 && i < q->n_doubles; i++)
		code = sketch_add(m, s, double_at(q, i), 1, e);
	return code;
}

/* What it held is given back first: it is to get by where there is no memory left. */
static int
become_sketch(struct agg_memory *m, struct quantile *q, struct err *e)
{
	size_t held = (q->cap_ints + q->cap_doubles) * sizeof *q->ints;
	struct sketch *s = calloc(1, sizeof *s);
	int code;

	if (s == NULL)
		return err_nomem(e);
	m->used -= held;
	if ((code = add_to_sketch(m, s, q, e)) < 0) {
		m->used += held - sketch_bytes(s);
		sketch_release(s);
		free(s);
		return code;
	}
	m->used += sizeof *s;
	free(q->ints);
	free(q->doubles);
	*q = (struct quantile){ .is_unsigned = q->is_unsigned, .sketch = s };
	m->inexact = true;
	return 0;
}

int
quantile_shrink(struct agg_memory *m, struct quantile *q, struct err *e)
{
	return q->sketch != NULL || q->n_ints + q->n_doubles < SMALL_STATE ? 0 :
	    become_sketch(m, q, e);
}

/* ---- adding ---- */

int
quantile_add(struct agg_memory *m, struct quantile *q, struct number x, struct err *e)
{
	bool d = x.kind == NUMBER_DOUBLE;
	uint64_t **v = d ? &q->doubles : &q->ints;
	size_t *n = d ? &q->n_doubles : &q->n_ints, *cap = d ? &q->cap_doubles : &q->cap_ints;
	int code;

	q->is_unsigned |= x.kind == NUMBER_U64;
	if (*n == *cap && m->short_of && (code = quantile_shrink(m, q, e)) < 0)
		return code;
	if (q->sketch != NULL)
		return sketch_add(m, q->sketch, x, 1, e);
	if (*n == *cap && (code = agg_grow(m, (void **)v, cap, *n + 1, sizeof **v, e)) < 0)
		return code;
	(*v)[(*n)++] = d ? value_image_double(isnan(x.d) ? (double)NAN : x.d) :
	    x.kind == NUMBER_I64 ? value_image_i64(x.i) : x.u;
	q->sorted = false;
	return 0;
}

static void
append(uint64_t *v, size_t *n, const uint64_t *from, size_t n_from)
{
	if (n_from != 0)
		memcpy(v + *n, from, n_from * sizeof *from);
	*n += n_from;
}

/* All room first, so that one that fails has added nothing. */
static int
append_all(struct agg_memory *m, struct quantile *q, const struct quantile *from, struct err *e)
{
	int code;

	if ((code = agg_grow(m, (void **)&q->ints, &q->cap_ints, q->n_ints + from->n_ints,
	    sizeof *q->ints, e)) < 0 ||
	    (code = agg_grow(m, (void **)&q->doubles, &q->cap_doubles,
	    q->n_doubles + from->n_doubles, sizeof *q->doubles, e)) < 0)
		return code;
	append(q->ints, &q->n_ints, from->ints, from->n_ints);
	append(q->doubles, &q->n_doubles, from->doubles, from->n_doubles);
	q->sorted = false;
	return 0;
}

static int
merge_sketch(struct agg_memory *m, struct quantile *q, const struct quantile *from, struct err *e)
{
	struct sketch of_from = { NULL };
	int code;

	if (from->sketch != NULL)
		return sketch_merge(m, q->sketch, from->sketch, e);
	if ((code = add_to_sketch(m, &of_from, from, e)) == 0)
		code = sketch_merge(m, q->sketch, &of_from, e);
	m->used -= sketch_bytes(&of_from);
	sketch_release(&of_from);
	return code;
}

int
quantile_merge(struct agg_memory *m, struct quantile *q, const struct quantile *from,
    struct err *e)
{
	bool grows = q->n_ints + from->n_ints > q->cap_ints ||
	    q->n_doubles + from->n_doubles > q->cap_doubles;
	int code = 0;

	q->is_unsigned |= from->is_unsigned;
	if (q->sketch == NULL && from->sketch != NULL)
		code = become_sketch(m, q, e);
	else if (grows && m->short_of)
		code = quantile_shrink(m, q, e);
	if (code < 0)
		return code;
	return q->sketch != NULL ? merge_sketch(m, q, from, e) : append_all(m, q, from, e);
}

/* ---- sorting: by the bytes that differ, from the lowest; few by comparison ---- */

#define RADIX_FROM 2048

static int
by_image(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static uint64_t
differing(const uint64_t *v, size_t n)
{
	uint64_t all = v[0], any = v[0];

	for (size_t i = 1; i < n; i++) {
		all &= v[i];
		any |= v[i];
	}
	return all ^ any;
}

static void
pass(const uint64_t *from, uint64_t *to, size_t n, unsigned shift)
{
	size_t count[257] = { 0 };

	for (size_t i = 0; i < n; i++)
		count[(from[i] >> shift & 255) + 1]++;
	for (size_t i = 0; i < 256; i++)
		count[i + 1] += count[i];
	for (size_t i = 0; i < n; i++)
		to[count[from[i] >> shift & 255]++] = from[i];
}

static void
sort_images(uint64_t *v, size_t n)
{
	uint64_t *tmp, *from = v, *to, bits;

	if (n < 2)
		return;
	if (n < RADIX_FROM || (tmp = malloc(n * sizeof *v)) == NULL) {
		qsort(v, n, sizeof *v, by_image);
		return;
	}
	to = tmp;
	bits = differing(v, n);
	for (unsigned shift = 0; shift < 64; shift += 8)
		if ((bits >> shift & 255) != 0) {
			uint64_t *swap = from;

			pass(from, to, n, shift);
			from = to;
			to = swap;
		}
	if (from != v)
		memcpy(v, from, n * sizeof *v);
	free(tmp);
}

void
quantile_sort(struct quantile *q)
{
	if (q->sorted)
		return;
	sort_images(q->ints, q->n_ints);
	sort_images(q->doubles, q->n_doubles);
	q->sorted = true;
}

/* How many of the integers are before the double in the order of all. */
static size_t
ints_before(const struct quantile *q, struct number d)
{
	size_t lo = 0, hi = q->n_ints;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (number_order(int_at(q, mid), d) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

struct number
quantile_at(struct quantile *q, uint64_t part, uint64_t whole)
{
	size_t n = q->n_ints + q->n_doubles, rank, lo = 0, hi = q->n_doubles;
	unsigned __int128 at;

	if (q->sketch != NULL)
		return sketch_at(q->sketch, part, whole, q->is_unsigned);
	if (n == 0)
		return (struct number){ .kind = NUMBER_NONE };
	quantile_sort(q);
	at = ((unsigned __int128)part * n + whole - 1) / whole;
	rank = at == 0 ? 0 : (size_t)at - 1;
	/* The first double whose place among all is the rank or later. */
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (mid + ints_before(q, double_at(q, mid)) < rank)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo < q->n_doubles && lo + ints_before(q, double_at(q, lo)) == rank)
		return double_at(q, lo);
	return int_at(q, rank - lo);
}

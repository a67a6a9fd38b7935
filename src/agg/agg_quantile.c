/* SPDX-License-Identifier: ISC */
/*
 * agg_quantile: all numbers of a group in a field, for percentiles by the nearest rank. They are
 * kept as unsigned images (model/value.h) and sorted when first asked.
 */
#include <math.h>
#include <stdlib.h>

#include "agg_i.h"

int
quantile_add(struct agg_memory *m, struct quantile *q, struct number x, struct err *e)
{
	bool d = x.kind == NUMBER_DOUBLE;
	uint64_t **v = d ? &q->doubles : &q->ints;
	size_t *n = d ? &q->n_doubles : &q->n_ints, *cap = d ? &q->cap_doubles : &q->cap_ints;
	int code;

	if (*n == *cap && (code = agg_grow(m, (void **)v, cap, *n + 1, sizeof **v, e)) < 0)
		return code;
	(*v)[(*n)++] = d ? value_image_double(isnan(x.d) ? (double)NAN : x.d) :
	    x.kind == NUMBER_I64 ? value_image_i64(x.i) : x.u;
	q->sorted = false;
	return 0;
}

static int
append(struct agg_memory *m, uint64_t **v, size_t *n, size_t *cap, const uint64_t *from,
    size_t n_from, struct err *e)
{
	int code;

	if (n_from == 0)
		return 0;
	if ((code = agg_grow(m, (void **)v, cap, *n + n_from, sizeof **v, e)) < 0)
		return code;
	memcpy(*v + *n, from, n_from * sizeof *from);
	*n += n_from;
	return 0;
}

int
quantile_merge(struct agg_memory *m, struct quantile *q, const struct quantile *from,
    struct err *e)
{
	int code = append(m, &q->ints, &q->n_ints, &q->cap_ints, from->ints, from->n_ints, e);

	q->sorted = false;
	return code < 0 ? code : append(m, &q->doubles, &q->n_doubles, &q->cap_doubles,
	    from->doubles, from->n_doubles, e);
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

static struct number
int_at(const struct quantile *q, size_t i, bool is_unsigned)
{
	return is_unsigned ? number_u64(q->ints[i]) : number_i64(value_i64_of(q->ints[i]));
}

static struct number
double_at(const struct quantile *q, size_t i)
{
	return number_double(value_double_of(q->doubles[i]));
}

/* How many of the integers are before the double in the order of all. */
static size_t
ints_before(const struct quantile *q, struct number d, bool is_unsigned)
{
	size_t lo = 0, hi = q->n_ints;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (number_order(int_at(q, mid, is_unsigned), d) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

struct number
quantile_at(struct quantile *q, uint64_t part, uint64_t whole, bool is_unsigned)
{
	size_t n = q->n_ints + q->n_doubles, rank, lo = 0, hi = q->n_doubles;
	unsigned __int128 at;

	if (n == 0)
		return (struct number){ .kind = NUMBER_NONE };
	if (!q->sorted) {
		sort_images(q->ints, q->n_ints);
		sort_images(q->doubles, q->n_doubles);
		q->sorted = true;
	}
	at = ((unsigned __int128)part * n + whole - 1) / whole;
	rank = at == 0 ? 0 : (size_t)at - 1;
	/* The first double whose place among all is the rank or later. */
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (mid + ints_before(q, double_at(q, mid), is_unsigned) < rank)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo < q->n_doubles && lo + ints_before(q, double_at(q, lo), is_unsigned) == rank)
		return double_at(q, lo);
	return int_at(q, rank - lo, is_unsigned);
}

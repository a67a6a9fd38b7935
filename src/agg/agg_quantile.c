/* SPDX-License-Identifier: ISC */
/*
 * agg_quantile: all numbers of a group in a field, for percentiles by the nearest rank. They are
 * kept as unsigned images (model/value.h); the first few that are asked for are selected, for more
 * all are sorted. Or a sketch of them is kept.
 */
#include <math.h>
#include <stdlib.h>

#include "agg_i.h"

static enum number_kind
int_kind(const struct quantile *q)
{
	return q->is_unsigned ? NUMBER_U64 : NUMBER_I64;
}

static struct number
int_at(const struct quantile *q, size_t i)
{
	return number_of_image(int_kind(q), q->ints[i]);
}

static struct number
double_at(const struct quantile *q, size_t i)
{
	return number_of_image(NUMBER_DOUBLE, q->doubles[i]);
}

/* ---- over to a sketch ---- */

static int
add_to_sketch(struct agg_memory *m, struct sketch *s, const struct quantile *q, struct err *e)
{
	int code = sketch_add_images(m, s, int_kind(q), q->ints, q->n_ints, e);

	return code < 0 ? code :
	    sketch_add_images(m, s, NUMBER_DOUBLE, q->doubles, q->n_doubles, e);
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
	runs_drop(m, q);
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
	return q->sketch != NULL || q->ranks != NULL || q->n_ints + q->n_doubles < SMALL_STATE ? 0 :
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

	if (q->ranks != NULL)
		return given_clash(e);
	q->is_unsigned |= x.kind == NUMBER_U64;
	if (q->runs != NULL)
		runs_drop(m, q);
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
append_all(struct agg_memory *m, struct quantile *q, struct quantile *from, struct err *e)
{
	size_t before = q->n_ints + q->n_doubles;
	bool runs = runs_may(q, from);
	int code;

	if ((code = agg_grow(m, (void **)&q->ints, &q->cap_ints, q->n_ints + from->n_ints,
	    sizeof *q->ints, e)) < 0 ||
	    (code = agg_grow(m, (void **)&q->doubles, &q->cap_doubles,
	    q->n_doubles + from->n_doubles, sizeof *q->doubles, e)) < 0)
		return code;
	if (runs && from->runs == NULL)
		quantile_sort(from);
	append(q->ints, &q->n_ints, from->ints, from->n_ints);
	append(q->doubles, &q->n_doubles, from->doubles, from->n_doubles);
	q->sorted = false;
	if (runs)
		runs_append(m, q, before, from);
	else
		runs_drop(m, q);
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
quantile_merge(struct agg_memory *m, struct quantile *q, struct quantile *from, struct err *e)
{
	bool grows = q->n_ints + from->n_ints > q->cap_ints ||
	    q->n_doubles + from->n_doubles > q->cap_doubles;
	int code = 0;

	if (q->ranks != NULL || from->ranks != NULL)
		return given_clash(e);
	q->is_unsigned |= from->is_unsigned;
	if (q->sketch == NULL && from->sketch != NULL)
		code = become_sketch(m, q, e);
	else if (grows && m->short_of)
		code = quantile_shrink(m, q, e);
	if (code < 0)
		return code;
	return q->sketch != NULL ? merge_sketch(m, q, from, e) : append_all(m, q, from, e);
}

/* ---- sorting: in its place, since what it took beside would not be counted ---- */

#define FEW 64
#define SELECT_MOST 3	/* ranks; to sort takes about as long as to select so often */

static void
sort_few(uint64_t *v, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		uint64_t x = v[i];
		size_t k = i;

		for (; k > 0 && v[k - 1] > x; k--)
			v[k] = v[k - 1];
		v[k] = x;
	}
}

/* Where the numbers of each byte begin and end, by that byte. */
static void
count_bytes(const uint64_t *v, size_t n, unsigned shift, size_t *begin, size_t *end)
{
	size_t at = 0;

	for (size_t i = 0; i < n; i++)
		end[v[i] >> shift & 255]++;
	for (size_t i = 0; i < 256; i++) {
		begin[i] = at;
		at += end[i];
		end[i] = at;
	}
}

/*
 * By the byte at shift; part i ends at end[i]. A number goes where its byte's part has its next
 * place, and the one that is there goes on.
 */
static void
part_by_byte(uint64_t *v, size_t n, unsigned shift, size_t end[256])
{
	size_t next[256];

	memset(end, 0, 256 * sizeof *end);
	count_bytes(v, n, shift, next, end);
	for (size_t i = 0; i < 256; i++)
		while (next[i] < end[i]) {
			uint64_t x = v[next[i]], was;

			for (size_t to; (to = x >> shift & 255) != i; x = was) {
				was = v[next[to]];
				v[next[to]++] = x;
			}
			v[next[i]++] = x;
		}
}

/* Each part by the next lower byte, so that it recurses at most 8 deep. */
static void
sort_from_byte(uint64_t *v, size_t n, unsigned shift)
{
	size_t end[256], from = 0;

	if (n < FEW) {
		sort_few(v, n);
		return;
	}
	part_by_byte(v, n, shift, end);
	for (size_t i = 0; shift > 0 && i < 256; i++) {
		sort_from_byte(v + from, end[i] - from, shift - 8);
		from = end[i];
	}
}

static uint64_t
differing(const uint64_t *v, size_t n)
{
	uint64_t all = UINT64_MAX, any = 0;

	for (size_t i = 0; i < n; i++) {
		all &= v[i];
		any |= v[i];
	}
	return n == 0 ? 0 : all ^ any;
}

/* The shift of the highest byte in which they differ. */
static unsigned
highest_byte(uint64_t differing_bits)
{
	return (63 - (unsigned)__builtin_clzll(differing_bits)) / 8 * 8;
}

static void
sort_images(uint64_t *v, size_t n)
{
	uint64_t bits = differing(v, n);

	if (bits != 0)
		sort_from_byte(v, n, highest_byte(bits));
}

/* The one that stands at `rank` in order: only the part that it is in is gone on with. */
static uint64_t
select_image(uint64_t *v, size_t n, size_t rank)
{
	uint64_t bits;

	while (n >= FEW && (bits = differing(v, n)) != 0) {
		size_t end[256], i = 0, from;

		part_by_byte(v, n, highest_byte(bits), end);
		while (end[i] <= rank)
			i++;
		from = i == 0 ? 0 : end[i - 1];
		v += from;
		n = end[i] - from;
		rank -= from;
	}
	if (n < FEW)
		sort_few(v, n);
	return v[rank];
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
	if (q->ranks != NULL)
		return ranks_at(q->ranks, part, whole);
	if (n == 0)
		return (struct number){ .kind = NUMBER_NONE };
	at = ((unsigned __int128)part * n + whole - 1) / whole;
	rank = at == 0 ? 0 : (size_t)at - 1;
	if (!q->sorted && q->runs != NULL)
		return q->n_doubles == 0 ?
		    number_of_image(int_kind(q), runs_select(q->ints, q->runs, rank)) :
		    number_of_image(NUMBER_DOUBLE, runs_select(q->doubles, q->runs, rank));
	if (!q->sorted && q->n_selected < SELECT_MOST && (q->n_ints == 0 || q->n_doubles == 0)) {
		q->n_selected++;
		return q->n_doubles == 0 ?
		    number_of_image(int_kind(q), select_image(q->ints, n, rank)) :
		    number_of_image(NUMBER_DOUBLE, select_image(q->doubles, n, rank));
	}
	quantile_sort(q);
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

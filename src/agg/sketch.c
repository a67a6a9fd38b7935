/* SPDX-License-Identifier: ISC */
/*
 * sketch: percentiles of numbers that are not kept, see sketch_i.h. The buckets are those of
 * HdrHistogram, over all doubles: a number is 2^k (1 + f), its bucket k and the first 6 bits of f.
 * That takes no logarithm, and an integer's bucket has integers as its ends.
 *
 * The name of a bucket, a code, is 0 for zero and else 64 (k + 1075) + those bits, negated for what
 * is below zero; of a bucket integers and doubles are counted apart, so that a percentile keeps its
 * type.
 */
#include "sketch_i.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model/value.h"

#define SUB_BITS 6
#define SUBS (1 << SUB_BITS)
#define LOWEST (-1075)			/* below the exponent of any double */
#define CODE_INFINITE (SUBS * (1024 - LOWEST))
#define CODE_NAN (CODE_INFINITE + 1)
#define BIAS (CODE_NAN + 63)
#define COUNT_MASK (((uint64_t)1 << SKETCH_COUNT_BITS) - 1)

static_assert(SKETCH_BUCKETS > 2 * (CODE_NAN + BIAS) + 1, "all buckets are below it");
static_assert(SKETCH_BUCKETS < 1 << (64 - SKETCH_COUNT_BITS), "a bucket is in the upper bits");

/* ---- numbers to buckets ---- */

/* Of w times 2^unit; w is not 0. */
static int
code_of_bits(uint64_t w, int unit)
{
	int k = 63 - __builtin_clzll(w);
	uint64_t sub = k >= SUB_BITS ? w >> (k - SUB_BITS) : w << (SUB_BITS - k);

	return SUBS * (k + unit - LOWEST) + (int)(sub & (SUBS - 1));
}

static int
code_of_double(double d)
{
	uint64_t u;

	if (isnan(d))
		return CODE_NAN;
	if (isinf(d))
		return CODE_INFINITE;
	d = fabs(d);
	memcpy(&u, &d, sizeof u);
	if (u == 0)
		return 0;
	if (u >> 52 == 0)
		return code_of_bits(u, -1074);
	return SUBS * ((int)(u >> 52) - 1023 - LOWEST) + (int)(u >> (52 - SUB_BITS) & (SUBS - 1));
}

uint32_t
sketch_bucket(struct number x)
{
	bool below = x.kind == NUMBER_DOUBLE ? !isnan(x.d) && x.d < 0 :
	    x.kind == NUMBER_I64 && x.i < 0;
	uint64_t w = x.kind == NUMBER_I64 && below ? -(uint64_t)x.i : x.u;
	int code = x.kind == NUMBER_DOUBLE ? code_of_double(x.d) :
	    w == 0 ? 0 : code_of_bits(w, 0);

	return 2 * (uint32_t)((below ? -code : code) + BIAS) + (x.kind == NUMBER_DOUBLE);
}

/* ---- buckets to numbers ---- */

static uint32_t
bucket_of(uint64_t entry)
{
	return (uint32_t)(entry >> SKETCH_COUNT_BITS);
}

/* The middle of the integers from (64 + sub) 2^(k - 6) to the next bucket, rounded down. */
static uint64_t
middle_whole(int k, int sub)
{
	uint64_t low = SUBS + (uint64_t)sub;

	if (k < SUB_BITS)
		return low >> (SUB_BITS - k);
	return (low << (k - SUB_BITS)) + (((uint64_t)1 << (k - SUB_BITS)) - 1) / 2;
}

static double
middle_double(int code)
{
	int k = code / SUBS + LOWEST, sub = code % SUBS;
	uint64_t u;
	double d;

	if (code >= CODE_INFINITE)
		return code == CODE_NAN ? (double)NAN : (double)INFINITY;
	if (code == 0)
		return 0;
	if (k >= -1022)
		return ldexp(1 + (sub + 0.5) / SUBS, k);
	u = middle_whole(k + 1074, sub);
	memcpy(&d, &u, sizeof d);
	return d;
}

static struct number
middle(uint32_t bucket, bool is_double, bool is_unsigned)
{
	int code = (int)(bucket / 2) - BIAS, a = abs(code);
	uint64_t w;

	if (is_double)
		return number_double(code < 0 ? -middle_double(a) : middle_double(a));
	w = a == 0 ? 0 : middle_whole(a / SUBS + LOWEST, a % SUBS);
	if (is_unsigned)
		return number_u64(w);
	if (code < 0)
		return number_i64(w > INT64_MAX ? INT64_MIN : -(int64_t)w);
	return number_i64((int64_t)w);
}

/* ---- adding ---- */

size_t
sketch_bytes(const struct sketch *s)
{
	return s->cap * sizeof *s->v;
}

void
sketch_release(struct sketch *s)
{
	free(s->v);
	*s = (struct sketch){ NULL };
}

/* The first bucket that is not before it. */
static size_t
place(const struct sketch *s, uint32_t bucket)
{
	size_t lo = 0, hi = s->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (bucket_of(s->v[mid]) < bucket)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static void
keep_ends(struct sketch *s, struct number x)
{
	if (x.kind == NUMBER_NONE)
		return;
	if (s->min.kind == NUMBER_NONE || number_order(x, s->min) < 0)
		s->min = x;
	if (s->max.kind == NUMBER_NONE || number_order(x, s->max) > 0)
		s->max = x;
}

static int
count_more(struct sketch *s, uint64_t times, struct err *e)
{
	if (times > COUNT_MASK - s->total)
		return err_set(e, ERR_TOOBIG, -1, "a group has too many numbers for a sketch");
	s->total += times;
	return 0;
}

static int
add_bucket(struct agg_memory *m, struct sketch *s, uint32_t bucket, uint64_t times, struct err *e)
{
	size_t i = place(s, bucket);
	bool fresh = i == s->n || bucket_of(s->v[i]) != bucket;
	int code;

	if (times == 0)
		return 0;
	if (fresh && (code = agg_grow(m, (void **)&s->v, &s->cap, s->n + 1, sizeof *s->v, e)) < 0)
		return code;
	if ((code = count_more(s, times, e)) < 0)
		return code;
	if (fresh) {
		memmove(s->v + i + 1, s->v + i, (s->n - i) * sizeof *s->v);
		s->v[i] = (uint64_t)bucket << SKETCH_COUNT_BITS;
		s->n++;
	}
	s->v[i] += times;
	return 0;
}

int
sketch_add(struct agg_memory *m, struct sketch *s, struct number x, uint64_t times, struct err *e)
{
	int code = add_bucket(m, s, sketch_bucket(x), times, e);

	if (code == 0 && times != 0)
		keep_ends(s, x);
	return code;
}

struct number
number_of_image(enum number_kind kind, uint64_t image)
{
	if (kind == NUMBER_DOUBLE)
		return number_double(value_double_of(image));
	return kind == NUMBER_U64 ? number_u64(image) : number_i64(value_i64_of(image));
}

/* Few, or without memory to count in. */
static int
add_each(struct agg_memory *m, struct sketch *s, enum number_kind kind, const uint64_t *v,
    size_t n, struct err *e)
{
	int code = 0;

	for (size_t i = 0; code == 0 && i < n; i++)
		code = sketch_add(m, s, number_of_image(kind, v[i]), 1, e);
	return code;
}

#define COUNT_FROM 4096		/* numbers from which a counter for every bucket between pays */

int
sketch_add_images(struct agg_memory *m, struct sketch *s, enum number_kind kind,
    const uint64_t *v, size_t n, struct err *e)
{
	uint64_t least = UINT64_MAX, most = 0, *counts = NULL;
	uint32_t first = UINT32_MAX, last = 0;
	int code = 0;

	for (size_t i = 0; i < n; i++) {
		uint32_t b = sketch_bucket(number_of_image(kind, v[i]));

		least = v[i] < least ? v[i] : least;
		most = v[i] > most ? v[i] : most;
		first = b < first ? b : first;
		last = b > last ? b : last;
	}
	if (n < COUNT_FROM || (counts = calloc(last - first + 1, sizeof *counts)) == NULL)
		return add_each(m, s, kind, v, n, e);
	for (size_t i = 0; i < n; i++)
		counts[sketch_bucket(number_of_image(kind, v[i])) - first]++;
	for (uint32_t b = first; code == 0 && b <= last; b++)
		code = add_bucket(m, s, b, counts[b - first], e);
	free(counts);
	if (code == 0) {
		keep_ends(s, number_of_image(kind, least));
		keep_ends(s, number_of_image(kind, most));
	}
	return code;
}

static size_t
n_of_both(const struct sketch *a, const struct sketch *b)
{
	size_t n = a->n;

	for (size_t i = 0, k = 0; k < b->n; k++) {
		while (i < a->n && bucket_of(a->v[i]) < bucket_of(b->v[k]))
			i++;
		n += i == a->n || bucket_of(a->v[i]) != bucket_of(b->v[k]);
	}
	return n;
}

/* From the last on, into the same memory. */
int
sketch_merge(struct agg_memory *m, struct sketch *s, const struct sketch *from, struct err *e)
{
	size_t n = n_of_both(s, from), i = s->n, k = from->n;
	int code;

	if ((code = agg_grow(m, (void **)&s->v, &s->cap, n, sizeof *s->v, e)) < 0 ||
	    (code = count_more(s, from->total, e)) < 0)
		return code;
	s->n = n;
	while (k > 0) {
		uint64_t x = from->v[k - 1];

		if (i > 0 && bucket_of(s->v[i - 1]) > bucket_of(x)) {
			s->v[--n] = s->v[--i];
			continue;
		}
		if (i > 0 && bucket_of(s->v[i - 1]) == bucket_of(x))
			x += s->v[--i] & COUNT_MASK;
		s->v[--n] = x;
		k--;
	}
	keep_ends(s, from->min);
	keep_ends(s, from->max);
	return 0;
}

/* ---- asking ---- */

static struct number
within(const struct sketch *s, struct number x)
{
	if (number_order(x, s->min) < 0)
		return s->min;
	return number_order(x, s->max) > 0 ? s->max : x;
}

struct number
sketch_at(const struct sketch *s, uint64_t part, uint64_t whole, bool is_unsigned)
{
	unsigned __int128 at = ((unsigned __int128)part * s->total + whole - 1) / whole;
	uint64_t rank = at == 0 ? 0 : (uint64_t)at - 1, before = 0;
	size_t i = 0;
	uint32_t bucket;
	bool is_double;

	if (s->total == 0 || rank == 0)
		return s->min;
	if (rank == s->total - 1)
		return s->max;
	for (; i + 1 < s->n && before + (s->v[i] & COUNT_MASK) <= rank; i++)
		before += s->v[i] & COUNT_MASK;
	bucket = bucket_of(s->v[i]);
	/* Of an integer's bucket that has doubles too the middle of both is within the error. */
	is_double = (bucket & 1) != 0 || (i + 1 < s->n && bucket_of(s->v[i + 1]) == bucket + 1 &&
	    bucket / 2 != BIAS);
	return within(s, middle(bucket, is_double, is_unsigned));
}

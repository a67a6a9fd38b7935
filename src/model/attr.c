/* SPDX-License-Identifier: ISC */
/*
 * attr: see model/attr.h. Normalizing needs a stable sort (the last of equal keys wins) and
 * runs on lists that strangers made, so it must not be quadratic, nor want memory: insertion
 * sort in runs of RUN, then the runs are merged in place by rotation (Kim and Kutzner's
 * SymMerge), O(n log^2 n) at worst. Lists as SDKs send them are one short run, often sorted.
 */
#include "model/attr.h"
#include "base/search.h"

#define RUN 24

static int
key_cmp(const struct attr *a, const struct attr *b)
{
	return sv_cmp(a->key, b->key);
}

static void
insertion_sort(struct attr *v, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		struct attr x = v[i];
		size_t j = i;

		for (; j > 0 && key_cmp(&v[j - 1], &x) > 0; j--)
			v[j] = v[j - 1];
		v[j] = x;
	}
}

static void
reverse(struct attr *v, size_t from, size_t to)
{
	while (from + 1 < to) {
		struct attr x = v[from];

		v[from++] = v[--to];
		v[to] = x;
	}
}

/* [from, mid) and [mid, to) change places. */
static void
rotate(struct attr *v, size_t from, size_t mid, size_t to)
{
	if (from == mid || mid == to)
		return;
	reverse(v, from, mid);
	reverse(v, mid, to);
	reverse(v, from, to);
}

/*
 * Merges the sorted [from, mid) and [mid, to). Each call halves the range, so the recursion
 * is as deep as the logarithm of a count that fits 32 bits.
 */
static void
sym_merge(struct attr *v, size_t from, size_t mid, size_t to)
{
	size_t half = from + (to - from) / 2, sum = half + mid, lo, hi, end;

	if (from >= mid || mid >= to || key_cmp(&v[mid - 1], &v[mid]) <= 0)
		return;
	if (to - from == 2) {
		rotate(v, from, mid, to);
		return;
	}
	if (mid > half) {
		lo = sum - to;
		hi = half;
	} else {
		lo = from;
		hi = mid;
	}
	while (lo < hi) {
		size_t c = lo + (hi - lo) / 2;

		if (key_cmp(&v[sum - 1 - c], &v[c]) >= 0)
			lo = c + 1;
		else
			hi = c;
	}
	end = sum - lo;
	rotate(v, lo, mid, end);
	sym_merge(v, from, lo, half);
	sym_merge(v, half, end, to);
}

static void
stable_sort(struct attr *v, size_t n)
{
	for (size_t i = 0; i < n; i += RUN)
		insertion_sort(v + i, n - i < RUN ? n - i : RUN);
	for (size_t w = RUN; w < n; w *= 2)
		for (size_t i = 0; i + w < n; i += 2 * w)
			sym_merge(v, i, i + w, n - i < 2 * w ? n : i + 2 * w);
}

void
attrs_normalize(struct attrs *a)
{
	struct attr *v = a->v;
	uint32_t n = a->n, i, out = 0;

	for (i = 1; i < n && key_cmp(&v[i - 1], &v[i]) < 0; i++)
		;
	if (i >= n)
		return;
	stable_sort(v, n);
	for (i = 0; i < n; i++)
		if (i + 1 == n || !sv_eq(v[i].key, v[i + 1].key))
			v[out++] = v[i];
	a->n = out;
}

const struct value *
attrs_find(const struct attrs *a, struct sv key)
{
	uint32_t at = 0;
	bool found;

	FIND_SORTED(at, a->n, i, sv_cmp(a->v[i].key, key), found);
	return found ? &a->v[at].val : NULL;
}

bool
attrs_eq(const struct attrs *a, const struct attrs *b)
{
	if (a->n != b->n)
		return false;
	for (uint32_t i = 0; i < a->n; i++)
		if (!sv_eq(a->v[i].key, b->v[i].key) ||
		    !value_eq(&a->v[i].val, &b->v[i].val))
			return false;
	return true;
}

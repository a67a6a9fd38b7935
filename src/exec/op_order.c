/* SPDX-License-Identifier: ISC */
/*
 * op_order: refs to rows: collecting, sorting, and keeping the best k. The order is the
 * plan's keys, then newest first, then trace id, span id, content (ref_tie.c): total, so every
 * plan of a query gives the same rows in the same order.
 *
 * The best k are kept by letting k more than that gather and then cutting: each cut costs a
 * sort of what is held, so a row costs O(log k) on average, and the last of the kept is a bound
 * that later row groups must beat.
 */
#include "base/radix.h"
#include "exec_i.h"

#include <stdlib.h>

/*
 * How many above `keep` there are before a cut, at least; later on only better ones come in. A cut
 * moves the bound, by which row groups are passed over: with 512 and 512 the bound of the first
 * 532 stayed to the end (duration/gt/1s/sort/duration:desc/limit/20 over 1M spans, instructions:
 * 512, 512 12.1M; 512, 64 7.8M; 128, 32 5.0M; 64, 16 5.2M; 32, 8 5.3M).
 */
#define CUT_FIRST 64
#define CUT_LATER 32
#define LOOK_REFS ((size_t)65536)	/* between two looks at deadline and cancel flag */

void
refs_init(struct refs *r, size_t n_keys, uint64_t keep)
{
	*r = (struct refs){ .n_keys = n_keys, .keep = keep,
		.stride = sizeof(struct ref) + n_keys * sizeof(struct skey) };
	arena_init(&r->strings);
}

void
refs_release(struct exec *ex, struct refs *r)
{
	mem_give(ex, r->held);
	free(r->v);
	arena_release(&r->strings);
	refs_init(r, r->n_keys, r->keep);
}

void
refs_clear(struct refs *r)
{
	r->n = 0;
	r->cut = false;
	arena_reset(&r->strings);
}

/* Brings what is taken of the budget up to date. */
static int
account(struct exec *ex, struct refs *r, size_t cap, struct err *e)
{
	size_t now = cap * r->stride + arena_footprint(&r->strings);
	int rc;

	if (now < r->held)
		mem_give(ex, r->held - now);
	else if ((rc = mem_take(ex, now - r->held, e)) < 0)
		return rc;
	r->held = now;
	return 0;
}

int
refs_reserve(struct exec *ex, struct refs *r, size_t n, struct err *e)
{
	size_t cap = r->cap == 0 ? 64 : r->cap;
	char *v;
	int rc;

	if (r->n + n <= r->cap)
		return 0;
	while (cap < r->n + n)
		cap *= 2;
	if ((rc = account(ex, r, cap, e)) < 0)
		return rc;
	if ((v = realloc(r->v, cap * r->stride)) == NULL)
		return err_nomem(e);
	r->v = v;
	r->cap = cap;
	return 0;
}

/* ---- sorting ---- */

struct order {
	const struct sort_key *sort;
	size_t n;
};

static int
ref_cmp(const void *pa, const void *pb, void *arg)
{
	const struct order *o = arg;
	const struct ref *a = pa, *b = pb;
	int c = skeys_cmp(o->sort, o->n, a->key, b->key);

	return c != 0 ? c : (a->at < b->at) - (a->at > b->at);
}

#define DIGIT_BITS 11
#define SPARE_BITS 3
#define FEW_REFS 64		/* sorted by insertion */

static void
span_of_times(const struct ref *v, size_t n, uint64_t *min, uint64_t *max)
{
	*min = *max = v[0].at;
	for (size_t i = 1; i < n; i++) {
		if (v[i].at < *min)
			*min = v[i].at;
		if (v[i].at > *max)
			*max = v[i].at;
	}
}

/*
 * By insertion, stable: false where that would take more than `most` moves, and then they are as
 * they were but for some that are in place.
 */
static bool
sort_near(struct ref *v, size_t n, size_t most)
{
	for (size_t i = 1; i < n; i++) {
		struct ref x = v[i];
		size_t at = i;

		if (v[i - 1].at >= x.at)
			continue;
		for (; at > 0 && v[at - 1].at < x.at; at--) {
			if (most-- == 0) {
				v[at] = x;
				return false;
			}
			v[at] = v[at - 1];
		}
		v[at] = x;
	}
	return true;
}

struct times {
	struct exec *ex;
	struct ref *v, *tmp;		/* as many of both */
	size_t n;
	uint64_t max, differ;
	struct err *e;
};

/*
 * By the digits of max - at from bit `shift` on, so that the newest have the smallest. The result is
 * in v.
 */
static int
radix_from(const struct times *t, unsigned shift)
{
	struct ref *from = t->v, *to = t->tmp;
	uint64_t max = t->max;
	size_t n = t->n;
	int rc;

	for (; shift < 64 && t->differ >> shift != 0; shift += DIGIT_BITS) {
		struct ref *x = from;

		if ((rc = exec_check(t->ex, t->e)) < 0)
			return rc;
		RADIX_PASS(DIGIT_BITS, from, to, n, i, (max - from[i].at) >> shift);
		from = to;
		to = x;
	}
	if (from != t->v)
		memcpy(t->v, from, n * sizeof *from);
	return 0;
}

/*
 * The highest bits tell most refs apart: some more than their number has. What they leave is put
 * in place by insertion, unless the times lie so close together that all digits are needed. Of
 * Q14's 65,630 refs, whose times differ in 42 bits, two digits instead of four.
 */
static int
radix_by_time(struct exec *ex, struct refs *r, struct err *e)
{
	struct times t = { .ex = ex, .v = refs_at(r, 0), .n = r->n, .e = e };
	unsigned bits = SPARE_BITS, all;
	uint64_t min;
	int rc;

	if ((t.tmp = malloc(r->n * sizeof *t.tmp)) == NULL)
		return err_nomem(e);
	span_of_times(t.v, r->n, &min, &t.max);
	t.differ = t.max - min;
	all = t.differ == 0 ? 0 : 64 - (unsigned)__builtin_clzll(t.differ);
	while (bits < 64 && r->n >> (bits - SPARE_BITS) != 0)
		bits++;
	bits = (bits + DIGIT_BITS - 1) / DIGIT_BITS * DIGIT_BITS;
	rc = radix_from(&t, all > bits ? all - bits : 0);
	if (rc == 0 && all > bits && !sort_near(t.v, r->n, 2 * r->n))
		rc = radix_from(&t, 0);
	free(t.tmp);
	return rc;
}

/* Refs without keys, newest first. Takes as much memory again. */
static int
sort_by_time(struct exec *ex, struct refs *r, struct err *e)
{
	size_t scratch = r->n * r->stride;
	int rc = 0;

	if (r->n <= FEW_REFS)
		(void)sort_near(refs_at(r, 0), r->n, SIZE_MAX);
	else if ((rc = mem_take(ex, scratch, e)) == 0) {
		rc = radix_by_time(ex, r, e);
		mem_give(ex, scratch);
	}
	return rc;
}

/* Copies the strings of what is left, and drops the others'. */
static int
repack_strings(struct refs *r, struct err *e)
{
	struct arena fresh;

	if (r->n_keys == 0)
		return 0;
	arena_init(&fresh);
	for (size_t i = 0; i < r->n; i++)
		for (size_t k = 0; k < r->n_keys; k++)
			if (!skey_keep(&refs_at(r, i)->key[k], &fresh)) {
				arena_release(&r->strings);
				r->strings = fresh;
				r->n = 0;
				return err_nomem(e);
			}
	arena_release(&r->strings);
	r->strings = fresh;
	return 0;
}

static int
order_runs(struct exec *ex, struct refs *r, struct order *o, struct err *e)
{
	size_t look = LOOK_REFS;
	int rc;

	for (size_t i = 0, j; i < r->n && i < r->keep; i = j) {
		if (i >= look && (rc = exec_check(ex, e)) < 0)
			return rc;
		look += i >= look ? LOOK_REFS : 0;
		for (j = i + 1; j < r->n; j++)
			if (refs_at(r, i)->at != refs_at(r, j)->at ||
			    ref_cmp(refs_at(r, i), refs_at(r, j), o) != 0)
				break;
		if (j - i > 1 && (rc = refs_order_ties(ex, r, i, j, e)) < 0)
			return rc;
	}
	return 0;
}

int
refs_sort(struct exec *ex, struct refs *r, struct err *e)
{
	struct order o = { ex->plan->order.keys, r->n_keys };
	int rc;

	if (r->n == 0)
		return 0;
	rc = r->n_keys == 0 ? sort_by_time(ex, r, e) :
	    exec_sort(ex, r->v, r->n, r->stride, ref_cmp, &o, e);
	if (rc < 0 || (rc = order_runs(ex, r, &o, e)) < 0)
		return rc;
	if (r->n < r->keep)
		return 0;
	r->cut = true;
	if (r->n == r->keep)
		return 0;
	r->n = (size_t)r->keep;
	return repack_strings(r, e);
}

/* Copies those of refs [at, to) that may be among the best. */
static void
take_better(struct refs *r, const struct refs *b, size_t at, size_t to, struct order *o)
{
	const struct ref *bound = r->cut && r->keep > 0 ? refs_at(r, (size_t)r->keep - 1) : NULL;

	if (bound == NULL) {
		memcpy(r->v + r->n * r->stride, b->v + at * r->stride, (to - at) * r->stride);
		r->n += to - at;
		return;
	}
	for (size_t i = at; i < to; i++)
		if (ref_cmp(refs_at(b, i), bound, o) <= 0)
			memcpy(r->v + r->n++ * r->stride, refs_at(b, i), r->stride);
}

/* How many refs are held before they are cut down. */
static uint64_t
cut_at(const struct refs *r)
{
	uint64_t slack = r->cut ? CUT_LATER : CUT_FIRST;

	if (r->keep > SIZE_MAX / 4)
		return UINT64_MAX;
	return r->keep + (slack < r->keep / 2 ? r->keep / 2 : slack);
}

/* Refs [at, to) of b. */
static int
append_some(struct exec *ex, struct refs *r, const struct refs *b, size_t at, size_t to,
    struct err *e)
{
	size_t from = r->n;
	struct order o = { .sort = ex->plan->order.keys, .n = r->n_keys };
	int rc;

	if ((rc = refs_reserve(ex, r, to - at, e)) < 0)
		return rc;
	take_better(r, b, at, to, &o);
	for (size_t i = from; i < r->n; i++)
		for (size_t k = 0; k < r->n_keys; k++)
			if (!skey_keep(&refs_at(r, i)->key[k], &r->strings))
				return err_nomem(e);
	if ((rc = account(ex, r, r->cap, e)) < 0)
		return rc;
	return r->n >= cut_at(r) ? refs_sort(ex, r, e) : 0;
}

/* All of b's become r's, which has none. */
static void
steal(struct refs *r, struct refs *b)
{
	uint64_t keep = r->keep;

	arena_release(&r->strings);
	*r = *b;
	r->keep = keep;
	refs_init(b, r->n_keys, UINT64_MAX);
}

int
refs_append(struct exec *ex, struct refs *r, struct refs *b, struct err *e)
{
	int rc = 0;

	if (b->n == 0)
		return 0;
	if (r->cap == 0 && r->keep == UINT64_MAX) {
		steal(r, b);
		return 0;
	}
	/* As many as may come before a cut, so that its bound is there for the later ones. */
	for (size_t at = 0, n; rc == 0 && at < b->n; at += n) {
		n = cut_at(r) - r->n < b->n - at ? (size_t)(cut_at(r) - r->n) : b->n - at;
		if (n > LOOK_REFS) {
			n = LOOK_REFS;
			rc = exec_check(ex, e);
		}
		if (rc == 0)
			rc = append_some(ex, r, b, at, at + n, e);
	}
	return rc;
}

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

#define CUT_FIRST 512		/* at least so many above `keep` before the first cut */
#define CUT_LATER 512		/* and before later ones: then only better refs come in */

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
		cap += cap / 2;
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
	const struct plan_sort *sort;
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

/* By max - at, so that the newest have the smallest; as many digits as the times differ in. */
static int
radix_by_time(struct refs *r, struct err *e)
{
	struct ref *v = refs_at(r, 0), *tmp = malloc(r->n * sizeof *tmp), *from = v, *to = tmp;
	uint64_t min, max;

	if (tmp == NULL)
		return err_nomem(e);
	span_of_times(v, r->n, &min, &max);
	for (unsigned shift = 0; shift < 64 && (max - min) >> shift != 0; shift += DIGIT_BITS) {
		struct ref *x = from;

		RADIX_PASS(DIGIT_BITS, from, to, r->n, i, (max - from[i].at) >> shift);
		from = to;
		to = x;
	}
	if (from != v)
		memcpy(v, from, r->n * sizeof *v);
	free(tmp);
	return 0;
}

/* Insertion: stable, too. */
static void
sort_few(struct ref *v, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		struct ref x = v[i];
		size_t at = i;

		for (; at > 0 && v[at - 1].at < x.at; at--)
			v[at] = v[at - 1];
		v[at] = x;
	}
}

/* Refs without keys, newest first. */
static int
sort_by_time(struct refs *r, struct err *e)
{
	if (r->n > FEW_REFS)
		return radix_by_time(r, e);
	sort_few(refs_at(r, 0), r->n);
	return 0;
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
	for (size_t i = 0, j; i < r->n && i < r->keep; i = j) {
		int rc;

		for (j = i + 1; j < r->n; j++)
			if (ref_cmp(refs_at(r, i), refs_at(r, j), o) != 0)
				break;
		if (j - i > 1 && (rc = refs_order_ties(ex, r, i, j, e)) < 0)
			return rc;
	}
	return 0;
}

int
refs_sort(struct exec *ex, struct refs *r, struct err *e)
{
	struct order o = { ex->plan->sort, r->n_keys };
	size_t scratch = r->n * r->stride;
	int rc;

	if (r->n == 0)
		return 0;
	/* Both ways of sorting take as much again. */
	if ((rc = mem_take(ex, scratch, e)) < 0)
		return rc;
	if (r->n_keys == 0)
		rc = sort_by_time(r, e);
	else
		qsort_r(r->v, r->n, r->stride, ref_cmp, &o);
	mem_give(ex, scratch);
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

/* Copies the refs that may be among the best. */
static void
take_better(struct refs *r, const struct refs *b, struct order *o)
{
	const struct ref *bound = r->cut && r->keep > 0 ? refs_at(r, (size_t)r->keep - 1) : NULL;

	if (bound == NULL) {
		memcpy(r->v + r->n * r->stride, b->v, b->n * r->stride);
		r->n += b->n;
		return;
	}
	for (size_t i = 0; i < b->n; i++)
		if (ref_cmp(refs_at(b, i), bound, o) <= 0)
			memcpy(r->v + r->n++ * r->stride, refs_at(b, i), r->stride);
}

int
refs_append(struct exec *ex, struct refs *r, struct refs *b, struct err *e)
{
	uint64_t slack = r->cut ? CUT_LATER : CUT_FIRST;
	size_t from = r->n;
	struct order o = { ex->plan->sort, r->n_keys };
	int rc;

	if (b->n == 0)
		return 0;
	if ((rc = refs_reserve(ex, r, b->n, e)) < 0)
		return rc;
	take_better(r, b, &o);
	for (size_t i = from; i < r->n; i++)
		for (size_t k = 0; k < r->n_keys; k++)
			if (!skey_keep(&refs_at(r, i)->key[k], &r->strings))
				return err_nomem(e);
	if ((rc = account(ex, r, r->cap, e)) < 0)
		return rc;
	if (slack < r->keep / 2)
		slack = r->keep / 2;
	if (r->keep <= SIZE_MAX / 4 && r->n >= r->keep + slack)
		return refs_sort(ex, r, e);
	return 0;
}

/* ---- bounds ---- */

/*
 * The column whose zones bound the first key, if there is one: start, duration, or an
 * attribute of spans that is an integer wherever it occurs in the shard.
 */
static const struct column *
bound_column(const struct plan_sort *s, struct shard *sh)
{
	const struct column *c;

	if (s->field.scope == FIELD_INTRINSIC) {
		if (s->field.intrinsic == IN_START)
			return shard_column(sh, COL_START);
		if (s->field.intrinsic == IN_DURATION)
			return shard_column(sh, COL_DURATION);
		return NULL;
	}
	if (s->field.scope != FIELD_SPAN || shard_column(sh, COL_REST) != NULL)
		return NULL;
	return shard_attr(sh, ATTR_SPAN, s->field.key, &c) == 1 && c->type == VAL_INT ? c : NULL;
}

/* The best first key that the row group can have; false if the zones don't tell. */
static bool
best_key(const struct plan_sort *s, struct shard *sh, uint32_t group, struct skey *k)
{
	const struct column *c = bound_column(s, sh);
	const uint64_t zero = value_image_i64(0);
	struct zone z;
	uint64_t best;

	if (c == NULL)
		return false;
	z = shard_zone(sh, c, group);
	if (z.n_present == 0) {
		*k = (struct skey){ .cls = KEY_MISSING };
		return c->id == COL_ATTR;
	}
	best = s->desc ? z.max : z.min;
	if (c->id == COL_START) {
		skey_number(k, best);
	} else if (c->id == COL_DURATION) {
		if (duration_wraps(sh, group) != WRAPS_NONE)
			return false;
		skey_number(k, best - zero);
	} else {
		*k = (struct skey){ .cls = KEY_NUMBER, .sub = FORM_I64,
			.u = (uint64_t)value_i64_of(best) };
	}
	return true;
}

bool
refs_best_key(struct exec *ex, const struct xshard *xs, uint32_t group, struct skey *k)
{
	return ex->plan->n_sort != 0 && xs->zones && best_key(&ex->plan->sort[0], xs->s, group, k);
}

bool
refs_hopeless(struct exec *ex, const struct refs *r, const struct xshard *xs, uint32_t group)
{
	struct skey best;

	if (!r->cut || r->n < r->keep || r->keep == 0 || !refs_best_key(ex, xs, group, &best))
		return false;
	/* Only the first key is known: an equal one may still win by the others. */
	return skeys_cmp(ex->plan->sort, 1, &best, refs_at(r, (size_t)r->keep - 1)->key) > 0;
}

/* SPDX-License-Identifier: ISC */
/*
 * ref_tie: order of refs that keys and time leave open: by trace id, span id, content hash,
 * then place among the span's events or links. Ids are read for such refs only, and content
 * only where the ids are equal too (one id used twice with different content).
 */
#include "exec_i.h"

#include <stdlib.h>

#define LOOK_ROWS 256		/* read between two looks at deadline and cancel flag */

struct tie {
	struct trace_id trace;
	uint64_t span;
	struct hash128 hash;
	size_t pos;		/* in the refs */
	uint32_t shard, row, index;
};

#define CMP(a, b) (((a) > (b)) - ((a) < (b)))

static int
ids_cmp(const struct tie *a, const struct tie *b)
{
	int c = trace_id_cmp(a->trace, b->trace);

	return c != 0 ? c : CMP(a->span, b->span);
}

static int
tie_cmp(const void *pa, const void *pb)
{
	const struct tie *a = pa, *b = pb;
	int c = ids_cmp(a, b);

	if (c == 0)
		c = CMP(a->hash.hi, b->hash.hi);
	if (c == 0)
		c = CMP(a->hash.lo, b->hash.lo);
	if (c == 0)
		c = CMP(a->shard, b->shard);
	if (c == 0)
		c = CMP(a->row, b->row);
	return c != 0 ? c : CMP(a->index, b->index);
}

static int
read_hash(struct exec *ex, struct fetch *f, struct tie *t, struct err *e)
{
	const struct projection all = { .all = true };
	struct source *src = &ex->source;
	struct span s;
	int rc = src->ops->rows(src, f, t->shard, &t->row, 1, &all, &s, e);

	if (rc == 0)
		t->hash = span_hash(&s);
	fetch_reset(f);
	return rc;
}

static bool
same_row(const struct tie *a, const struct tie *b)
{
	return a->shard == b->shard && a->row == b->row;
}

/* Hashes of ties [0, n), equal in ids, unless all are of one row. */
static int
read_hashes(struct exec *ex, struct tie *t, size_t n, struct err *e)
{
	struct fetch *f;
	size_t i;
	int rc;

	for (i = 1; i < n && same_row(&t[0], &t[i]); i++)
		;
	if (i == n)
		return 0;
	if ((rc = fetch_new(&f, e)) < 0)
		return rc;
	for (i = 0; i < n && rc == 0; i++) {
		if (i > 0 && same_row(&t[i - 1], &t[i]))
			t[i].hash = t[i - 1].hash;
		else
			rc = read_hash(ex, f, &t[i], e);
		if (rc == 0 && i % LOOK_ROWS == 0)
			rc = exec_check(ex, e);
	}
	fetch_free(f);
	if (rc == 0)
		qsort(t, n, sizeof *t, tie_cmp);
	return rc;
}

static int
sort_ties(struct exec *ex, struct tie *t, size_t n, struct err *e)
{
	struct source *src = &ex->source;
	int rc;

	for (size_t i = 0; i < n; i++)
		if ((i % LOOK_ROWS == LOOK_ROWS - 1 && (rc = exec_check(ex, e)) < 0) ||
		    (rc = src->ops->ids(src, t[i].shard, t[i].row, &t[i].trace, &t[i].span, e)) < 0)
			return rc;
	qsort(t, n, sizeof *t, tie_cmp);
	for (size_t i = 0, j; i < n; i = j) {
		for (j = i + 1; j < n && ids_cmp(&t[i], &t[j]) == 0; j++)
			;
		if (j - i > 1 && (rc = read_hashes(ex, t + i, j - i, e)) < 0)
			return rc;
	}
	return 0;
}

int
refs_order_ties(struct exec *ex, struct refs *r, size_t from, size_t to, struct err *e)
{
	size_t n = to - from, bytes = n * (sizeof(struct tie) + r->stride);
	struct tie *t;
	char *copy;
	int rc;

	if ((rc = mem_take(ex, bytes, e)) < 0)
		return rc;
	t = calloc(n, sizeof *t);
	copy = malloc(n * r->stride);
	if (t == NULL || copy == NULL) {
		rc = err_nomem(e);
		goto out;
	}
	memcpy(copy, r->v + from * r->stride, n * r->stride);
	for (size_t i = 0; i < n; i++) {
		const struct ref *x = refs_at(r, from + i);

		t[i] = (struct tie){ .pos = i, .shard = x->shard, .row = x->row,
			.index = x->index };
	}
	if ((rc = sort_ties(ex, t, n, e)) == 0)
		for (size_t i = 0; i < n; i++)
			memcpy(r->v + (from + i) * r->stride, copy + t[i].pos * r->stride,
			    r->stride);
out:
	free(t);
	free(copy);
	mem_give(ex, bytes);
	return rc;
}

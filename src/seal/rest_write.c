/* SPDX-License-Identifier: ISC */
/*
 * rest_write: which attributes get a column of their own. A part may hold more columns than a
 * shard (MEM_COLUMNS), so that the choice is made when it is known which keys are rare: the
 * LIMIT_SHARD_COLUMNS with most values stay, the others' values join what append already put
 * into the rest column of their scope: a packed map per span (event, link) in key order. Keys
 * that files show stay however rare they are, so that a footer tells whether a path means them.
 */
#include "seal_i.h"

#include <stdlib.h>

#include "base/limits.h"

/* The rest column of one scope in the making. */
struct rest {
	struct seal *s;
	const struct memcol *const *cols;	/* demoted ones of the scope, by key, then type */
	uint32_t n_cols;
	const struct memcol *old;		/* what append made, or NULL */
	struct memcol *out;
	struct sort_pair *pairs, *tmp;		/* key: row; val: column; tie: place in it */
	size_t n;
	struct buf map;
	size_t held;
};

static int
most_first(const void *pa, const void *pb)
{
	const struct memcol *a = *(struct memcol *const *)pa, *b = *(struct memcol *const *)pb;
	bool kept = column_is_kept(a->scope, a->key);

	if (kept != column_is_kept(b->scope, b->key))
		return kept ? -1 : 1;
	if (a->n != b->n)
		return a->n < b->n ? 1 : -1;
	return memcol_cmp(a, b);
}

static int
by_key(const void *pa, const void *pb)
{
	return memcol_cmp(*(struct memcol *const *)pa, *(struct memcol *const *)pb);
}

static struct value
value_at(const struct memcol *c, uint32_t i)
{
	struct value v = { .type = c->type };

	if (c->strings)
		v.s = coldict_at(&c->dict, c->codes[i]);
	else if (c->type == VAL_BOOL)
		v.b = c->nums[i] != 0;
	else if (c->type == VAL_INT)
		v.i = value_i64_of(c->nums[i]);
	else if (c->type == VAL_DOUBLE)
		v.d = value_double_of(c->nums[i]);
	return v;
}

/* Copies entries of an old map while their keys come before `key` (NULL: all). */
static void
copy_before(struct buf *b, struct cursor *old, const struct sv *key)
{
	while (cursor_left(old) > 0) {
		struct cursor at = *old;
		struct value v;
		struct sv k;

		if (!value_map_next(&at, &k, &v) || (key != NULL && sv_cmp(k, *key) > 0))
			return;
		buf_put(b, old->p, (size_t)(at.p - old->p));
		*old = at;
	}
}

/* The map of one row: pairs [from, to) and the old map merged. */
static int
put_row(struct rest *r, uint32_t row, size_t from, size_t to, struct sv old)
{
	struct cursor c = cursor_new(old.p, old.n);

	r->map.n = 0;
	for (size_t i = from; i < to; i++) {
		const struct memcol *col = r->cols[r->pairs[i].val];
		struct attr a = { col->key, value_at(col, r->pairs[i].tie) };

		copy_before(&r->map, &c, &a.key);
		buf_attr(&r->map, &a);
	}
	copy_before(&r->map, &c, NULL);
	if (r->map.oom)
		return ERR_NOMEM;
	return memcol_str(r->out, row, buf_view(&r->map), &r->held);
}

static int
put_rows(struct rest *r)
{
	const struct memcol *old = r->old;
	uint32_t n_old = old == NULL ? 0 : old->n;
	size_t i = 0, j;
	int rc = 0;

	for (uint32_t k = 0; rc == 0 && (i < r->n || k < n_old); i = j) {
		uint64_t row = i < r->n ? r->pairs[i].key : UINT64_MAX;
		struct sv map = SV_EMPTY;

		if (k < n_old && old->rows[k] <= row) {
			row = old->rows[k];
			map = coldict_at(&old->dict, old->codes[k++]);
		}
		for (j = i; j < r->n && r->pairs[j].key == row; j++)
			continue;
		rc = put_row(r, (uint32_t)row, i, j, map);
	}
	return rc;
}

static int
make_rest(struct rest *r)
{
	size_t n = 0;
	int rc;

	for (uint32_t i = 0; i < r->n_cols; i++)
		n += r->cols[i]->n;
	r->pairs = malloc((n + 1) * sizeof *r->pairs);
	r->tmp = malloc((n + 1) * sizeof *r->tmp);
	rc = r->pairs == NULL || r->tmp == NULL ? ERR_NOMEM : 0;
	if (rc == 0) {
		for (uint32_t i = 0; i < r->n_cols; i++)
			for (uint32_t k = 0; k < r->cols[i]->n; k++)
				r->pairs[r->n++] = (struct sort_pair){ r->cols[i]->rows[k], i, k };
		/* Stable: within a row by key still. */
		sort_pairs(r->pairs, r->tmp, r->n);
		rc = put_rows(r);
	}
	free(r->pairs);
	free(r->tmp);
	buf_release(&r->map);
	return rc == 0 ? 0 : err_nomem(r->s->err);
}

/* Columns v[0, n) of one scope. */
static int
demote(struct seal *s, const struct memcol *const *v, uint32_t n)
{
	static const enum column_id ids[] = {
		[ATTR_SPAN] = COL_REST, [ATTR_EVENT] = COL_EVENT_REST, [ATTR_LINK] = COL_LINK_REST,
	};
	enum column_id id = ids[v[0]->scope];
	struct memcol *c = arena_new(&s->mem, struct memcol);
	struct rest r = { .s = s, .cols = v, .n_cols = n, .old = s->part->fixed[id], .out = c };

	if (c == NULL)
		return err_nomem(s->err);
	c->id = id;
	c->type = VAL_MAP;
	c->domain = v[0]->domain;
	c->strings = true;
	s->rest[v[0]->domain] = c;
	return make_rest(&r);
}

int
seal_choose_columns(struct seal *s)
{
	uint32_t n = s->part->cols.n, keep = n, j;
	const struct memcol **v = arena_array(&s->mem, (size_t)n + 1, const struct memcol *);
	int rc;

	if (v == NULL)
		return err_nomem(s->err);
	for (uint32_t i = 0; i < n; i++)
		v[i] = &s->part->cols.v[i];
	if (n > LIMIT_SHARD_COLUMNS) {
		keep = LIMIT_SHARD_COLUMNS;
		qsort(v, n, sizeof *v, most_first);
		qsort(v + keep, n - keep, sizeof *v, by_key);
	}
	qsort(v, keep, sizeof *v, by_key);
	for (uint32_t i = keep; i < n; i = j) {
		for (j = i + 1; j < n && v[j]->scope == v[i]->scope; j++)
			continue;
		if ((rc = demote(s, v + i, j - i)) != 0)
			return rc;
	}
	s->attrs = v;
	s->n_attrs = keep;
	return 0;
}

const struct memcol *
seal_fixed_col(const struct seal *s, enum column_id id)
{
	static const enum column_id ids[] = {
		[DOMAIN_SPAN] = COL_REST, [DOMAIN_EVENT] = COL_EVENT_REST,
		[DOMAIN_LINK] = COL_LINK_REST,
	};

	for (int d = DOMAIN_SPAN; d <= DOMAIN_LINK; d++)
		if (id == ids[d] && s->rest[d] != NULL)
			return s->rest[d];
	return s->part->fixed[id];
}

void
seal_choose_release(struct seal *s)
{
	for (int d = DOMAIN_SPAN; d <= DOMAIN_LINK; d++)
		if (s->rest[d] != NULL)
			memcol_release(s->rest[d]);
}

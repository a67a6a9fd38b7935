/* SPDX-License-Identifier: ISC */
/*
 * fetch_attrs: the attribute lists of a group of rows, of spans, events or links. First every
 * column that has a chunk here is gathered, and each row's values are counted; then one array
 * takes the lists of all rows, and the columns are gone through again, in the same order. That
 * is key order, so the lists come out normal. Only attributes from the rest column, which
 * holds rare keys as one packed map a row, have to be merged in.
 */
#include "base/search.h"
#include "fetch_i.h"

#include <stdlib.h>

/* Makes room for the values of r->n rows more. */
static int
who_room(struct fetch *f, size_t more, struct err *e)
{
	size_t need = f->n_who + more, n = need + need / 2;
	void *p;
	int rc;

	if (need <= f->who_room)
		return 0;
	/* Each becomes an attribute. */
	if ((rc = fetch_may(f, f->n_who, sizeof(struct attr), e)) != 0)
		return rc;
	if ((p = realloc(f->who, n * sizeof *f->who)) == NULL)
		return err_nomem(e);
	f->who = p;
	if ((p = realloc(f->what, n * sizeof *f->what)) == NULL)
		return err_nomem(e);
	f->what = p;
	f->who_room = n;
	return 0;
}

/* Numbers and codes as they are; of strings in place, their ordinals. */
static int
gather_column(struct rows *r, const struct column *col)
{
	struct fetch *f = r->f;
	struct attr_run run = { .col = col, .from = f->n_who };
	const struct chunk *c = NULL;
	uint32_t n;
	int rc;

	if ((rc = chunk_get(r->fs->s, col, r->group, &c, r->e)) != 0 || c == NULL)
		return rc;
	if ((rc = who_room(f, r->n, r->e)) != 0) {
		chunk_put(c);
		return rc;
	}
	n = chunk_select_words(c, r->row, r->n, f->words.v, (uint32_t)f->words.n,
	    f->who + f->n_who, f->ord);
	if (n == 0) {
		chunk_put(c);
		return 0;
	}
	if (col->kind == COLUMN_BYTES) {
		for (uint32_t i = 0; i < n; i++)
			f->what[f->n_who + i] = f->ord[i];
		run.chunk = c;
		rc = fetch_pin(f, c, r->e);
	} else {
		chunk_gather(c, f->ord, n, f->what + f->n_who);
		chunk_put(c);
		if (col->kind == COLUMN_DICT)
			rc = fetch_dict(r, col, &run.dict);
	}
	if (rc != 0)
		return rc;
	for (uint32_t i = 0; i < n; i++)
		f->count[f->who[f->n_who + i]]++;
	run.to = f->n_who += n;
	return vec_push(&f->runs, run) ? 0 : err_nomem(r->e);
}

/* Every column of the scope that has a chunk in this row group. */
static int
gather_all(struct rows *r, enum attr_scope scope)
{
	const struct shard *s = r->fs->s;
	const struct column *first;
	uint32_t lo = s->chunk_from[r->group], hi = s->chunk_from[r->group + 1];
	int rc = 0;

	(void)shard_attr(s, scope, SV_EMPTY, &first);
	LOWER_BOUND(lo, hi, i, s->sections[i].column < (size_t)(first - s->info.columns));
	for (; lo < hi && rc == 0; lo++) {
		const struct column *col = &s->info.columns[s->sections[lo].column];

		if (col->scope != scope)
			break;
		rc = gather_column(r, col);
	}
	return rc;
}

static int
gather_keys(struct rows *r, enum attr_scope scope, const struct fetch_want *w)
{
	int rc = 0;

	for (size_t k = 0; k < w->n_keys && rc == 0; k++) {
		const struct column *col;
		size_t n = shard_attr(r->fs->s, scope, w->keys[k], &col);

		for (; n > 0 && rc == 0; n--)
			rc = gather_column(r, col++);
	}
	return rc;
}

/* ---- rest ---- */

static bool
key_wanted(const struct fetch_want *w, bool all, struct sv key)
{
	size_t at = 0;
	bool found = all;

	if (!all)
		FIND_SORTED(at, w->n_keys, i, sv_cmp(w->keys[i], key), found);
	return found;
}

/* The next wanted attribute of a packed map. */
static bool
rest_next(struct cursor *c, const struct fetch_want *w, bool all, struct attr *a)
{
	while (value_map_next(c, &a->key, &a->val))
		if (key_wanted(w, all, a->key))
			return true;
	return false;
}

static void
count_rest(struct fetch *f, uint32_t n, const struct fetch_want *w, bool all)
{
	for (uint32_t i = 0; i < n; i++) {
		struct cursor c = cursor_new(f->str[i].p, f->str[i].n);
		struct attr a;

		while (rest_next(&c, w, all, &a))
			f->count[f->sel[i]]++;
	}
}

/* list is in order up to n, and from n on: puts it in order as a whole. */
static int
merge(struct fetch *f, struct attrs *list, uint32_t n, struct err *e)
{
	uint32_t more = list->n - n, i = n, j = more, at = list->n;

	if (n == 0 || more == 0 || sv_cmp(list->v[n - 1].key, list->v[n].key) < 0)
		return 0;
	if (!vec_reserve(&f->merge, more))
		return err_nomem(e);
	memcpy(f->merge.v, list->v + n, more * sizeof *list->v);
	while (j > 0)
		if (i > 0 && sv_cmp(list->v[i - 1].key, f->merge.v[j - 1].key) > 0)
			list->v[--at] = list->v[--i];
		else
			list->v[--at] = f->merge.v[--j];
	return 0;
}

static int
fill_rest(struct rows *r, uint32_t n, const struct fetch_want *w, bool all)
{
	struct fetch *f = r->f;
	int rc = 0;

	for (uint32_t i = 0; i < n && rc == 0; i++) {
		struct attrs *list = f->lists[f->sel[i]];
		struct cursor c = cursor_new(f->str[i].p, f->str[i].n);
		uint32_t before = list->n;
		struct attr a;

		while (list->n < f->count[f->sel[i]] && rest_next(&c, w, all, &a))
			list->v[list->n++] = a;
		rc = merge(f, list, before, r->e);
	}
	return rc;
}

/* ---- filling ---- */

static inline struct attr *
next_attr(struct fetch *f, size_t i, const struct column *col)
{
	struct attrs *list = f->lists[f->who[i]];
	struct attr *a = &list->v[list->n++];

	a->key = col->key;
	a->val.type = col->type;
	return a;
}

static void
fill_numbers(struct fetch *f, const struct attr_run *run)
{
	const struct column *col = run->col;

	switch (col->type) {
	case VAL_BOOL:
		for (size_t i = run->from; i < run->to; i++)
			next_attr(f, i, col)->val.b = f->what[i] != 0;
		break;
	case VAL_DOUBLE:
		for (size_t i = run->from; i < run->to; i++)
			next_attr(f, i, col)->val.d = value_double_of(f->what[i]);
		break;
	default:
		for (size_t i = run->from; i < run->to; i++)
			next_attr(f, i, col)->val.i = value_i64_of(f->what[i]);
		break;
	}
}

static void
fill_run(struct fetch *f, const struct attr_run *run)
{
	const struct column *col = run->col;

	if (run->dict != NULL)
		for (size_t i = run->from; i < run->to; i++)
			next_attr(f, i, col)->val.s = dict_at(run->dict, (uint32_t)f->what[i]);
	else if (run->chunk != NULL)
		for (size_t i = run->from; i < run->to; i++)
			next_attr(f, i, col)->val.s =
			    chunk_bytes_at(run->chunk, (uint32_t)f->what[i]);
	else
		fill_numbers(f, run);
}

/* One array for all lists. */
static int
take_lists(struct rows *r)
{
	struct fetch *f = r->f;
	struct attr *v;
	size_t n = 0;
	int rc;

	for (uint32_t i = 0; i < r->n; i++)
		n += f->count[i];
	if ((rc = fetch_may(f, n, sizeof *v, r->e)) != 0)
		return rc;
	if ((v = arena_alloc(&f->arena, n * sizeof *v)) == NULL)
		return err_nomem(r->e);
	for (uint32_t i = 0; i < r->n; i++) {
		f->lists[i]->v = v;
		f->lists[i]->n = 0;
		v += f->count[i];
	}
	return 0;
}

int
fetch_attrs(struct rows *r, enum attr_scope scope, const struct fetch_want *w)
{
	static const enum column_id rest_id[] = {
		[ATTR_SPAN] = COL_REST, [ATTR_EVENT] = COL_EVENT_REST,
		[ATTR_LINK] = COL_LINK_REST,
	};
	bool all = scope != ATTR_SPAN || w->attrs;
	struct fetch *f = r->f;
	uint32_t n_rest;
	int rc;

	if (r->n == 0 || (!all && w->n_keys == 0))
		return 0;
	f->n_who = f->runs.n = 0;
	memset(f->count, 0, r->n * sizeof *f->count);
	if (!vec_reserve(&f->words, r->n))
		return err_nomem(r->e);
	f->words.n = row_words(r->row, r->n, f->words.v);
	if ((rc = all ? gather_all(r, scope) : gather_keys(r, scope, w)) != 0 ||
	    (rc = gather_texts(r, shard_column(r->fs->s, rest_id[scope]), &n_rest)) != 0)
		return rc;
	count_rest(f, n_rest, w, all);
	if ((rc = take_lists(r)) != 0)
		return rc;
	for (size_t i = 0; i < f->runs.n; i++)
		fill_run(f, &f->runs.v[i]);
	return fill_rest(r, n_rest, w, all);
}

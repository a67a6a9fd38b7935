/* SPDX-License-Identifier: ISC */
/*
 * bind_columns: no file shows two columns of one name: a reader of JSON would see the last of them, of
 * CSV the first. Only binding knows all the names, since an attribute may be called like an aggregate.
 */
#include <stdlib.h>

#include "clause_i.h"
#include "group_i.h"
#include "name_i.h"

struct named {
	struct sv name;
	size_t i;			/* which column */
};

static int
by_name(const void *pa, const void *pb)
{
	const struct named *a = pa, *b = pb;
	int c = sv_cmp(a->name, b->name);

	return c != 0 ? c : (a->i > b->i) - (a->i < b->i);
}

/* The place of the first column with a name that was there already; n: none. */
static size_t
first_double(struct named *v, size_t n)
{
	size_t at = n;

	qsort(v, n, sizeof *v, by_name);
	for (size_t i = 1; i < n; i++)
		if (sv_eq(v[i].name, v[i - 1].name) && (at == n || v[i].i < v[at].i))
			at = i;
	return at;
}

static int
twice(struct sv name, size_t off, struct err *e)
{
	struct quoted q;

	return err_set(e, ERR_UNSUPPORTED, (int64_t)off, "two columns would be called '%s': "
	    "select may show one of them", quote(&q, name));
}

int
bind_select_once(const struct query *q, size_t off, struct arena *a, struct err *e)
{
	struct named *v = arena_array(a, q->n_select, struct named);
	size_t n = q->n_select, at;

	if (v == NULL)
		return err_nomem(e);
	for (size_t i = 0; i < n; i++)
		v[i] = (struct named){ field_column(&q->select[i], q->select_typed[i]), i };
	at = first_double(v, n);
	return at == n ? 0 : twice(v[at].name, off + (size_t)(q->select_raw[v[at].i].p -
	    q->select_raw[0].p), e);
}

/* Where the path says that there is such a column. */
static size_t
off_of(const struct query *q, const struct group_offs *offs, const struct group_ref *ref)
{
	if (q->n_select != 0)
		return offs->select;
	return ref->kind == REF_KEY || !q->has_agg ? offs->group : offs->agg;
}

int
bind_columns_once(const struct query *q, const struct group_offs *offs, struct arena *a,
    struct err *e)
{
	const struct grouping *g = &q->groups;
	struct named *v = arena_array(a, g->n_columns, struct named);
	struct buf b = BUF_INIT;
	size_t at;
	int code = v == NULL ? err_nomem(e) : 0;

	for (size_t i = 0; code == 0 && i < g->n_columns; i++) {
		b.n = 0;
		group_column_print(&b, g, &g->columns[i]);
		v[i] = (struct named){ arena_sv(a, buf_view(&b)), i };
		if (b.oom || (v[i].name.p == NULL && b.n != 0))
			code = err_nomem(e);
	}
	buf_release(&b);
	if (code < 0 || (at = first_double(v, g->n_columns)) == g->n_columns)
		return code;
	return twice(v[at].name, off_of(q, offs, &g->columns[v[at].i]), e);
}

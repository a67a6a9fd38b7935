/* SPDX-License-Identifier: ISC */
/* fetch_gather: one column of the rows of a group, into the scratch arrays of the fetch. */
#include "fetch_i.h"

int
fetch_dict(struct rows *r, const struct column *col, const struct dict **out)
{
	const struct dict **at = &r->fs->dicts[col->index];
	int rc;

	if (*at == NULL) {
		if (!vec_reserve(&r->f->dicts, r->f->dicts.n + 1))
			return err_nomem(r->e);
		if ((rc = dict_get(r->fs->s, col, at, r->e)) < 0)
			return rc;
		(void)vec_push(&r->f->dicts, *at);
	}
	*out = *at;
	return 0;
}

int
gather_numbers(struct rows *r, const struct column *col, uint32_t *n)
{
	struct fetch *f = r->f;
	const struct chunk *c = NULL;
	int rc;

	*n = 0;
	if (col == NULL)
		return 0;
	if ((rc = chunk_get(r->fs->s, col, r->group, &c, r->e)) != 0 || c == NULL)
		return rc;
	*n = chunk_select(c, r->row, r->n, f->sel, f->ord);
	chunk_gather(c, f->ord, *n, f->val);
	chunk_put(c);
	return 0;
}

/* Strings in place stay borrowed from the chunk. */
static int
gather_bytes(struct rows *r, const struct column *col, uint32_t *n)
{
	struct fetch *f = r->f;
	const struct chunk *c = NULL;
	int rc;

	*n = 0;
	if ((rc = chunk_get(r->fs->s, col, r->group, &c, r->e)) != 0 || c == NULL)
		return rc;
	*n = chunk_select(c, r->row, r->n, f->sel, f->ord);
	for (uint32_t i = 0; i < *n; i++)
		f->str[i] = chunk_bytes_at(c, f->ord[i]);
	if (*n != 0)
		return fetch_pin(f, c, r->e);
	chunk_put(c);
	return 0;
}

int
gather_texts(struct rows *r, const struct column *col, uint32_t *n)
{
	const struct dict *d;
	int rc;

	*n = 0;
	if (col == NULL)
		return 0;
	if (col->kind == COLUMN_BYTES)
		return gather_bytes(r, col, n);
	if ((rc = gather_numbers(r, col, n)) != 0 || *n == 0)
		return rc;
	if ((rc = fetch_dict(r, col, &d)) != 0)
		return rc;
	for (uint32_t i = 0; i < *n; i++)
		r->f->str[i] = dict_at(d, (uint32_t)r->f->val[i]);
	return 0;
}

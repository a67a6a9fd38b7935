/* SPDX-License-Identifier: ISC */
/* sizing: the lengths of found rows' lines, for the sinks; see exec_size.c. */
#include "exec_i.h"

int
sizing_lengths(struct sizing *z, struct shard *s, uint32_t group, const struct lengths **out,
    struct err *e)
{
	int rc = lengths_get(s, group, out, e);

	if (rc != 0 || *out == NULL || lengths_version(*out) == z->version)
		return rc;
	lengths_put(*out);
	*out = NULL;
	return 0;
}

/* Neighbours in the order of the result are of few row groups, but not of one. */
static int
lengths_of_ref(struct exec *ex, const struct ref *r, const struct lengths **out, struct err *e)
{
	const struct xshard *xs = &ex->local->shards[r->shard];
	uint32_t group = r->row / xs->info->row_group_rows;
	size_t i = (r->shard * 7u + group) % SIZING_KEPT;
	struct sizing *z = ex->sizing;
	int rc = 0;

	if (z->kept[i].l == NULL || z->kept[i].part != r->shard || z->kept[i].group != group) {
		lengths_put(z->kept[i].l);
		z->kept[i].l = NULL;
		rc = sizing_lengths(z, xs->s, group, &z->kept[i].l, e);
		z->kept[i].part = r->shard;
		z->kept[i].group = group;
	}
	*out = z->kept[i].l;
	return rc;
}

int
sizing_add_refs(struct exec *ex, const struct refs *refs, size_t at, size_t n, struct err *e)
{
	struct sizing *z = ex->sizing;

	for (size_t i = at; i < at + n; i++) {
		const struct ref *r = refs_at(refs, i);
		const struct lengths *l;
		uint32_t v;
		int rc;

		if ((rc = lengths_of_ref(ex, r, &l, e)) < 0)
			return rc;
		v = l == NULL ? 0 :
		    lengths_at(l, r->row % ex->local->shards[r->shard].info->row_group_rows);
		z->bytes += v;
		z->rows++;
		if (v == 0)
			atomic_store(&z->untold, true);
	}
	return 0;
}

void
sizing_release(struct sizing *z)
{
	for (size_t i = 0; i < SIZING_KEPT; i++)
		lengths_put(z->kept[i].l);
}

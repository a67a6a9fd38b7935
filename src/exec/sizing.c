/* SPDX-License-Identifier: ISC */
/*
 * sizing: the lengths of found rows' lines, for the sinks, and of whole services without a look at
 * rows, nor at the shard where the manifest has their totals; see exec_size.c.
 */
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

/* ---- whole services ---- */

/* The filter is nothing, or a condition on the service alone (then *by): else false. */
static bool
asks_services(const struct exec *ex, const struct matcher **by)
{
	const struct fnode *root = &ex->local->filter.root;
	const struct pred *p = root->pred;

	*by = NULL;
	if (p->kind == PRED_TRUE)
		return true;
	if (p->kind != PRED_LEAF || p->op == OP_TEXT || p->field.scope != FIELD_INTRINSIC ||
	    p->field.intrinsic != IN_SERVICE)
		return false;
	*by = root->m;
	return true;
}

/* Adds up a service if it matches; false: it lies across the slice, or is not told. */
static bool
add_service(const struct service_lines *s, const struct matcher *by, struct slice in_time,
    struct exec_size *n)
{
	int in = by == NULL ? 1 : matcher_string(by, s->service, NULL);

	if (in < 0)
		return false;
	if (in == 0 || s->min_start > in_time.last || s->max_start < in_time.first)
		return true;
	if (s->min_start < in_time.first || s->max_start > in_time.last || s->bytes == 0)
		return false;
	n->rows += s->n_rows;
	n->bytes += s->bytes;
	return true;
}

/* By what the manifest says, the shard unopened. */
static bool
add_listed(const struct exec *ex, const struct xshard *xs, size_t n_services,
    const struct matcher *by, struct slice in_time, struct exec_size *n)
{
	for (size_t i = 0; i < n_services; i++) {
		struct service_lines s = snapshot_lines_at(ex->env.snapshot, xs->plan->shard, i);

		if (!add_service(&s, by, in_time, n))
			return false;
	}
	return true;
}

static bool
add_services(const struct xshard *xs, const struct matcher *by, const struct line_totals *t,
    struct slice in_time, struct exec_size *n)
{
	for (size_t i = 0; i < xs->info->n_services; i++) {
		const struct shard_service *x = &xs->info->services[i];
		struct service_lines s = { x->service, x->row_to - x->row_from, x->min_start,
			x->max_start, line_totals_at(t, i) };

		if (!add_service(&s, by, in_time, n))
			return false;
	}
	return true;
}

/* 1: what of the shard is in the slice is told, and added. */
static int
size_shard(struct exec *ex, unsigned version, struct xshard *xs, const struct matcher *by,
    struct slice in_time, struct exec_size *out, struct err *e)
{
	size_t listed = snapshot_lines(ex->env.snapshot, xs->plan->shard, version);
	struct exec_size n = *out;
	const struct line_totals *t;
	int rc;

	if ((rc = exec_check(ex, e)) < 0)
		return rc;
	if (listed != 0)
		rc = add_listed(ex, xs, listed, by, in_time, &n);
	else {
		if ((rc = source_shard(ex, xs->plan->shard, &xs->s, e)) < 0 ||
		    (rc = line_totals_get(xs->s, &t, e)) < 0)
			return rc;
		xs->info = shard_info(xs->s);
		rc = t != NULL && line_totals_version(t) == version &&
		    add_services(xs, by, t, in_time, &n);
		line_totals_put(t);
	}
	if (rc > 0)
		*out = n;
	return rc;
}

int
sizing_whole(struct exec *ex, struct err *e)
{
	struct slice all = { ex->plan->filter.range.from, exec_last(ex->plan) };
	const struct matcher *by;
	struct reads before;
	int rc = 0;

	if (!ex->plan->filter.pushdown || !asks_services(ex, &by))
		return 0;
	before = reads_begin(ex);
	for (size_t i = 0; i < ex->local->n_shards && rc >= 0; i++) {
		struct xshard *xs = &ex->local->shards[i];
		struct exec_size n = { 0 };

		if (!xshard_in(xs, all) || (rc = exec_check(ex, e)) < 0 ||
		    (rc = size_shard(ex, ex->sizing->version, xs, by, all, &n, e)) <= 0)
			continue;
		xs->counted = true;
		ex->sizing->rows += n.rows;
		ex->sizing->bytes += n.bytes;
		ex->prof.rows_matched += n.rows;
		if (ex->env.progress != NULL)
			atomic_fetch_add(&ex->env.progress->rows_done, xs->entry->n_rows);
	}
	reads_end(&before, &ex->prof);
	return rc < 0 ? rc : 0;
}

int
sizing_slice(struct exec *ex, struct sizing *z, struct slice s, struct exec_size *out,
    struct err *e)
{
	const struct matcher *by;
	int rc = 1;

	*out = (struct exec_size){ 0 };
	if (!ex->plan->filter.pushdown || !asks_services(ex, &by))
		return 0;
	for (size_t i = 0; i < ex->local->n_shards && rc > 0; i++)
		if (xshard_in(&ex->local->shards[i], s))
			rc = size_shard(ex, z->version, &ex->local->shards[i], by, s, out, e);
	return rc;
}

/* ---- refs ---- */

/* Neighbours in the order of the result are of few row groups, but not of one. */
static int
lengths_of_ref(struct exec *ex, struct sizing *z, const struct ref *r,
    const struct lengths **out, struct err *e)
{
	const struct xshard *xs = &ex->local->shards[r->shard];
	uint32_t group = r->row / xs->info->row_group_rows;
	size_t i = (r->shard * 7u + group) % SIZING_KEPT;
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
sizing_of_ref(struct exec *ex, struct sizing *z, const struct ref *r, uint32_t *out,
    struct err *e)
{
	const struct lengths *l;
	int rc;

	if ((rc = lengths_of_ref(ex, z, r, &l, e)) < 0)
		return rc;
	*out = l == NULL ? 0 :
	    lengths_at(l, r->row % ex->local->shards[r->shard].info->row_group_rows);
	return 0;
}

int
sizing_add_refs(struct exec *ex, const struct refs *refs, size_t at, size_t n, struct err *e)
{
	struct sizing *z = ex->sizing;

	for (size_t i = at; i < at + n; i++) {
		uint32_t v;
		int rc;

		if ((rc = sizing_of_ref(ex, z, refs_at(refs, i), &v, e)) < 0)
			return rc;
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

/* SPDX-License-Identifier: ISC */
/*
 * cover_groups: the groups of shards whose access says so, made of the footer (services, names,
 * errors) or of a dictionary (the values of an attribute), as rule_groups of the optimizer has it.
 * What is there is looked at once more; a shard that doesn't tell after all is scanned.
 */
#include "agg/agg_given.h"
#include "exec_i.h"
#include "filter/cover.h"

struct telling {
	struct exec *ex;
	struct xshard *xs;
	struct agg_table *t;
	uint64_t n;			/* rows that were told of */
	struct err *e;
};

static int
give_rows(struct telling *x, const struct span *like, uint64_t count, uint64_t errors, uint64_t first,
    uint64_t last)
{
	const struct span_row row = { .span = like };
	const struct agg_given g = { .like = &row, .first_ns = first, .last_ns = last,
		.count = count, .errors = errors };

	x->n += count;
	return agg_add_given(x->t, x->ex->env.side, &g, x->e);
}

/* ---- services and names ---- */

static bool
asks_names(const struct grouping *g)
{
	for (size_t i = 0; i < g->n_keys; i++)
		if (g->keys[i].intrinsic == IN_NAME)
			return true;
	return false;
}

/* Before anything is given: all of a service's spans in one bucket, and all its names there. */
static bool
cells_tell(const struct telling *x, bool names)
{
	const struct grouping *g = agg_grouping(x->t);
	const struct shard_info *info = x->xs->info;

	for (size_t i = 0; i < info->n_services; i++) {
		const struct shard_service *s = &info->services[i];
		uint64_t n = 0;

		if (g->has_bucket && step_floor(agg_step(x->t), s->min_start) !=
		    step_floor(agg_step(x->t), s->max_start))
			return false;
		for (size_t k = 0; k < s->n_names; k++)
			n += s->names[k].n_rows;
		if (names && n != s->row_to - s->row_from)
			return false;
	}
	return true;
}

static int
give_cell(void *arg, const struct shard_service *s, struct sv name, uint64_t rows, uint64_t errors)
{
	struct telling *x = arg;
	const struct resource r = { .service = s->service };
	static const struct scope none;
	const struct span like = { .start_ns = s->min_start, .end_ns = s->min_start, .name = name,
		.resource = &r, .scope = &none };

	return give_rows(x, &like, rows, errors, s->min_start, s->max_start);
}

static int
tell_cells(struct telling *x)
{
	struct exec *ex = x->ex;
	bool names = asks_names(agg_grouping(x->t));
	uint64_t n;
	int rc;

	if (!cells_tell(x, names))
		return 0;
	if ((rc = cover_cells(x->xs, ex->plan->filter.range.from, exec_last(ex->plan), &n, x->e)) != 1)
		return rc;
	rc = cover_each_cell(x->xs, ex->plan->filter.range.from, exec_last(ex->plan), names,
	    give_cell, x, x->e);
	return rc < 0 ? rc : 1;
}

/* ---- values of an attribute ---- */

/* The only column that the field has in the shard, if that is one of a dictionary; else NULL. */
static const struct column *
column_of(struct shard *s, const struct field *f, int *rc, struct err *e)
{
	const struct column *col, *rest = shard_column(s, COL_REST);

	*rc = 0;
	if ((rest != NULL && rest->n_present != 0) || shard_attr(s, ATTR_SPAN, f->key, &col) != 1 ||
	    col->type != VAL_STRING || col->kind != COLUMN_DICT)
		return NULL;
	if (f->scope == FIELD_BARE && (*rc = shard_resource_key(s, f->key, e)) != 0)
		return NULL;
	return col;
}

static int
give_value(struct telling *x, const struct sv *value, uint64_t rows)
{
	const struct shard_info *info = x->xs->info;
	static const struct resource nothing;
	static const struct scope none;
	struct attr a = { .key = agg_grouping(x->t)->keys[0].key,
		.val = { .type = VAL_STRING, .s = value != NULL ? *value : SV_EMPTY } };
	const struct span like = { .start_ns = info->min_start, .end_ns = info->min_start,
		.attrs = { .v = &a, .n = value != NULL }, .resource = &nothing, .scope = &none };

	return give_rows(x, &like, rows, 0, info->min_start, info->max_start);
}

/* Its rows are not asked for: that there are some is enough. */
static int
give_dictionary(struct telling *x, const struct column *col)
{
	const struct dict *d;
	int rc = dict_get(x->xs->s, col, &d, x->e);

	if (rc < 0)
		return rc;
	for (uint32_t i = 0; rc == 0 && i < d->n; i++) {
		struct sv v = dict_at(d, i);

		rc = give_value(x, &v, 1);
	}
	dict_put(d);
	return rc;
}

/* The footer has the rows of each value. */
static int
give_top(struct telling *x, const struct column *col)
{
	uint64_t rest = x->xs->info->n_rows - col->n_present;
	int rc = rest == 0 ? 0 : give_value(x, NULL, rest);

	for (size_t i = 0; rc == 0 && i < col->n_top; i++)
		rc = give_value(x, &col->top[i].val.s, col->top[i].n_rows);
	return rc;
}

static bool
top_tells(const struct column *col)
{
	uint64_t n = 0;

	for (size_t i = 0; i < col->n_top; i++) {
		if (col->top[i].cut || col->top[i].val.type != VAL_STRING)
			return false;
		n += col->top[i].n_rows;
	}
	return n == col->n_present;
}

static int
tell_values(struct telling *x)
{
	const struct grouping *g = agg_grouping(x->t);
	bool values = g->distinct && g->n_aggs == 0;
	const struct column *col;
	int rc;

	if ((col = column_of(x->xs->s, &g->keys[0], &rc, x->e)) == NULL)
		return rc < 0 ? rc : 0;
	if (!values && !top_tells(col))
		return 0;
	rc = values ? give_dictionary(x, col) : give_top(x, col);
	x->n = x->xs->info->n_rows;
	return rc < 0 ? rc : 1;
}

/* ---- shards ---- */

static int
tell(struct telling *x)
{
	const struct grouping *g = agg_grouping(x->t);
	int rc;

	if ((rc = exec_check(x->ex, x->e)) < 0 ||
	    (rc = source_shard(x->ex, x->xs->plan->shard, &x->xs->s, x->e)) < 0)
		return rc;
	x->xs->info = shard_info(x->xs->s);
	return g->n_keys == 1 && g->keys[0].scope != FIELD_INTRINSIC ? tell_values(x) :
	    tell_cells(x);
}

/* Takes shards off the scan that need none. */
int
cover_groups(struct exec *ex, struct err *e)
{
	struct agg_given_want want;
	struct reads before;
	int rc = 0;

	if (!ex->plan->filter.pushdown || !agg_takes_given(ex->env.groups, &want) || want.n_fields != 0 ||
	    want.traces)
		return 0;
	before = reads_begin(ex);
	for (size_t i = 0; rc >= 0 && i < ex->local->n_shards; i++) {
		struct telling x = { .ex = ex, .xs = &ex->local->shards[i], .t = ex->env.groups,
			.e = e };

		if (x.xs->plan->access != ACCESS_COVERING || x.xs->entry->n_rows == 0)
			continue;
		if ((rc = tell(&x)) <= 0)
			continue;
		x.xs->counted = true;
		ex->prof.rows_matched += x.n;
	}
	reads_end(&before, &ex->prof);
	return rc < 0 ? rc : 0;
}

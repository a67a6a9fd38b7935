/* SPDX-License-Identifier: ISC */
/* gather: see gather/gather.h: which fields are in columns, and what all rows are asked for. */
#include "gather_i.h"

bool
gather_may(const struct field *f, unsigned *asks)
{
	struct field inner;

	*asks = 0;
	if (f->scope != FIELD_PARENT)
		return gather_own_may(f) || gather_trace_may(f, asks);
	inner = field_inner(f);
	if (!gather_own_may(&inner) && !gather_trace_may(&inner, asks))
		return false;
	*asks |= GATHER_PARENTS;
	return true;
}

int
gather_field(struct gather *x, const struct field *f, struct agg_column *out)
{
	unsigned asks;

	*out = (struct agg_column){ .kind = AGG_COLUMN_NONE };
	if (f->scope == FIELD_PARENT)
		return gather_of_parent(x, f, out);
	return gather_trace_may(f, &asks) ? gather_of_trace(x, f, NULL, out) :
	    gather_own(x, f, out);
}

bool
gather_spans_of_time(const struct gather *x, uint64_t *first, uint64_t *last)
{
	const struct row_group *g = &x->info->row_groups[x->group];
	const struct column *col = shard_column(x->s, COL_START);
	struct zone z;

	if (x->n != g->row_to - g->row_from || col == NULL)
		return false;
	z = shard_zone(x->s, col, x->group);
	*first = z.min;
	*last = z.max;
	return z.n_present == x->n;
}

int
gather_starts(struct gather *x, const uint64_t **out)
{
	int rc = gather_whole(x, COL_START, &x->start);

	*out = x->start;
	return rc;
}

int
gather_traces(struct gather *x, const uint64_t **out)
{
	int rc = gather_whole(x, COL_TRACE, &x->trace);

	*out = x->trace;
	return rc;
}

int
gather_errors(struct gather *x, const uint8_t **out)
{
	uint8_t *v = arena_calloc(x->mem, x->n, 1);
	struct gather_reading r;
	int rc;

	if (v == NULL)
		return err_nomem(x->e);
	if ((rc = gather_fixed(x, COL_STATUS, &r)) < 0)
		return rc;
	while (gather_piece(&r))
		for (uint32_t i = 0; i < r.n_v; i++)
			v[gather_row(&r, i)] = r.v[i] == value_image_i64(STATUS_ERROR);
	*out = v;
	return 0;
}

/* SPDX-License-Identifier: ISC */
/*
 * sink_groups_split_read: of one shard the spans of its split traces: which rows these are, their ids,
 * parents and times by column, and the part of each trace.
 */
#include <stdlib.h>

#include "base/bitmap.h"
#include "base/search.h"
#include "sink_groups_split.h"

/* Values of a column of the rows; 0 where there is none. */
static int
read_column(struct split_traces *x, struct split_shard *o, struct shard *s, enum column_id id,
    uint64_t *out)
{
	const struct shard_info *info = shard_info(s);
	const struct column *col = shard_column(s, id);

	memset(out, 0, o->n * sizeof *out);
	for (uint32_t i = 0, g = 0; col != NULL && i < o->n;) {
		const struct chunk *c = NULL;
		int rc;

		while (o->rows[i] >= info->row_groups[g].row_to)
			g++;
		if ((rc = exec_check(x->ex, &o->err)) < 0 ||
		    (rc = chunk_get(s, col, g, &c, &o->err)) < 0)
			return rc;
		for (; i < o->n && o->rows[i] < info->row_groups[g].row_to; i++) {
			uint32_t row = o->rows[i] - info->row_groups[g].row_from;

			if (c != NULL && chunk_present(c, row))
				out[i] = chunk_u64_at(c, chunk_rank(c, row));
		}
		chunk_put(c);
	}
	return 0;
}

static int
list_rows(struct split_traces *x, struct split_shard *o, struct shard *s,
    const struct tracerows *t, const uint64_t *split)
{
	const struct shard_info *info = shard_info(s);
	uint64_t *bits = calloc(BITMAP_WORDS(info->n_rows) + 1, sizeof *bits);
	size_t bytes, n_ordinals = bitmap_count(split, info->n_traces);
	int rc = bits == NULL ? err_nomem(&o->err) : 0;

	o->ordinals = malloc((n_ordinals + 1) * sizeof *o->ordinals);
	if (rc == 0 && o->ordinals == NULL)
		rc = err_nomem(&o->err);
	for (uint32_t k = 0; rc == 0 && k < info->n_traces; k++) {
		if (!bitmap_get(split, k))
			continue;
		o->ordinals[o->n_ordinals++] = k;
		for (uint32_t i = 0; i < tracerows_n(t, k); i++)
			bitmap_set(bits, tracerows_at(t, k, i));
		o->n += tracerows_n(t, k);
	}
	/* With its nodes, places and facts. */
	bytes = (o->n + 1) * (7 * sizeof(uint64_t) + 2 * sizeof(uint32_t) +
	    sizeof(struct split_node) + sizeof(struct gather_place)) +
	    (o->n_ordinals + 1) * (sizeof(struct trace_part) + sizeof(struct gather_facts) + 100);
	if (rc == 0 && mem_take(x->ex, bytes, NULL) < 0)
		x->poor = true;
	else if (rc == 0) {
		atomic_fetch_add(&x->held, bytes);
		o->rows = malloc((o->n + 1) * sizeof *o->rows);
		if (o->rows == NULL)
			rc = err_nomem(&o->err);
		else
			(void)bitmap_list(bits, info->n_rows, 0, o->rows);
	}
	free(bits);
	return rc;
}

static int
read_parts(struct split_traces *x, struct split_shard *o, uint32_t i, struct shard *s,
    const struct tracerows *t)
{
	const struct trace_part *all = NULL;
	int rc = 0;

	if (!tracesum_there(s) && ((rc = trace_table_all(x->ex, i, s, &all, &o->err)) < 0 ||
	    all == NULL)) {
		x->poor = true;
		return rc;
	}
	if ((o->parts = malloc((o->n_ordinals + 1) * sizeof *o->parts)) == NULL)
		return err_nomem(&o->err);
	for (uint32_t k = 0; k < o->n_ordinals && rc >= 0; k++)
		if (all != NULL)
			o->parts[k] = all[o->ordinals[k]];
		else
			rc = trace_table_look(x->ex, i, s, t, o->ordinals[k], &o->parts[k], &o->err);
	return rc < 0 ? rc : 0;
}

static int
read_rows(struct split_traces *x, struct split_shard *o, struct shard *s)
{
	size_t n = o->n + 1u;
	int rc;

	o->node = malloc(n * sizeof *o->node);
	o->no = malloc((o->n_ordinals + 1u) * sizeof *o->no);
	o->trace = malloc(n * sizeof *o->trace);
	o->id = calloc(n, sizeof *o->id);
	o->how = malloc(n * sizeof *o->how);
	o->parent_id = malloc(n * sizeof *o->parent_id);
	o->start = calloc(n, sizeof *o->start);
	o->duration = calloc(n, sizeof *o->duration);
	if (o->node == NULL || o->no == NULL || o->trace == NULL || o->id == NULL ||
	    o->how == NULL || o->parent_id == NULL || o->start == NULL || o->duration == NULL)
		return err_nomem(&o->err);
	if ((rc = read_column(x, o, s, COL_SPAN_ID, o->id)) < 0 ||
	    (rc = read_column(x, o, s, COL_PARENT, o->how)) < 0 ||
	    (rc = read_column(x, o, s, COL_PARENT_ID, o->parent_id)) < 0 || !x->places)
		return rc;
	if ((rc = read_column(x, o, s, COL_START, o->start)) < 0)
		return rc;
	return read_column(x, o, s, COL_DURATION, o->duration);
}

uint32_t
split_place(const struct split_shard *o, uint32_t row)
{
	return lower_bound_u32(o->rows, 0, o->n, row);
}

/* The traces of rows, as the trace table has them; and ids of parents that stand as places in it. */
static void
find_traces(struct split_shard *o, const struct tracerows *t)
{
	for (uint32_t k = 0; k < o->n_ordinals; k++) {
		uint32_t n = tracerows_n(t, o->ordinals[k]);

		for (uint32_t i = 0; i < n; i++) {
			uint32_t at = split_place(o, tracerows_at(t, o->ordinals[k], i));

			o->trace[at] = k;
			if (o->how[at] >= 2 && o->how[at] - 2 < n)
				o->parent_id[at] = o->id[split_place(o, tracerows_at(t,
				    o->ordinals[k], (uint32_t)o->how[at] - 2))];
		}
	}
}

static int
read_split(struct split_traces *x, uint32_t i)
{
	struct split_shard *o = &x->shards[i];
	const struct tracerows *t;
	const uint64_t *split = NULL;
	struct shard *s;
	int rc;

	if (x->ex->env.snapshot->shards[i].n_rows == 0)
		return 0;
	if ((rc = source_shard(x->ex, i, &s, &o->err)) < 0 ||
	    (rc = trace_splits(x->ex, i, &split, &o->err)) < 0 ||
	    !bitmap_any(split, shard_info(s)->n_traces))
		return rc;
	if ((rc = tracerows_get(s, &t, &o->err)) < 0)
		return rc;
	if ((rc = list_rows(x, o, s, t, split)) == 0 && !x->poor &&
	    (rc = read_parts(x, o, i, s, t)) == 0 && !x->poor &&
	    (rc = read_rows(x, o, s)) == 0)
		find_traces(o, t);
	tracerows_put(t);
	return rc;
}

void
split_read(void *arg, size_t i)
{
	struct split_traces *x = arg;
	struct reads before = reads_begin(x->ex);

	x->shards[i].err = (struct err)ERR_INIT;
	x->shards[i].code = read_split(x, (uint32_t)i);
	reads_end(&before, &x->shards[i].prof);
}

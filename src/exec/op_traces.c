/* SPDX-License-Identifier: ISC */
/*
 * op_traces: what is known of a whole trace: its rows are looked for in every shard of the
 * snapshot, pruned ones and other partitions too (bloom filter, then trace index), and a few
 * columns of them read. Kept for the query in a cache with a bound of its own, so that a trace
 * with many matching spans is put together once. Parts that a shard's summary or table
 * (trace_table.c) knows are taken from there, unless children are to be counted.
 *
 * The root is the span without a parent, of several the earliest; without one, names come
 * from the earliest span. Ties go to the lower span id, then name, then service.
 */
#include "assembly.h"

#include <stdlib.h>

#include "base/bloom.h"


/* ---- reading ---- */

/* Chunks of one row group, while rows of it follow each other. */
struct group {
	struct shard *s;
	uint32_t no;
	const struct chunk *start, *duration, *status, *parent, *parent_id, *id, *name;
};

static void
group_put(struct group *g)
{
	chunk_put(g->start);
	chunk_put(g->duration);
	chunk_put(g->status);
	chunk_put(g->parent);
	chunk_put(g->parent_id);
	chunk_put(g->id);
	chunk_put(g->name);
	*g = (struct group){ .s = g->s, .no = UINT32_MAX };
}

static int
get(struct group *g, enum column_id id, const struct chunk **out, struct err *e)
{
	const struct column *col = shard_column(g->s, id);

	return col == NULL ? 0 : chunk_get(g->s, col, g->no, out, e);
}

static int
group_get(struct group *g, uint32_t no, struct err *e)
{
	int rc;

	if (g->no == no)
		return 0;
	group_put(g);
	g->no = no;
	if ((rc = get(g, COL_START, &g->start, e)) < 0 ||
	    (rc = get(g, COL_DURATION, &g->duration, e)) < 0 ||
	    (rc = get(g, COL_STATUS, &g->status, e)) < 0 ||
	    (rc = get(g, COL_PARENT, &g->parent, e)) < 0 ||
	    (rc = get(g, COL_PARENT_ID, &g->parent_id, e)) < 0 ||
	    (rc = get(g, COL_SPAN_ID, &g->id, e)) < 0)
		return rc;
	return get(g, COL_NAME, &g->name, e);
}

/* Parents in the shard are left as COL_PARENT has them; read_rows finds their ids. */
static int
read_row(struct assembly *a, struct group *g, uint32_t shard, uint32_t row, uint64_t *how)
{
	const struct shard_info *info = shard_info(g->s);
	uint32_t at = row % info->row_group_rows;
	struct member m = { .shard = shard, .row = row };
	int rc;

	if ((rc = group_get(g, row / info->row_group_rows, a->e)) < 0)
		return rc;
	m.start = assembly_value(g->start, at);
	m.over = span_over(m.start, (uint64_t)value_i64_of(assembly_value(g->duration, at)));
	assembly_sum(a, m.start, m.over, 1, value_i64_of(assembly_value(g->status, at)) == STATUS_ERROR);
	m.id = assembly_value(g->id, at);
	m.has_id = true;
	m.name = (uint32_t)assembly_value(g->name, at);
	*how = assembly_value(g->parent, at);
	m.parent = *how == 1 ? assembly_value(g->parent_id, at) : *how;
	m.service = info->services[service_of_row(info, row)].service;
	if (!vec_push(&a->rows, m) || !vec_push(&a->services, m.service))
		return err_nomem(a->e);
	return 0;
}

static int
read_rows(struct assembly *a, uint32_t shard, struct shard *s, const struct tracerows *t,
    uint32_t ordinal)
{
	struct group g = { .s = s, .no = UINT32_MAX };
	uint32_t n = tracerows_n(t, ordinal);
	size_t base = a->rows.n;
	uint64_t *how = calloc((size_t)n + 1, sizeof *how);
	int rc = how == NULL ? err_nomem(a->e) : 0;

	for (uint32_t i = 0; i < n && rc == 0; i++)
		rc = read_row(a, &g, shard, tracerows_at(t, ordinal, i), &how[i]);
	group_put(&g);
	for (uint32_t i = 0; i < n && rc == 0; i++)
		if (how[i] >= 2)
			a->rows.v[base + i].parent = a->rows.v[base + how[i] - 2].id;
	free(how);
	return rc;
}

/* ---- by the shard's table ---- */

/* The rows of a trace rise, and services are ranges of rows. */
static int
add_services(struct assembly *a, const struct shard_info *info, const struct tracerows *t,
    uint32_t ordinal)
{
	uint32_t n = tracerows_n(t, ordinal), until = 0;

	for (uint32_t i = 0; i < n; i++) {
		uint32_t row = tracerows_at(t, ordinal, i);
		const struct shard_service *s;

		if (row < until)
			continue;
		s = &info->services[service_of_row(info, row)];
		until = s->row_to;
		if (!vec_push(&a->services, s->service))
			return err_nomem(a->e);
	}
	return 0;
}

static int
take_part(struct assembly *a, uint32_t shard, struct shard *s, const struct tracerows *t,
    uint32_t ordinal, const struct trace_part *p)
{
	const struct shard_info *info = shard_info(s);
	struct member m = {
		.start = p->lead_ns, .parent = !p->has_root, .shard = shard, .row = p->lead_row,
		.name = p->lead_name,
		.service = info->services[service_of_row(info, p->lead_row)].service,
	};

	a->partial = true;
	assembly_sum(a, p->first_ns, p->last_ns, p->n_spans, p->n_errors);
	if (!vec_push(&a->rows, m))
		return err_nomem(a->e);
	return add_services(a, info, t, ordinal);
}

static int
take_trace(struct assembly *a, uint32_t shard, struct shard *s, uint32_t ordinal)
{
	const struct tracerows *t;
	struct trace_part p;
	int rc;

	if ((rc = tracerows_get(s, &t, a->e)) < 0)
		return rc;
	/* Who is whose child only the rows tell. */
	if (!a->ex->local->needs_children)
		rc = trace_table_look(a->ex, shard, s, t, ordinal, &p, a->e);
	if (rc > 0)
		rc = take_part(a, shard, s, t, ordinal, &p);
	else if (rc == 0)
		rc = read_rows(a, shard, s, t, ordinal);
	tracerows_put(t);
	return rc;
}

static int
look_in(struct assembly *a, uint64_t hash, uint32_t shard)
{
	const struct traceids *t;
	const uint8_t *bloom;
	struct shard *s;
	uint32_t ordinal;
	size_t bytes;
	bool found;
	int rc;

	if (a->ex->env.snapshot->shards[shard].n_rows == 0)
		return 0;
	if ((rc = source_shard(a->ex, shard, &s, a->e)) < 0 ||
	    (rc = shard_bloom(s, &bloom, &bytes, a->e)) < 0)
		return rc;
	if (!bloom_may_have(bloom, bytes, hash))
		return 0;
	if ((rc = traceids_get(s, &t, a->e)) < 0)
		return rc;
	found = traceids_find(t, a->id, &ordinal);
	traceids_put(t);
	return found ? take_trace(a, shard, s, ordinal) : 0;
}

/* ---- the whole of it ---- */

static int
assemble(struct exec *ex, struct trace_id id, uint32_t shard, struct trace_entry **out,
    size_t *bytes, struct err *e)
{
	struct assembly a;
	uint64_t hash = trace_id_hash(id);
	uint32_t *all = NULL, *v = &shard;
	size_t n = 1;
	int rc = 0;

	assembly_begin(&a, ex, id, e);
	a.tree = ex->local->needs_tree;
	if (shard == ANY_PART &&
	    (rc = snapshot_trace_shards(ex->env.snapshot, hash, &all, &n, e)) == 0)
		v = all;
	for (size_t i = 0; i < n && rc == 0; i++)
		rc = look_in(&a, hash, v[i]);
	free(all);
	if (rc == 0)
		rc = assembly_end(&a, out, bytes);
	assembly_release(&a);
	return rc;
}

int
local_trace(struct exec *ex, struct trace_id id, uint32_t shard, struct trace_pin *pin,
    struct err *e)
{
	struct trace_entry *t = NULL;
	struct sv key = { (const char *)&id, sizeof id };
	size_t bytes = 0;
	int rc;

	if ((pin->t = lru_get(ex->local->traces, key, &pin->pin)) != NULL)
		return 0;
	if ((rc = assemble(ex, id, shard, &t, &bytes, e)) < 0)
		return rc;
	if ((pin->t = lru_put(ex->local->traces, key, t, bytes + 128, &pin->pin)) == NULL)
		return err_nomem(e);
	/* Another thread's may have been quicker: then ours is gone and doesn't count. */
	if (pin->t == t)
		atomic_fetch_add(&ex->local->n_traces, 1);
	return 0;
}

void
local_trace_put(struct exec *ex, struct trace_pin *pin)
{
	if (pin->t != NULL)
		lru_unpin(ex->local->traces, pin->pin);
	pin->t = NULL;
}

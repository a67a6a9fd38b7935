/* SPDX-License-Identifier: ISC */
/*
 * trace_view: the facts of a trace: where the snapshot says that all its spans are in one shard,
 * they are that shard's part (trace_table.c); else the trace is put together (op_traces.c). That
 * is worth asking for the shard as a whole once enough of its traces were looked at.
 */
#include "base/bitmap.h"
#include "exec_i.h"

/* The part is all of the trace: 1. */
static int
look_whole(struct exec *ex, uint32_t shard, struct shard *s, const struct tracerows *rows,
    uint32_t ordinal, struct trace_part *out, struct err *e)
{
	struct trace_table *t = trace_tables(ex);
	const uint64_t *split;
	int rc;

	if (t == NULL)
		return err_nomem(e);
	t += shard;
	if ((split = atomic_load_explicit(&t->split, memory_order_acquire)) == NULL) {
		uint32_t n = atomic_fetch_add_explicit(&t->facts, 1, memory_order_relaxed);

		pthread_mutex_lock(&ex->local->table_lock);
		rc = trace_split_of(ex, shard, n, &split, e);
		pthread_mutex_unlock(&ex->local->table_lock);
		if (rc < 0 || split == NULL)
			return rc;
		atomic_store_explicit(&t->split, (uint64_t *)(uintptr_t)split,
		    memory_order_release);
	}
	if (bitmap_get(split, ordinal))
		return 0;
	return trace_table_look(ex, shard, s, rows, ordinal, out, e);
}

static void
take_facts(struct trace_view *v, const struct shard_info *info, const struct trace_part *p)
{
	v->facts.first_ns = p->first_ns;
	v->facts.last_ns = p->last_ns;
	v->facts.start_ns = p->lead_ns;
	v->facts.n_spans = p->n_spans;
	v->facts.n_errors = p->n_errors;
	v->facts.has_root = p->has_root;
	v->facts.root_service = info->services[service_of_row(info, p->lead_row)].service;
}

int
trace_view_get(struct exec *ex, uint32_t shard, const struct shard_traces *traces,
    uint32_t ordinal, bool name, struct trace_view *v, struct err *e)
{
	struct trace_part p;
	struct shard *s;
	int rc;

	*v = (struct trace_view){ .facts.trace_id = traceids_at(traces->ids, ordinal) };
	if ((rc = source_shard(ex, shard, &s, e)) < 0 ||
	    (rc = look_whole(ex, shard, s, traces->rows, ordinal, &p, e)) < 0)
		return rc;
	if (rc == 0) {
		if ((rc = trace_get(ex, v->facts.trace_id, &v->pin, e)) == 0)
			v->facts = v->pin.t->facts;
		return rc;
	}
	take_facts(v, shard_info(s), &p);
	if (!name || shard_column(s, COL_NAME) == NULL)
		return 0;
	if ((rc = dict_get(s, shard_column(s, COL_NAME), &v->names, e)) == 0)
		v->facts.root_name = dict_at(v->names, p.lead_name);
	return rc;
}

void
trace_view_put(struct exec *ex, struct trace_view *v)
{
	dict_put(v->names);
	trace_put(ex, &v->pin);
}

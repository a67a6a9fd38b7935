/* SPDX-License-Identifier: ISC */
/* host: what a filter asks of the exec that it is part of (struct filter_host). */
#include "exec_i.h"

int
trace_fact_holds(struct exec *ex, uint32_t shard, const struct shard_traces *traces,
    uint32_t ordinal, const struct fnode *n, struct err *e)
{
	bool name = n->pred->field.intrinsic == IN_ROOT_NAME;
	struct trace_view v;
	int rc = trace_view_get(ex, shard, traces, ordinal, name, &v, e);

	if (rc == 0)
		rc = leaf_part_holds(n, &(struct field_row){ .trace = &v.facts }, e);
	trace_view_put(ex, &v);
	return rc;
}

static int
place(struct exec *ex, struct trace_id id, uint32_t shard, uint32_t row, uint64_t span_id,
    struct span_place *out, struct err *e)
{
	struct trace_pin pin;
	int rc = trace_get(ex, id, &pin, e);

	if (rc < 0)
		return rc;
	*out = entry_place(pin.t, shard, row, span_id);
	trace_put(ex, &pin);
	return 0;
}

const struct filter_host exec_filter_host = {
	.check = exec_check,
	.trace_holds = trace_fact_holds,
	.place = place,
};

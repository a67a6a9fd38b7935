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

const struct filter_host exec_filter_host = {
	.check = exec_check,
	.trace_holds = trace_fact_holds,
	.places = kin_places,
};

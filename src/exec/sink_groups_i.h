/* SPDX-License-Identifier: ISC */
/* sink_groups_i: the ways in which found rows go into a table of groups. */
#ifndef EXEC_SINK_GROUPS_I_H
#define EXEC_SINK_GROUPS_I_H

#include "agg/agg.h"
#include "exec_i.h"

/* ---- sink_groups_columns.c ---- */

/* By columns as many as can be; *rest is what was not added: n of it 0, if all were. */
int groups_columns(struct scan *, const struct found *, struct agg_table *, enum agg_side,
    struct found *rest) WARN_UNUSED;

/* ---- sink_groups_spans.c ---- */

/* Put together, with what is known of their traces and parents, as far as the plan asks. */
int groups_spans(struct scan *, const struct found *, struct agg_table *, enum agg_side)
    WARN_UNUSED;

/* ---- sink_groups_traces.c ---- */

/* Traces that matched, by place of the plan's shards and ordinal. Begins zeroed. */
struct matched_traces {
	uint64_t **bits;
	size_t held;			/* bytes taken of the budget */
};

/* Do groups of whole traces come of columns: of what is the traces' own? */
bool groups_of_traces(const struct exec *, const struct agg_table *);
int matched_traces_add(struct scan *, const struct found *, struct matched_traces *) WARN_UNUSED;
/* Takes over what `from` has. */
int matched_traces_merge(struct exec *, struct matched_traces *, struct matched_traces *from,
    struct err *) WARN_UNUSED;
void matched_traces_release(struct exec *, struct matched_traces *);
/* Each of them into its group, by all threads. On the driver's. */
int matched_traces_group(struct exec *, struct matched_traces *, struct agg_table *,
    enum agg_side, struct err *) WARN_UNUSED;

#endif

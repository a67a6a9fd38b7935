/* SPDX-License-Identifier: ISC */
/* sink_groups_i: the ways in which found rows go into a table of groups. */
#ifndef EXEC_SINK_GROUPS_I_H
#define EXEC_SINK_GROUPS_I_H

#include "agg/agg.h"
#include "exec_i.h"

/* ---- sink_groups_columns.c ---- */

/* What it has of its rows: 1; 0: a field is in no columns, and nothing was added. */
int groups_gather(struct gather *, struct agg_table *, enum agg_side) WARN_UNUSED;
/* What else the table's fields ask (enum gather_ask); false: one of them is in no columns. */
bool groups_ask(const struct agg_table *, unsigned *asks);

/* By columns as many as can be; *rest is what was not added: n of it 0, if all were. */
int groups_columns(struct scan *, const struct found *, struct agg_table *, enum agg_side,
    struct found *rest) WARN_UNUSED;

/* ---- sink_groups_split.c ---- */

struct split_traces;
/* All of the snapshot's; NULL in *out without memory for it. On the driver's thread. */
int split_traces_make(struct exec *, bool places, struct split_traces **out, struct err *)
    WARN_UNUSED;
void split_traces_free(struct exec *, struct split_traces *);
/* ---- sink_groups_told.c ---- */

/* Those of the rest that it tells of, by columns; the rest is the others. Thread-safe. */
int groups_split(struct scan *, const struct split_traces *, struct found *rest,
    struct agg_table *, enum agg_side) WARN_UNUSED;

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

/* SPDX-License-Identifier: ISC */
/*
 * ch_groups: groups that the server makes of spans (chsql/ch_sql_groups.h), into a table of groups.
 * ERR_UNSUPPORTED before the server is asked: its spans are to be asked for.
 */
#ifndef CLICKHOUSE_CH_GROUPS_H
#define CLICKHOUSE_CH_GROUPS_H

#include "chsql/ch_sql_groups.h"
#include "clickhouse/ch_scan.h"

#define CH_SOME_IN_DOUBT 2	/* ask for all_groups */
/*
 * >0: of some spans, or groups, it is in doubt whether they are the right ones; the table is as it was.
 * After another failure the table may have some of it. *outcome as of ch_ask.
 * Ranked: ERR_UNSUPPORTED, with an outcome, if what came is not the percentiles of the table's groups
 * (ch_ranked_rows); the table is as it was, and may be filled the other way.
 */
int ch_groups(struct ch_client *, const struct ch_select *q, const struct ch_scan_opts *,
    struct agg_table *, enum agg_side, struct ch_outcome *, struct err *) WARN_UNUSED;
/* What ch_sql_parents_times asks; q has the times then. */
int ch_parents_times(struct ch_client *, struct ch_select *, const struct ch_scan_opts *, struct ch_outcome *,
    struct err *) WARN_UNUSED;
/* What ch_sql_others asks. */
int ch_others(struct ch_client *, const struct ch_select *, const struct ch_scan_opts *,
    const struct agg_table *, bool *any, struct ch_outcome *, struct err *) WARN_UNUSED;

#endif

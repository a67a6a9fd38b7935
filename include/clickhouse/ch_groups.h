/* SPDX-License-Identifier: ISC */
/*
 * ch_groups: groups that the server makes of spans, into a table of groups. One level: GROUP BY.
 *
 *   keys       service, name, kind, status, status_message, scope, scope_version; attributes of
 *              spans and resources in a Map, bare ones too
 *   buckets    of any step; of weeks and months the server makes days
 *   figures    count, errors; of durations sum, least, most, and all of them for percentiles,
 *              so that what comes is exact whatever else is merged with it
 *
 * Anything else, and a filter that can't be handed over exactly, is ERR_UNSUPPORTED before the
 * server is asked: its spans are to be asked for.
 */
#ifndef CLICKHOUSE_CH_GROUPS_H
#define CLICKHOUSE_CH_GROUPS_H

#include "agg/agg_given.h"
#include "clickhouse/ch_scan.h"

/* Of q what says which spans counts. The statement, in the arena. */
int ch_sql_groups(const struct ch_select *q, const struct agg_table *, struct arena *,
    struct ch_sql *, struct err *) WARN_UNUSED;
/* After a failure the table may have some of it. *outcome as of ch_ask. */
int ch_groups(struct ch_client *, const struct ch_select *q, const struct ch_scan_opts *,
    struct agg_table *, enum agg_side, struct ch_outcome *, struct err *) WARN_UNUSED;

#endif

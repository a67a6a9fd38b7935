/* SPDX-License-Identifier: ISC */
/*
 * ch_groups: groups that the server makes of spans, into a table of groups. One level: GROUP BY.
 *
 *   keys       service, name, kind, status, status_message, scope, scope_version, trace_state,
 *              trace_id, parent_span_id; attributes of spans and resources in a Map, bare ones too
 *   buckets    of any step; of months the server makes days
 *   figures    count, errors; of durations, starts and attributes in a Map sum, least, most, and
 *              percentiles by the nearest rank: as such (`ranked`), or all numbers, where groups of the
 *              server make one of the table; how many different values these have, and texts and ids.
 *              Attributes that read as a double are in doubt
 *   parents    each of these of a span's parent, too: spans are joined with their parents. If an id is
 *              borne twice among these, or a row has none, that is in doubt
 *
 * Of a table that shows some of its groups only, these come, where the server can tell them; if one is
 * in doubt (ch_sql_tops.c), that is told, and all of them are to be asked for.
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
/*
 * Ranked: ERR_UNSUPPORTED, with an outcome, if what came is not the percentiles of the table's groups;
 * the table is as it was, and may be filled the other way. Of a group with more spans than
 * ch_ranked_rows that can't be told.
 */
uint64_t ch_ranked_rows(const struct agg_given_want *);	/* 0: the server can't find them */
/* Has every span a value there, an empty one too? */
bool ch_key_always(enum intrinsic);
/* What a resource calls its service: another column tells whether it is text. */
bool ch_key_is_service(const struct field *);
#define CH_SOME_IN_DOUBT 2	/* ask for all_groups */
/* >0: of some spans, or groups, it is in doubt whether they are the right ones; the table is as it was. After another failure the table may have some of it. *outcome as of ch_ask. */
int ch_groups(struct ch_client *, const struct ch_select *q, const struct ch_scan_opts *,
    struct agg_table *, enum agg_side, struct ch_outcome *, struct err *) WARN_UNUSED;

/*
 * Where parents' fields are asked for: if the table of times has all traces of the spans, parents are
 * looked for in these times only, which q then has. ERR_UNSUPPORTED, before the server is asked: there is none,
 * or all spans are asked for.
 */
int ch_sql_parents_times(const struct ch_select *, struct arena *, struct ch_sql *, struct err *) WARN_UNUSED;
int ch_parents_times(struct ch_client *, struct ch_select *, const struct ch_scan_opts *, struct ch_outcome *,
    struct err *) WARN_UNUSED;

/*
 * Groups that ask for bare names: has a resource of the range one of them? ERR_UNSUPPORTED, before the
 * server is asked: that is of no use. Else q->own may be set.
 */
int ch_sql_others(const struct ch_select *, const struct agg_table *, struct arena *, struct ch_sql *,
    struct err *) WARN_UNUSED;
int ch_others(struct ch_client *, const struct ch_select *, const struct ch_scan_opts *,
    const struct agg_table *, bool *any, struct ch_outcome *, struct err *) WARN_UNUSED;

#endif

/* SPDX-License-Identifier: ISC */
/*
 * ch_sql_groups: groups that the server makes of spans, as SQL. One level: GROUP BY.
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
#ifndef CHSQL_CH_SQL_GROUPS_H
#define CHSQL_CH_SQL_GROUPS_H

#include "agg/agg_given.h"
#include "chsql/ch_sql.h"

/* Of q what says which spans counts. The statement, in the arena. */
int ch_sql_groups(const struct ch_select *q, const struct agg_table *, struct arena *,
    struct ch_sql *, struct err *) WARN_UNUSED;
/* Of a group with more spans than these it can't be told whether percentiles are the table's; 0: the server can't find them. */
uint64_t ch_ranked_rows(const struct agg_given_want *);
/* Has every span a value there, an empty one too? */
bool ch_key_always(enum intrinsic);
/* What a resource calls its service: another column tells whether it is text. */
bool ch_key_is_service(const struct field *);
/*
 * Groups that ask for bare names: has a resource of the range one of them? ERR_UNSUPPORTED: that is of no
 * use. Else q->own may be set.
 */
int ch_sql_others(const struct ch_select *, const struct agg_table *, struct arena *, struct ch_sql *,
    struct err *) WARN_UNUSED;
/*
 * Where parents' fields are asked for: if the table of times has all traces of the spans, parents are
 * looked for in these times only. ERR_UNSUPPORTED: there is none, or all spans are asked for.
 */
int ch_sql_parents_times(const struct ch_select *, struct arena *, struct ch_sql *, struct err *) WARN_UNUSED;

#endif

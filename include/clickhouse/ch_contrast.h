/* SPDX-License-Identifier: ISC */
/*
 * ch_contrast: what compare.* counts (agg/contrast.h), counted by the server: of the spans that pass the
 * filter those of the selection, for which the second condition holds, and the others. One statement
 * (chsql/ch_sql_contrast.h), which reads them once: of each value of attributes of spans and their events
 * and each name its counts, of an attribute not many more than are looked at; and how many spans are
 * alike in service, kind, status and resource: what these have is spread here.
 *
 * Whatever a value or key leaves in doubt is told, and the table is as it was: the rows are to be
 * asked for. So they are (ERR_UNSUPPORTED, before the server is asked) where a condition can't be handed
 * over exactly, and where attributes are in columns of JSON.
 */
#ifndef CLICKHOUSE_CH_CONTRAST_H
#define CLICKHOUSE_CH_CONTRAST_H

#include "agg/contrast.h"
#include "chsql/ch_sql_contrast.h"
#include "clickhouse/ch_scan.h"

/* >0: something is in doubt. *outcome as of ch_ask. */
int ch_contrast(struct ch_client *, const struct ch_select *q, const struct pred *selection,
    const struct ch_scan_opts *, struct contrast *, struct ch_outcome *, struct err *) WARN_UNUSED;

#endif

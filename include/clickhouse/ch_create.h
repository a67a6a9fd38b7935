/* SPDX-License-Identifier: ISC */
/* ch_create: the Collector's exporter's tables, where they are not there yet. */
#ifndef CLICKHOUSE_CH_CREATE_H
#define CLICKHOUSE_CH_CREATE_H

#include "chsql/ch_schema.h"

/*
 * The database, if one is named, the table of spans, the table from trace ids to times and the view
 * that fills it. What is there is left as it is.
 */
int ch_create(struct ch_client *, struct ch_table, struct err *) WARN_UNUSED;

#endif

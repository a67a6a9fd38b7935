/* SPDX-License-Identifier: ISC */
/* ch_schema_read: a table's schema, asked of the server. */
#ifndef CLICKHOUSE_CH_SCHEMA_READ_H
#define CLICKHOUSE_CH_SCHEMA_READ_H

#include "chsql/ch_schema.h"

/* ERR_UNKNOWN: no such table. ERR_UNSUPPORTED: not one of spans; the columns are named. */
int ch_schema_read(struct ch_client *, struct ch_table, struct ch_schema **, struct err *)
    WARN_UNUSED;

#endif

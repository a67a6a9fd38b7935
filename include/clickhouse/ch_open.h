/* SPDX-License-Identifier: ISC */
/* ch_open: a client and its table of spans as the settings of [clickhouse] say. */
#ifndef CLICKHOUSE_CH_OPEN_H
#define CLICKHOUSE_CH_OPEN_H

#include "chsql/ch_schema.h"
#include "conf/conf.h"

/*
 * No server is asked yet. What is wrong with a setting is told with where it was set: ERR_SYNTAX,
 * also without an url; ERR_ACCESS or ERR_UNKNOWN for the file of the password. *table borrows from
 * the settings.
 */
int ch_open_conf(const struct conf *, struct ch_client **, struct ch_table *table, struct err *)
    WARN_UNUSED;
/* Of batches that are sent. That of answers is the client's. */
enum ch_packing ch_open_packing(const struct conf *);

#endif

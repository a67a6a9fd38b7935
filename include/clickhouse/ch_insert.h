/* SPDX-License-Identifier: ISC */
/*
 * ch_insert: rows of spans into a table, acknowledged; and what became of an INSERT of which
 * nobody knows: whether it still runs, and which of its rows are there.
 */
#ifndef CLICKHOUSE_CH_INSERT_H
#define CLICKHOUSE_CH_INSERT_H

#include "base/map.h"
#include "clickhouse/ch_writer.h"
#include "model/when.h"
#include "wire/ch_client.h"

struct ch_insert {
	const struct ch_writer *writer;		/* of the rows */
	struct sv rows;
	enum ch_packing packing;
	struct sv id, token, comment;		/* as in ch_client.h */
	const atomic_bool *cancel;
};

/*
 * 0: the server has written all of them. After a failure it may have written some, or be about to:
 * ch_insert_stop, then ch_rows_there. *sent: bytes of the body.
 */
int ch_insert(struct ch_client *, const struct ch_insert *, uint64_t *sent, struct ch_outcome *,
    struct err *) WARN_UNUSED;
/*
 * 0: no query runs whose id begins so; ERR_TIMEOUT: one still does, though it was to be stopped.
 * Where the server does not show its queries, the client's timeout is waited for.
 */
int ch_insert_stop(struct ch_client *, struct sv prefix, const atomic_bool *cancel, struct err *)
    WARN_UNUSED;
/*
 * Counts the table's rows of these traces that start in the range: *there has the hash128 (16
 * bytes) of each row that `by` would write, and how often it is there.
 */
int ch_rows_there(struct ch_client *, struct ch_writer *by, const struct trace_id *, size_t n,
    struct time_range, const atomic_bool *cancel, struct map *there, struct err *) WARN_UNUSED;

#endif

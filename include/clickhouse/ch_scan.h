/* SPDX-License-Identifier: ISC */
/*
 * ch_scan: a question to a table of spans, and its spans in turn: statement, wire, rows and spans
 * behind one another, in the memory of a batch. Rows that are no spans, for their ids are empty,
 * are passed over and counted.
 */
#ifndef CLICKHOUSE_CH_SCAN_H
#define CLICKHOUSE_CH_SCAN_H

#include "chsql/ch_sql.h"
#include "model/span.h"
#include "wire/ch_client.h"

struct ch_scan;

struct ch_scan_opts {
	uint64_t deadline_ns;		/* as in struct ch_question */
	const atomic_bool *cancel;
	struct sv comment;
};

/* *q, the schema and *opts are borrowed until it returns; opts->cancel until the scan is closed. *outcome as of ch_ask. */
int ch_scan_open(struct ch_client *, const struct ch_select *q, const struct ch_scan_opts *,
    struct ch_outcome *outcome, struct ch_scan **, struct err *) WARN_UNUSED;
/*
 * Adds up to n spans, at least one, to the batch, whose arena holds them; >0: there are no more.
 * After an error nothing may be read.
 */
int ch_scan_next(struct ch_scan *, struct span_batch *, size_t n, struct err *) WARN_UNUSED;
/* Does the filter hold for all that comes? Was the limit handed over? The text and its parameters. */
const struct ch_sql *ch_scan_sql(const struct ch_scan *);
const struct ch_outcome *ch_scan_outcome(const struct ch_scan *);
uint64_t ch_scan_passed_over(const struct ch_scan *);
/* Rows of which a sort key is in doubt, where they tell (ch_sql.told_doubts). */
uint64_t ch_scan_doubtful(const struct ch_scan *);
/* What is left of the answer is not waited for: the query is killed. NULL is allowed. */
void ch_scan_close(struct ch_scan *);

/* How many; ERR_UNSUPPORTED where that can't be asked exactly (q->count is set by it); >0: some are in doubt. */
int ch_count(struct ch_client *, const struct ch_select *q, const struct ch_scan_opts *, uint64_t *n,
    struct ch_outcome *, struct err *) WARN_UNUSED;

/*
 * Where the filter names traces, and there is a table of their times that has all of them: sets the
 * times of *q. That table is believed: the exporter's view writes it with every insert.
 */
int ch_trace_times(struct ch_client *, struct ch_select *q, const struct ch_scan_opts *,
    struct ch_outcome *, struct err *) WARN_UNUSED;

#endif

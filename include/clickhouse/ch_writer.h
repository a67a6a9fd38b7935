/* SPDX-License-Identifier: ISC */
/*
 * ch_writer: spans as rows of a table of spans, in RowBinary, as the Collector's exporter writes
 * them: the inverse of ch_span.h. What the table has no place for is left: flags, schema URLs,
 * attributes of scopes, dropped counts. Attributes in a Map are text: numbers, booleans and strings
 * as files show them, bytes in base64, arrays and maps as JSON, the empty value as ''. In a JSON
 * column they keep their types. A start or an event after 2262, where DateTime64(9) ends, is its
 * end, and a duration of over 63 bits is cut; kinds and statuses without a name are
 * Unspecified and Unset.
 */
#ifndef CLICKHOUSE_CH_WRITER_H
#define CLICKHOUSE_CH_WRITER_H

#include "base/buf.h"
#include "chsql/ch_schema.h"
#include "model/span.h"

struct ch_writer {
	const struct ch_schema *schema;
	enum ch_span_column of[N_CHC];	/* of a row, in order */
	size_t n;
	struct buf scratch;
};

/*
 * For the columns of `columns` (bit i: enum ch_span_column). ERR_UNSUPPORTED: the table lacks some
 * of them, which are named, or cuts times; something of the spans would be lost.
 */
int ch_writer_init(struct ch_writer *, const struct ch_schema *, uint64_t columns, struct err *)
    WARN_UNUSED;
void ch_writer_release(struct ch_writer *);
/* Appends the row; out of memory shows in the buf. */
void ch_writer_row(struct ch_writer *, struct buf *, const struct span *);
/* As the column has it. */
uint64_t ch_writer_time(uint64_t ns);

#define CH_COLUMNS_ALL ((1ull << N_CHC) - 1)
/* Those by which rows are compared that come back from the server: attributes in JSON do not. */
uint64_t ch_writer_comparable(const struct ch_schema *);

#endif

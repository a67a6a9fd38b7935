/* SPDX-License-Identifier: ISC */
/*
 * ch_span: rows of a table of spans as spans. What the table keeps not comes back empty: flags,
 * schema URLs, attributes of scopes, dropped counts. An attribute in a Map is text whatever it
 * was: it is an integer, double or boolean again if it is spelled as files show that value, so
 * that nothing of it is lost; all else is a string, and so is what the resource calls its service
 * where the column says the same. In a column of JSON values keep their types (ingest/json_attrs.h).
 * Texts that are not UTF-8 are repaired as at
 * import. Of a doubled key the first counts, as for the server. A start before 1970 is 1970; the
 * end is start and duration, a duration over 63 bits being a negative one that wrapped.
 */
#ifndef CLICKHOUSE_CH_SPAN_H
#define CLICKHOUSE_CH_SPAN_H

#include "chsql/ch_sql.h"
#include "model/span.h"
#include "rowbinary/ch_rows.h"

struct ch_span_reader {
	size_t n_columns;
	enum ch_span_column of[N_CHC];
	const struct ch_column *columns;	/* of the answer */
};

/* Fits the answer the statement? ERR_CORRUPT, where a column is missing or of another type. */
int ch_span_reader_init(struct ch_span_reader *, const struct ch_sql *, const struct ch_rows *,
    struct err *) WARN_UNUSED;
/*
 * One row; everything is in the arena. >0: it is none, its trace or span id being empty or zero.
 * ERR_CORRUPT: an id that is no lower-case hex, events or links of unequal number.
 */
int ch_span_read(const struct ch_span_reader *, const struct sv *cells, struct arena *,
    struct span *, struct err *) WARN_UNUSED;

/* What the text of an attribute in a Map is as a value; it and its texts are in the arena. */
int ch_span_value(struct sv text, struct arena *, struct value *, struct err *) WARN_UNUSED;
/*
 * A resource of which the service is there, as it is shown: its attributes, of two cells with their keys and
 * texts.
 */
int ch_span_resource(struct sv keys, struct sv values, struct arena *, struct resource *,
    struct err *) WARN_UNUSED;
/* A text as it is shown: repaired, in the arena. */
int ch_span_text(struct sv, struct arena *, struct sv *, struct err *) WARN_UNUSED;

#endif

/* SPDX-License-Identifier: ISC */
/*
 * batch: rows on their way from exec to a format. One batch holds rows of one kind, in
 * result order; they are borrowed and valid until the next batch is asked for.
 */
#ifndef MODEL_BATCH_H
#define MODEL_BATCH_H

#include "base/buf.h"
#include "model/field.h"
#include "model/span.h"

/* ROW_SCORE: events that are evaluation results. */
enum row_kind {
	ROW_SPAN, ROW_TRACE, ROW_EVENT, ROW_LINK, ROW_COUNT, ROW_GROUP, ROW_SCORE,
	ROW_CONTRAST
};

struct span_row {
	const struct span *span;
	const struct trace_facts *trace;	/* NULL unless a trace field is selected or sorted by */
	struct span_place place;		/* valid with trace, as far as it is selected */
	const struct parent_row *parents;	/* valid if a parent's field is selected */
	uint32_t n_parents;
};

/* A span that bears the id of another's parent. */
struct parent_row {
	const struct span *span;
	struct span_place place;
};

struct trace_row {
	struct trace_facts facts;
	uint64_t n_matched;		/* spans that the query selects */
};

struct event_row {
	const struct span *span;
	const struct event *event;
};

struct link_row {
	const struct span *span;
	const struct link *link;
};

/* A bar of a histogram: how many values are at most `upper`. */
struct hist_bar {
	bool is_int;
	int64_t i;
	double d;
	uint64_t n;
};

enum group_cell_kind {
	GROUP_NULL,
	GROUP_VALUE,	/* value */
	GROUP_UINT,	/* u: a number, or ns of a duration */
	GROUP_TIME,	/* time: ns since 1970, perhaps before it */
	GROUP_KIND, GROUP_STATUS,	/* number */
	GROUP_HIST,	/* bars, n_bars */
};

struct group_cell {
	enum group_cell_kind kind;
	uint32_t n_bars;
	union {
		struct value value;
		uint64_t u;
		__int128 time;
		int32_t number;
		const struct hist_bar *bars;
	};
};

enum group_column_role { COLUMN_BUCKET, COLUMN_KEY, COLUMN_AGG, COLUMN_PREV, COLUMN_DELTA };

struct group_column {
	struct sv name;			/* key in files */
	enum group_column_role role;
	bool duration;			/* numbers are ns */
	bool share;			/* from 0 to 1 */
};

/* [[upper,count],...] */
void group_hist_json(struct buf *, const struct group_cell *);

/* n rows of n_columns cells each, row by row. */
struct group_rows {
	const struct group_column *columns;
	size_t n_columns;
	const struct group_cell *cells;
	uint64_t step_ns;		/* of buckets; 0: they have no fixed length, or there are none */
};

#define BATCH_ROWS 1024		/* the usual size */

struct batch {
	enum row_kind kind;
	size_t n;		/* rows (ROW_COUNT: 1) */
	union {
		const struct span_row *spans;
		const struct trace_row *traces;
		const struct event_row *events;
		const struct link_row *links;
		const struct group_rows *groups;	/* of ROW_CONTRAST, too */
		uint64_t count;
	};
};

#endif

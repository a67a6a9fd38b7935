/* SPDX-License-Identifier: ISC */
/*
 * format: batches to bytes. Pure: no I/O, clock or globals. One row of the table a file name;
 * a new format is one file and one row.
 */
#ifndef FORMAT_FORMAT_H
#define FORMAT_FORMAT_H

#include "base/buf.h"
#include "model/batch.h"
#include "model/field.h"
#include "model/json.h"

struct formatter;

struct format_options {	/* what it points at is borrowed while the formatter lives */
	const struct field *select;	/* none: everything */
	const struct sv *select_typed;	/* key names of attributes as typed */
	size_t n_select;
	uint64_t offset, limit;		/* of a format that pages */
	const struct group_column *groups;	/* columns of rows that are groups */
	size_t n_groups;
	uint64_t selection, baseline;	/* of compare: spans on each side */
	struct sv note;			/* and what it leaves out, in words */
	/* Asked once a row by what has much to do when all are there; it stops on an error. Or NULL. */
	int (*go_on)(void *arg, struct err *);
	void *go_on_arg;
};

struct format {
	const char *file;		/* "spans.jsonl" */
	enum row_kind rows;
	bool select_ok;			/* `select` may be used with it */
	bool only_trace;		/* listed and valid only under trace/ID */
	/* What it needs of a span when nothing is selected. */
	struct projection projection;
	int (*begin)(struct formatter *, struct buf *, struct err *);
	int (*batch)(struct formatter *, const struct batch *, struct buf *, struct err *);
	int (*end)(struct formatter *, struct buf *, struct err *);
	/*
	 * The bytes of a row depend on the row alone and `end` adds none: the rows of a batch may
	 * be shared out to several formatters that have begun, and what they give joined in order.
	 */
	bool rows_apart;
	/* Clauses that its rows match beside those of the path; NULL: none. */
	const char *clauses;
	/* Its rows are not those of the batches: it takes offset and limit upon itself. */
	bool pages;
	/* Shards keep how long its lines are, unless fields are selected (render/span_line.h). */
	bool measured;
};

/* By file name, or NULL. */
const struct format *format_find(struct sv file);
/* The table; NULL past the end. */
const struct format *format_at(size_t i);

/*
 * A formatter is one rendering. Output is self-contained per batch for row formats, so a
 * stream can be cut at row ends. `otlp.jsonl` holds back rows that the next batch may join.
 */
int formatter_new(const struct format *, const struct format_options *,
    struct formatter **, struct err *) WARN_UNUSED;
void formatter_free(struct formatter *);
/* Appends; header first (begin), then rows, then what is left (end). */
int formatter_begin(struct formatter *, struct buf *, struct err *) WARN_UNUSED;
int formatter_batch(struct formatter *, const struct batch *, struct buf *, struct err *) WARN_UNUSED;
/* The same of further rows, while what the last batch pointed at is still there. */
int formatter_more(struct formatter *, const struct batch *, struct buf *, struct err *) WARN_UNUSED;
int formatter_end(struct formatter *, struct buf *, struct err *) WARN_UNUSED;
/* Bytes that it holds of the rows that it was given, and will need to write them out. */
size_t formatter_memory(const struct formatter *);
/* Rows that a format that pages has given, after its end. */
uint64_t formatter_rows(const struct formatter *);

#endif

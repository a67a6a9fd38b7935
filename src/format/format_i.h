/* SPDX-License-Identifier: ISC */
/*
 * format_i: what the formats share: the formatter, columns that `select` asks for, one value
 * of a row as a cell, and JSON pieces. Appending to a buf never fails visibly (base/buf.h):
 * the driver in format.c looks at the buffers once a call, so these return nothing.
 */
#ifndef FORMAT_I_H
#define FORMAT_I_H

#include "base/arena.h"
#include "format/format.h"
#include "match/field_value.h"
#include "model/aggregate.h"
#include "model/json.h"
#include "model/when.h"
#include "render/render.h"

/* One column of a table, or one key of a row. */
struct column {
	struct field field;
	struct sv name;		/* header of CSV and text, key of JSON */
	struct sv json_key;	/* with quotes and colon */
};

struct formatter {
	const struct format *format;
	struct format_options opt;
	struct arena arena;		/* as long as the formatter */
	struct column *columns;		/* of `select`, or what the format takes in its place */
	size_t n_columns;
	struct render render;
	struct buf held;		/* output that waits for later rows */
	struct buf scratch;
	uint64_t n_lines;		/* of a format that pages: rows that it gave, at the end */
	void *state;			/* the format's own, in the arena */
	void (*release)(struct formatter *);	/* of what state holds beside the arena */
	size_t (*memory)(const struct formatter *);	/* the same in bytes; or NULL */
};

/* format.c */
/* Columns from fields; names: the select's, as typed; NULL: the fields' own. */
int formatter_columns(struct formatter *, const struct field *, const struct sv *names,
    size_t n, struct err *) WARN_UNUSED;

/* cell.c */
enum cell_kind {
	CELL_NONE,		/* missing */
	CELL_STRING, CELL_INT, CELL_UINT, CELL_TIME, CELL_DURATION, CELL_TRACE_ID, CELL_SPAN_ID,
	CELL_VALUE,		/* an attribute's */
	CELL_DOUBLE,
	CELL_MANY,		/* a field of events or links: an array, one element for each that has it */
};

struct cell {
	enum cell_kind kind;
	union {
		struct sv s;
		int64_t i;
		uint64_t u;
		struct trace_id trace_id;
		const struct value *val;
		double d;
		struct {	/* CELL_MANY */
			const struct span *span;
			const struct field *field;
		};
	};
};

struct cell cell_of_row(const struct field *, const struct field_row *);	/* of a span */
struct cell cell_of_trace(const struct field *, const struct trace_facts *);
void cell_json(struct formatter *, struct buf *, const struct cell *);
/* As CSV has it, before quoting: strings as they are, nested values as JSON; nothing if missing. */
void cell_plain(struct formatter *, struct buf *, const struct cell *);

/* What stands in the table of format.c. */
int spans_jsonl_begin(struct formatter *, struct buf *, struct err *);
int spans_jsonl_batch(struct formatter *, const struct batch *, struct buf *, struct err *);
int traces_jsonl_batch(struct formatter *, const struct batch *, struct buf *, struct err *);
int events_jsonl_batch(struct formatter *, const struct batch *, struct buf *, struct err *);
int scores_jsonl_batch(struct formatter *, const struct batch *, struct buf *, struct err *);
int links_jsonl_batch(struct formatter *, const struct batch *, struct buf *, struct err *);
int spans_csv_begin(struct formatter *, struct buf *, struct err *);
int spans_csv_batch(struct formatter *, const struct batch *, struct buf *, struct err *);
int traces_csv_begin(struct formatter *, struct buf *, struct err *);
int traces_csv_batch(struct formatter *, const struct batch *, struct buf *, struct err *);
int text_begin(struct formatter *, struct buf *, struct err *);
int text_batch(struct formatter *, const struct batch *, struct buf *, struct err *);
int text_end(struct formatter *, struct buf *, struct err *);
int errors_begin(struct formatter *, struct buf *, struct err *);
int errors_batch(struct formatter *, const struct batch *, struct buf *, struct err *);
int errors_end(struct formatter *, struct buf *, struct err *);
int otlp_begin(struct formatter *, struct buf *, struct err *);
int otlp_batch(struct formatter *, const struct batch *, struct buf *, struct err *);
int otlp_end(struct formatter *, struct buf *, struct err *);
int tree_begin(struct formatter *, struct buf *, struct err *);
int tree_batch(struct formatter *, const struct batch *, struct buf *, struct err *);
int tree_end(struct formatter *, struct buf *, struct err *);

/* fmt_csv.c: with quotes where they are needed. */
void csv_field(struct buf *, struct sv);

/* fmt_groups.c, fmt_groups_text.c */
void put_group_time(struct buf *, struct day_cache *, __int128 ns);
void put_group_plain(struct formatter *, struct buf *, const struct group_cell *);
/* Four digits or so, with a letter for thousands: "12", "0.5", "1.23k", "45.6M". */
void put_figure(struct buf *, double);
int groups_begin(struct formatter *, struct buf *, struct err *);
int groups_jsonl_batch(struct formatter *, const struct batch *, struct buf *, struct err *);
int groups_csv_begin(struct formatter *, struct buf *, struct err *);
int groups_csv_batch(struct formatter *, const struct batch *, struct buf *, struct err *);
int groups_text_begin(struct formatter *, struct buf *, struct err *);
int groups_text_batch(struct formatter *, const struct batch *, struct buf *, struct err *);
int groups_text_end(struct formatter *, struct buf *, struct err *);

/* fmt_compare.c */
int compare_text_begin(struct formatter *, struct buf *, struct err *);
int compare_text_batch(struct formatter *, const struct batch *, struct buf *, struct err *);
int compare_text_end(struct formatter *, struct buf *, struct err *);

/* table.c */
struct table_column {
	struct sv heading;
	bool right;		/* figures */
	size_t most;		/* longer cells are cut; 0: they are shown whole */
};
struct table;
/* Lines of at most line_max columns, if not 0. `held` takes what waits. NULL: out of memory. */
struct table *table_new(struct arena *, struct buf *held, const struct table_column *, size_t n,
    size_t line_max);
void table_cell(struct table *, size_t i, struct sv);	/* of the row that is being made */
void table_row(struct table *, struct buf *out);	/* all its cells are set */
void table_end(struct table *, struct buf *out);
/* Text with characters that a terminal must not get as \u{..}; returns its width. */
size_t put_visible(struct buf *, struct sv);

/* fmt_errors.c */
bool span_failed(const struct span *);
/*
 * What went wrong in a span that failed, in a line: its status message, else its exception's
 * message or type; with_type: its exception's type and message, else its status message;
 * "error" if nothing is said.
 */
void put_failure(struct buf *, const struct span *, bool with_type);

#endif

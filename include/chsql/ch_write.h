/* SPDX-License-Identifier: ISC */
/*
 * ch_write: the pieces that a statement is made of. W takes string literals only; everything else
 * goes through a function that quotes it or makes it a parameter.
 */
#ifndef CHSQL_CH_WRITE_H
#define CHSQL_CH_WRITE_H

#include "base/vec.h"
#include "chsql/ch_sql.h"

struct writer {
	struct buf b;
	VEC(struct ch_param) params;
	struct arena *a;
	const struct ch_schema *s;
	bool hex, exact, oom;
	bool doubts;		/* what is in doubt is counted beside */
	bool own;		/* what groups ask for by a bare name is a span's own attribute */
	bool span_only;		/* a bare name is a span's own attribute here (split_can) */
	enum { ROWS_ALL, ROWS_SURE, ROWS_DOUBTFUL } rows;	/* those whose sort keys are in doubt, or not */
};

#define W(w, lit) buf_put(&(w)->b, "" lit, sizeof lit - 1)

/* Of a value: is it text that is shown as it is stored? */
bool text_plain(struct sv);
void w_name(struct writer *, struct sv);			/* `name` */
void w_column(struct writer *, enum ch_span_column);
void w_table(struct writer *, struct ch_table);
void w_text(struct writer *, struct sv);
void w_u64(struct writer *, uint64_t);
void w_i64(struct writer *, int64_t);
void w_double(struct writer *, double);
/* "(a, b, c)" of texts. */
void w_texts(struct writer *, const struct sv *, size_t n);
bool w_have(const struct writer *, enum ch_span_column);
/* A number as it stands, where old servers take no other: SETTINGS, LIMIT. */
void w_digits(struct writer *, uint64_t);
/* The text and its parameters, in the arena; the writer is used up. */
int w_finish(struct writer *, struct ch_sql *, struct err *) WARN_UNUSED;

/* PREWHERE and WHERE: range, times and filter of *q; w->exact tells whether all of it. */
void where_write(struct writer *, const struct ch_select *q);
/* An attribute's value as text, where it is there; of events and links an array of those that are there. */
void attr_value(struct writer *, const struct field *);

enum leaf_sort {
	SORT_TEXT, SORT_KIND, SORT_STATUS, SORT_TRACE, SORT_SPAN, SORT_TIME, SORT_DURATION, SORT_NEVER,
	SORT_LEFT,
};
/* Where an intrinsic is. */
struct leaf_row {
	enum leaf_sort sort;
	enum ch_span_column column;
	bool optional;		/* missing where it is empty */
	bool many;		/* an array: of events or links */
};
extern const struct leaf_row leaf_rows[N_INTRINSICS];

#endif

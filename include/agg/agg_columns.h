/* SPDX-License-Identifier: ISC */
/*
 * agg_columns: rows into a table of groups by columns: of each field that the table looks at one
 * value a row, or none. A field of which some row has several values (an array, events, links)
 * has no such column: then agg_add takes the spans.
 */
#ifndef AGG_AGG_COLUMNS_H
#define AGG_AGG_COLUMNS_H

#include "agg/agg.h"
#include "base/arena.h"

enum agg_column_kind {
	AGG_COLUMN_NONE,		/* no row has a value */
	AGG_COLUMN_CODES,		/* row i has what value() says of codes[i] */
	AGG_COLUMN_NUMBERS,		/* row i has numbers[i] */
};

#define AGG_NO_CODE UINT32_MAX

struct agg_column {
	enum agg_column_kind kind;
	/* CODES. Two codes may stand for one value. */
	const uint32_t *codes;		/* below n_codes, or AGG_NO_CODE: no value */
	uint32_t n_codes;
	/* The value of a code that occurs: neither null nor an array; lives as long as the batch. */
	void (*value)(const void *arg, uint32_t code, struct value *);
	const void *arg;
	/* NUMBERS */
	enum value_type type;		/* VAL_INT, VAL_DOUBLE (its bits), VAL_BOOL */
	const uint64_t *numbers;
	const uint8_t *present;		/* 0: no value; NULL: all have one */
};

struct agg_batch {
	uint32_t n;
	/* NULL, if the table has no use for them (agg_wants_starts): then when the first and the last begins. */
	const uint64_t *start_ns;
	uint64_t first_ns, last_ns;
	const uint8_t *error;		/* 1: the status is error */
	const struct agg_column *columns;	/* by slot */
};

/* Whether the table may be given columns at all: not per/trace. */
bool agg_takes_columns(const struct agg_table *);
/* The fields of which it wants columns: slots. */
size_t agg_n_slots(const struct agg_table *);
const struct field *agg_slot_field(const struct agg_table *, size_t slot);
/* Whether each row's start matters. */
bool agg_wants_starts(const struct agg_table *);
/* When spans start that are not given to the table themselves, as those of whole traces. */
void agg_note_spans(struct agg_table *, enum agg_side, const uint64_t *start_ns, uint32_t n);
/* per/trace: all that is asked of a trace is its own, so that its spans need not be looked at. */
bool agg_asks_traces_only(const struct agg_table *);
/*
 * Whole traces then, each once: rows are traces, of which `start_ns` is the root's, `error` says that
 * one of its spans is one, and slots are the root's service and name, start and duration.
 */
int agg_add_traces(struct agg_table *, enum agg_side, const struct agg_batch *, struct arena *,
    struct err *) WARN_UNUSED;
int agg_add_trace(struct agg_table *, enum agg_side, const struct trace_facts *, struct err *)
    WARN_UNUSED;
/* What agg_add does for spans. Scratch memory is taken of the arena. */
int agg_add_columns(struct agg_table *, enum agg_side, const struct agg_batch *, struct arena *,
    struct err *) WARN_UNUSED;

#endif

/* SPDX-License-Identifier: ISC */
/*
 * aggregate: what is asked of a group: the names of agg/ and having/, the steps of bucket/,
 * the modes of fill/. Data, and the texts of it; src/query reads them, src/agg works them out.
 */
#ifndef MODEL_AGGREGATE_H
#define MODEL_AGGREGATE_H

#include "base/arena.h"
#include "model/field.h"
#include "model/pred.h"

enum agg_kind {
	AGG_COUNT, AGG_RATE, AGG_ERRORS, AGG_ERROR_RATE,	/* of no field */
	AGG_SUM, AGG_AVG, AGG_MIN, AGG_MAX, AGG_QUANTILE, AGG_DISTINCT, AGG_HIST,
};

/* A percentile with as many decimals as were typed: part / whole of all values. */
#define PERCENT_DECIMALS 12

struct aggregate {
	enum agg_kind kind;
	struct sv name;			/* as typed: "count", "median", "p99.9" */
	struct field field;		/* of kinds from AGG_SUM on */
	struct sv typed;		/* its text as typed, decoded */
	uint64_t part, whole;		/* AGG_QUANTILE: 999, 1000 */
};

static inline bool
agg_has_field(const struct aggregate *a)
{
	return a->kind >= AGG_SUM;
}

/* The kind and percentile of a name; false if there is no such aggregate. */
bool agg_parse_name(struct sv name, struct aggregate *);
/* All that it takes, for messages: "count, errors, ..., or sum ... with :FIELD". */
void agg_print_names(struct buf *);
/* What agg_parse_name takes, for listings; those of no field first; NULL past the end. */
const char *agg_example(size_t i, bool *has_field);
/* How its values are shown and compared: FT_DURATION, FT_TIME, else FT_STRING. */
enum field_type agg_type(const struct aggregate *);
/* Its key in groups.*: "count", "p95_duration_ns", "distinct_k". */
void agg_print_column(struct buf *, const struct aggregate *);
/* Same value; and shown by the same key. */
bool agg_eq(const struct aggregate *, const struct aggregate *);
bool agg_same_column(const struct aggregate *, const struct aggregate *);

/* The key of a field in groups.*: its own name as files have it, else as it was typed. */
struct sv field_column(const struct field *, struct sv typed);

enum step_kind { STEP_NS, STEP_WEEK, STEP_MONTH, STEP_AUTO };

struct bucket_step {
	enum step_kind kind;
	uint64_t ns;			/* STEP_NS; a day is one, too */
	bool day;			/* it was called so */
};

bool step_parse(struct sv, struct bucket_step *);
void step_print(struct buf *, struct bucket_step);
/* What auto is for a range of that length. */
struct bucket_step step_of_range(struct bucket_step, uint64_t length_ns);
/* The start of the bucket that holds t; of the one after the bucket that starts there. */
__int128 step_floor(struct bucket_step, uint64_t t);
__int128 step_after(struct bucket_step, __int128 start);

enum fill_mode { FILL_NONE, FILL_ZERO, FILL_NULL, FILL_PREVIOUS };
const char *fill_name(enum fill_mode);
bool fill_parse(struct sv, enum fill_mode *);

/* One condition of having/. */
struct having {
	struct aggregate agg;
	enum pred_op op;
	const struct literal *lits;	/* numbers: `u` of durations and times */
	size_t n_lits;
};

/* A sort key of groups, or a column of them. */
enum group_ref_kind { REF_BUCKET, REF_KEY, REF_AGG, REF_PREV, REF_DELTA };

struct group_ref {
	enum group_ref_kind kind;
	size_t i;			/* in keys or aggs */
	bool desc;			/* of a sort key */
};

/* The shape of groups that a query asks for. */
struct grouping {
	bool distinct;			/* the one key's values, none null, no aggregates */
	const struct field *keys;
	const struct sv *keys_typed;
	size_t n_keys;
	bool has_bucket;
	struct bucket_step step;
	/* Those of agg/ first, then those that only having, sort and select name. */
	const struct aggregate *aggs;
	size_t n_aggs, n_shown;
	enum fill_mode fill;
	const struct having *having;	/* agg_of_having[i]: in aggs */
	const size_t *having_agg;
	size_t n_having;
	bool per_trace;
	bool versus, versus_previous;
	uint64_t versus_ns;
	const struct group_ref *sort, *columns;
	size_t n_sort, n_columns;
};

/* The key of a column in files. */
void group_column_print(struct buf *, const struct grouping *, const struct group_ref *);

#endif

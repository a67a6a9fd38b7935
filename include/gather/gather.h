/* SPDX-License-Identifier: ISC */
/*
 * gather: rows of one row group as the columns that a table of groups takes (agg/agg_columns.h): codes
 * of dictionaries, resources and services as they stand in the shard, and numbers. No span is put
 * together. What is asked of a row's trace or parent is told by columns, too, of rows whose trace
 * lies in this shard alone: the caller hands in what is known of traces (gather_asks), and no other
 * rows.
 *
 * A field that may have several values in a row, or is not in columns here, has none: then all of the
 * rows go to the table as spans. Chunks and dictionaries are borrowed until gather_end.
 */
#ifndef GATHER_GATHER_H
#define GATHER_GATHER_H

#include "agg/agg_columns.h"
#include "shard/tracesum.h"
#include "shard/tracetree.h"

/* What else must be known of a trace. */
enum gather_ask {
	GATHER_PARENTS = 1,	/* which row is whose parent: no twins */
	GATHER_PLACES = 2,	/* depths and the like, by the tree: no twins */
	GATHER_FACTS = 4,	/* the parts of traces */
};

/* Where a span stands in its trace. */
struct gather_place {
	uint32_t depth, n_children;
	uint64_t self_ns;
};

/* What is known of a trace as a whole. */
struct gather_facts {
	uint64_t start_ns, duration_ns, n_spans, n_errors;
	uint32_t root_service, root_name;	/* in the texts */
};

/* Of rows whose traces have spans in other shards, too: the caller tells of these. By row. */
struct gather_told {
	struct shard *parents_in;	/* where all parents are */
	const uint32_t *parent;		/* rows in it, or GATHER_NOBODY */
	const struct gather_place *place, *parent_place;
	const uint32_t *trace;		/* in the facts */
	const struct gather_facts *facts;
	const struct sv *texts;
	uint32_t n_texts;
};
#define GATHER_NOBODY UINT32_MAX

struct gather {
	struct shard *s;
	uint32_t group;
	const uint32_t *rows;		/* of the row group, rising */
	uint32_t n;
	struct arena *mem;
	struct err *e;
	/* What was asked for, borrowed; else NULL. */
	const struct tracerows *traces;	/* GATHER_PARENTS, and FACTS and PLACES of parents */
	const struct trace_part *parts;	/* by ordinal */
	const struct tracetree *tree;
	const struct gather_told *told;	/* in place of these; or NULL */
	/* The inside. */
	const struct shard_info *info;
	uint32_t row_from;
	uint32_t *sel, *ord;		/* scratch, n each */
	const uint64_t *start, *duration;	/* by row; NULL until they are needed */
	const uint64_t *trace;		/* alike: ordinals */
	struct gather_pin *pins;
	struct gather_parents *parents;	/* alike */
};

/* False: the field is in no columns, wherever it is asked for; asks: enum gather_ask, as bits. */
bool gather_may(const struct field *, unsigned *asks);
/* To be ended, after a failure too. */
int gather_begin(struct gather *) WARN_UNUSED;
void gather_end(struct gather *);
/* 1: done; 0: not of columns. */
int gather_field(struct gather *, const struct field *, struct agg_column *) WARN_UNUSED;
/* When the first and the last row starts, if that is known without reading: they are a whole row group. */
bool gather_spans_of_time(const struct gather *, uint64_t *first, uint64_t *last);
/* Starts of the rows; 1 for those whose status is error. */
int gather_starts(struct gather *, const uint64_t **) WARN_UNUSED;
int gather_errors(struct gather *, const uint8_t **) WARN_UNUSED;
/* Ordinals of the rows' traces. */
int gather_traces(struct gather *, const uint64_t **) WARN_UNUSED;

#endif

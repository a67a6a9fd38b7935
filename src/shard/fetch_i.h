/* SPDX-License-Identifier: ISC */
/*
 * fetch_i: what the files of fetch share. Work goes by groups: at most FETCH_GROUP different
 * rows of one row group, rising.
 *
 *   fetch         contexts, pins, sorting rows into groups
 *   fetch_span    the fixed columns of a group; events and links
 *   fetch_attrs   attribute lists of a group, of any domain
 *   fetch_gather  one column of a group
 *   fetch_ahead   the chunks of a group that aren't in memory
 */
#ifndef SHARD_FETCH_I_H
#define SHARD_FETCH_I_H

#include "base/vec.h"
#include "shard_i.h"
#include "shard/fetch.h"

#define FETCH_GROUP 1024

/* What a call's projection asks for beside the parts that are always there. */
struct fetch_want {
	bool attrs, rest, events, links;
	bool start, duration, resource, scope, kind, status, name, parent;
	const struct sv *keys;		/* span attributes wanted if not `attrs`: in order, once */
	size_t n_keys;
};

/* A shard that rows were fetched from since the last reset: its pins. */
struct fetch_shard {
	struct shard *s;		/* referenced */
	const struct traceids *ids;
	const struct tracerows *trace_rows;	/* at first use */
	const struct resource *resources;
	const struct scope *scopes;
	const struct dict **dicts;	/* by column, at first use; the fetch's */
	const struct chunk **span_ids;	/* by row group, at first use */
};

struct attr_run {		/* values of one column among the attributes of a group */
	const struct column *col;
	const struct chunk *chunk;	/* COLUMN_BYTES */
	const struct dict *dict;	/* COLUMN_DICT */
	size_t from, to;		/* in fetch.who and fetch.what */
};

struct fetch {
	struct arena arena;
	size_t max_bytes;		/* of arena and attribute values */
	VEC(struct fetch_shard) shards;
	VEC(const struct chunk *) pins;	/* strings point into them */
	VEC(const struct dict *) dicts;	/* alike, of all shards */
	/* Scratch of one group; kept between calls. */
	size_t room;			/* of sel, ord, val, str, count, lists */
	uint32_t *sel, *ord, *count;
	uint64_t *val;
	struct sv *str;
	struct attrs **lists;
	VEC(struct row_word) words;	/* of the rows whose attributes are gathered */
	VEC(struct attr_run) runs;
	size_t n_who, who_room;		/* attribute values: of which row, and what */
	uint32_t *who;
	uint64_t *what;
	size_t pairs_room;
	uint64_t *pairs, *pairs_tmp;	/* row << 32 | place in out */
	size_t child_room;
	uint32_t *child, *owner;	/* child rows, and the row of the group they belong to */
	VEC(struct attr) merge;
};

/* Rows of one domain in one row group, rising; and what was gathered of them last. */
struct rows {
	struct fetch *f;
	struct fetch_shard *fs;
	uint32_t group;
	const uint32_t *row;
	uint32_t n;
	struct err *e;
};

/* Makes *array hold n things of that size; false: out of memory. */
bool fetch_grow(void *array, size_t n, size_t size);
/* Room for n values in every scratch array of a group. */
int fetch_room(struct fetch *, size_t n, struct err *) WARN_UNUSED;
/* Keeps the chunk pinned until the reset. */
int fetch_pin(struct fetch *, const struct chunk *, struct err *) WARN_UNUSED;
int fetch_dict(struct rows *, const struct column *, const struct dict **) WARN_UNUSED;
/*
 * A column (NULL: nothing) of the rows: *n values; value i is f->val[i] (or f->str[i]) and
 * belongs to row[f->sel[i]].
 */
int gather_numbers(struct rows *, const struct column *, uint32_t *n) WARN_UNUSED;
int gather_texts(struct rows *, const struct column *, uint32_t *n) WARN_UNUSED;
/* The attributes of each row into f->lists[i], which the caller has set and zeroed. */
int fetch_attrs(struct rows *, enum attr_scope, const struct fetch_want *) WARN_UNUSED;
/* All that is wanted of a group into spans[i], zeroed. */
int fetch_group(struct rows *, const struct fetch_want *, struct span *const *spans)
    WARN_UNUSED;

#endif

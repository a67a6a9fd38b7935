/* SPDX-License-Identifier: ISC */
/*
 * summary_i: what the files of summary share.
 *
 *   summary        which shards are in; one shard's fields and cells; publishing
 *   summary_field  a field's values, sketch, histogram, samples
 *   summary_cell   cells, and fields in cells
 */
#ifndef CATALOG_SUMMARY_I_H
#define CATALOG_SUMMARY_I_H

#include "base/map.h"
#include "base/vec.h"
#include "base/hll.h"
#include "shard/shard_stats.h"
#include "catalog/summary.h"

/* A value with bytes of its own. */
struct kept_value {
	uint64_t hash;
	struct value val;
	char *text;			/* what val.s is, malloced; or NULL */
	double rows, present;
};

struct field_acc {
	struct field field;		/* key in the maker's arena */
	enum value_type type;
	double n_present, bytes, sized;	/* bytes of `sized` values */
	uint8_t *hll;			/* of shards whose top values are not all */
	double distinct_sum, distinct_max;	/* of shards that say no more than a number */
	VEC(struct kept_value) values;
	uint32_t *slots, n_slots;	/* by hash: place + 1 */
	uint64_t *bounds;		/* opts.buckets + 1, or NULL */
	double weight;			/* values that bounds stand for */
	VEC(struct kept_value) samples;
	uint64_t n_offered;		/* samples seen */
};

#define CELL_VALUES 8

struct cell_field_acc {
	uint32_t field, n;
	double n_present, n_distinct;
	bool has_range;
	uint64_t min, max;
	struct kept_value values[CELL_VALUES];
};

struct cell_acc {
	struct sv service, name;	/* in the maker's arena */
	bool all;
	double n_rows, n_errors;
	float hist[N_STATS_HIST][CELL_BUCKETS];
	VEC(uint32_t) fields;		/* places in the maker's entries */
};

struct summary_maker {
	struct summary_options opts;
	struct arena arena;		/* keys and names: bounded by the limits on their number */
	struct map shards;		/* files that are in */
	struct map field_at, cell_at, entry_at;
	VEC(struct field_acc *) fields;
	VEC(struct cell_acc *) cells;
	VEC(struct cell_field_acc *) entries;
	double n_rows, cell_rows;
	uint32_t n_shards;
	uint64_t version;
};

/* ---- summary_field.c ---- */

/* Copies the value; false when out of memory. */
bool kept_value_set(struct kept_value *, const struct value *, uint64_t hash);
void kept_value_release(struct kept_value *);
/* *out is its place; UINT32_MAX: there are too many already. */
int field_acc_find(struct summary_maker *, const struct field *, enum value_type,
    uint32_t *out, struct err *) WARN_UNUSED;
void field_acc_free(struct field_acc *);
/* What one shard says of a field; more may be NULL. */
int field_acc_add(struct summary_maker *, struct field_acc *, const struct column_stats *,
    const struct column_more *more, struct err *) WARN_UNUSED;
int field_acc_publish(struct field_acc *, struct arena *, struct stats_field *,
    uint32_t buckets, struct err *) WARN_UNUSED;

/* ---- summary_cell.c ---- */

/* The shard's cells; field_of: by column of the shard, UINT32_MAX for none. */
int cells_add(struct summary_maker *, const struct shard_info *, const struct shard_more *,
    const uint32_t *field_of, struct err *) WARN_UNUSED;
void cell_acc_free(struct cell_acc *);
void cell_field_acc_free(struct cell_field_acc *);
/* new_field: where a field is in the summary. */
int cells_publish(const struct summary_maker *, const uint32_t *new_field,
    struct stats_summary *, struct arena *, struct err *) WARN_UNUSED;

#endif

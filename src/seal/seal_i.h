/* SPDX-License-Identifier: ISC */
/*
 * seal_i: one part of a memtable on its way to a shard file. All memory of a seal is its
 * arena and a few buffers; nothing of the memtable is changed.
 *
 *   row_order     which row comes where, and what follows from it (traces, services, children)
 *   rest_write    which attributes get a column
 *   column_write  one column's values in that order, cut into chunks
 *   dict_write    strings of a column: dictionary or in place
 *   column_stats  distinct values, range, the most frequent
 *   index_write   which indexes are kept; postings_write, textidx_write, colbloom_write make them
 *   tracesum_write what is known of each trace
 *   stats_write  histograms, sketches; cells_write what goes together
 *   lengths_write how long rows are as text
 *   section_write bytes to the file, and the footer's table of them
 *   footer_write  header, footer, trailer
 */
#ifndef SEAL_SEAL_I_H
#define SEAL_SEAL_I_H

#include "memtable_i.h"

/* ---- sort_pairs.c ---- */

struct sort_pair {
	uint64_t key;
	uint32_t val, tie;	/* tie is not looked at */
};

/* Stable, by key. tmp has room for n as well. */
void sort_pairs(struct sort_pair *v, struct sort_pair *tmp, size_t n);

/* ---- row_order.c ---- */

struct service_range {
	uint32_t service;	/* code in owners.services */
	uint32_t row_from, row_to;
};

/* Rows of a domain: spans, events or links. */
struct domain_order {
	uint32_t n;
	uint32_t *rank;		/* arrival number to row; NULL if n == 0 */
	uint32_t *group_from;	/* first row of each row group; n_groups + 1 of them */
};

struct row_order {
	uint32_t n_rows, n_groups, group_rows;
	uint32_t *rows;			/* row to arrival number of the span */
	struct domain_order domain[3];	/* by enum column_domain */
	struct service_range *services;	/* in byte order */
	uint32_t n_services;
	uint32_t *trace_rank;		/* trace number to ordinal */
	uint32_t *traces;		/* ordinal to trace number */
	uint32_t *trace_ends;		/* by ordinal, into trace_rows */
	uint32_t *trace_rows;
	uint32_t *nth;			/* by row: its place among its trace's rows */
};

int row_order_make(struct row_order *, const struct memtable *, const struct mem_part *,
    struct arena *) WARN_UNUSED;

/* ---- the seal ---- */

struct top {
	uint64_t v;		/* number or code */
	uint32_t n_rows;
};

struct column_stats_out {
	uint64_t n_present, n_distinct;
	bool has_range;
	uint64_t min, max;
	struct top *top;	/* most frequent first; room for opts.top_values */
	uint32_t n_top;
};

struct num_slot {
	uint64_t v;
	uint32_t n, rank;	/* rank: among the distinct ones, once it is asked for */
};

/* An index that may be kept. */
struct index_cand {
	struct buf stored;	/* its section */
	enum section_codec codec;
	size_t n_raw;
	uint32_t column;
	enum section_kind kind;
	double gain;		/* rows (or as much work) that a look-up need not look at */
};

struct seal {
	const struct memtable *mt;
	const struct mem_part *part;
	struct shard_options opts;
	struct arena mem;
	struct row_order ord;

	struct fsys *fs;
	struct file *file;
	uint64_t off;			/* where the next byte goes */
	struct buf out;			/* not yet written: ends at off */
	uint8_t header[SHARD_HEADER_BYTES];
	struct buf sections, columns;	/* footer tables */
	uint32_t n_sections, n_columns;
	struct err *err;

	/* Scratch, for the largest domain. */
	uint64_t *present;		/* bitmap */
	uint32_t *slot;			/* row to place in a memcol; set where present */
	uint64_t *vals, *tmp;
	struct buf raw;
	VEC(struct sort_pair) pairs;	/* dictionary sorting: both halves */
	VEC(uint32_t) remap, counts;
	struct num_slot *num_slots;
	uint32_t n_num_slots;		/* of the column at hand; 0: not all its values are there */
	uint32_t *resources, *scopes;	/* by their place in the shard: id in the memtable */
	uint32_t n_resources, n_scopes;
	const struct memcol **attrs;	/* with a column: by scope, key bytes, type */
	uint32_t n_attrs;
	struct memcol *rest[3];		/* by domain: in place of the part's, or NULL */
	uint32_t *name_code;		/* place of a name in COL_NAME's dictionary */
	struct column_stats_out stats;
	VEC(struct index_cand) cands;
	VEC(uint32_t) starts;		/* where the rows of a key begin */
	uint32_t *owner[3];		/* by domain: its rows to rows of spans; spans: NULL */
	struct cells *cells;		/* cells_write.c */
	uint32_t *n_children;		/* by row: spans whose parent it is */
	struct buf stats_buf;		/* of SECTION_STATS what is known of the columns so far */
};

/* Zone of a chunk. */
struct chunk_zone {
	uint32_t n_present;
	uint64_t min, max;
};

/* ---- section_write.c ---- */

#define NO_COLUMN UINT32_MAX

int shard_file_open(struct seal *, const char *path) WARN_UNUSED;
/* s->raw as a section; zone: of a chunk, else NULL. */
int section_put(struct seal *, enum section_kind, uint32_t column, uint32_t group,
    const struct chunk_zone *) WARN_UNUSED;
/* A section that has been compressed already. */
int section_put_stored(struct seal *, const struct index_cand *) WARN_UNUSED;
/* Bytes as they are. */
int shard_file_put(struct seal *, const void *, size_t n) WARN_UNUSED;
int shard_file_flush(struct seal *) WARN_UNUSED;

static inline void
buf_u16le(struct buf *b, uint16_t v)
{
	uint8_t p[2] = { (uint8_t)v, (uint8_t)(v >> 8) };

	buf_put(b, p, sizeof p);
}

static inline void
buf_u32le(struct buf *b, uint32_t v)
{
	buf_u16le(b, (uint16_t)v);
	buf_u16le(b, (uint16_t)(v >> 16));
}

static inline void
buf_u64le(struct buf *b, uint64_t v)
{
	buf_u32le(b, (uint32_t)v);
	buf_u32le(b, (uint32_t)(v >> 32));
}

/* Zeros up to a multiple of 8. */
static inline void
buf_pad8(struct buf *b)
{
	static const char zero[8];

	buf_put(b, zero, (0 - b->n) % 8);
}

/* ---- column_write.c ---- */

struct column_desc {
	enum column_id id;
	enum column_domain domain;
	enum column_kind kind;
	enum value_type type;
	enum attr_scope scope;
	struct sv key;
	uint32_t n_dict;
};

/* s->vals[0, n) as a column of numbers; all: every row has one, else s->present says which. */
int column_write_numbers(struct seal *, const struct column_desc *, uint32_t n, bool all)
    WARN_UNUSED;
/* Numbers of rows that are 0 are left out; nothing is written if all are. */
int column_write_nonzero(struct seal *, const struct column_desc *) WARN_UNUSED;
int column_write_memcol(struct seal *, const struct memcol *) WARN_UNUSED;

/* ---- chunk_write.c ---- */

/* The chunks of numbers (codes) in s->vals. */
int column_chunks(struct seal *, const struct column_desc *, uint32_t n, bool all) WARN_UNUSED;
/* Rows of [from, to) that s->present has. */
uint32_t count_present(const struct seal *, uint32_t from, uint32_t to);
/* The head and presence of a chunk of rows [from, to) into s->raw. */
void chunk_begin(struct seal *, uint32_t from, uint32_t to, uint32_t n_present);

/* ---- column_entry.c ---- */

/* The footer's entry, from s->stats; dict: what codes mean (top values), or NULL. */
int column_end(struct seal *, const struct column_desc *, const struct coldict *dict,
    const uint32_t *old_of) WARN_UNUSED;

/* A number or code of a column as a value; dict and old_of as for column_end. */
struct value column_value(const struct column_desc *, const struct coldict *dict,
    const uint32_t *old_of, uint64_t v);

/* ---- dict_write.c ---- */

/*
 * A column of n strings: codes in s->vals (of dict, row order). Writes the dictionary and
 * chunks of codes, or chunks of bytes if nearly all are distinct and may_bytes.
 */
int column_write_strings(struct seal *, struct column_desc *, const struct coldict *dict,
    uint32_t n, bool all, bool may_bytes) WARN_UNUSED;

/* ---- column_stats.c ---- */

/* Fills s->stats from s->vals[0, n). */
int column_stats_numbers(struct seal *, const struct column_desc *, uint32_t n) WARN_UNUSED;
/* The same of codes [0, n_codes). */
int column_stats_codes(struct seal *, uint32_t n, uint32_t n_codes) WARN_UNUSED;

/*
 * After column_stats_numbers: s->vals[0, n) become places among the distinct values, which are
 * left in s->tmp, and s->counts how often each occurs. Returns how many there are; 0: too many.
 */
uint32_t column_number_ranks(struct seal *, uint32_t n) WARN_UNUSED;

/* ---- cells_write.c ---- */

/* s->cells, before any column. */
int cells_make(struct seal *) WARN_UNUSED;
/* What they are, into s->raw. */
void cells_put(struct seal *);
/* How the values of a column fall into them, into s->stats_buf. */
int cells_column(struct seal *, const struct column_desc *, const struct coldict *dict,
    const uint32_t *old_of, uint32_t n, bool all) WARN_UNUSED;

/* ---- stats_write.c ---- */

/* The column's part of SECTION_STATS: after column_stats, with s->vals untouched. */
int stats_column(struct seal *, const struct column_desc *, const struct coldict *dict,
    const uint32_t *old_of, uint32_t n, bool all) WARN_UNUSED;
int seal_stats(struct seal *) WARN_UNUSED;

/* ---- postings_write.c: after the column's chunks, before column_end ---- */

/* s->owner[domain]. */
int seal_owner_rows(struct seal *, enum column_domain) WARN_UNUSED;

/* Codes in s->vals, their counts in s->counts. The values are used up; dict: for their sizes. */
int postings_codes(struct seal *, const struct column_desc *, const struct coldict *dict,
    uint32_t n, bool all) WARN_UNUSED;
/* Numbers in s->vals, used up; after column_stats_numbers. */
int postings_numbers(struct seal *, const struct column_desc *, uint32_t n, bool all)
    WARN_UNUSED;
/* Codes of dict in s->vals. */
int postings_hashes(struct seal *, const struct column_desc *, const struct coldict *dict,
    uint32_t n, bool all) WARN_UNUSED;

/* ---- colbloom_write.c ---- */

/* Over all of dict. */
int colbloom_make(struct seal *, const struct column_desc *, const struct coldict *dict)
    WARN_UNUSED;

/* ---- textidx_write.c ---- */

/* Over the values of a dictionary; old_of: a code's value in dict. */
int textidx_make(struct seal *, const struct column_desc *, const struct coldict *dict,
    const uint32_t *old_of) WARN_UNUSED;

/* ---- index_write.c ---- */

/* Whether an index of such use and size has a chance; before it is made. */
bool index_worth(const struct seal *, double gain, double bytes);
/* What is in s->raw, as an index of the column at hand. */
int index_offer(struct seal *, enum section_kind, double gain) WARN_UNUSED;
/* Writes the most useful ones, as far as the budget goes. */
int seal_indexes(struct seal *) WARN_UNUSED;
void seal_indexes_release(struct seal *);

/* ---- rest_write.c ---- */

/* s->attrs and s->rest. */
int seal_choose_columns(struct seal *) WARN_UNUSED;
/* A sparse fixed column, or NULL. */
const struct memcol *seal_fixed_col(const struct seal *, enum column_id);
void seal_choose_release(struct seal *);

/* ---- span_write.c: fixed columns of spans ---- */

int seal_fixed(struct seal *) WARN_UNUSED;

/* ---- owners_write.c ---- */

/* COL_RESOURCE and COL_SCOPE; their sections. */
int seal_owners(struct seal *) WARN_UNUSED;
int seal_owner_sections(struct seal *) WARN_UNUSED;

/* ---- tracesum_write.c ---- */

int seal_trace_summary(struct seal *) WARN_UNUSED;

/* ---- lengths_write.c ---- */

int seal_lengths(struct seal *) WARN_UNUSED;

/* ---- footer_write.c ---- */

/* Footer and trailer. */
int seal_footer(struct seal *, uint64_t *min_start, uint64_t *max_start) WARN_UNUSED;

#endif

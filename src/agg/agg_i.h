/* SPDX-License-Identifier: ISC */
/*
 * agg_i: the inside of a table of groups.
 *
 *   agg_compile   what a query asks for as slots and measures
 *   agg_table     the table: groups by key
 *   agg_add       spans into groups; one table into another
 *   agg_columns   rows into groups by columns
 *   agg_bulk      what many rows have in a field into a measure
 *   agg_slot      what a span has in each field that is asked for
 *   agg_given     groups that were made elsewhere
 *   agg_trace     per/trace: the spans of each trace, until they are all there
 *   agg_state     states of measures: one for each of a group's side
 *   agg_quantile, agg_ranks, agg_distinct, agg_hist   the states that are more than a number
 *   sketch, hll16   what two of them go over to when memory is short (sketch_i.h)
 *   agg_number    numbers, and sums of them
 *   agg_packs     numbers as they were stored, packed (rank/packed.h)
 *   agg_save, agg_load   tables as bytes (agg/agg_bytes.h)
 *   agg_slices    tables by slices of time, and some of them into another
 *   agg_shrink    what a table does when memory is short of values
 *   agg_spill, agg_unspill, row_runs, row_bytes   what it does when it is short of groups (spill_i.h)
 *   agg_finish, agg_rows, agg_fill   groups to rows: having, fill
 *   agg_top       their order, and the first of them
 *   agg_cell      the cells of a row
 */
#ifndef AGG_I_H
#define AGG_I_H

#include "agg/agg.h"
#include "agg/agg_bytes.h"
#include "agg/agg_given.h"
#include "agg/number.h"
#include "base/arena.h"
#include "base/hash.h"
#include "base/vec.h"
#include "match/field_value.h"
#include "rank/packed.h"
#include "sketch_i.h"
#include "spill_i.h"

/* ---- slots ---- */

struct agg_slot {
	struct field field;
	bool is_unsigned;		/* integers are without sign */
	bool is_word;			/* integers are those of an enumeration: no numbers */
	bool of_trace;			/* per/trace: the trace's own */
	VEC(struct value) v;		/* of the item at hand; ids are their hex texts */
};

/* Values of a span behind those that are there, in the order of field_value_next; no null. */
int slot_add_span(struct agg_slot *, const struct field_row *, struct arena *, struct err *)
    WARN_UNUSED;
/* The number that a value of the slot is; NUMBER_NONE of others. */
struct number slot_number(const struct agg_slot *, const struct value *);
/* Packed, so that equal bytes are the same value: NaN is itself. */
void value_pack_key(struct buf *, const struct value *);

/* ---- states ---- */

enum measure_kind { MEASURE_SUM, MEASURE_MIN, MEASURE_MAX, MEASURE_QUANTILE, MEASURE_DISTINCT,
	MEASURE_HIST };

struct measure {
	enum measure_kind kind;
	size_t slot;
	size_t at;			/* of its state in a side's bytes */
};

/* Fewer values than these are kept also when memory is short. */
#define SMALL_STATE 32

/* Runs of packed numbers. */
struct packs {
	bool doubles;			/* they are; else integers */
	size_t n, cap, n_numbers;
	size_t bytes;			/* of all runs */
	struct packed_run v[];
};

/* All numbers of a field: integers by their image (or as they are), doubles by theirs. */
struct quantile {
	uint64_t *ints, *doubles;
	size_t n_ints, cap_ints, n_doubles, cap_doubles;
	bool sorted, is_unsigned;	/* is_unsigned: its integers are */
	uint8_t n_selected;		/* how often a rank was looked for without sorting */
	struct sketch *sketch;		/* or NULL: all of them, and no others are kept */
	struct ranks *ranks;		/* or NULL: what is found already; of what a server found no numbers are kept */
	struct packs *packs;		/* or NULL: more of them; then these are all of one kind */
};

/* Percentiles of all its numbers that a server, or a thread ahead of the others, found. */
struct ranks {
	size_t n;
	bool is_unsigned;
	struct {
		struct agg_rank of;
		uint64_t number;
	} v[];
};

/* The 128-bit hashes of values. */
struct distinct {
	struct hash128 *v;		/* open addressing; 0, 0 is free */
	size_t n, cap;
	bool given;			/* n was found elsewhere, and no values are kept */
	struct hll16 *hll;		/* or NULL: all of them, and no others are kept */
};

struct hist_count {
	int16_t upper;			/* index of hist.c */
	uint64_t n;
};

struct hist {
	struct hist_count *v;		/* rising */
	size_t n, cap;
	uint64_t seen;			/* numbers, also those that no bar holds */
};

/* At most STATE_MOST. */
#define STATE_MOST 256
size_t measure_bytes(enum measure_kind);
int measure_add(struct agg_memory *, const struct measure *, void *state, const struct agg_slot *,
    const struct value *, struct err *) WARN_UNUSED;
int measure_merge(struct agg_memory *, const struct measure *, void *state, void *from,
    struct err *) WARN_UNUSED;
void measure_release(const struct measure *, void *state);
/* Counted bytes that a state holds beside its own. */
size_t measure_held(const struct measure *, const void *state);
/* Makes a large state of quantiles or different values small, and no longer exact. */
int measure_shrink(struct agg_memory *, const struct measure *, void *state, struct err *)
    WARN_UNUSED;

int quantile_add(struct agg_memory *, struct quantile *, struct number, struct err *) WARN_UNUSED;
int quantile_merge(struct agg_memory *, struct quantile *, const struct quantile *from,
    struct err *) WARN_UNUSED;
int quantile_shrink(struct agg_memory *, struct quantile *, struct err *) WARN_UNUSED;
void quantile_sort(struct quantile *);
/*
 * n more integers, behind those that are there, for the caller to fill in (or to take back, from n_ints).
 * False: they have to be added one by one.
 */
bool quantile_room(struct agg_memory *, struct quantile *, size_t n);
size_t quantile_count(const struct quantile *);
/* ---- agg_packs.c ---- */
size_t packs_bytes(const struct packs *);
size_t packs_count(const struct packs *);
void packs_drop(struct agg_memory *, struct quantile *);
/* Of the kind of all that is there. */
int packs_add(struct agg_memory *, struct quantile *, bool doubles, const struct packed_run *,
    struct err *) WARN_UNUSED;
int packs_append(struct agg_memory *, struct quantile *, const struct packs *from, struct err *)
    WARN_UNUSED;
/* Those of another one, decoded. */
int packs_pour_all(struct agg_memory *, struct quantile *, const struct packs *from, struct err *)
    WARN_UNUSED;
/* Nothing is packed any more. */
int packs_unpack(struct agg_memory *, struct quantile *, struct err *) WARN_UNUSED;
/*
 * The form of state that agg_bytes.h has for them, into one of nothing; they are borrowed of the cursor's
 * bytes. That is bad if it is none.
 */
int packs_load(struct agg_memory *, struct quantile *, struct cursor *, struct err *) WARN_UNUSED;
/* So many images more that rise, as differences, behind those that are there. */
int rising_load(struct agg_memory *, struct quantile *, bool doubles, struct cursor *, size_t more,
    struct err *) WARN_UNUSED;
/* Into a state of nothing: `numbers` are 8 bytes LE each. ERR_UNSUPPORTED: it has some. */
int quantile_give(struct agg_memory *, struct quantile *, const struct agg_rank *, size_t n, bool is_unsigned,
    const unsigned char *numbers, struct err *) WARN_UNUSED;
size_t ranks_bytes(const struct ranks *);
struct number ranks_at(const struct ranks *, uint64_t part, uint64_t whole);
int given_clash(struct err *);
/*
 * Of many integers: room for percentiles, which ranks_find, by any thread, looks for among them.
 * False: there is none, or they are of another kind; then quantile_at finds them.
 */
bool ranks_begin(struct agg_memory *, struct quantile *, size_t n);
void ranks_find(struct quantile *);
#define SELECT_MOST 8	/* ranks; to sort takes about as long as to select so often */
/* Where it stands of n numbers in order; n is not 0. */
size_t quantile_rank(size_t n, uint64_t part, uint64_t whole);
/* The smallest number with at least part / whole of all at or below it. */
struct number quantile_at(struct agg_memory *, struct quantile *, uint64_t part, uint64_t whole);
int distinct_add(struct agg_memory *, struct distinct *, struct hash128, struct err *) WARN_UNUSED;
int distinct_merge(struct agg_memory *, struct distinct *, const struct distinct *,
    struct err *) WARN_UNUSED;
/* The number of all, into a state of nothing, else ERR_UNSUPPORTED. */
int distinct_give(struct distinct *, uint64_t n, struct err *) WARN_UNUSED;
int distinct_shrink(struct agg_memory *, struct distinct *, struct err *) WARN_UNUSED;
uint64_t distinct_count(const struct distinct *);
int hist_add(struct agg_memory *, struct hist *, struct number, uint64_t times, struct err *)
    WARN_UNUSED;
#define HIST_MOST_UPPER 1900
int hist_load_bar(struct agg_memory *, struct hist *, int16_t upper, uint64_t times, struct err *)
    WARN_UNUSED;
int hist_merge(struct agg_memory *, struct hist *, const struct hist *, struct err *) WARN_UNUSED;
struct hist_bar hist_bar_of(const struct hist_count *);

/* ---- groups ---- */

struct side {
	uint64_t count, errors;
	char *states;			/* measures' */
};

struct group {
	uint64_t hash;
	bool owned;			/* a row's own, of a group that is gone: key and bucket alone */
	__int128 bucket;
	struct sv key;			/* packed values; KEY_NULL for none */
	struct side side[2];
};

#define KEY_NULL ((char)0x7f)

/* A row: a group's, or one that fill made of it. */
struct agg_row {
	__int128 bucket;
	const struct group *group;	/* its keys; and its states, unless filled */
	const struct group_cell *cells;	/* of aggs: n_aggs, and as many of the earlier side */
	bool no_before;			/* nothing on the earlier side, and no cells for it */
};

struct agg_row_list {
	struct agg_row *v;
	size_t n, cap;
};

struct trace_items;
struct row_runs;

struct agg_table {
	struct agg_options opt;
	const struct grouping *g;
	struct grouping sliced;		/* what g is of a table of slices */
	struct agg_memory mem;
	VEC(struct agg_hold) holds;	/* of bytes that its groups are borrowed from */
	uint64_t steps;			/* of work since agg_check looked */
	struct arena arena;		/* slots, measures, cells that fill makes */
	struct arena groups_mem;	/* groups */
	struct arena row_mem;		/* cells of rows, and groups that rows own */
	struct arena item;		/* of the item at hand */
	struct agg_slot *slots;
	size_t n_slots;
	size_t *key_slots;		/* of the keys */
	struct measure *measures;
	size_t n_measures;
	size_t *agg_measure;		/* of g->aggs; unused of those of no field */
	size_t side_bytes;
	struct field *fields;
	size_t n_fields;
	struct group **groups;
	size_t n_groups, cap_groups;
	uint32_t *index;		/* of groups, by hash; 0: free, else place + 1 */
	size_t n_index;			/* a power of two */
	struct buf key;			/* scratch */
	uint64_t first_ns, last_ns, n_items;	/* of spans of the range asked for */
	const struct prices *prices;	/* of a slot of costs; NULL: there is none */
	bool has_cost, has_parent_cost;
	uint64_t n_unpriced;		/* of those spans, with tokens and no price */
	struct trace_items *traces[2];
	bool *early;			/* by aggregate: having or sort look at it */
	struct group_cell *scratch;	/* of one group */
	uint64_t n_compared;		/* pairs of rows */
	uint64_t n_apart;		/* groups' percentiles that were found apart from each other */
	bool has_given;			/* percentiles, or numbers of different values, were found elsewhere */
	struct agg_row_list rows, before;	/* before: of groups of the earlier side alone, for fill */
	bool top;			/* rows are a heap of the first opt.keep */
	struct agg_spill *spill;	/* shared by those that are alike; NULL: nothing is spilled */
	struct spill_parts *spill_to;	/* where its groups go; NULL: nowhere, any more */
	unsigned spill_level;
	bool spilled;			/* some of its groups did */
	bool pinned;			/* groups are held */
	size_t room;			/* bytes, past which groups are to go; SIZE_MAX: none */
	size_t group_bytes;		/* counted, of groups_mem */
	size_t row_bytes;		/* counted, of row_mem */
	size_t kept_bytes;		/* of all counted what does not go with groups */
	size_t heap_bytes;		/* alike, when a heap's rows were packed last */
	uint64_t n_ended;		/* groups of partitions that are done */
	struct row_runs *runs;		/* rows in the spill file; or NULL */
};

/* Of work: agg_check looks once in so many. */
#define AGG_STEPS 1024
/*
 * After ERR_NOMEM: 0 if what is kept of groups was made smaller, so that it may be tried once more;
 * else that error.
 */
int table_relieve(struct agg_table *, struct err *) WARN_UNUSED;
/* agg_check's look itself, of any thread: it stays <0 once it is. */
int agg_over(const struct agg_options *, struct err *) WARN_UNUSED;
/* ---- agg_spill.c: where nobody holds a group ---- */

/* Lets groups go if there are too many for memory. */
int table_make_room(struct agg_table *, struct err *) WARN_UNUSED;
/* Whether it is worth it; then all of them. */
bool table_can_spill(const struct agg_table *);
int table_spill(struct agg_table *, struct err *) WARN_UNUSED;
void table_drop_groups(struct agg_table *);
/* ---- agg_unspill.c ---- */
bool table_is_spilled(const struct agg_table *);
/* Whether it is, or has to be for want of room for the rows. */
bool table_must_spill(const struct agg_table *);
/* All groups, also those that were spilled, to rows or runs of them. */
int table_end_spilled(struct agg_table *, struct err *) WARN_UNUSED;
/* ---- row_bytes.c ---- */
size_t row_n_cells(const struct agg_table *);
/* Makes key, cells and bars of the row those of the arena. */
int row_copy(struct agg_table *, struct arena *, struct agg_row *, struct err *) WARN_UNUSED;
void row_put(struct buf *, const struct agg_table *, const struct agg_row *);
/* Key and bars are borrowed of the cursor's bytes and the arena. ERR_IO if they don't read back. */
int row_get(struct agg_table *, struct cursor *, struct group *, struct group_cell *, struct arena *,
    struct err *) WARN_UNUSED;
/* ---- row_runs.c ---- */
int row_runs_new(struct agg_table *, struct row_runs **, struct err *) WARN_UNUSED;
void row_runs_free(struct row_runs *);
/* The table's rows, as one more run: it has none then. */
int row_runs_put(struct agg_table *, struct err *) WARN_UNUSED;
/* No more rows: if there is a run, they are merged from here on. */
int row_runs_end(struct agg_table *, struct err *) WARN_UNUSED;
uint64_t row_runs_n(const struct row_runs *);
/* Cells as agg_cells gives them, valid until the next call; quick only if rows are asked for in turn. */
int row_runs_cells(struct agg_table *, uint64_t from, size_t n, struct group_cell *, struct err *)
    WARN_UNUSED;

/* ---- agg_bulk.c: integers of many rows into a measure of their groups ---- */

struct bulk {
	struct agg_table *t;
	enum agg_side side;
	struct arena *mem;		/* scratch */
	const uint32_t *no;		/* by row: its group is groups[no] */
	struct group *const *groups;
	const uint32_t *count;		/* by number: rows that have it; 0: no group */
	uint32_t n_no;
	const uint64_t *numbers;	/* by row */
	const uint8_t *present;		/* by row: 0, if it has none; NULL: all have */
	uint32_t n;
};

struct agg_column;
bool bulk_may(const struct measure *, const struct agg_slot *, const struct agg_column *);
/* 1: done; 0: nothing was added, and one by one they have to be. */
int bulk_add(const struct bulk *, const struct measure *, bool is_unsigned, struct err *) WARN_UNUSED;

/* agg_rows.c: the groups that are there, to rows. */
int table_take_groups(struct agg_table *, struct err *) WARN_UNUSED;
/* A group whose cells are made has no more use for its states. */
void group_drop_states(struct agg_table *, struct group *);
/* A value of the slot into a measure's state. */
int table_state_add(struct agg_table *, const struct measure *, void *state,
    const struct agg_slot *, const struct value *, struct err *) WARN_UNUSED;
/* One span, or trace, whose slots are filled: into its groups. */
int table_add_item(struct agg_table *, enum agg_side, uint64_t start_ns, bool error,
    struct err *) WARN_UNUSED;
/* The same of spans that were counted elsewhere, whose keys are in the slots. */
int table_add_given(struct agg_table *, enum agg_side, const struct agg_given *, struct err *)
    WARN_UNUSED;
/* Of another table, whose states may be taken over: they are empty then. */
int table_merge_group(struct agg_table *, struct agg_table *from, struct group *, struct err *)
    WARN_UNUSED;
/* The group of a bucket and key, made if need be. */
int table_get_group(struct agg_table *, __int128 bucket, struct sv key, struct group **, struct err *)
    WARN_UNUSED;
/* The group of no keys and no bucket, though nothing is in it. */
int table_need_group(struct agg_table *, struct err *) WARN_UNUSED;
void slots_clear(struct agg_table *);
/* agg_slot.c: as many packed values as there are keys, each whole. */
bool key_valid(const struct agg_table *, struct sv key);

/* agg_packs.c: what the groups of another table are borrowed from, too. */
int table_take_holds(struct agg_table *, struct agg_table *from, struct err *) WARN_UNUSED;
void table_drop_holds(struct agg_table *);
/* agg_trace.c */
int trace_items_add(struct agg_table *, enum agg_side, const struct span_row *, struct err *)
    WARN_UNUSED;
/* All traces of both sides into groups. */
int trace_items_end(struct agg_table *, struct err *) WARN_UNUSED;
void trace_items_free(struct trace_items *);
int trace_items_merge(struct agg_table *, struct agg_table *from, struct err *) WARN_UNUSED;

/* agg_cell.c */
int cells_begin(struct agg_table *, struct err *) WARN_UNUSED;
/*
 * The cells of a group's aggregates, of both sides: early ones, which having and sort look at, or the
 * others.
 */
int group_cells(struct agg_table *, struct group *, bool early, struct group_cell *, struct err *)
    WARN_UNUSED;
struct group_cell key_cell(const struct agg_table *, const struct group *, size_t key);
/* Of any column. */
struct group_cell row_cell(const struct agg_table *, const struct agg_row *,
    const struct group_ref *);
/* agg_top.c */
/* Not all groups become rows: only the first opt.keep. */
bool top_is_on(const struct agg_table *);
/* False: so many are before it; it needs the early cells only. */
bool top_takes(struct agg_table *, const struct agg_row *);
/* Makes room for one more: the cells of the row that goes, or NULL. */
const struct group_cell *top_drop_last(struct agg_table *);
int top_add(struct agg_table *, struct agg_row, struct err *) WARN_UNUSED;
int rows_sort(struct agg_table *, struct err *) WARN_UNUSED;
/* The order of rows. */
int row_cmp(struct agg_table *, const struct agg_row *, const struct agg_row *);
/* agg_fill.c */
int row_add(struct agg_table *, struct agg_row_list *, struct agg_row, struct err *) WARN_UNUSED;
int rows_fill(struct agg_table *, struct err *) WARN_UNUSED;
struct number cell_number(const struct group_cell *);
/*
 * sort: numbers, texts, booleans, others by their JSON; null is not asked for. Keys: two that are
 * not the same are not equal.
 */
int cell_cmp(const struct group_cell *, const struct group_cell *, bool keys);

#endif

/* SPDX-License-Identifier: ISC */
/*
 * chunk: one column of one row group, and dict: the dictionary of a column; both pinned in the
 * chunk cache from get to put. Values are numbered by ordinal: the i-th value present.
 * What a read returns is borrowed until the put. What was got has been validated: codes are
 * below the dictionary's n, COL_TRACE below n_traces, COL_RESOURCE and COL_SCOPE below the
 * tables' sizes, a k + 2 of COL_PARENT within its trace, rows of a trace below n_rows, BOOL
 * 0 or 1, arrays and maps well-formed. Whoever holds one also holds the shard.
 */
#ifndef SHARD_CHUNK_H
#define SHARD_CHUNK_H

#include <stdatomic.h>

#include "shard/shard.h"

struct chunk {
	/* First what nearly every look-up needs: few lines of the processor's cache. */
	uint32_t n_rows, n_present;
	enum chunk_presence presence;
	enum chunk_encoding encoding;
	struct pack pack;		/* ENC_PACK; ENC_RLE: values of the runs */
	struct cache_slot *pin;
	struct shard *shard;
	struct chunk_steps *steps;	/* ENC_PACK with differences: for single values; else NULL */
	const uint64_t *bitmap;		/* PRESENT_BITMAP */
	const uint16_t *list;		/* PRESENT_LIST */
	const uint32_t *rank;		/* PRESENT_BITMAP: ones before word i * 8 */
	uint64_t constant;		/* ENC_CONST */
	const uint64_t *raw;		/* ENC_RAW64 */
	uint32_t n_runs;		/* ENC_RLE */
	const uint32_t *run_ends;	/* ENC_RLE: run i holds ordinals [run_ends[i - 1], run_ends[i]) */
	const uint32_t *offs;		/* ENC_BYTES: value i is bytes [offs[i], offs[i + 1]) */
	const char *bytes;		/* ENC_BYTES */
	/*
	 * Only COL_N_EVENTS and COL_N_LINKS: the values of all ordinals before i, added up, for
	 * i up to n_present: the first event of that row. The last one is the row group's count.
	 */
	const uint32_t *sums;
};

/* *out is NULL, and 0 returned, if the chunk has no value. */
int chunk_get(struct shard *, const struct column *, uint32_t row_group,
    const struct chunk **out, struct err *) WARN_UNUSED;
void chunk_put(const struct chunk *);		/* NULL is allowed */

static inline bool
chunk_all(const struct chunk *c)
{
	return c->presence == PRESENT_ALL;
}

bool chunk_present(const struct chunk *, uint32_t row);
/* How many rows before `row` have a value: the ordinal of `row` if it has one. */
uint32_t chunk_rank(const struct chunk *, uint32_t row);
/* The row of an ordinal. */
uint32_t chunk_row(const struct chunk *, uint32_t ordinal);
/* ones for rows with a value into words[BITMAP_WORDS(n_rows)]. */
void chunk_presence(const struct chunk *, uint64_t *words);
/* Ordinals [first, first + n): numbers or codes. Not for ENC_BYTES. */
void chunk_u64(const struct chunk *, uint32_t first, uint32_t n, uint64_t *out);
uint64_t chunk_u64_at(const struct chunk *, uint32_t ordinal);
/*
 * Of the n rows, each above the one before, those with a value: rows[sel[i]] has the ordinal
 * ord[i]. Returns how many; sel and ord have room for n.
 */
uint32_t chunk_select(const struct chunk *, const uint32_t *rows, uint32_t n, uint32_t *sel,
    uint32_t *ord);
/* Rows of 64 that begin at a multiple of 64: their bits, and the place of the first of them. */
struct row_word {
	uint64_t bits;
	uint32_t word, from;
};
/* Of n rows, each above the one before; words has room for n. Returns how many words. */
uint32_t row_words(const uint32_t *rows, uint32_t n, struct row_word *words);
/* chunk_select for who asks many chunks about the same rows: few of them are looked at one by one. */
uint32_t chunk_select_words(const struct chunk *, const uint32_t *rows, uint32_t n,
    const struct row_word *, uint32_t n_words, uint32_t *sel, uint32_t *ord);
/*
 * Rows and ordinals as bits: the ordinals of those of the rows that have a value, and the rows
 * of ordinals. Bits are added; sets of ordinals have BITMAP_WORDS(n_present) + 1 words.
 */
void chunk_ordinals(const struct chunk *, const uint64_t *rows, uint64_t *ords);
void chunk_rows(const struct chunk *, const uint64_t *ords, uint64_t *rows);
/* The values of n rising ordinals, by the block where they are dense. Not for ENC_BYTES. */
void chunk_gather(const struct chunk *, const uint32_t *ord, uint32_t n, uint64_t *out);
/* ENC_BYTES. */
static inline struct sv
chunk_bytes_at(const struct chunk *c, uint32_t ordinal)
{
	return sv_new(c->bytes + c->offs[ordinal], c->offs[ordinal + 1] - c->offs[ordinal]);
}

struct dict {
	uint32_t n;
	const uint32_t *offs;		/* value i is bytes [offs[i], offs[i + 1]) */
	const char *bytes;
	_Atomic uint64_t *found;	/* codes that were looked for last; NULL: too few values */
	struct cache_slot *pin;
	struct shard *shard;
};

int dict_get(struct shard *, const struct column *, const struct dict **, struct err *) WARN_UNUSED;
void dict_put(const struct dict *);

static inline struct sv
dict_at(const struct dict *d, uint32_t code)
{
	return sv_new(d->bytes + d->offs[code], d->offs[code + 1] - d->offs[code]);
}

/* The code of a value; false if it isn't there (then *code is where it would stand). */
bool dict_find(const struct dict *, struct sv value, uint32_t *code);

/*
 * Trace table: the ids of the shard's traces, rising, an ordinal each; and the rows of each
 * trace, by ordinal, rising. Two objects: the rows of a shard are worth loading only for who
 * looks at whole traces. Putting NULL is allowed.
 */
struct traceids;
int traceids_get(struct shard *, const struct traceids **, struct err *) WARN_UNUSED;
void traceids_put(const struct traceids *);
bool traceids_find(const struct traceids *, struct trace_id, uint32_t *ordinal);
struct trace_id traceids_at(const struct traceids *, uint32_t ordinal);

struct tracerows;
int tracerows_get(struct shard *, const struct tracerows **, struct err *) WARN_UNUSED;
void tracerows_put(const struct tracerows *);
/* Rows of a trace: how many; row i of it, of the shard. */
uint32_t tracerows_n(const struct tracerows *, uint32_t ordinal);
uint32_t tracerows_at(const struct tracerows *, uint32_t ordinal, uint32_t i);

#endif

/* SPDX-License-Identifier: ISC */
/*
 * sketch_i: what percentiles and counts of different values go over to when memory is short.
 * Both are bounded, merge to the same as if all had been added to one, and don't depend on the order.
 *
 * sketch: how many numbers lie in each of 64 buckets of equal width between two powers of two, so
 *   that the middle of a bucket is within 1/128 of every number in it; zero, infinities and
 *   NaN have a bucket each, what is below zero those of its opposite. Integers below 128 are
 *   exact. The smallest and the largest number are kept as they are. A bucket is 8 bytes; all
 *   integers of 64 bits are in fewer than 7500, all doubles in 270000.
 * hll16: HyperLogLog with 2^16 registers, whose standard error is 0.4 % (base/hll.h has 2^10, which
 *   are enough for an estimate, and are always there). While few values are in
 *   it, it is a table of the hashes' first 26 bits, whose error is below 0.1 %.
 */
#ifndef SKETCH_I_H
#define SKETCH_I_H

#include <stddef.h>

#include "agg/number.h"
#include "base/err.h"

/* ---- memory: what groups and states take, against the budget ---- */

struct agg_memory {
	size_t used, limit;
	struct quota *quota;		/* of which it took so many bytes, as many as it ever used */
	size_t taken;
	bool keep_exact;		/* [query] aggregates: named where memory is short */
	bool short_of;			/* states are to be small rather than exact */
	bool inexact;			/* there are some that aren't */
	uint64_t n_decoded;		/* numbers for percentiles that were decoded from bytes */
};

/* ERR_NOMEM naming the setting if the budget is passed. */
int agg_take(struct agg_memory *, size_t bytes, struct err *) WARN_UNUSED;
/* realloc of counted memory to twice or more; *cap in elements. */
int agg_grow(struct agg_memory *, void **v, size_t *cap, size_t need, size_t size,
    struct err *) WARN_UNUSED;

/* ---- sketch ---- */

#define SKETCH_COUNT_BITS 44

struct sketch {
	uint64_t *v;			/* bucket << SKETCH_COUNT_BITS | count, rising */
	size_t n, cap;
	uint64_t total;
	struct number min, max;		/* NUMBER_NONE of nothing */
};

size_t sketch_bytes(const struct sketch *);
void sketch_release(struct sketch *);
/* ERR_TOOBIG if there are 2^44 numbers. Nothing is added if it fails. */
int sketch_add(struct agg_memory *, struct sketch *, struct number, uint64_t times, struct err *)
    WARN_UNUSED;
/* Numbers by their images (model/value.h; unsigned integers as they are), all of one kind. */
struct number number_of_image(enum number_kind, uint64_t image);
/* As sketch_add of each; if it fails, of some. */
int sketch_add_images(struct agg_memory *, struct sketch *, enum number_kind, const uint64_t *,
    size_t n, struct err *) WARN_UNUSED;
int sketch_merge(struct agg_memory *, struct sketch *, const struct sketch *from, struct err *)
    WARN_UNUSED;
/* As quantile_at, within 1/128. */
struct number sketch_at(const struct sketch *, uint64_t part, uint64_t whole, bool is_unsigned);
/* What a bucket stands for, and the one that a number is in. */
uint32_t sketch_bucket(struct number);
#define SKETCH_BUCKETS 537604

/* ---- hll16 ---- */

#define HLL16_BITS 16

struct hll16 {
	uint32_t *sparse;		/* open addressing; NULL: dense */
	size_t n, cap;			/* of sparse */
	uint8_t *dense;			/* 1 << HLL16_BITS */
};

size_t hll16_bytes(const struct hll16 *);
void hll16_release(struct hll16 *);
int hll16_add(struct agg_memory *, struct hll16 *, uint64_t hash, struct err *) WARN_UNUSED;
int hll16_merge(struct agg_memory *, struct hll16 *, const struct hll16 *from, struct err *) WARN_UNUSED;
/* A code as sparse has them; false: there is no such. */
int hll16_add_code(struct agg_memory *, struct hll16 *, uint32_t code, struct err *) WARN_UNUSED;
bool hll16_code_valid(uint32_t code);
#define HLL16_MOST_RANK (64 - HLL16_BITS + 1)
uint64_t hll16_count(const struct hll16 *);

#endif

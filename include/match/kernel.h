/* SPDX-License-Identifier: ISC */
/*
 * kernel: the small machines under the column filters; they know nothing of shards, plans or
 * queries, nor what an operator means (matcher.h): they ask many values at once.
 *
 *   kernel_find   a text in many values
 *   kernel_range  many numbers against ranges
 *   kernel_codes  dictionary codes against a lazily filled table, or a set of codes
 */
#ifndef MATCH_KERNEL_H
#define MATCH_KERNEL_H

#include <stdatomic.h>

#include "base/bitmap.h"
#include "base/cpu.h"
#include "base/err.h"
#include "match/ranges.h"

/* ---- kernel_range.c ---- */

/* Sets bit i of words for every v[i], i < n, in the ranges. */
void range_test(const uint64_t *v, size_t n, const struct ranges *, uint64_t *words);

/* ---- kernel_find.c ---- */

/*
 * Sets bit i of words for every i < n whose value, the bytes [offs[i], offs[i + 1]), has
 * `needle` in it, which is not empty; offs don't fall. The other: has `word` as text_has_word
 * has it.
 */
void values_find(struct sv needle, const char *bytes, const uint32_t *offs, size_t n,
    uint64_t *words);
void values_find_word(struct sv word, const char *bytes, const uint32_t *offs, size_t n,
    uint64_t *words);

/* ---- kernel_codes.c ---- */

enum code_state { CODE_UNKNOWN = 0, CODE_NO = 1, CODE_YES = 2 };

/*
 * What is known of the values behind codes. Filled as codes are met, by several threads at
 * once: two may find the same answer twice.
 */
struct codes {
	uint32_t n;
	_Atomic uint8_t *state;
};

/* 1, 0 or <0 for the value behind a code. */
typedef int code_fn(void *arg, uint32_t code, struct err *);

int codes_new(uint32_t n, struct codes *, struct err *) WARN_UNUSED;
void codes_release(struct codes *);
/*
 * Sets bit i of words for each i < n with bit i of `want` whose code's value satisfies;
 * *at is the place of a failure.
 */
int codes_test(struct codes *, const uint64_t *v, size_t n, const uint64_t *want, code_fn *,
    void *arg, uint64_t *words, size_t *at, struct err *) WARN_UNUSED;
int codes_one(struct codes *, uint32_t code, code_fn *, void *arg, struct err *);

/* The codes below n whose values satisfy, when all are known. */
struct code_set {
	uint64_t *bits;		/* CODE_SET_WORDS(n); NULL: there is no set */
	uint32_t n;
};

/* Small sets are held in a register as a whole. */
#define CODE_SET_SMALL 256
#define CODE_SET_WORDS(n) (BITMAP_WORDS(n) < CODE_SET_SMALL / 64 ? CODE_SET_SMALL / 64 : \
	BITMAP_WORDS(n))

/* An empty one. */
int code_set_new(uint32_t n, struct code_set *, struct err *) WARN_UNUSED;
void code_set_release(struct code_set *);
/* Sets bit i of words for every v[i], i < n, in the set. Each v[i] is below set->n. */
void code_set_test(const struct code_set *, const uint64_t *v, size_t n, uint64_t *words);

#endif

/* SPDX-License-Identifier: ISC */
/*
 * kernel_i: the small machines under the column filters; they know nothing of shards, plans or
 * queries, nor what an operator means (match/): they ask many values at once.
 *
 *   kernel_find   a text in many values
 *   kernel_range  many numbers against ranges
 *   kernel_codes  dictionary codes against a lazily filled table, or a set of codes
 */
#ifndef EXEC_KERNEL_I_H
#define EXEC_KERNEL_I_H

#include <stdatomic.h>

#include "base/bitmap.h"
#include "base/cpu.h"
#include "base/err.h"
#include "match/ranges.h"

/* ---- kernel_range.c ---- */

/* Sets bit i of words for every v[i], i < n, in the ranges. */
void range_test(const uint64_t *v, size_t n, const struct ranges *, uint64_t *words);

#if defined(__x86_64__)
/* kernel_range_avx2.c: which of 64 numbers lie in [lo, lo + span]. */
uint64_t range_word_avx2(const uint64_t *v, uint64_t lo, uint64_t span);
#endif

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

/*
 * What is looked for: the needle, and the places of two of its bytes, best such as are rare.
 * fold: small letters of the needle stand for capital ones too.
 */
struct finder {
	struct sv needle;
	size_t a, b;
	bool fold;
	bool avx2;
};

#if defined(__x86_64__)
/* kernel_find_avx2.c: where the needle first begins in the n bytes at p, or NULL. */
const char *find_avx2(const struct finder *, const char *p, size_t n);
#endif

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

#if defined(__x86_64__)
/* kernel_codes_avx2.c: which of 64 codes are in a set of at most CODE_SET_SMALL; of any. */
uint64_t codes_word_small_avx2(const uint64_t *bits, const uint64_t *v);
uint64_t codes_word_avx2(const uint64_t *bits, const uint64_t *v);
#endif

#endif

/* SPDX-License-Identifier: ISC */
/*
 * textidx: which values of a column's dictionary may contain a text, from its trigrams, or a
 * word, from its tokens (shard_format.h says what these are). Over distinct values, so it
 * answers in codes: postings or a scan of codes takes them to rows. Validated once, pinned in
 * the chunk cache from get to put; whoever holds one also holds the shard.
 *
 * Answers are supersets: case is ignored and tokens are known by hash, so that the caller
 * looks at the values of the codes. Made by the writer where it judged that it pays.
 */
#ifndef SHARD_TEXTIDX_H
#define SHARD_TEXTIDX_H

#include "shard/shard.h"

struct textidx;

/* NULL in *out if the column has none. */
int textidx_get(struct shard *, const struct column *, const struct textidx **,
    struct err *) WARN_UNUSED;
void textidx_put(const struct textidx *);		/* NULL is allowed */
/*
 * Sets codes[BITMAP_WORDS(column->n_dict)] to the codes whose value may contain `literal`
 * (as it is: the case of its letters is not looked at). False, and codes are as they were, if
 * the index can't tell: of the literal's trigrams (three bytes in a row) none is without a
 * digit and rare enough.
 */
bool textidx_candidates(const struct textidx *, struct sv literal, uint64_t *codes);
/*
 * The same of values that may have the token (ASCII letters in lower case) as a whole. It
 * can't tell of one with a digit, and of one that many values have.
 */
bool textidx_token(const struct textidx *, struct sv lower_token, uint64_t *codes);

#endif

/* SPDX-License-Identifier: ISC */
/*
 * sql_words: what statements are made of: words, quoted names and texts, signs; numbers are all one.
 * A statement into which a value was spliced has one that no statement of harmless values has.
 */
#ifndef TESTS_SQL_WORDS_H
#define TESTS_SQL_WORDS_H

#include "base/map.h"

struct sql_words {
	struct map seen;
};

void sql_words_init(struct sql_words *);
void sql_words_release(struct sql_words *);
/* All words of a statement become known; aborts without memory. */
void sql_words_learn(struct sql_words *, struct sv sql);
/* Is each word of it known? Else *stranger is the first that is not, a part of sql. */
bool sql_words_know(const struct sql_words *, struct sv sql, struct sv *stranger);

#endif

/* SPDX-License-Identifier: ISC */
/* ch_words: the words that a table has for kinds and statuses. */
#ifndef CHSQL_CH_WORDS_H
#define CHSQL_CH_WORDS_H

#include "base/sv.h"

/* Kinds and statuses as the exporter writes them now and wrote them before. All other texts are 0. */
struct ch_word {
	int32_t number;
	struct sv now, before;
};

#define CH_N_KINDS 5
#define CH_N_STATUSES 2
extern const struct ch_word ch_kinds[CH_N_KINDS], ch_statuses[CH_N_STATUSES];

int32_t ch_word_number(const struct ch_word *, size_t n, struct sv);

#endif

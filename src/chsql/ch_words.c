/* SPDX-License-Identifier: ISC */
/* ch_words: see chsql/ch_words.h. */
#include "chsql/ch_words.h"

#include "model/span.h"

#define WORD(number, now, before) { number, { now, sizeof now - 1 }, { before, sizeof before - 1 } }

const struct ch_word ch_kinds[CH_N_KINDS] = {
	WORD(KIND_INTERNAL, "Internal", "SPAN_KIND_INTERNAL"),
	WORD(KIND_SERVER, "Server", "SPAN_KIND_SERVER"),
	WORD(KIND_CLIENT, "Client", "SPAN_KIND_CLIENT"),
	WORD(KIND_PRODUCER, "Producer", "SPAN_KIND_PRODUCER"),
	WORD(KIND_CONSUMER, "Consumer", "SPAN_KIND_CONSUMER"),
};
const struct ch_word ch_statuses[CH_N_STATUSES] = {
	WORD(STATUS_OK, "Ok", "STATUS_CODE_OK"),
	WORD(STATUS_ERROR, "Error", "STATUS_CODE_ERROR"),
};

int32_t
ch_word_number(const struct ch_word *words, size_t n, struct sv s)
{
	for (size_t i = 0; i < n; i++)
		if (sv_eq(s, words[i].now) || sv_eq(s, words[i].before))
			return words[i].number;
	return 0;
}

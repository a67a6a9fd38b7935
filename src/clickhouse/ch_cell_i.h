/* SPDX-License-Identifier: ISC */
/* ch_cell: what is read of rows and their cells, and written into them, alike. Cells are well-formed (ch_rows). */
#ifndef CH_CELL_I_H
#define CH_CELL_I_H

#include "model/span.h"
#include "rowbinary/ch_rows.h"
#include "wire/ch_client.h"

/* The rows of an answer, which stays the caller's. */
int ch_rows_of(struct ch_reply *, struct ch_rows **, struct err *) WARN_UNUSED;

/* A copy in the arena, repaired as at import where it is not UTF-8. */
int cell_text(struct arena *, struct sv bytes, struct sv *out, struct err *) WARN_UNUSED;
/* A DateTime64 in ns: what lies before 1970 is 0, what lies past 63 bits their end. */
uint64_t cell_time(const struct ch_type *, struct cursor *);
/* So many digits of lower-case hex? */
bool cell_is_hex(struct sv, size_t digits);

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

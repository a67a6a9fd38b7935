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

#endif

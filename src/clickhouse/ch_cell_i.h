/* SPDX-License-Identifier: ISC */
/* ch_cell: what spans and the catalog read of cells alike. Cells are well-formed (ch_rows). */
#ifndef CH_CELL_I_H
#define CH_CELL_I_H

#include "clickhouse/ch_type.h"

/* A copy in the arena, repaired as at import where it is not UTF-8. */
int cell_text(struct arena *, struct sv bytes, struct sv *out, struct err *) WARN_UNUSED;
/* A DateTime64 in ns: what lies before 1970 is 0, what lies past 63 bits their end. */
uint64_t cell_time(const struct ch_type *, struct cursor *);
/* So many digits of lower-case hex? */
bool cell_is_hex(struct sv, size_t digits);

#endif

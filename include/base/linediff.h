/* SPDX-License-Identifier: ISC */
/* linediff: two texts as one, line by line: "  " what both have, "- " the first's, "+ " the second's. */
#ifndef BASE_LINEDIFF_H
#define BASE_LINEDIFF_H

#include "base/buf.h"

/* Texts of more lines are shown one after the other. */
#define LINEDIFF_MAX 1000

/* True in *same if they are equal. */
int linediff(struct buf *, struct sv a, struct sv b, bool *same, struct err *) WARN_UNUSED;

#endif

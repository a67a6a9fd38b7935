/* SPDX-License-Identifier: ISC */
/* explain_text: numbers and sets of leaves as EXPLAIN writes them. */
#include "explain_i.h"

void
explain_leaves(struct buf *b, const char *before, uint64_t leaves)
{
	for (unsigned i = 0; leaves != 0; i++, leaves >>= 1)
		if (leaves & 1) {
			buf_printf(b, "%s%u", before, i);
			before = ",";
		}
}

void
explain_number(struct buf *b, double v)
{
	if (v < 10)
		buf_printf(b, "%.2f", v);
	else
		buf_printf(b, "%.0f", v);
}

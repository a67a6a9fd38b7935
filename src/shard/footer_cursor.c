/* SPDX-License-Identifier: ISC */
/* footer_cursor: reading counts of the footer, and saying where it is wrong. */
#include "footer_read_i.h"

int
footer_bad(struct footer *f, const char *why)
{
	return shard_bad(f->s, f->e, f->s->footer_off, "footer, byte %zu: %s",
	    cursor_off(&f->c), why);
}

int
footer_count(struct footer *f, const char *what, size_t least, uint64_t max, uint32_t *out)
{
	uint64_t n = cursor_varint(&f->c);

	if (!f->c.bad && n <= max && n <= cursor_left(&f->c) / least) {
		*out = (uint32_t)n;
		return 0;
	}
	return footer_bad(f, what);
}

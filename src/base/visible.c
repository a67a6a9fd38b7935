/* SPDX-License-Identifier: ISC */
/* visible: see visible.h. */
#include "base/visible.h"

#include "base/utf8.h"

size_t
visible_text(struct buf *out, struct sv s, size_t upto)
{
	const char *p = s.p, *end = s.p + s.n;
	size_t columns = 0, at_upto = 0;

	while (p < end) {
		uint32_t cp;
		size_t n = utf8_decode(p, end, &cp), before = out->n;

		if ((size_t)(p - s.p) <= upto)
			at_upto = columns;
		if (n == 0 || utf8_unprintable(cp)) {
			buf_printf(out, "\\x%02x", (unsigned char)*p);
			n = 1;
			columns += out->n - before;
		} else {
			buf_put(out, p, n);
			columns++;
		}
		p += n;
	}
	return upto >= s.n ? columns : at_upto;
}

void
visible_caret(struct buf *out, struct sv path, int64_t off)
{
	size_t col;

	BUF_LIT(out, "  ");
	col = visible_text(out, path, off < 0 ? 0 : (size_t)off);
	BUF_LIT(out, "\n");
	if (off >= 0) {
		for (size_t i = 0; i < col + 2; i++)
			buf_putc(out, ' ');
		BUF_LIT(out, "^\n");
	}
}

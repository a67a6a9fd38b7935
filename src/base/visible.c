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

void
visible_url(struct buf *b, struct sv url)
{
	int64_t at = sv_find(url, SV("://")), last = -1, colon;
	struct sv rest, who;

	rest = at < 0 ? SV_EMPTY : sv_sub(url, (size_t)at + 3, url.n);
	/* A password that nobody encoded may have '@' and '/'. Of a file's path there is no end. */
	for (size_t i = 0; i < rest.n && !(rest.p[i] == '/' && sv_starts(url, SV("unix:"))); i++)
		if (rest.p[i] == '@')
			last = (int64_t)i;
	if (last < 0) {
		buf_sv(b, url);
		return;
	}
	who = sv_sub(rest, 0, (size_t)last);
	colon = sv_chr(who, ':');
	buf_sv(b, sv_sub(url, 0, (size_t)at + 3));
	buf_sv(b, sv_sub(who, 0, (size_t)(colon + 1)));
	BUF_LIT(b, "***");
	buf_sv(b, sv_sub(rest, (size_t)last, rest.n));
}

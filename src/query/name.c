/* SPDX-License-Identifier: ISC */
/*
 * name: the encoding of values as path segments, see query/name.h.
 *
 * What is escaped, and why: '/' ends a segment; '%' starts an escape; ',' ends a list item;
 * ':' ends a sort key or an aggregate; control, bidirectional and zero-width characters
 * change a terminal; bytes that are not UTF-8 have no safe picture; a leading '.' hides a
 * name (and spells a link), a leading '-' looks like an option. Nothing else is, so names
 * stay readable. The encoding is injective because '%' itself is always escaped.
 */
#include "query/name.h"

#include "base/hash.h"
#include "base/limits.h"
#include "base/utf8.h"
#include "name_i.h"

static void
put_escape(struct buf *b, uint8_t c)
{
	static const char hex[] = "0123456789ABCDEF";
	char out[3] = { '%', hex[c >> 4], hex[c & 15] };

	buf_put(b, out, sizeof out);
}

static void
put_escapes(struct buf *b, const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		put_escape(b, (uint8_t)p[i]);
}

static bool
is_syntax(uint32_t cp)
{
	return cp == '/' || cp == '%' || cp == ',' || cp == ':';
}

/* Bytes from p on that stand for themselves wherever they are. */
static size_t
plain_run(const char *p, const char *end)
{
	size_t n = 0;

	while (p + n < end && (uint8_t)p[n] >= 0x20 && (uint8_t)p[n] < 0x7f &&
	    !is_syntax((uint8_t)p[n]))
		n++;
	return n;
}

void
name_encode(struct buf *b, struct sv item)
{
	const char *p = item.p, *end = item.p + item.n;
	uint32_t cp;
	size_t n;

	if (item.n == 0) {
		buf_putc(b, '%');
		return;
	}
	if (*p == '.' || *p == '-')
		put_escape(b, (uint8_t)*p++);
	for (; p < end; p += n) {
		if ((n = plain_run(p, end)) != 0) {
			buf_put(b, p, n);
			continue;
		}
		n = utf8_decode(p, end, &cp);
		if (n == 0) {
			n = 1;
			put_escape(b, (uint8_t)*p);
		} else if (is_syntax(cp) || utf8_unprintable(cp))
			put_escapes(b, p, n);
		else
			buf_put(b, p, n);
	}
}

static int
hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static int
bad_escape(size_t off, struct err *e)
{
	return err_set(e, ERR_SYNTAX, (int64_t)off,
	    "'%%' needs two hex digits after it (%%25 is a percent sign)");
}

int
name_decode(struct arena *a, struct sv text, struct sv *item, struct err *e)
{
	char *out;
	size_t n = 0;

	if (text.n == 0)
		return err_set(e, ERR_SYNTAX, 0,
		    "an empty value (a lone %% is the empty string)");
	if (sv_is(text, "%")) {
		*item = sv_new("", 0);
		return 0;
	}
	if ((out = arena_alloc(a, text.n)) == NULL)
		return err_nomem(e);
	for (size_t i = 0; i < text.n; i++) {
		int hi, lo;

		if (text.p[i] != '%') {
			out[n++] = text.p[i];
			continue;
		}
		if (i + 2 >= text.n || (hi = hex_value(text.p[i + 1])) < 0 ||
		    (lo = hex_value(text.p[i + 2])) < 0)
			return bad_escape(i, e);
		out[n++] = (char)(hi << 4 | lo);
		i += 2;
	}
	*item = sv_new(out, n);
	return 0;
}

int
name_split(struct arena *a, struct sv text, struct sv **items, size_t *n, struct err *e)
{
	size_t count = 1, start = 0, k = 0;
	struct sv *v;

	for (size_t i = 0; i < text.n; i++)
		count += text.p[i] == ',';
	if (count > LIMIT_LIST_ITEMS)
		return err_set(e, ERR_TOOBIG, 0, "a list of %zu items; the limit is %d",
		    count, LIMIT_LIST_ITEMS);
	if ((v = arena_array(a, count, struct sv)) == NULL)
		return err_nomem(e);
	for (size_t i = 0; i <= text.n; i++) {
		if (i < text.n && text.p[i] != ',')
			continue;
		if (i == start)
			return err_set(e, ERR_SYNTAX, (int64_t)i,
			    "an empty item in a list (a lone %% is the empty string)");
		v[k++] = sv_new(text.p + start, i - start);
		start = i + 1;
	}
	*items = v;
	*n = count;
	return 0;
}

int
name_decode_list(struct arena *a, struct sv text, struct sv **items, size_t *n,
    struct err *e)
{
	struct sv *v, *out;
	size_t count;
	int code = name_split(a, text, &v, &count, e);

	if (code < 0)
		return code;
	if ((out = arena_array(a, count, struct sv)) == NULL)
		return err_nomem(e);
	for (size_t i = 0; i < count; i++) {
		if ((code = name_decode(a, v[i], &out[i], e)) < 0) {
			if (e != NULL && e->off >= 0)
				e->off += v[i].p - text.p;
			return code;
		}
	}
	*items = out;
	*n = count;
	return 0;
}

void
name_alias(struct buf *b, struct sv item)
{
	struct hash128 h = hash128(item.p, item.n);

	BUF_LIT(b, "%~");
	buf_hex64(b, h.hi);
	buf_hex64(b, h.lo);
}

static bool
hex64(const char *p, uint64_t *out)
{
	uint64_t v = 0;

	for (int i = 0; i < 16; i++) {
		int d = hex_value(p[i]);

		if (d < 0)
			return false;
		v = v << 4 | (unsigned)d;
	}
	*out = v;
	return true;
}

bool
name_is_alias(struct sv text, uint64_t *hi, uint64_t *lo)
{
	return text.n == 34 && text.p[0] == '%' && text.p[1] == '~' &&
	    hex64(text.p + 2, hi) && hex64(text.p + 18, lo);
}

const char *
quote(struct quoted *q, struct sv s)
{
	static const char hex[] = "0123456789ABCDEF";
	const char *p = s.p, *end = s.p + s.n;
	char *out = q->s;
	uint32_t cp;
	size_t n;

	/* At most 63 bytes, three characters each, and the dots: they fit without counting. */
	for (; p < end && p - s.p < 60; p += n) {
		n = utf8_decode(p, end, &cp);
		if (n > 0 && !utf8_unprintable(cp)) {
			memcpy(out, p, n);
			out += n;
			continue;
		}
		n = n == 0 ? 1 : n;
		for (size_t i = 0; i < n; i++) {
			*out++ = '%';
			*out++ = hex[(uint8_t)p[i] >> 4];
			*out++ = hex[(uint8_t)p[i] & 15];
		}
	}
	memcpy(out, p < end ? "..." : "", p < end ? 4 : 1);
	return q->s;
}

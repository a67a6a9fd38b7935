/* SPDX-License-Identifier: ISC */
/*
 * json: JSON text of strings and values. Nearly all strings are plain ASCII: json_copy_i.h
 * copies what needs no care; only from a byte that does is a string looked at byte by byte.
 * Each byte that is not part of valid UTF-8 becomes one U+FFFD. Values may come from a
 * damaged file: a malformed array or map ends early, and the JSON stays well-formed.
 */
#include "model/json.h"

#include <math.h>

#include "base/limits.h"
#include "base/utf8.h"
#include "json_copy_i.h"

static void
put_escape(struct buf *b, uint8_t c)
{
	static const char hex[] = "0123456789abcdef";
	static const char letter[0x20] = {
		['\b'] = 'b', ['\f'] = 'f', ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't'
	};
	char esc[6] = { '\\', 'u', '0', '0', hex[c >> 4], hex[c & 15] };

	if (c == '"' || c == '\\')
		esc[1] = (char)c;
	else if (letter[c] != 0)
		esc[1] = letter[c];
	buf_put(b, esc, esc[1] == 'u' ? 6 : 2);
}

/* Characters from 0x80 on, up to the next ASCII; returns the first byte after them. */
static const char *
put_wide(struct buf *b, const char *p, const char *end)
{
	const char *from = p;

	while (p < end && (uint8_t)*p >= 0x80) {
		size_t n = utf8_decode(p, end, NULL);

		if (n == 0) {
			buf_put(b, from, (size_t)(p - from));
			BUF_LIT(b, "\xef\xbf\xbd");
			from = ++p;
		} else
			p += n;
	}
	buf_put(b, from, (size_t)(p - from));
	return p;
}

/* What is left of a string from its first special byte on, and the quote. */
static void
string_rest(struct buf *b, const char *p, const char *end)
{
	while (p < end) {
		size_t n;

		if ((uint8_t)*p >= 0x80)
			p = put_wide(b, p, end);
		else
			put_escape(b, (uint8_t)*p++);
		if (!buf_reserve(b, (size_t)(end - p) + 1))
			return;
		n = json_copy(b->p + b->n, p, (size_t)(end - p));
		b->n += n;
		p += n;
	}
	buf_putc(b, '"');
}

/* There is room for n + 2 bytes. */
static inline void
put_string(struct buf *b, struct sv s)
{
	char *p = b->p + b->n;
	size_t n;

	*p++ = '"';
	n = json_copy(p, s.p, s.n);
	b->n += n + 1;
	if (n == s.n) {
		p[n] = '"';
		b->n++;
	} else
		string_rest(b, s.p + n, s.p + s.n);
}

void
json_string(struct buf *b, struct sv s)
{
	if (buf_reserve(b, s.n + 2))
		put_string(b, s);
}

void
put_clean(struct buf *b, struct sv s)
{
	const char *p = s.p, *end = s.p + s.n;

	if (utf8_valid(s)) {
		buf_sv(b, s);
		return;
	}
	while (p < end) {
		const char *from = p;

		while (p < end && (uint8_t)*p < 0x80)
			p++;
		buf_put(b, from, (size_t)(p - from));
		p = put_wide(b, p, end);
	}
}

void
json_double(struct buf *b, double d)
{
	bool word = !isfinite(d);

	if (word)
		buf_putc(b, '"');
	buf_double(b, d);
	if (word)
		buf_putc(b, '"');
}

static void value_at(struct buf *, const struct value *, unsigned depth);

static void
json_array(struct buf *b, struct sv packed, unsigned depth)
{
	struct cursor c = cursor_new(packed.p, packed.n);
	struct value v;
	bool first = true;

	buf_putc(b, '[');
	for (; value_array_next(&c, &v); first = false) {
		if (!first)
			buf_putc(b, ',');
		value_at(b, &v, depth + 1);
	}
	buf_putc(b, ']');
}

static void
json_map(struct buf *b, struct sv packed, unsigned depth)
{
	struct cursor c = cursor_new(packed.p, packed.n);
	struct value v;
	struct sv key;
	bool first = true;

	buf_putc(b, '{');
	for (; value_map_next(&c, &key, &v); first = false) {
		if (!first)
			buf_putc(b, ',');
		json_string(b, key);
		buf_putc(b, ':');
		value_at(b, &v, depth + 1);
	}
	buf_putc(b, '}');
}

/* Values nest at most LIMIT_VALUE_DEPTH deep; what is deeper is damage and shown as null. */
static void
value_at(struct buf *b, const struct value *v, unsigned depth)
{
	switch (v->type) {
	case VAL_EMPTY:
		break;
	case VAL_STRING:
		json_string(b, v->s);
		return;
	case VAL_BOOL:
		buf_str(b, v->b ? "true" : "false");
		return;
	case VAL_INT:
		buf_i64(b, v->i);
		return;
	case VAL_DOUBLE:
		json_double(b, v->d);
		return;
	case VAL_BYTES:
		BUF_LIT(b, "{\"@bytes\":\"");
		buf_base64(b, v->s.p, v->s.n);
		BUF_LIT(b, "\"}");
		return;
	case VAL_ARRAY:
		if (depth > LIMIT_VALUE_DEPTH)
			break;
		json_array(b, v->s, depth);
		return;
	case VAL_MAP:
		if (depth > LIMIT_VALUE_DEPTH)
			break;
		json_map(b, v->s, depth);
		return;
	}
	BUF_LIT(b, "null");
}

void
json_value(struct buf *b, const struct value *v)
{
	value_at(b, v, 0);
}

void
json_attrs(struct buf *b, const struct attrs *a)
{
	buf_putc(b, '{');
	for (uint32_t i = 0; i < a->n; i++) {
		struct sv key = a->v[i].key;

		if (!buf_reserve(b, key.n + 4))
			return;
		if (i != 0)
			b->p[b->n++] = ',';
		put_string(b, key);
		buf_putc(b, ':');
		value_at(b, &a->v[i].val, 0);
	}
	buf_putc(b, '}');
}

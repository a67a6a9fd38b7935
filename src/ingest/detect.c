/* SPDX-License-Identifier: ISC */
/*
 * detect: see detect_i.h. What has a mark of its own is a row of `marks`. The rest, in turn:
 *
 *   white space, '{' or '['   JSON, unless its first object is of a form that is not taken
 *   0a, length, 0a 12 or 1a   protobuf
 *   length, 28 b5 2f fd       zstd frames behind lengths
 *   length, 0a                protobuf behind lengths
 *   varint, 0a                protobuf behind varints
 *   NUL bytes                 a hole
 *   no control characters     text: lines, of which later ones may be JSON
 *
 * A line feed is 0a too, so JSON after white space must also go on like JSON. Lengths are
 * big-endian and below 2^29, which no text can look like.
 */
#include "detect_i.h"

#include "base/varint.h"
#include "json_form_i.h"

#define FRAME_MAX (1u << 29)

struct mark {
	size_t at;
	struct sv bytes;
	struct detected is;
};

#define REFUSED(text) { INPUT_REFUSED, text }
#define UTF16(name) "UTF-16: iconv -f " name " -t UTF-8 FILE | spanctl import -"

static const struct mark marks[] = {
	{ 0, SV("\x1f\x8b"), { INPUT_GZIP, NULL } },
	{ 0, SV("\x28\xb5\x2f\xfd"), { INPUT_ZSTD, NULL } },
	{ 0, SV("\xfd" "7zXZ\0"), { INPUT_XZ, NULL } },
	{ 0, SV("PK\3\4"), REFUSED("a zip archive: unzip -p FILE | spanctl import -") },
	{ 257, SV("ustar"), REFUSED("a tar archive: tar -xOf FILE | spanctl import -") },
	{ 0, SV("BZh"), REFUSED("bzip2: bzip2 -dc FILE | spanctl import -") },
	{ 0, SV("\x04\x22\x4d\x18"), REFUSED("lz4: lz4 -dc FILE | spanctl import -") },
	{ 0, SV("7z\xbc\xaf\x27\x1c"),
	    REFUSED("a 7z archive: 7z x -so FILE | spanctl import -") },
	{ 0, SV("\xff\x06\0\0sNaPpY"), REFUSED("snappy is not taken: unpack it first") },
	{ 0, SV("PAR1"), REFUSED("Parquet is not taken") },
	{ 0, SV("SQLite format 3\0"), REFUSED("an SQLite database is not taken") },
	{ 0, SV("SPANFSSH"), REFUSED("a shard of spanfs: query its store, and import "
	    "otlp.jsonl") },
	{ 0, SV("\xff\xfe{\0"), REFUSED(UTF16("UTF-16")) },
	{ 0, SV("\xff\xfe[\0"), REFUSED(UTF16("UTF-16")) },
	{ 0, SV("\xfe\xff\0{"), REFUSED(UTF16("UTF-16")) },
	{ 0, SV("\xfe\xff\0["), REFUSED(UTF16("UTF-16")) },
	{ 0, SV("{\0\"\0"), REFUSED(UTF16("UTF-16LE")) },
	{ 0, SV("[\0{\0"), REFUSED(UTF16("UTF-16LE")) },
	{ 0, SV("\0{\0\""), REFUSED(UTF16("UTF-16BE")) },
	{ 0, SV("\0[\0{"), REFUSED(UTF16("UTF-16BE")) },
};

static bool
is_space(char c)
{
	return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

size_t
detect_space(struct sv s)
{
	size_t i = s.n >= 3 && memcmp(s.p, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;

	while (i < s.n && is_space(s.p[i]))
		i++;
	return i;
}

/* What follows the white space after s[0]. */
static char
next_token(struct sv s)
{
	size_t i = 1;

	while (i < s.n && is_space(s.p[i]))
		i++;
	return i < s.n ? s.p[i] : '\0';
}

/* The first object of an input that may begin with lists. */
static struct sv
first_object(struct sv s)
{
	size_t i = 0;

	while (i < s.n && (is_space(s.p[i]) || s.p[i] == '['))
		i++;
	return sv_sub(s, i, s.n);
}

static bool
is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* JSON is taken, but for a first object of a form that is known and not taken. */
static struct detected
json(struct sv s)
{
	static const struct detected bare = REFUSED("an object whose names have no quotes is "
	    "no JSON (the console output of the JavaScript SDK?): export by OTLP, or let the "
	    "Collector's file exporter write");
	struct sv object = first_object(s);
	const struct json_form *form;

	if (object.n == 0 || object.p[0] != '{')
		return (struct detected){ INPUT_JSON, NULL };
	if (is_letter(next_token(object)))
		return bare;
	form = json_form_of(object);
	if (form != NULL && form->read == NULL)
		return (struct detected){ INPUT_REFUSED, form->advice };
	return (struct detected){ INPUT_JSON, NULL };
}

/* Whether JSON begins after `skip` bytes of white space. */
static bool
is_json(struct sv head, size_t skip)
{
	struct sv s = sv_sub(head, skip, head.n);
	char next;

	if (s.n == 0 || (s.p[0] != '{' && s.p[0] != '['))
		return false;
	next = next_token(s);
	if (next == '\0')
		return true;
	/* A '[' alone may as well begin the time of a line of a log. */
	return s.p[0] == '[' ? next == '{' || next == ']' || next == '[' :
	    skip == 0 || next == '"' || next == '}';
}

static bool
is_zstd(struct sv s)
{
	return s.n >= 4 && (memcmp(s.p, "\x28\xb5\x2f\xfd", 4) == 0 ||
	    ((s.p[0] & 0xf0) == 0x50 && memcmp(s.p + 1, "\x2a\x4d\x18", 3) == 0));
}

/* The tag of a field of ResourceSpans, 1000 among them. */
static bool
is_inner_tag(uint8_t c)
{
	return c == 0x0a || c == 0x12 || c == 0x1a || c == 0xc2;
}

static bool
is_proto(struct sv s)
{
	const uint8_t *p = (const uint8_t *)s.p, *end;
	uint64_t len;
	size_t n;

	if (s.n < 2 || p[0] != 0x0a)
		return false;
	end = p + s.n;
	if ((n = varint_decode(p + 1, end, &len)) == 0)
		return false;
	p += 1 + n;
	return len == 0 || p == end || is_inner_tag(*p);
}

static enum input_kind
framed(struct sv s, bool whole)
{
	size_t at = 0;

	for (; s.n - at >= 4; at += 4) {
		const uint8_t *p = (const uint8_t *)s.p + at;
		uint32_t len = (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
		    (uint32_t)p[2] << 8 | p[3];
		struct sv body = sv_sub(s, at + 4, s.n);

		if (len == 0)
			continue;	/* an empty request */
		if (len >= FRAME_MAX || body.n == 0)
			return INPUT_UNKNOWN;
		if (is_zstd(body))
			return INPUT_FRAMED_ZSTD;
		return body.p[0] == 0x0a ? INPUT_FRAMED_PROTO : INPUT_UNKNOWN;
	}
	return whole && at > 0 && at == s.n ? INPUT_FRAMED_PROTO : INPUT_UNKNOWN;
}

/* A varint, and a request that fits into as many bytes. */
static bool
is_delimited(struct sv s)
{
	const uint8_t *p = (const uint8_t *)s.p, *end;
	uint64_t len, inner;
	size_t n, k;

	if (s.n == 0)
		return false;
	end = p + s.n;
	if ((n = varint_decode(p, end, &len)) == 0 || len < 2 || len >= FRAME_MAX ||
	    !is_proto(sv_sub(s, n, s.n)))
		return false;
	p += n;
	k = varint_decode(p + 1, end, &inner);
	return k != 0 && inner != 0 && inner <= len - 1 - k &&
	    (len > (uint64_t)(end - p) || 1 + k + inner == len || p[1 + k + inner] == 0x0a);
}

/* Control characters that no text has; NUL bytes, which a hole may be, are none of them. */
static bool
has_control(struct sv s)
{
	for (size_t i = 0; i < s.n; i++) {
		uint8_t c = (uint8_t)s.p[i];

		if ((c != 0 && c < 0x20 && !is_space(s.p[i]) && c != 0x1b) || c == 0x7f)
			return true;
	}
	return false;
}

/* Whether the line at the start is text, as far as it can be seen. */
static bool
is_text(struct sv s)
{
	struct sv line = SV_EMPTY;

	return sv_cut(&s, '\n', &line) && !has_control(line) && sv_chr(line, '\0') < 0;
}

enum input_kind
detect_line(struct sv head, bool whole)
{
	size_t skip = detect_space(head);

	if (whole && skip == head.n)
		return INPUT_EMPTY;
	if (skip < head.n && head.p[skip] == '\0')
		return INPUT_HOLE;
	if (skip < head.n && (head.p[skip] == '{' || is_json(head, skip)))
		return INPUT_JSON;
	return is_text(sv_sub(head, skip, head.n)) ? INPUT_TEXT : INPUT_UNKNOWN;
}

struct detected
detect(struct sv head, bool whole)
{
	static const struct detected own = REFUSED("a table or a tree for reading; of a result of "
	    "spanfs import otlp.jsonl of the same directory, which is lossless: "
	    "spanctl query PATH/otlp.jsonl | spanctl -s STORE import -");
	size_t skip = detect_space(head);
	enum input_kind k;

	if (whole && skip == head.n)
		return (struct detected){ INPUT_EMPTY, NULL };
	for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
		if (sv_starts(sv_sub(head, marks[i].at, head.n), marks[i].bytes))
			return marks[i].is;
	if (is_zstd(head))
		return (struct detected){ INPUT_ZSTD, NULL };
	if (is_json(head, skip))
		return json(sv_sub(head, skip, head.n));
	if (is_own_text(sv_sub(head, skip, head.n)))
		return own;
	if (is_proto(head))
		return (struct detected){ INPUT_PROTO, NULL };
	if ((k = framed(head, whole)) != INPUT_UNKNOWN)
		return (struct detected){ k, NULL };
	if (has_control(head) && is_delimited(head))
		return (struct detected){ INPUT_DELIMITED_PROTO, NULL };
	k = detect_line(head, whole);
	if (k == INPUT_JSON)	/* a line feed and a brace, and not JSON */
		k = is_text(sv_sub(head, skip, head.n)) ? INPUT_TEXT : INPUT_UNKNOWN;
	return (struct detected){ k, NULL };
}

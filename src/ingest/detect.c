/* SPDX-License-Identifier: ISC */
/*
 * detect: see detect_i.h. The forms, by their first bytes:
 *
 *   1f 8b                     gzip
 *   28 b5 2f fd               zstd (also 5x 2a 4d 18, a skippable frame)
 *   white space, '{' or '['   JSON
 *   length, 28 b5 2f fd       zstd frames behind lengths
 *   length, 0a                protobuf behind lengths
 *   0a, length, 0a 12 or 1a   protobuf
 *
 * A line feed is 0a too, so JSON after white space must also go on like JSON. Lengths are
 * big-endian and below 2^29, which no text can look like.
 */
#include "detect_i.h"

#include "base/varint.h"

#define FRAME_MAX (1u << 29)

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

static bool
has(struct sv s, const char *what)
{
	return sv_find(s, sv_cstr(what)) >= 0;
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

static enum input_kind
json_list(struct sv s)
{
	if (has(s, "\"traceId\"") && has(s, "\"id\""))
		return INPUT_ZIPKIN;
	return INPUT_JSON_LIST;
}

/* Jaeger's query API puts its traces under "data", beside paging that is mostly null. */
static enum input_kind
json_object(struct sv s)
{
	static const char *const first[] = { "\"data\"", "\"total\"", "\"limit\"", "\"offset\"",
	    "\"errors\"" };
	size_t i = 1;

	while (i < s.n && is_space(s.p[i]))
		i++;
	s = sv_sub(s, i, s.n);
	for (i = 0; i < sizeof first / sizeof *first; i++)
		if (sv_starts(s, sv_cstr(first[i])) && has(s, "\"data\"") &&
		    (has(s, "\"traceID\"") || has(s, "\"spans\"") || has(s, "\"processes\"")))
			return INPUT_JAEGER;
	return INPUT_JSON;
}

static enum input_kind
json(struct sv head)
{
	size_t skip = detect_space(head);
	struct sv s = sv_sub(head, skip, head.n);
	char next;

	if (s.n == 0 || (s.p[0] != '{' && s.p[0] != '['))
		return INPUT_UNKNOWN;
	next = next_token(s);
	if (s.p[0] == '{') {
		if (skip > 0 && next != '"' && next != '}' && next != '\0')
			return INPUT_UNKNOWN;
		return json_object(s);
	}
	if (skip > 0 && next != '{' && next != ']' && next != '\0')
		return INPUT_UNKNOWN;
	return json_list(s);
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
	const uint8_t *p = (const uint8_t *)s.p, *end = p + s.n;
	uint64_t len;
	size_t n;

	if (s.n < 2 || p[0] != 0x0a || (n = varint_decode(p + 1, end, &len)) == 0)
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

enum input_kind
detect(struct sv head, bool whole)
{
	enum input_kind k;

	if (whole && detect_space(head) == head.n)
		return INPUT_EMPTY;
	if (head.n >= 2 && memcmp(head.p, "\x1f\x8b", 2) == 0)
		return INPUT_GZIP;
	if (is_zstd(head))
		return INPUT_ZSTD;
	if ((k = json(head)) != INPUT_UNKNOWN)
		return k;
	if (is_proto(head))
		return INPUT_PROTO;
	return framed(head, whole);
}

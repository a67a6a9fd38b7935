/* SPDX-License-Identifier: ISC */
/*
 * json_read: see json_read_i.h. Two things make it quick: strings are scanned 16 bytes at a
 * time (8 without SSE2), and the names of members are guessed before they are read: writers
 * keep one order, so the bytes at hand are compared with the name that usually comes next.
 *
 * Why no library: of 105 MB of OTLP, spans are made here at 1042 MB/s. simdjson 3.0.1 (AVX-512)
 * makes a tree and walks it at 1279, yyjson 0.12 at 1145, before anything is made of it; with
 * the bare fields of spans on top simdjson is at 862. Both refuse the whole of a body that is cut
 * short or not UTF-8. The tree alone (1753) is faster than json_skip (1124), which is rarely run.
 */
#include "json_read_i.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "base/limits.h"
#include "base/utf8.h"

void
json_init(struct json *j, struct sv body, struct arena *arena)
{
	if (body.p == NULL)
		body = SV("");
	*j = (struct json){ .p = body.p, .end = body.p + body.n, .body = body.p,
	    .arena = arena, .raw = !utf8_valid(body) };
}

bool
json_broken(struct json *j, const char *why)
{
	if (j->why == NULL)
		j->why = why;
	return false;
}

static bool
no_memory(struct json *j)
{
	j->nomem = true;
	return json_broken(j, "out of memory");
}

static inline size_t
left(const struct json *j)
{
	return (size_t)(j->end - j->p);
}

static inline bool
is_space(char c)
{
	return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

static inline void
skip_space(struct json *j)
{
	while (j->p < j->end && is_space(*j->p))
		j->p++;
}

char
json_peek(struct json *j)
{
	skip_space(j);
	return j->p < j->end ? *j->p : '\0';
}

#ifdef __SSE2__
const char *
json_scan(const char *p, const char *end)
{
	const __m128i quote = _mm_set1_epi8('"'), slash = _mm_set1_epi8('\\');

	for (; end - p >= 16; p += 16) {
		__m128i x = _mm_loadu_si128((const __m128i *)(const void *)p);
		int hit = _mm_movemask_epi8(_mm_or_si128(_mm_cmpeq_epi8(x, quote),
		    _mm_cmpeq_epi8(x, slash)));

		if (hit != 0)
			return p + __builtin_ctz((unsigned)hit);
	}
	while (p < end && *p != '"' && *p != '\\')
		p++;
	return p;
}
#else
/* High bit of each zero byte, exact for the lowest; what lies above it is not looked at. */
static uint64_t
zero_bytes(uint64_t x)
{
	return (x - 0x0101010101010101) & ~x & 0x8080808080808080;
}

const char *
json_scan(const char *p, const char *end)
{
	uint64_t w;

	for (; end - p >= 8; p += 8) {
		memcpy(&w, p, 8);
		if ((zero_bytes(w ^ 0x2222222222222222) |
		    zero_bytes(w ^ 0x5c5c5c5c5c5c5c5c)) != 0)
			break;
	}
	while (p < end && *p != '"' && *p != '\\')
		p++;
	return p;
}
#endif

/* Whether the body goes on with a name's literal. */
static inline bool
at_literal(const struct json *j, const struct json_name *n)
{
#ifdef __SSE2__
	if (left(j) >= 32 && n->lit_n <= 16) {
		__m128i a = _mm_loadu_si128((const __m128i *)(const void *)j->p);
		__m128i b = _mm_loadu_si128((const __m128i *)(const void *)n->lit);
		unsigned same = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(a, b));

		return (~same & ((1u << n->lit_n) - 1)) == 0;
	}
#endif
	return left(j) >= n->lit_n && memcmp(j->p, n->lit, n->lit_n) == 0;
}

/* Four hex digits at p, or -1. */
static int32_t
hex4(const char *p, const char *end)
{
	int32_t v = 0;

	if (end - p < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		char c = p[i];
		int d = c >= '0' && c <= '9' ? c - '0' :
		    c >= 'a' && c <= 'f' ? c - 'a' + 10 :
		    c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;

		if (d < 0)
			return -1;
		v = v << 4 | d;
	}
	return v;
}

/*
 * The code point of the \u escape whose digits start at *p, moving *p past it (and past the
 * second half of a surrogate pair); -1 if they are not digits.
 */
static int32_t
read_u_escape(bool *mended, const char **p, const char *end)
{
	int32_t u = hex4(*p, end), low;

	if (u < 0)
		return -1;
	*p += 4;
	if (u < 0xd800 || u > 0xdfff)
		return u;
	if (u < 0xdc00 && end - *p >= 6 && (*p)[0] == '\\' && (*p)[1] == 'u') {
		low = hex4(*p + 2, end);
		if (low >= 0xdc00 && low <= 0xdfff) {
			*p += 6;
			return 0x10000 + ((u - 0xd800) << 10) + (low - 0xdc00);
		}
	}
	*mended = true;
	return 0xfffd;
}

/* Decodes the escape after the backslash at p - 1 into *to; returns where the text goes on. */
static const char *
read_escape(struct json *j, const char *p, const char *end, char **to, bool *mended)
{
	static const char from[] = "\"\\/bfnrt", into[] = "\"\\/\b\f\n\r\t";
	const char *at = p < end && *p != '\0' ? strchr(from, *p) : NULL;
	const char *next = p + 1;
	int32_t u;

	if (at != NULL) {
		*(*to)++ = into[at - from];
		return next;
	}
	if (p < end && *p == 'u' && (u = read_u_escape(mended, &next, end)) >= 0) {
		*to += utf8_encode(*to, (uint32_t)u);
		return next;
	}
	j->repaired = true;
	*(*to)++ = '\\';
	return p;
}

/* Decoding never makes a string longer, so its raw length is room enough. */
static bool
unescape(struct json *j, const char *p, const char *end, struct sv *out, bool *mended)
{
	char *start = arena_alloc(j->arena, (size_t)(end - p)), *to = start;

	if (start == NULL)
		return no_memory(j);
	while (p < end) {
		const char *stop = memchr(p, '\\', (size_t)(end - p));
		size_t n = (size_t)((stop == NULL ? end : stop) - p);

		memcpy(to, p, n);
		to += n;
		p += n;
		if (p < end)
			p = read_escape(j, p + 1, end, &to, mended);
	}
	*out = sv_new(start, (size_t)(to - start));
	return true;
}

static bool
mend(struct json *j, struct sv *s)
{
	char *to;

	if (s->n > SIZE_MAX / UTF8_REPAIR_MAX ||
	    (to = arena_alloc(j->arena, UTF8_REPAIR_MAX * s->n)) == NULL)
		return no_memory(j);
	*s = sv_new(to, utf8_repair(to, *s));
	return true;
}

/* The text of a string that has escapes or lies in a body that is not UTF-8. */
static bool
text_of(struct json *j, const char *p, const char *end, bool escaped, struct sv *out)
{
	bool mended = false;

	if (!escaped)
		*out = sv_new(p, (size_t)(end - p));
	else if (!unescape(j, p, end, out, &mended))
		return false;
	if (j->raw && !utf8_valid(*out)) {
		mended = true;
		if (!mend(j, out))
			return false;
	}
	j->repaired |= mended;
	j->n_mended += mended;
	return true;
}

/* A string; p is at its opening quote. With out == NULL it is skipped. */
static bool
read_string(struct json *j, struct sv *out)
{
	const char *start = j->p + 1, *p = json_scan(start, j->end);
	bool escaped = false;

	while (p < j->end && *p == '\\') {
		escaped = true;
		if (j->end - p < 2)
			p = j->end;
		else
			p = json_scan(p + 2, j->end);
	}
	if (p >= j->end)
		return json_broken(j, "a string without an end");
	j->p = p + 1;
	if (out == NULL)
		return true;
	if (escaped || j->raw)
		return text_of(j, start, p, escaped, out);
	*out = sv_new(start, (size_t)(p - start));
	return true;
}

bool
json_enter(struct json *j, char open)
{
	if (json_peek(j) != open)
		return json_broken(j, open == '{' ? "an object was expected" :
		    "a list was expected");
	j->p++;
	return true;
}

/*
 * Before a member or element: 1, or 0 having passed `close`, or -1. Commas stand between
 * and nowhere else.
 */
static inline int
step(struct json *j, bool *begun, char close)
{
	char c = json_peek(j);

	if (c == close) {
		j->p++;
		return 0;
	}
	if (!*begun) {
		*begun = true;
		return 1;
	}
	if (c != ',') {
		json_broken(j, j->p >= j->end ? "it ends in the middle" :
		    close == '}' ? "',' or '}' was expected" : "',' or ']' was expected");
		return -1;
	}
	j->p++;
	return 1;
}

int
json_element(struct json *j, bool *begun)
{
	return j->why != NULL ? -1 : step(j, begun, ']');
}

static bool
read_name(struct json *j, struct sv *out)
{
	if (json_peek(j) != '"')
		return json_broken(j, j->p >= j->end ? "it ends in the middle" :
		    "the name of a member was expected");
	if (!read_string(j, out))
		return false;
	if (json_peek(j) != ':')
		return json_broken(j, "':' was expected");
	j->p++;
	return true;
}

int
json_any_member(struct json *j, bool *begun, struct sv *name)
{
	int r = j->why != NULL ? -1 : step(j, begun, '}');

	return r > 0 && !read_name(j, name) ? -1 : r;
}

int
json_member(struct json *j, struct json_object *o, const struct json_name *names, unsigned n)
{
	struct sv name;
	unsigned i;
	int r;

	if (j->why != NULL)
		return JSON_BROKEN;
	while ((r = step(j, &o->begun, '}')) > 0) {
		if (json_peek(j) == '"')
			for (i = o->next; i < n; i++)
				if (at_literal(j, &names[i])) {
					j->p += names[i].lit_n;
					o->next = i + 1;
					return (int)i;
				}
		if (!read_name(j, &name))
			return JSON_BROKEN;
		for (i = 0; i < n; i++)
			if (sv_eq(name, names[i].camel) || sv_eq(name, names[i].snake)) {
				o->next = i + 1;
				return (int)i;
			}
		if (!json_skip(j))
			return JSON_BROKEN;
	}
	return r == 0 ? JSON_END : JSON_BROKEN;
}

static bool
read_word(struct json *j, const char *word, enum json_type type, struct json_scalar *out)
{
	size_t n = strlen(word);

	if (left(j) < n || memcmp(j->p, word, n) != 0)
		return json_broken(j, "a value was expected");
	*out = (struct json_scalar){ type, sv_new(j->p, n) };
	j->p += n;
	return true;
}

static inline bool
is_number_char(char c)
{
	return (c >= '0' && c <= '9') || c == '-' || c == '+' || c == '.' || c == 'e' ||
	    c == 'E';
}

/* The text of a number; whether it is one is for whoever converts it. */
static bool
read_number(struct json *j, struct json_scalar *out)
{
	const char *p = j->p;

	if (*p == '-' && left(j) > 1 && p[1] == 'I')
		return read_word(j, "-Infinity", JSON_NUMBER, out);
	while (p < j->end && is_number_char(*p))
		p++;
	if (p == j->p)
		return json_broken(j, "a value was expected");
	*out = (struct json_scalar){ JSON_NUMBER, sv_new(j->p, (size_t)(p - j->p)) };
	j->p = p;
	return true;
}

bool
json_scalar(struct json *j, struct json_scalar *out)
{
	if (j->why != NULL)
		return false;
	switch (json_peek(j)) {
	case '"':
		out->type = JSON_STRING;
		return read_string(j, &out->s);
	case '{':
	case '[':
		*out = (struct json_scalar){ JSON_COMPOUND, SV_EMPTY };
		return json_skip(j);
	case 't':
		return read_word(j, "true", JSON_TRUE, out);
	case 'f':
		return read_word(j, "false", JSON_FALSE, out);
	case 'n':
		return read_word(j, "null", JSON_NULL, out);
	/* Not JSON, but what Python writes. */
	case 'N':
		return read_word(j, "NaN", JSON_NUMBER, out);
	case 'I':
		return read_word(j, "Infinity", JSON_NUMBER, out);
	case '\0':
		if (j->p >= j->end)
			return json_broken(j, "it ends in the middle");
	}
	return read_number(j, out);
}

static bool
skip(struct json *j, unsigned depth)
{
	struct json_scalar ignored;
	bool begun = false;
	char open = json_peek(j);
	int r;

	if (open == '"')
		return read_string(j, NULL);
	if (open != '{' && open != '[')
		return json_scalar(j, &ignored);
	if (depth == LIMIT_JSON_DEPTH)
		return json_broken(j, "it is nested too deep");
	j->p++;
	while ((r = step(j, &begun, open == '{' ? '}' : ']')) > 0)
		if ((open == '{' && !read_name(j, NULL)) || !skip(j, depth + 1))
			return false;
	return r == 0;
}

bool
json_skip(struct json *j)
{
	return j->why == NULL && skip(j, 0);
}

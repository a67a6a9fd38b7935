/* SPDX-License-Identifier: ISC */
/*
 * fuzz_json: any bytes as a string and as a packed array and map; what json_string and
 * json_value write must be one well-formed JSON value in valid UTF-8.
 */
#include <stdint.h>
#include <stdlib.h>

#include "base/utf8.h"
#include "format/format.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

/* A strict reader of JSON that keeps nothing; p moves past one value. */
static const char *skip_value(const char *p, const char *end);

static const char *
skip_string(const char *p, const char *end)
{
	if (p == end || *p++ != '"')
		abort();
	for (; p < end && *p != '"'; p++) {
		if ((uint8_t)*p < 0x20)
			abort();
		if (*p != '\\')
			continue;
		if (++p == end || strchr("\"\\bfnrtu", *p) == NULL)
			abort();
		for (int i = 0; *p == 'u' && i < 4; i++)
			if (p + 1 + i >= end ||
			    strchr("0123456789abcdef", p[1 + i]) == NULL)
				abort();
	}
	if (p == end)
		abort();
	return p + 1;
}

static const char *
skip_list(const char *p, const char *end, char close)
{
	if (p < end && *p == close)
		return p + 1;
	for (;;) {
		if (close == '}') {
			p = skip_string(p, end);
			if (p == end || *p++ != ':')
				abort();
		}
		p = skip_value(p, end);
		if (p == end)
			abort();
		if (*p == close)
			return p + 1;
		if (*p++ != ',')
			abort();
	}
}

static const char *
skip_value(const char *p, const char *end)
{
	static const char *const words[] = { "true", "false", "null" };
	const char *from = p;

	if (p == end)
		abort();
	if (*p == '"')
		return skip_string(p, end);
	if (*p == '[')
		return skip_list(p + 1, end, ']');
	if (*p == '{')
		return skip_list(p + 1, end, '}');
	for (size_t i = 0; i < 3; i++)
		if (sv_starts(sv_new(p, (size_t)(end - p)), sv_cstr(words[i])))
			return p + strlen(words[i]);
	while (p < end && strchr("+-.0123456789e", *p) != NULL)
		p++;
	if (p == from)
		abort();
	return p;
}

static void
check(struct buf *b)
{
	if (b->oom || !utf8_valid(buf_view(b)) ||
	    skip_value(b->p, b->p + b->n) != b->p + b->n)
		abort();
	b->n = 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sv s = sv_new(data, size);
	struct value v = { .type = VAL_ARRAY, .s = s };
	struct buf b = BUF_INIT;

	json_string(&b, s);
	check(&b);
	json_value(&b, &v);
	check(&b);
	v.type = VAL_MAP;
	json_value(&b, &v);
	check(&b);
	buf_release(&b);
	return 0;
}

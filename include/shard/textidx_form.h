/* SPDX-License-Identifier: ISC */
/* textidx_form: the keys of a text, alike for those who write, read and check text indexes. */
#ifndef SHARD_TEXTIDX_FORM_H
#define SHARD_TEXTIDX_FORM_H

#include "base/buf.h"

#define TEXT_HEAD 8		/* bytes before the trigrams' part of SECTION_TEXT */
#define PART_HEAD 8		/* bytes before the pack of a part */

static inline char
text_lower_byte(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

static inline bool
text_is_token(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	    c == '_' || (c & 0x80) != 0;
}

/* Keys with a digit are left out: they are many, mostly parts of ids and of numbers. */
static inline bool
text_has_digit(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] >= '0' && p[i] <= '9')
			return true;
	return false;
}

/* Of 3 bytes in lower case. */
static inline uint32_t
text_trigram(const char *p)
{
	return (uint32_t)(uint8_t)p[0] << 16 | (uint32_t)(uint8_t)p[1] << 8 | (uint8_t)p[2];
}

/* Replaces what is in out by s in lower case. */
void text_lower(struct buf *out, struct sv s);
/* The next token of *rest, which is cut behind it; false: there is none. */
bool text_next_token(struct sv *rest, struct sv *token);
uint32_t text_token_key(struct sv lower_token, uint32_t mask);

struct textidx;
/* Every look-up of a part of the value finds its code, as it must. */
bool textidx_covers(const struct textidx *, struct sv lower_value, uint32_t code);

#endif

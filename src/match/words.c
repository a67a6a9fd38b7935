/* SPDX-License-Identifier: ISC */
/*
 * words: whole words in texts. A token is a run of ASCII letters, digits, '_' and bytes
 * from 0x80 on (letters of other scripts, without knowing which are), compared with ASCII
 * case ignored.
 */
#include "match/words.h"

#include "base/limits.h"

static char
small_letter(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

bool
same_word(const char *p, struct sv word)
{
	for (size_t i = 0; i < word.n; i++)
		if (small_letter(p[i]) != word.p[i])
			return false;
	return true;
}

bool
text_has_word(struct sv t, struct sv word)
{
	const char *p = t.p, *end = t.p + t.n;

	if (word.n == 0 || t.n < word.n)
		return false;
	while ((size_t)(end - p) >= word.n) {
		const char *from;

		while (p < end && !text_word_byte(*p))
			p++;
		for (from = p; p < end && text_word_byte(*p); p++)
			;
		if ((size_t)(p - from) == word.n && same_word(from, word))
			return true;
	}
	return false;
}

/* The next value inside an array or map. */
static bool
next_inside(struct cursor *c, bool map, struct value *v)
{
	struct sv key;

	return map ? value_map_next(c, &key, v) : value_array_next(c, v);
}

bool
value_has_word(const struct value *v, struct sv word)
{
	struct cursor stack[LIMIT_VALUE_DEPTH];
	bool map[LIMIT_VALUE_DEPTH];
	size_t depth = 0;
	struct value x = *v;

	for (;;) {
		if (x.type == VAL_STRING && text_has_word(x.s, word))
			return true;
		if ((x.type == VAL_ARRAY || x.type == VAL_MAP) && depth < LIMIT_VALUE_DEPTH) {
			map[depth] = x.type == VAL_MAP;
			stack[depth++] = cursor_new(x.s.p, x.s.n);
		}
		while (depth > 0 && !next_inside(&stack[depth - 1], map[depth - 1], &x))
			depth--;
		if (depth == 0)
			return false;
	}
}

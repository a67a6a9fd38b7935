/* SPDX-License-Identifier: ISC */
/* sql_words: see sql_words.h. */
#include "lib/sql_words.h"

#include <stdlib.h>

void
sql_words_init(struct sql_words *w)
{
	map_init(&w->seen);
}

void
sql_words_release(struct sql_words *w)
{
	map_release(&w->seen);
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

/* Where what begins with a quote ends: behind the other one, or with the statement. */
static size_t
quoted(struct sv s)
{
	size_t i = 1;

	while (i < s.n && s.p[i] != s.p[0])
		i += s.p[i] == '\\' ? 2 : 1;
	return i < s.n ? i + 1 : s.n;
}

/* The word at the front of s, which is not empty. */
static struct sv
word(struct sv s)
{
	size_t n = 1;

	if (s.p[0] == '\'' || s.p[0] == '`' || s.p[0] == '"')
		n = quoted(s);
	else if (is_letter(s.p[0]) || is_digit(s.p[0]))
		while (n < s.n && (is_letter(s.p[n]) || is_digit(s.p[n])))
			n++;
	return sv_sub(s, 0, n);
}

/* As it is kept. The names of parameters are numbered: p0, p1. */
static struct sv
kept_as(struct sv w)
{
	bool digits = w.n > 1 || is_digit(w.p[0]);

	for (size_t i = w.p[0] == 'p' ? 1 : 0; i < w.n; i++)
		digits = digits && is_digit(w.p[i]);
	return digits ? SV("0") : w;
}

void
sql_words_learn(struct sql_words *k, struct sv sql)
{
	while (sql.n != 0) {
		struct sv w = word(sql);
		bool fresh;

		if (map_put(&k->seen, kept_as(w), &fresh) == NULL)
			abort();
		sql = sv_sub(sql, w.n, sql.n);
	}
}

bool
sql_words_know(const struct sql_words *k, struct sv sql, struct sv *stranger)
{
	while (sql.n != 0) {
		struct sv w = word(sql);

		if (map_get(&k->seen, kept_as(w)) == NULL) {
			*stranger = w;
			return false;
		}
		sql = sv_sub(sql, w.n, sql.n);
	}
	return true;
}

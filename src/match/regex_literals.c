/* SPDX-License-Identifier: ISC */
/*
 * regex_literals: texts that every match of a regular expression must hold, found without
 * understanding it in full: runs of plain characters of the outermost concatenation. Groups,
 * classes and what a quantifier may leave out break a run and give nothing. A pattern with
 * alternatives outside groups, with options, verbs or an escape that takes an argument gives
 * nothing at all: a text too few costs a match, one too many would lose an answer.
 */
#include "match/regex.h"

#include <string.h>

struct walk {
	const char *p, *end;
	char *at, *run;			/* where the next byte goes; where the run in hand began */
	struct sv *out;
	size_t n, max;
};

static void
keep(struct walk *w, struct sv s)
{
	size_t least = 0;

	if (w->n < w->max) {
		w->out[w->n++] = s;
		return;
	}
	for (size_t i = 1; i < w->n; i++)
		if (w->out[i].n < w->out[least].n)
			least = i;
	if (w->max != 0 && w->out[least].n < s.n)
		w->out[least] = s;
}

static void
end_run(struct walk *w)
{
	if (w->at > w->run)
		keep(w, sv_new(w->run, (size_t)(w->at - w->run)));
	w->run = w->at;
}

/* The last character of the run may be missing. */
static void
drop_last(struct walk *w)
{
	while (w->at > w->run && ((uint8_t)w->at[-1] & 0xc0) == 0x80)
		w->at--;
	if (w->at > w->run)
		w->at--;
	end_run(w);
}

static void
put(struct walk *w, char c)
{
	*w->at++ = c;
}

static bool
is_one_of(char c, const char *set)
{
	return c != '\0' && strchr(set, c) != NULL;
}

/* Behind a backslash: 1 a plain character, 0 a class or an assertion, -1 unknown. */
static int
escape_kind(char c)
{
	if ((c >= '!' && c <= '/') || (c >= ':' && c <= '@') || (c >= '[' && c <= '`') ||
	    (c >= '{' && c <= '~') || c == ' ')
		return 1;
	return is_one_of(c, "dDwWsSbBhHvV") ? 0 : -1;
}

/* Past the class that begins at p; false: not understood. */
static bool
skip_class(struct walk *w)
{
	w->p++;
	if (w->p < w->end && *w->p == '^')
		w->p++;
	if (w->p < w->end && *w->p == ']')
		w->p++;
	for (; w->p < w->end && *w->p != ']'; w->p++) {
		if (*w->p == '[')
			return false;
		if (*w->p == '\\' && (++w->p == w->end || escape_kind(*w->p) < 0))
			return false;
	}
	return w->p++ < w->end;
}

/* Past the group that begins at p. */
static bool
skip_group(struct walk *w)
{
	size_t depth = 0;

	while (w->p < w->end) {
		switch (*w->p) {
		case '(':
			if (w->p + 1 < w->end && (w->p[1] == '*' || (w->p[1] == '?' &&
			    (w->p + 2 == w->end || w->p[2] != ':'))))
				return false;
			depth++;
			w->p++;
			break;
		case ')':
			w->p++;
			if (--depth == 0)
				return true;
			break;
		case '[':
			if (!skip_class(w))
				return false;
			break;
		case '\\':
			if (w->end - w->p < 2 || escape_kind(w->p[1]) < 0)
				return false;
			w->p += 2;
			break;
		default:
			w->p++;
		}
	}
	return false;
}

/* A quantifier in braces, with the character before it. */
static bool
skip_braces(struct walk *w)
{
	for (w->p++; w->p < w->end && is_one_of(*w->p, "0123456789, "); w->p++)
		;
	drop_last(w);
	return w->p < w->end && *w->p++ == '}';
}

static bool
escape(struct walk *w)
{
	int kind = w->end - w->p < 2 ? -1 : escape_kind(w->p[1]);

	if (kind > 0)
		put(w, w->p[1]);
	else
		end_run(w);
	w->p += 2;
	return kind >= 0;
}

/* False: not understood, and nothing that was found counts. */
static bool
step(struct walk *w)
{
	char c = *w->p;

	switch (c) {
	case '|':
	case ')':
		return false;
	case '(':
		end_run(w);
		return skip_group(w);
	case '[':
		end_run(w);
		return skip_class(w);
	case '{':
		return skip_braces(w);
	case '\\':
		return escape(w);
	case '*':
	case '?':
		drop_last(w);
		break;
	case '+':
	case '.':
	case '^':
	case '$':
		end_run(w);
		break;
	default:
		put(w, c);
	}
	w->p++;
	return true;
}

size_t
pattern_literals(struct sv pattern, char *mem, struct sv *out, size_t max)
{
	struct walk w = { pattern.p, pattern.p + pattern.n, mem, mem, out, 0, max };

	while (w.p < w.end)
		if (!step(&w))
			return 0;
	end_run(&w);
	return w.n;
}

/* SPDX-License-Identifier: ISC */
/*
 * ch_sql_re: patterns that mean the same to PCRE2, as match/regex.h asks it, and to RE2, as servers
 * have it: literals, '.', classes of ASCII, groups, alternatives, repetitions. Whether the whole text
 * matches is all that is asked, so greed and order of alternatives don't matter. What the two differ in
 * is left out: \s (a vertical tab), possessive and atomic forms, back references, options, look-around,
 * classes by name, '^' and '$' elsewhere than at the ends, large repetitions (RE2 refuses them).
 */
#include "ch_sql_i.h"

#define REPEATS_MOST 200	/* all of them multiplied */
#define PATTERN_MOST 400

struct pattern {
	const char *p, *end;
	unsigned depth, repeats;
	bool atom;		/* what stands before can be repeated */
};

static bool
is_any(char c, const char *of)
{
	return c != '\0' && strchr(of, c) != NULL;
}

static bool
is_alnum(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Behind the backslash. */
static bool
escape(struct pattern *x)
{
	if (x->p == x->end || !is_any(*x->p, "dDwWnt.*+?()[]{}|^$\\/-:,=@#%&!~'\"<>"))
		return false;
	x->p++;
	return true;
}

/* Behind '[': up to and with ']'. */
static bool
class_read(struct pattern *x)
{
	bool any = false;

	if (x->p < x->end && *x->p == '^')
		x->p++;
	for (; x->p < x->end && *x->p != ']'; any = true) {
		char c = *x->p++;

		if (c == '\\') {
			if (!escape(x) || (x->p < x->end && *x->p == '-' && x->p + 1 < x->end && x->p[1] != ']'))
				return false;
		} else if (c == '-') {
			/* At the beginning or end, where it is itself. */
			if (any && (x->p == x->end || *x->p != ']'))
				return false;
		} else if (!is_alnum(c)) {
			if (!is_any(c, " ._/:,=@#%!~'\"<>{}()*+?$|;") || (x->p < x->end && *x->p == '-' &&
			    x->p + 1 < x->end && x->p[1] != ']'))
				return false;
		} else if (x->p + 1 < x->end && *x->p == '-' && x->p[1] != ']') {
			if (!is_alnum(x->p[1]) || x->p[1] < c)
				return false;
			x->p += 2;
		}
	}
	if (x->p == x->end || !any)
		return false;
	x->p++;
	return true;
}

static bool
number(struct pattern *x, unsigned *n)
{
	const char *from = x->p;

	for (*n = 0; x->p < x->end && *x->p >= '0' && *x->p <= '9' && x->p - from < 3; x->p++)
		*n = *n * 10 + (unsigned)(*x->p - '0');
	return x->p != from;
}

/* Behind '{'. */
static bool
braces(struct pattern *x)
{
	unsigned least, most;

	if (!number(x, &least))
		return false;
	most = least;
	if (x->p < x->end && *x->p == ',') {
		x->p++;
		if (!number(x, &most))
			most = least;	/* no end */
	}
	if (x->p == x->end || *x->p != '}' || most < least || most == 0)
		return false;
	x->p++;
	x->repeats *= most;
	return x->repeats <= REPEATS_MOST;
}

/* Behind it may stand one '?', and nothing else that repeats. */
static bool
repetition(struct pattern *x, char c)
{
	if (!x->atom || (c == '{' && !braces(x)))
		return false;
	if (x->p < x->end && *x->p == '?')
		x->p++;
	x->atom = false;
	return x->p == x->end || !is_any(*x->p, "*+?{");
}

static bool
group_begin(struct pattern *x)
{
	if (x->p < x->end && *x->p == '?') {
		if (x->end - x->p < 2 || x->p[1] != ':')
			return false;
		x->p += 2;
	} else if (x->p < x->end && *x->p == '*') {
		return false;	/* a verb */
	}
	x->atom = false;
	return ++x->depth <= 20;
}

static bool
piece(struct pattern *x, char c)
{
	switch (c) {
	case '\\':
		return x->atom = escape(x);
	case '[':
		return x->atom = class_read(x);
	case '(':
		return group_begin(x);
	case ')':
		if (x->depth-- == 0)
			return false;
		return x->atom = true;
	case '|':
		x->atom = false;
		return true;
	case '*':
	case '+':
	case '?':
	case '{':
		return repetition(x, c);
	case '$':
		x->atom = false;
		return x->p == x->end && x->depth == 0;
	case '^':
	case ']':
	case '}':
		return false;
	default:
		/* Of a character of several bytes each is repeated with the others. */
		return x->atom = (unsigned char)c >= 0x20 && c != 0x7f;
	}
}

bool
re_alike(struct sv s)
{
	struct pattern x = { .p = s.p, .end = s.p + s.n, .repeats = 1 };

	if (s.n == 0 || s.n > PATTERN_MOST || !text_plain(s))
		return false;
	if (*x.p == '^')
		x.p++;
	while (x.p < x.end)
		if (!piece(&x, *x.p++))
			return false;
	return x.depth == 0;
}

void
w_re(struct writer *w, struct sv s)
{
	struct buf b = BUF_INIT;

	BUF_LIT(&b, "^(?s:");
	buf_sv(&b, s);
	BUF_LIT(&b, ")$");
	w->oom = w->oom || b.oom;
	w_text(w, buf_view(&b));
	buf_release(&b);
}

/* SPDX-License-Identifier: ISC */
/*
 * card_pattern: regular expressions followed on the frequent values of a field, so that an
 * estimate need not guess. Only what most people write: literals, '.', classes, escapes, and
 * '*', '+' or '?' behind one of these; groups and alternatives are not tried. The match is
 * anchored at both ends, and takes one pass: a set of steps, one bit each, moves along.
 */
#include "card_i.h"

static void
put(struct step *s, uint8_t c)
{
	s->set[c / 64] |= (uint64_t)1 << c % 64;
}

static void
put_range(struct step *s, uint8_t from, uint8_t to)
{
	for (unsigned c = from; c <= to; c++)
		put(s, (uint8_t)c);
}

static void
invert(struct step *s)
{
	for (unsigned i = 0; i < 4; i++)
		s->set[i] = ~s->set[i];
}

/* What stands behind a backslash; false for what is not followed here. */
static bool
escape(struct step *s, char c)
{
	switch (c) {
	case 'd':
		put_range(s, '0', '9');
		return true;
	case 'w':
		put_range(s, '0', '9');
		put_range(s, 'a', 'z');
		put_range(s, 'A', 'Z');
		put(s, '_');
		return true;
	case 's':
		put(s, ' ');
		put_range(s, '\t', '\r');
		return true;
	default:
		if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'))
			return false;
		put(s, (uint8_t)c);
		return true;
	}
}

/* From behind '[' to behind ']'. */
static bool
class(struct step *s, struct sv t, size_t *at)
{
	size_t i = *at;
	bool not = i < t.n && t.p[i] == '^', first = true;

	for (i += not; i < t.n && (t.p[i] != ']' || first); first = false) {
		uint8_t from = (uint8_t)t.p[i++], to = from;

		if (from == '[')
			return false;
		if (from == '\\') {
			if (i == t.n || !escape(s, t.p[i++]))
				return false;
			continue;
		}
		if (i + 1 < t.n && t.p[i] == '-' && t.p[i + 1] != ']') {
			to = (uint8_t)t.p[i + 1];
			if (to == '\\')
				return false;
			i += 2;
		}
		put_range(s, from, to);
	}
	if (i >= t.n)
		return false;
	*at = i + 1;
	if (not)
		invert(s);
	return true;
}

static bool
one_step(struct step *s, struct sv t, size_t *at)
{
	char c = t.p[(*at)++];

	*s = (struct step){ { 0 }, false, false };
	switch (c) {
	case '(':
	case ')':
	case '|':
	case '{':
	case '^':
	case '$':
	case '*':
	case '+':
	case '?':
		return false;
	case '.':
		invert(s);
		return true;
	case '[':
		return class(s, t, at);
	case '\\':
		return *at < t.n && escape(s, t.p[(*at)++]);
	default:
		put(s, (uint8_t)c);
		return true;
	}
}

bool
pattern_parse(struct sv t, struct pattern *p)
{
	size_t at = 0;

	p->n = 0;
	while (at < t.n) {
		struct step *s = &p->step[p->n];

		if (p->n == PATTERN_STEPS || !one_step(s, t, &at))
			return false;
		p->n++;
		if (at == t.n)
			break;
		s->optional = t.p[at] == '*' || t.p[at] == '?';
		s->repeats = t.p[at] == '*' || t.p[at] == '+';
		at += s->optional || s->repeats;
		/* Lazy and possessive ones match the same whole texts or fewer. */
		if ((s->optional || s->repeats) && at < t.n && (t.p[at] == '?' || t.p[at] == '+'))
			return false;
	}
	return true;
}

/* Steps that may be left out do not hold up those behind. */
static uint64_t
skip(const struct pattern *p, uint64_t at)
{
	for (unsigned i = 0; i < p->n; i++)
		if (at >> i & 1 && p->step[i].optional)
			at |= (uint64_t)1 << (i + 1);
	return at;
}

bool
pattern_match(const struct pattern *p, struct sv s)
{
	uint64_t at = skip(p, 1);

	for (size_t k = 0; k < s.n && at != 0; k++) {
		uint8_t c = (uint8_t)s.p[k];
		uint64_t next = 0;

		for (uint64_t bits = at; bits != 0; bits &= bits - 1) {
			unsigned i = (unsigned)__builtin_ctzll(bits);

			if (i == p->n || !(p->step[i].set[c / 64] >> c % 64 & 1))
				continue;
			next |= (uint64_t)1 << (i + 1);
			if (p->step[i].repeats)
				next |= (uint64_t)1 << i;
		}
		at = skip(p, next);
	}
	return at >> p->n & 1;
}

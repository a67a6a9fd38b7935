/* SPDX-License-Identifier: ISC */
/* json_split: see json_split_i.h. */
#include "json_split_i.h"

#define AHEAD 12	/* bytes that is_record looks at: {"resourceS */

/*
 * Whether the line at s starts a record: {"resourceSpans" and its kin always do; another object
 * does where none can start inside the one at hand: in a string, or not behind '[' ',' or ':'.
 */
static bool
is_record(const struct json_split *j, struct sv s)
{
	if (!sv_starts(s, SV("{\"")))
		return false;
	if (sv_starts(s, SV("{\"resource")) && s.n >= AHEAD - 1 &&
	    memchr("SMLP_", s.p[10], 5) != NULL)
		return true;
	return j->in_string || memchr("[,:", j->last, 3) == NULL;
}

/* The end of the string that p is in, or a newline, or as far as it goes. */
static const char *
pass_string(struct json_split *j, const char *p, const char *end, bool final)
{
	for (; p < end && *p != '\n'; p++) {
		if (*p == '"') {
			j->in_string = false;
			j->last = '"';
			return p + 1;
		}
		if (*p == '\\') {
			if (end - p < 2)
				return final ? end : p;
			if (p[1] != '\n')
				p++;
		}
	}
	return p;
}

/* Through structure up to a string, a newline or the end of the object. */
static const char *
pass_structure(struct json_split *j, const char *p, const char *end, enum split_state *state)
{
	for (; p < end && *p != '\n'; p++) {
		switch (*p) {
		case '"':
			j->in_string = true;
			return p + 1;
		case '{':
		case '[':
			j->depth++;
			break;
		case '}':
		case ']':
			if (--j->depth == 0) {
				*state = SPLIT_END;
				return p + 1;
			}
			break;
		case ' ':
		case '\t':
		case '\r':
			continue;
		}
		j->last = *p;
	}
	return p;
}

size_t
json_split(struct json_split *j, struct sv s, bool final, enum split_state *state)
{
	const char *p = s.p, *end = s.p + s.n;

	*state = SPLIT_MORE;
	while (p < end) {
		if (*p == '\n') {
			if (end - p <= AHEAD && !final)
				break;
			p++;
			if (is_record(j, sv_new(p, (size_t)(end - p)))) {
				*state = SPLIT_CUT;
				break;
			}
			continue;
		}
		if (j->in_string) {
			const char *q = pass_string(j, p, end, final);

			if (q == p)
				break;
			p = q;
		} else
			p = pass_structure(j, p, end, state);
		if (*state == SPLIT_END)
			break;
	}
	return (size_t)(p - s.p);
}

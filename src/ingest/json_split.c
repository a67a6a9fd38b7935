/* SPDX-License-Identifier: ISC */
/* json_split: see json_split_i.h. */
#include "json_split_i.h"

#define AHEAD SPLIT_HEAD	/* bytes that is_record looks at: {"resourceS */

#define LINE_AHEAD (1u << 20)	/* longest line that is looked at to its end */

enum verdict { NO, YES, UNKNOWN };

/*
 * Where an element may start: one that ends with its line is followed by ',' or a bracket, on
 * this line or the next. A record has another behind it, or it is the last and begins as the
 * one at hand: what stands last in a file that was cut short may be an element.
 */
static enum verdict
stands_alone(const struct json_split *j, struct sv s, bool final)
{
	const char *nl = memchr(s.p, '\n', s.n < LINE_AHEAD ? s.n : LINE_AHEAD);
	size_t n = nl != NULL ? (size_t)(nl - s.p) : s.n, end = n;

	if (nl == NULL && (!final || s.n >= LINE_AHEAD))
		return s.n >= LINE_AHEAD ? NO : UNKNOWN;
	while (end > 0 && (s.p[end - 1] == '\r' || s.p[end - 1] == ' '))
		end--;
	if (s.p[end - 1] != '}')
		return NO;
	if (n + 1 >= s.n && final)
		return sv_starts(s, sv_new(j->head, j->n_head)) ? YES : NO;
	if (n + 1 >= s.n)
		return UNKNOWN;
	return s.p[n + 1] == '{' ? YES : NO;
}

/*
 * Whether the line at s starts a record: {"resourceSpans" and its kin always do; another object
 * does where none can start inside the one at hand: in a string, or not behind '[' ',' or ':'.
 * Behind these it has to be a record alone.
 */
static enum verdict
is_record(const struct json_split *j, struct sv s, bool final)
{
	if (!sv_starts(s, SV("{\"")))
		return NO;
	if (sv_starts(s, SV("{\"resource")) && s.n >= AHEAD - 1 &&
	    memchr("SMLP_", s.p[10], 5) != NULL)
		return YES;
	if (j->in_string || memchr("[,:", j->last, 3) == NULL)
		return YES;
	return stands_alone(j, s, final);
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

	if (j->depth == 0)
		while (j->n_head < SPLIT_HEAD && j->n_head < s.n && s.p[j->n_head] != '\n') {
			j->head[j->n_head] = s.p[j->n_head];
			j->n_head++;
		}
	*state = SPLIT_MORE;
	while (p < end) {
		if (*p == '\n') {
			enum verdict v = end - p <= AHEAD && !final ? UNKNOWN :
			    is_record(j, sv_new(p + 1, (size_t)(end - p - 1)), final);

			if (v == UNKNOWN)
				break;
			p++;
			if (v == YES) {
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

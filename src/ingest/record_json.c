/* SPDX-License-Identifier: ISC */
/*
 * record_json: cuts JSON into records, an object each, whatever lists they lie in.
 *
 * A line outside lists that starts with '{' and ends with '}' is a record as it stands, unless the
 * next line goes on with it; anything else goes through json_split. Whether it is good JSON is for the
 * parser to say, so that a record which is cut short still gives its whole spans.
 * Between objects, '[' ',' and ']' are structure: lists are opened and closed, and their
 * elements are records. What is neither costs its line. NUL bytes between records are a hole.
 */
#include "record_reader_i.h"

#include <stdio.h>

#include "json_split_i.h"

#define LISTS_MAX 16	/* one in the other */

bool
record_json_space(struct record_reader *r)
{
	while (stream_fill(r->top, 1)) {
		const char *p = stream_at(r->top);
		size_t n = 0, left = stream_left(r->top);

		for (; n < left && strchr(" \n\r\t", p[n]) != NULL && p[n] != '\0'; n++)
			if (p[n] == '\n') {
				r->line++;
				r->line_depth = r->depth;
			}
		stream_skip(r->top, n);
		if (n < left)
			return true;
	}
	return false;
}

/* Reports the rest of the line as no record and consumes it, but for its end. */
static void
skip_line(struct record_reader *r, struct ingest_result *result)
{
	record_cut_report(result, r->line, "not a JSON object");
	while (stream_fill(r->top, 1)) {
		size_t n = stream_left(r->top);
		const char *p = stream_at(r->top), *nl = memchr(p, '\n', n);

		stream_skip(r->top, nl != NULL ? (size_t)(nl - p) : n);
		if (nl != NULL)
			return;
	}
}

uint64_t
record_json_hole(struct record_reader *r)
{
	uint64_t n = 0;

	while (stream_fill(r->top, 1) && stream_at(r->top)[0] == '\0') {
		const char *p = stream_at(r->top);
		size_t k = 0, left = stream_left(r->top);

		while (k < left && p[k] == '\0')
			k++;
		stream_skip(r->top, k);
		n += k;
	}
	return n;
}

void
record_json_tell_hole(struct ingest_result *result, uint64_t line, uint64_t n_bytes)
{
	struct reject j = { .line = line, .notice = true };

	if (result->reject == NULL)
		return;
	snprintf(j.why, sizeof j.why, "a hole of %llu NUL bytes, passed over",
	    (unsigned long long)n_bytes);
	result->reject(result->reject_arg, &j);
}

/*
 * The length of the line at hand if it is a record as it stands, else 0. Reads one byte of
 * the next line: that tells a request from the first line of a pretty-printed one.
 */
static size_t
whole_line(struct record_reader *r)
{
	struct stream *s = r->top;
	const char *nl = NULL;
	size_t from = 0, n;

	while ((nl = memchr(stream_at(s) + from, '\n', stream_left(s) - from)) == NULL) {
		from = stream_left(s);
		if (from > r->max_record || !stream_fill(s, from + 1))
			break;
	}
	if (nl == NULL && !s->ended)
		return 0;
	n = nl != NULL ? (size_t)(nl - stream_at(s)) : stream_left(s);
	if (stream_fill(s, n + 2) && stream_at(s)[n + 1] != '{' && stream_at(s)[n + 1] != '\n')
		return 0;
	while (n > 0 && (stream_at(s)[n - 1] == '\r' || stream_at(s)[n - 1] == ' '))
		n--;
	return n > 1 && n <= r->max_record && stream_at(s)[n - 1] == '}' ? n : 0;
}

/*
 * The object at hand by json_split: 0 with a record, 1 if it was too large (reported and
 * passed over).
 */
static int
split_object(struct record_reader *r, struct record *out, struct ingest_result *result,
    struct err *err)
{
	struct json_split j = { .depth = 0 };
	enum split_state state = SPLIT_MORE;
	uint64_t line = r->line, dropped = 0;
	size_t n = 0;

	for (;;) {
		n += json_split(&j, sv_new(stream_at(r->top) + n, stream_left(r->top) - n),
		    r->top->ended, &state);
		if (state != SPLIT_MORE || (r->top->ended && n == stream_left(r->top)))
			break;
		if (n > r->max_record || dropped > 0) {
			r->line += record_cut_newlines(stream_at(r->top), n);
			stream_skip(r->top, n);
			dropped += n;
			n = 0;
		}
		stream_fill(r->top, stream_left(r->top) + 1);
	}
	r->line += record_cut_newlines(stream_at(r->top), n);
	if (dropped == 0 && n <= r->max_record)
		return record_cut_emit(r, RECORD_JSON, n, line, out, err);
	stream_skip(r->top, n);
	record_cut_oversize(r, result, line, dropped + n);
	return 1;
}

/* Takes '[' ',' or ']' as a list's; false if it can't be. */
static bool
list_token(struct record_reader *r, char c)
{
	if (c == '[' && r->depth < LISTS_MAX)
		r->depth++;
	else if (c == ']' && r->depth > 0)
		r->depth--;
	else if (c != ',' || r->depth == 0)
		return false;
	stream_skip(r->top, 1);
	return true;
}

static int
end(struct record_reader *r, struct ingest_result *result, struct err *err)
{
	if (r->depth > 0 && !r->top->failed)
		record_cut_report(result, r->line, "it ends inside a list: cut short?");
	r->depth = 0;
	return record_cut_end(r, err);
}

int
record_json_next(struct record_reader *r, struct record *out, struct ingest_result *result,
    struct err *err)
{
	size_t n;
	int e;

	while (record_json_space(r)) {
		char c = stream_at(r->top)[0];

		if (c == '\0') {
			record_json_tell_hole(result, r->line, record_json_hole(r));
			continue;
		}
		if (c != '{') {
			if (!list_token(r, c)) {
				r->depth = r->line_depth;
				skip_line(r, result);
			}
			continue;
		}
		/* Once a line: what it was found not to be, it is not from its next object on. */
		if (r->depth == 0 && r->line != r->split_line && (n = whole_line(r)) > 0) {
			r->lines = true;
			return record_cut_emit(r, RECORD_JSON, n, r->line, out, err);
		}
		r->split_line = r->line;
		if ((e = split_object(r, out, result, err)) <= 0)
			return e;
	}
	return end(r, result, err);
}

/* SPDX-License-Identifier: ISC */
/*
 * record_reader: cuts an input into records, one OTLP request each, whatever it is wrapped
 * in. A stack of streams: the input, and over it one for each container (gzip or zstd around
 * the whole); the top one is cut by its kind:
 *
 *   JSON           a line that starts with '{' and ends with '}' is a record as it stands,
 *                  unless the next line goes on with it; anything else goes through
 *                  json_split. Whether it is good JSON is for the parser to say, so that a
 *                  record which is cut short still gives its whole spans.
 *   framed         4 bytes of length, big-endian, then protobuf, or a zstd frame
 *   protobuf       all of it
 *
 * What is too large is passed over without being held.
 */
#include <stdio.h>
#include <stdlib.h>

#include "detect_i.h"
#include "json_split_i.h"
#include "unpack_i.h"

#define CONTAINERS 2	/* one in the other, at most */

struct record_reader {
	size_t max_record;
	struct stream streams[1 + CONTAINERS];
	struct unpack *unpacks[CONTAINERS];
	unsigned n_containers;
	struct stream *top;
	enum input_kind kind;
	bool detected, ended;
	bool lines;		/* JSON: a record was a line */
	uint64_t line;		/* of what comes next; for protobuf: records seen */
	char packed[32];	/* ", gzip" */
	char text[96];
};

int
record_reader_open(const struct source_bytes *src, size_t max_record,
    struct record_reader **out, struct err *err)
{
	struct record_reader *r = calloc(1, sizeof *r);

	if (r == NULL)
		return err_nomem(err);
	r->max_record = max_record;
	stream_init(&r->streams[0], src);
	r->top = &r->streams[0];
	*out = r;
	return 0;
}

void
record_reader_close(struct record_reader *r)
{
	if (r == NULL)
		return;
	for (unsigned i = r->n_containers; i-- > 0; )
		unpack_close(r->unpacks[i]);
	for (unsigned i = 0; i <= r->n_containers; i++)
		stream_release(&r->streams[i]);
	free(r);
}

uint64_t
record_reader_offset(const struct record_reader *r)
{
	return r->streams[0].off;
}

static const char *
kind_text(const struct record_reader *r)
{
	switch (r->kind) {
	case INPUT_EMPTY:
		return "empty";
	case INPUT_JSON:
		return r->lines ? "OTLP JSON lines" : "OTLP JSON";
	case INPUT_PROTO:
		return "OTLP protobuf";
	case INPUT_FRAMED_PROTO:
		return "OTLP protobuf, length-prefixed";
	case INPUT_FRAMED_ZSTD:
		return "OTLP zstd frames, length-prefixed";
	default:
		return "unknown";
	}
}

const char *
record_reader_describe(const struct record_reader *r)
{
	/* Not const inside: the text is the reader's own and made when asked for. */
	struct record_reader *w = (struct record_reader *)(uintptr_t)r;

	snprintf(w->text, sizeof w->text, "%s%s", kind_text(r), r->packed);
	return r->text;
}

static void report(struct ingest_result *, uint64_t line, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static void
report(struct ingest_result *result, uint64_t line, const char *fmt, ...)
{
	struct reject j = { .line = line };
	va_list ap;

	result->n_broken++;
	if (result->reject == NULL)
		return;
	va_start(ap, fmt);
	vsnprintf(j.why, sizeof j.why, fmt, ap);
	va_end(ap);
	result->reject(result->reject_arg, &j);
}

static int
add_container(struct record_reader *r, enum input_kind kind, struct err *err)
{
	struct unpack **u = &r->unpacks[r->n_containers];
	struct source_bytes src;
	size_t n = strlen(r->packed);
	int e;

	if (r->n_containers == CONTAINERS)
		return err_set(err, ERR_SYNTAX, 0, "compressed more than %d times over",
		    CONTAINERS);
	e = kind == INPUT_GZIP ? unpack_gzip(r->top, u, err) : unpack_zstd(r->top, u, err);
	if (e < 0)
		return e;
	snprintf(r->packed + n, sizeof r->packed - n, ", %s",
	    kind == INPUT_GZIP ? "gzip" : "zstd");
	src = unpack_source(*u);
	r->top = &r->streams[++r->n_containers];
	stream_init(r->top, &src);
	return 0;
}

static int
refuse(enum input_kind kind, struct err *err)
{
	switch (kind) {
	case INPUT_JAEGER:
		return err_set(err, ERR_UNSUPPORTED, 0, "Jaeger JSON is not supported yet");
	case INPUT_ZIPKIN:
		return err_set(err, ERR_UNSUPPORTED, 0, "Zipkin JSON is not supported yet");
	case INPUT_JSON_LIST:
		return err_set(err, ERR_SYNTAX, 0, "a JSON list is not OTLP: "
		    "one object with resourceSpans, or one a line, was expected");
	default:
		return err_set(err, ERR_SYNTAX, 0, "neither OTLP JSON nor OTLP protobuf, "
		    "plain, gzip or zstd");
	}
}

static uint64_t
newlines(const char *p, size_t n)
{
	const char *end = p + n;
	uint64_t k = 0;

	while (p < end && (p = memchr(p, '\n', (size_t)(end - p))) != NULL) {
		k++;
		p++;
	}
	return k;
}

/* White space that fills all that there is to look at says nothing: on to what follows. */
static void
skip_blank(struct record_reader *r, uint64_t *lines)
{
	struct stream *s = r->top;

	while (stream_fill(s, DETECT_BYTES) &&
	    detect_space(sv_new(stream_at(s), DETECT_BYTES)) == DETECT_BYTES) {
		*lines += newlines(stream_at(s), DETECT_BYTES);
		stream_skip(s, DETECT_BYTES);
	}
}

static int
find_kind(struct record_reader *r, struct err *err)
{
	uint64_t blank = 0;
	int e;

	for (;;) {
		bool more;

		skip_blank(r, &blank);
		/* Not one byte further, however much was read: the answer is of the input. */
		more = stream_fill(r->top, DETECT_BYTES);
		r->kind = detect(sv_new(stream_at(r->top), more ? DETECT_BYTES
		    : stream_left(r->top)), !more);
		if (r->kind != INPUT_GZIP && r->kind != INPUT_ZSTD)
			break;
		if ((e = add_container(r, r->kind, err)) < 0)
			return e;
	}
	if (r->kind == INPUT_UNKNOWN && r->top->failed) {
		*err = r->top->err;
		return r->top->failed;
	}
	if (r->kind == INPUT_JSON) {
		r->line = 1 + blank;
		if (sv_starts(sv_new(stream_at(r->top), stream_left(r->top)),
		    SV("\xef\xbb\xbf")))
			stream_skip(r->top, 3);
	}
	if (r->kind == INPUT_UNKNOWN || r->kind == INPUT_JSON_LIST ||
	    r->kind == INPUT_JAEGER || r->kind == INPUT_ZIPKIN)
		return refuse(r->kind, err);
	return 0;
}

/* The top stream has no more: the end, or what made it so. */
static int
at_end(struct record_reader *r, struct err *err)
{
	r->ended = true;
	if (!r->top->failed)
		return 1;
	*err = r->top->err;
	return r->top->failed;
}

static int
emit(struct record_reader *r, enum record_form form, size_t n, uint64_t line,
    struct record *out, struct err *err)
{
	char *p = stream_take(r->top, n);

	if (p == NULL)
		return err_nomem(err);
	*out = (struct record){ form, p, n, line };
	return 0;
}

/* Consumes white space; false at the end. */
static bool
skip_space(struct record_reader *r)
{
	while (stream_fill(r->top, 1)) {
		const char *p = stream_at(r->top);
		size_t n = 0, left = stream_left(r->top);

		while (n < left && strchr(" \n\r\t", p[n]) != NULL && p[n] != '\0')
			r->line += p[n++] == '\n';
		stream_skip(r->top, n);
		if (n < left)
			return true;
	}
	return false;
}

/* Passes over the rest of a line that is no object. */
static void
skip_line(struct record_reader *r, struct ingest_result *result)
{
	report(result, r->line, "not a JSON object");
	while (stream_fill(r->top, 1)) {
		size_t n = stream_left(r->top);
		const char *p = stream_at(r->top), *nl = memchr(p, '\n', n);

		stream_skip(r->top, nl != NULL ? (size_t)(nl - p) : n);
		if (nl != NULL)
			return;
	}
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
			r->line += newlines(stream_at(r->top), n);
			stream_skip(r->top, n);
			dropped += n;
			n = 0;
		}
		stream_fill(r->top, stream_left(r->top) + 1);
	}
	r->line += newlines(stream_at(r->top), n);
	if (dropped == 0 && n <= r->max_record)
		return emit(r, RECORD_JSON, n, line, out, err);
	stream_skip(r->top, n);
	report(result, line, "a record of %llu bytes is over the limit of %zu",
	    (unsigned long long)(dropped + n), r->max_record);
	return 1;
}

static int
next_json(struct record_reader *r, struct record *out, struct ingest_result *result,
    struct err *err)
{
	size_t n;
	int e;

	while (skip_space(r)) {
		if (stream_at(r->top)[0] != '{') {
			skip_line(r, result);
			continue;
		}
		if ((n = whole_line(r)) > 0) {
			r->lines = true;
			return emit(r, RECORD_JSON, n, r->line, out, err);
		}
		if ((e = split_object(r, out, result, err)) <= 0)
			return e;
	}
	return at_end(r, err);
}

static int
next_proto(struct record_reader *r, struct record *out, struct ingest_result *result,
    struct err *err)
{
	if (r->line > 0)
		return at_end(r, err);
	r->line = 1;
	stream_fill(r->top, r->max_record + 1);
	if (stream_left(r->top) <= r->max_record)
		return emit(r, RECORD_PROTO, stream_left(r->top), 1, out, err);
	stream_discard(r->top, UINT64_MAX);
	report(result, 1, "a record of %llu bytes is over the limit of %zu",
	    (unsigned long long)r->top->off, r->max_record);
	return at_end(r, err);
}

static int
cut_short(struct record_reader *r, struct err *err)
{
	if (r->top->failed)
		return at_end(r, err);
	r->ended = true;
	return err_set(err, ERR_CORRUPT, -1, "record %llu is cut short",
	    (unsigned long long)r->line);
}

/* The zstd frame of n bytes at hand: 0 with a record, 1 if it can't be unpacked. */
static int
unpack_frame(struct record_reader *r, size_t n, struct record *out,
    struct ingest_result *result, struct err *err)
{
	struct err why;
	struct sv body;
	char *p;
	size_t len;
	int e;

	e = unpack_zstd_block(sv_new(stream_at(r->top), n), r->max_record, &p, &len, &why);
	if (e == ERR_NOMEM)
		return err_nomem(err);
	stream_skip(r->top, n);
	if (e < 0) {
		report(result, r->line, "%s", why.msg);
		return 1;
	}
	body = sv_new(p, len);
	*out = (struct record){ RECORD_PROTO, p, len, r->line };
	if (detect_space(body) < len && p[detect_space(body)] == '{')
		out->form = RECORD_JSON;
	return 0;
}

static int
next_framed(struct record_reader *r, struct record *out, struct ingest_result *result,
    struct err *err)
{
	struct stream *s = r->top;
	int e;

	while (stream_fill(s, 1)) {
		const uint8_t *p;
		size_t n;

		r->line++;
		if (!stream_fill(s, 4))
			return cut_short(r, err);
		p = (const uint8_t *)stream_at(s);
		n = (size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];
		stream_skip(s, 4);
		if (n == 0)
			continue;
		if (n > r->max_record) {
			report(result, r->line, "a record of %zu bytes is over the limit "
			    "of %zu", n, r->max_record);
			if (!stream_discard(s, n))
				return cut_short(r, err);
			continue;
		}
		if (!stream_fill(s, n))
			return cut_short(r, err);
		if (r->kind == INPUT_FRAMED_PROTO)
			return emit(r, RECORD_PROTO, n, r->line, out, err);
		if ((e = unpack_frame(r, n, out, result, err)) <= 0)
			return e;
	}
	return at_end(r, err);
}

static int
next(struct record_reader *r, struct record *out, struct ingest_result *result,
    struct err *err)
{
	int e;

	if (!r->detected) {
		if ((e = find_kind(r, err)) < 0) {
			r->ended = true;
			return e;
		}
		r->detected = true;
	}
	switch (r->kind) {
	case INPUT_JSON:
		return next_json(r, out, result, err);
	case INPUT_PROTO:
		return next_proto(r, out, result, err);
	case INPUT_EMPTY:
		stream_skip(r->top, stream_left(r->top));
		return at_end(r, err);
	default:
		return next_framed(r, out, result, err);
	}
}

int
record_reader_next(struct record_reader *r, struct record *out, struct ingest_result *result,
    struct err *err)
{
	struct err local;
	int e;

	if (r->ended)
		return 1;
	if (err == NULL)
		err = &local;
	e = next(r, out, result, err);
	if (e == ERR_CORRUPT)
		err->off = (int64_t)record_reader_offset(r);
	return e;
}

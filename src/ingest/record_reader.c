/* SPDX-License-Identifier: ISC */
/*
 * record_reader: cuts an input into records, one OTLP request each, whatever it is wrapped
 * in. A stack of streams: the input, and over it one for each container (gzip or zstd around
 * the whole); the top one is cut by its kind:
 *
 *   JSON           record_json.c
 *   protobuf       record_proto.c
 *
 * Lines before the first JSON (the rest of a record whose file was cut at its head, a banner)
 * and NUL bytes are passed over and told of when JSON has been found; an input that has none in
 * its first BANNER_LINES lines is refused whole.
 *
 * What is too large is passed over without being held.
 */
#include <stdio.h>
#include <stdlib.h>

#include "json_form_i.h"
#include "record_reader_i.h"

#define BANNER_LINES 1000

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
		return r->form;
	case INPUT_PROTO:
		return "OTLP protobuf";
	case INPUT_FRAMED_PROTO:
		return "OTLP protobuf, length-prefixed";
	case INPUT_DELIMITED_PROTO:
		return "OTLP protobuf, varint-delimited";
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

	snprintf(w->text, sizeof w->text, "%s%s%s", kind_text(r),
	    r->kind == INPUT_JSON && r->lines ? " lines" : "", r->packed);
	return r->text;
}

void
record_reader_report(struct ingest_result *result, uint64_t line, const char *fmt, ...)
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

void
record_reader_oversize(const struct record_reader *r, struct ingest_result *result,
    uint64_t line, uint64_t n_bytes)
{
	result->n_oversize++;
	record_reader_report(result, line, "a record of %llu bytes is over [ingest] max_request, "
	    "%zu bytes", (unsigned long long)n_bytes, r->max_record);
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
	e = kind == INPUT_GZIP ? unpack_gzip(r->top, u, err) :
	    kind == INPUT_XZ ? unpack_xz(r->top, u, err) : unpack_zstd(r->top, u, err);
	if (e < 0)
		return e;
	snprintf(r->packed + n, sizeof r->packed - n, ", %s",
	    kind == INPUT_GZIP ? "gzip" : kind == INPUT_XZ ? "xz" : "zstd");
	src = unpack_source(*u);
	r->top = &r->streams[++r->n_containers];
	stream_init(r->top, &src);
	return 0;
}

uint64_t
record_reader_newlines(const char *p, size_t n)
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
		*lines += record_reader_newlines(stream_at(s), DETECT_BYTES);
		stream_skip(s, DETECT_BYTES);
	}
}

static struct sv
head_of(struct record_reader *r, bool *whole)
{
	/* Not one byte further, however much was read: the answer is of the input. */
	bool more = stream_fill(r->top, DETECT_BYTES);

	*whole = !more;
	return sv_new(stream_at(r->top), more ? DETECT_BYTES : stream_left(r->top));
}

static struct detected
look(struct record_reader *r)
{
	bool whole;
	struct sv head = head_of(r, &whole);

	return detect(head, whole);
}

/*
 * The text that has no JSON: whether it is as if something stood before JSON on each line.
 * The line is at hand, as far as the head goes.
 */
static bool
has_prefix(struct sv head)
{
	struct sv line;

	return sv_cut(&head, '\n', &line) && sv_find(line, SV("{\"")) > 0;
}

static int
refuse(const struct detected *d, bool prefixed, struct err *err)
{
	if (d->kind == INPUT_REFUSED)
		return err_set(err, ERR_UNSUPPORTED, 0, "%s", d->advice);
	if (prefixed)
		return err_set(err, ERR_SYNTAX, 0, "neither OTLP JSON nor OTLP protobuf: if "
		    "something stands before the JSON of each line: sed 's/^[^{]*//' FILE | "
		    "spanctl import -");
	return err_set(err, ERR_SYNTAX, 0, "neither OTLP JSON nor OTLP protobuf nor another form "
	    "that is known, plain or in gzip, zstd or xz");
}

/* Consumes the rest of a line with its end; false if the input ends, or the line is too long. */
static bool
pass_line(struct record_reader *r)
{
	uint64_t n = 0;

	while (stream_fill(r->top, 1) && n <= r->max_record) {
		size_t left = stream_left(r->top);
		const char *nl = memchr(stream_at(r->top), '\n', left);
		size_t k = nl != NULL ? (size_t)(nl - stream_at(r->top)) + 1 : left;

		stream_skip(r->top, k);
		n += k;
		if (nl != NULL)
			return true;
	}
	return false;
}

/* What was passed over before it was known whether JSON follows. */
struct banner {
	unsigned n;
	struct {
		uint64_t line, hole_bytes;	/* 0: a line that is no JSON */
	} v[BANNER_LINES];
};

static void
tell(const struct banner *b, struct ingest_result *result)
{
	for (unsigned i = 0; i < b->n; i++)
		if (b->v[i].hole_bytes != 0)
			record_json_tell_hole(result, b->v[i].line, b->v[i].hole_bytes);
		else
			record_reader_report(result, b->v[i].line, "not a JSON object");
}

/* Passes over lines and holes until JSON begins; false if it does not. */
static bool
pass_banner(struct record_reader *r, struct banner *b)
{
	while (record_json_space(r)) {
		bool whole;
		struct sv head = head_of(r, &whole);
		enum input_kind k = detect_line(head, whole);

		if (k == INPUT_JSON)
			return true;
		if ((k != INPUT_TEXT && k != INPUT_HOLE) || b->n == BANNER_LINES)
			return false;
		b->v[b->n].line = r->line;
		b->v[b->n].hole_bytes = k == INPUT_HOLE ? record_json_hole(r) : 0;
		b->n++;
		if (k == INPUT_TEXT) {
			if (!pass_line(r))
				return false;
			r->line++;
		}
	}
	return false;
}

/* An input that begins with something that is no JSON. */
static int
find_json(struct record_reader *r, struct ingest_result *result, struct err *err)
{
	struct banner *b = calloc(1, sizeof *b);
	struct detected d = { INPUT_UNKNOWN, NULL };
	bool whole, prefixed = has_prefix(head_of(r, &whole));

	if (b == NULL)
		return err_nomem(err);
	if (pass_banner(r, b))
		d = look(r);
	if (d.kind == INPUT_JSON)
		tell(b, result);
	free(b);
	r->kind = d.kind;
	if (d.kind == INPUT_JSON)
		return 0;
	if (r->top->failed) {
		*err = r->top->err;
		return r->top->failed;
	}
	return refuse(&d, prefixed, err);
}

static int
find_kind(struct record_reader *r, struct ingest_result *result, struct err *err)
{
	struct detected d;
	uint64_t blank = 0;
	int e;

	for (;;) {
		skip_blank(r, &blank);
		d = look(r);
		if (d.kind != INPUT_GZIP && d.kind != INPUT_ZSTD && d.kind != INPUT_XZ)
			break;
		if ((e = add_container(r, d.kind, err)) < 0)
			return e;
	}
	r->kind = d.kind;
	if (d.kind == INPUT_UNKNOWN && r->top->failed) {
		*err = r->top->err;
		return r->top->failed;
	}
	if (d.kind == INPUT_UNKNOWN || d.kind == INPUT_REFUSED)
		return refuse(&d, false, err);
	if (d.kind != INPUT_JSON && d.kind != INPUT_TEXT && d.kind != INPUT_HOLE)
		return 0;
	r->line = 1 + blank;
	if (sv_starts(sv_new(stream_at(r->top), stream_left(r->top)), SV("\xef\xbb\xbf")))
		stream_skip(r->top, 3);
	return d.kind == INPUT_JSON ? 0 : find_json(r, result, err);
}

/* The form of the first object, for describe. */
static void
note_form(struct record_reader *r)
{
	bool whole;
	struct sv head = head_of(r, &whole);
	const struct json_form *form;
	size_t i = 0;

	while (i < head.n && head.p[i] != '{')
		i++;
	form = json_form_of(sv_sub(head, i, head.n));
	r->form = form == NULL ? "OTLP JSON" : form->name;
}

/* The top stream has no more: the end, or what made it so. */
int
record_reader_end(struct record_reader *r, struct err *err)
{
	r->ended = true;
	if (!r->top->failed)
		return 1;
	*err = r->top->err;
	return r->top->failed;
}

int
record_reader_emit(struct record_reader *r, enum record_form form, size_t n, uint64_t line,
    struct record *out, struct err *err)
{
	char *p = stream_take(r->top, n);

	if (p == NULL)
		return err_nomem(err);
	*out = (struct record){ form, p, n, line };
	return 0;
}

static int
next(struct record_reader *r, struct record *out, struct ingest_result *result,
    struct err *err)
{
	int e;

	if (!r->detected) {
		if ((e = find_kind(r, result, err)) < 0) {
			r->ended = true;
			return e;
		}
		r->detected = true;
		if (r->kind == INPUT_JSON)
			note_form(r);
	}
	switch (r->kind) {
	case INPUT_JSON:
		return record_json_next(r, out, result, err);
	case INPUT_PROTO:
		return record_proto_next(r, out, result, err);
	case INPUT_EMPTY:
		stream_skip(r->top, stream_left(r->top));
		return record_reader_end(r, err);
	default:
		return record_framed_next(r, out, result, err);
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

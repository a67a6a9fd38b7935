/* SPDX-License-Identifier: ISC */
/*
 * Unit tests of ingest/record_reader: every form an input can have, damaged and whole, read
 * in pieces of any size. What comes out is written down as one line of text per event:
 * "J3:{...}" a JSON record of line 3, "P1:n" a protobuf record of n bytes, "!3:why" a
 * report, "E:code" an error, "." the end.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

#include "ingest/ingest.h"

struct input {
	struct sv s;
	size_t at, piece;	/* bytes a read gives; 0: all */
	int fail;		/* an error instead of the end */
};

static int64_t
read_input(void *arg, void *buf, size_t n, struct err *err)
{
	struct input *in = arg;
	size_t left = in->s.n - in->at;

	if (n > left)
		n = left;
	if (in->piece != 0 && n > in->piece)
		n = in->piece;
	if (n == 0)
		return in->fail ? err_set(err, in->fail, -1, "the disk is on fire") : 0;
	memcpy(buf, in->s.p + in->at, n);
	in->at += n;
	return (int64_t)n;
}

static void
note(void *arg, const struct reject *r)
{
	buf_printf(arg, "!%d:%s\n", (int)r->line, r->why);
}

static struct err last;
static char described[100];

/* Everything that an input gives, as text; released by the caller. */
static struct buf
transcript(struct sv s, size_t max, size_t piece, int fail)
{
	struct input in = { s, 0, piece, fail };
	struct source_bytes src = { read_input, &in };
	struct buf b = BUF_INIT;
	struct ingest_result res = { .reject = note, .reject_arg = &b };
	struct record_reader *r;
	struct record rec;
	int e;

	assert_int_equal(record_reader_open(&src, max, &r, &last), 0);
	while ((e = record_reader_next(r, &rec, &res, &last)) == 0) {
		assert_true(rec.n <= max);
		if (rec.form == RECORD_JSON)
			buf_printf(&b, "J%d:%.*s\n", (int)rec.line, (int)rec.n, rec.body);
		else
			buf_printf(&b, "P%d:%d\n", (int)rec.line, (int)rec.n);
		free(rec.body);
	}
	if (e < 0)
		buf_printf(&b, "E:%s\n", err_name(e));
	else
		BUF_LIT(&b, ".\n");
	assert_true(record_reader_next(r, &rec, &res, NULL) > 0);
	snprintf(described, sizeof described, "%s", record_reader_describe(r));
	if (e > 0)
		assert_int_equal(record_reader_offset(r), s.n);
	record_reader_close(r);
	return b;
}

/* The same text must come of reads of every size. */
static void
expect_max(struct sv s, size_t max, const char *want)
{
	static const size_t pieces[] = { 0, 1, 2, 7, 100 };

	for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
		struct buf got = transcript(s, max, pieces[i], 0);

		if (strcmp(buf_cstr(&got), want) != 0)
			fail_msg("in pieces of %zu:\n%s\nand not\n%s", pieces[i],
			    buf_cstr(&got), want);
		buf_release(&got);
	}
}

static void
expect(const char *input, const char *want)
{
	expect_max(sv_cstr(input), 1000, want);
}

static void
reads_one_request_a_line(void **state)
{
	(void)state;
	expect("{\"a\":1}\n{\"b\":2}\n", "J1:{\"a\":1}\nJ2:{\"b\":2}\n.\n");
	expect("{\"a\":1}\r\n\r\n\n  {\"b\":2}  \n{}", "J1:{\"a\":1}\nJ4:{\"b\":2}\nJ5:{}\n.\n");
	expect("\xef\xbb\xbf{\"a\":1}", "J1:{\"a\":1}\n.\n");
	expect("\n\n {}\n", "J3:{}\n.\n");
	assert_string_equal(described, "OTLP JSON lines");
}

static void
reads_pretty_printed_and_concatenated_requests(void **state)
{
	(void)state;
	expect("{\n \"a\": [\n  {}, \"}]\\\"{\"\n ]\n}\n{\n}\n",
	    "J1:{\n \"a\": [\n  {}, \"}]\\\"{\"\n ]\n}\nJ6:{\n}\n.\n");
	assert_string_equal(described, "OTLP JSON");
	expect("{\"a\":{}\n,\"b\":{}}\n", "J1:{\"a\":{}\n,\"b\":{}}\n.\n");
	expect("{\"resourceSpans\":[\n{\"resource\":{}},\n{\"resource\":{}}\n]}\n",
	    "J1:{\"resourceSpans\":[\n{\"resource\":{}},\n{\"resource\":{}}\n]}\n.\n");
	expect("{\"a\":1} {\"b\":2}x\n{}\n", "J1:{\"a\":1}\nJ1:{\"b\":2}\n"
	    "!1:not a JSON object\nJ2:{}\n.\n");
}

static void
a_broken_line_takes_no_other_with_it(void **state)
{
	(void)state;
	/* Cut in a string, in the structure, after a comma; the last without a newline. */
	expect("{\"resourceSpans\":[{\"a\n{\"resourceSpans\":[]}\n",
	    "J1:{\"resourceSpans\":[{\"a\n\nJ2:{\"resourceSpans\":[]}\n.\n");
	expect("{\"x\":[1,\n{\"resourceSpans\":[]}\n{\"x\":[1\n{\"resource\":{}}\n",
	    "J1:{\"x\":[1,\n\nJ2:{\"resourceSpans\":[]}\nJ3:{\"x\":[1\n\nJ4:{\"resource\":{}}\n.\n");
	expect("{\"resourceSpans\":[{}]}\n{\"resourceSp",
	    "J1:{\"resourceSpans\":[{}]}\nJ2:{\"resourceSp\n.\n");
	/* A line that ends like one but isn't, is left to the parser. */
	expect("{\"a\":{}\n{\"resourceSpans\":[]}\n",
	    "J1:{\"a\":{}\nJ2:{\"resourceSpans\":[]}\n.\n");
	/* Records of every form. */
	expect("{\"traceId\":\"a\n{\"traceId\":\"b\"}\n{\"traceID\":1\n{\"traceID\":2}\n",
	    "J1:{\"traceId\":\"a\n\nJ2:{\"traceId\":\"b\"}\nJ3:{\"traceID\":1\n\n"
	    "J4:{\"traceID\":2}\n.\n");
	expect("{\"data\":[\n{\"traceID\":1},\n{\"traceID\":2}\n],\"a\":\n{\"b\":1}}\n",
	    "J1:{\"data\":[\n{\"traceID\":1},\n{\"traceID\":2}\n],\"a\":\n{\"b\":1}}\n.\n");
	expect("{}\nhello\n]\n\x01{}\n{}\n", "J1:{}\n!2:not a JSON object\n"
	    "!3:not a JSON object\n!4:not a JSON object\nJ5:{}\n.\n");
}

/* One that looked for the line's end at every object would read all of the line at the first. */
static void
a_line_of_many_objects_is_read_as_it_goes(void **state)
{
	struct buf text = BUF_INIT;
	struct ingest_result res = { .n_spans = 0 };
	struct record_reader *r;
	struct record rec;
	struct input in;
	struct source_bytes src = { read_input, &in };

	(void)state;
	for (int i = 0; i < 100000; i++)
		buf_printf(&text, "%c{\"id\":%d}", i == 0 ? '[' : ',', i);
	in = (struct input){ buf_view(&text), 0, 0, 0 };
	assert_int_equal(record_reader_open(&src, 1 << 20, &r, &last), 0);
	assert_int_equal(record_reader_next(r, &rec, &res, &last), 0);
	free(rec.body);
	assert_true(in.at < text.n / 2);
	record_reader_close(r);
	buf_release(&text);
}

static void
too_large_records_are_passed_over(void **state)
{
	char big[500];
	struct buf b = BUF_INIT, want = BUF_INIT;

	(void)state;
	memset(big, 'x', sizeof big);
	buf_printf(&b, "{}\n{\"%.*s\":1}\n{\"a\":1}\n{\n\"%.*s\":\n2}\n{}\n", 500, big, 500, big);
	expect_max(buf_view(&b), 100,
	    "J1:{}\n!2:a record of 506 bytes is over [ingest] max_request, 100 bytes\nJ3:{\"a\":1}\n"
	    "!4:a record of 508 bytes is over [ingest] max_request, 100 bytes\nJ7:{}\n.\n");
	b.n = 0;
	buf_printf(&b, "{\"%.*s\":1}", 500, big);
	buf_printf(&want, "J1:%.*s\n.\n", (int)b.n, b.p);
	expect_max(buf_view(&b), 506, buf_cstr(&want));
	buf_release(&want);
	expect_max(buf_view(&b), 505, "!1:a record of 506 bytes is over [ingest] max_request, 505 bytes\n.\n");
	buf_release(&b);
}

static void
empty_inputs_have_no_records(void **state)
{
	(void)state;
	expect("", ".\n");
	expect(" \n\t\r\n", ".\n");
	assert_string_equal(described, "empty");
}

static void
tells_what_it_cannot_read(void **state)
{
	static const struct {
		const char *input, *want, *why;
	} cases[] = {
		{ "hello", "E:syntax\n", "neither OTLP JSON nor OTLP protobuf" },
		{ "\x89PNG\r\n\x1a\n", "E:syntax\n", "neither" },
		{ "[1,2]", "E:syntax\n", "neither" },
		{ "{\"traceEvents\":[]}", "E:unsupported\n", "a Chrome trace" },
		{ "\n[ [{\"ph\":\"X\",\"ts\":1}]]", "E:unsupported\n", "a Chrome trace" },
		{ "starting\n{\"ph\":\"X\",\"ts\":1}", "E:unsupported\n", "a Chrome trace" },
		{ "{\"log\":\"{}\\n\",\"stream\":\"stdout\"}\n", "E:unsupported\n",
		    "docker's json-log: jq -j .log FILE | spanctl import -" },
		{ "{\n  resource: {", "E:unsupported\n", "JavaScript" },
		{ "PK\3\4", "E:unsupported\n", "a zip archive: unzip -p FILE | spanctl import -" },
		{ "BZh9", "E:unsupported\n", "bzip2 -dc" },
		{ "a-1 | {\"resourceSpans\":[]}\n", "E:syntax\n", "sed 's/^[^{]*//'" },
		{ "name,time\nx,1\n", "E:unsupported\n", "a table" },
		{ "name,time\n{\"ph\":\"X\",\"ts\":1}", "E:unsupported\n", "a Chrome trace" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		expect(cases[i].input, cases[i].want);
		assert_non_null(strstr(last.msg, cases[i].why));
	}
	expect("{\"data\":1}", "J1:{\"data\":1}\n.\n");
	expect_max(SV("\xff\xfe{\0\"\0"), 100, "E:unsupported\n");
	assert_non_null(strstr(last.msg, "iconv -f UTF-16 -t UTF-8 FILE | spanctl import -"));
	expect_max(SV("\0{\0\""), 100, "E:unsupported\n");
	assert_non_null(strstr(last.msg, "iconv -f UTF-16BE"));
}

/* Wherever a line is cut, the one behind it is whole. */
static void
a_line_that_is_cut_costs_itself(void **state)
{
	static const char line[] = "{\"a\":[{\"b\":1},\"x\"],\"c\":{\"d\":[2]}}";

	(void)state;
	for (size_t n = 2; n < sizeof line - 1; n++)
		for (int more = 0; more < 2; more++) {
			char text[200], want[400];

			snprintf(text, sizeof text, "%s\n%.*s\n%s\n%s", line, (int)n, line, line,
			    more ? "{\"z\":1}\n" : "");
			snprintf(want, sizeof want, "J1:%s\nJ2:%.*s\n%sJ3:%s\n%s.\n", line, (int)n,
			    line, line[n - 1] == '}' ? "" : "\n", line, more ? "J4:{\"z\":1}\n" : "");
			expect(text, want);
		}
	/* An element on a line of its own is none of them. */
	expect("{\"a\":[\n{\"b\":1},\n{\"b\":2}\n]}\n{\"c\":\n{\"d\":1}}\n",
	    "J1:{\"a\":[\n{\"b\":1},\n{\"b\":2}\n]}\nJ5:{\"c\":\n{\"d\":1}}\n.\n");
	expect("{\"a\":[\n{\"b\":1}\n", "J1:{\"a\":[\n{\"b\":1}\n\n.\n");
}

static void
cuts_lists_into_their_elements(void **state)
{
	(void)state;
	expect("[{\"a\":1},{\"b\":[2]}]", "J1:{\"a\":1}\nJ1:{\"b\":[2]}\n.\n");
	expect("[\n{\"a\":1},\n{\"b\":2}\n]\n", "J2:{\"a\":1}\nJ3:{\"b\":2}\n.\n");
	expect("[\n {\"a\":1}\n ,\n {\n\"b\":2\n}\n]\n[{}]", "J2:{\"a\":1}\n"
	    "J4:{\n\"b\":2\n}\nJ8:{}\n.\n");
	expect("[[{\"a\":1}],[{\"b\":2},{}]]", "J1:{\"a\":1}\nJ1:{\"b\":2}\nJ1:{}\n.\n");
	expect("[]\n[[],[]]", ".\n");
	/* Cut short, with something else in it, closed twice. */
	expect("[{\"a\":1},", "J1:{\"a\":1}\n!1:it ends inside a list: cut short?\n.\n");
	expect("[{\"a\":1},\n{\"b\"", "J1:{\"a\":1}\nJ2:{\"b\"\n"
	    "!2:it ends inside a list: cut short?\n.\n");
	expect("[{},\n7,\n{}]", "J1:{}\n!2:not a JSON object\nJ3:{}\n.\n");
	expect("[{}]]\n{}", "J1:{}\n!1:not a JSON object\nJ2:{}\n.\n");
	expect("[{}],\n{}", "J1:{}\n!1:not a JSON object\nJ2:{}\n.\n");
	/* A list that a line begins and breaks off is not open on the next. */
	expect("{}\n[\"a\n{}\n", "J1:{}\n!2:not a JSON object\nJ3:{}\n.\n");
}

static void
a_first_line_that_is_no_record_costs_that_line(void **state)
{
	struct buf b = BUF_INIT;
	char *want;

	(void)state;
	expect("starting\n{\"a\":1}\n", "!1:not a JSON object\nJ2:{\"a\":1}\n.\n");
	expect("utes\":[]}]}\n{\"a\":1}\n{}", "!1:not a JSON object\nJ2:{\"a\":1}\nJ3:{}\n.\n");
	expect("\n[10:00:01] up\n\nready\n[{}]", "!2:not a JSON object\n!4:not a JSON object\n"
	    "J5:{}\n.\n");
	expect("\xa9\"}]}\n{}", "!1:not a JSON object\nJ2:{}\n.\n");
	/* Longer than what is looked at. */
	for (int i = 0; i < 700; i++)
		BUF_LIT(&b, "ab,");
	BUF_LIT(&b, "\n{}\n");
	expect_max(buf_view(&b), 5000, "!1:not a JSON object\nJ2:{}\n.\n");
	/* A file of text is refused whole, also if JSON comes very late. */
	b.n = 0;
	for (int i = 0; i < 1001; i++)
		BUF_LIT(&b, "x\n");
	BUF_LIT(&b, "{}\n");
	expect_max(buf_view(&b), 100, "E:syntax\n");
	want = strstr(last.msg, "neither");
	assert_non_null(want);
	buf_release(&b);
}

static void
holes_are_told_of_once(void **state)
{
	struct buf b = BUF_INIT;
	char zeros[3000] = { 0 };

	(void)state;
#define HOLE(n) "a hole of " #n " NUL bytes, passed over\n"
	expect_max(SV("\0\0\0\0\0\0\0\0{\"a\":1}\n{}"), 100, "!1:" HOLE(8) "J1:{\"a\":1}\nJ2:{}\n.\n");
	expect_max(SV("{}\n\0\0\0{\"a\":1}\n"), 100, "J1:{}\n!2:" HOLE(3) "J2:{\"a\":1}\n.\n");
	expect_max(SV("{}\n\0\0\0"), 100, "J1:{}\n!2:" HOLE(3) ".\n");
	expect_max(SV("x\n\0\0\0s\n{}"), 100, "!1:not a JSON object\n!2:" HOLE(3)
	    "!2:not a JSON object\nJ3:{}\n.\n");
	buf_put(&b, zeros, sizeof zeros);
	BUF_LIT(&b, "{}\n");
	buf_put(&b, zeros, sizeof zeros);
	BUF_LIT(&b, "\n{}\n");
	expect_max(buf_view(&b), 100, "!1:" HOLE(3000) "J1:{}\n!2:" HOLE(3000) "J3:{}\n.\n");
	expect_max(sv_new(zeros, sizeof zeros), 100, "E:syntax\n");
#undef HOLE
	buf_release(&b);
}

/* A little request: ResourceSpans of n bytes of resource. */
static void
put_proto(struct buf *b, size_t n)
{
	buf_put(b, "\x0a", 1);
	buf_varint(b, n + 2);
	buf_put(b, "\x0a", 1);
	buf_putc(b, (char)n);
	for (size_t i = 0; i < n; i++)
		buf_putc(b, 'x');
}

static void
put_length(struct buf *b, size_t n)
{
	for (int i = 24; i >= 0; i -= 8)
		buf_putc(b, (char)(n >> i));
}

static void
reads_a_bare_protobuf_request(void **state)
{
	struct buf b = BUF_INIT;

	(void)state;
	put_proto(&b, 3);
	put_proto(&b, 100);
	expect_max(buf_view(&b), 1000, "P1:111\n.\n");
	assert_string_equal(described, "OTLP protobuf");
	expect_max(buf_view(&b), 111, "P1:111\n.\n");
	expect_max(buf_view(&b), 110, "!1:a record of 111 bytes is over [ingest] max_request, 110 bytes\n.\n");
	/* 0a 7b 0a could be the start of JSON after a newline. */
	b.n = 0;
	put_proto(&b, 0x7b - 2);
	expect_max(buf_view(&b), 1000, "P1:125\n.\n");
	expect("\n{\n\"a\":1}", "J2:{\n\"a\":1}\n.\n");
	buf_release(&b);
}

static void
reads_length_prefixed_protobuf(void **state)
{
	struct buf b = BUF_INIT;
	size_t first;

	(void)state;
	put_length(&b, 0);
	put_length(&b, 7);
	put_proto(&b, 3);
	first = b.n;
	put_length(&b, 54);
	put_proto(&b, 50);
	put_length(&b, 0);
	expect_max(buf_view(&b), 100, "P2:7\nP3:54\n.\n");
	assert_string_equal(described, "OTLP protobuf, length-prefixed");
	expect_max(buf_view(&b), 53, "P2:7\n!3:a record of 54 bytes is over [ingest] max_request, 53 bytes\n.\n");
	/* Cut in a length and in a body; the offset is that of the end. */
	expect_max(sv_sub(buf_view(&b), 0, first + 2), 100, "P2:7\nE:corrupt\n");
	assert_string_equal(last.msg, "record 3 is cut short");
	expect_max(sv_sub(buf_view(&b), 0, first + 30), 100, "P2:7\nE:corrupt\n");
	assert_int_equal(last.off, first + 4);
	expect_max(sv_sub(buf_view(&b), 0, first + 30), 20,
	    "P2:7\n!3:a record of 54 bytes is over [ingest] max_request, 20 bytes\nE:corrupt\n");
	expect_max(sv_new("\0\0\0\0\0\0\0\0", 8), 100, ".\n");
	expect_max(sv_new("\0\0\0\0\0\0\0", 7), 100, "E:syntax\n");
	buf_release(&b);
}

static void
reads_varint_delimited_protobuf(void **state)
{
	struct buf b = BUF_INIT;
	size_t first;

	(void)state;
	buf_varint(&b, 7);
	put_proto(&b, 3);
	first = b.n;
	buf_varint(&b, 0);
	buf_varint(&b, 200);
	put_proto(&b, 100);
	put_proto(&b, 92);
	expect_max(buf_view(&b), 1000, "P1:7\nP3:200\n.\n");
	assert_string_equal(described, "OTLP protobuf, varint-delimited");
	expect_max(buf_view(&b), 100,
	    "P1:7\n!3:a record of 200 bytes is over [ingest] max_request, 100 bytes\n.\n");
	expect_max(sv_sub(buf_view(&b), 0, first + 30), 1000, "P1:7\nE:corrupt\n");
	assert_string_equal(last.msg, "record 3 is cut short");
	expect_max(sv_sub(buf_view(&b), 0, first + 2), 1000, "P1:7\nE:corrupt\n");
	/* The first alone, longer than a byte can tell, and longer than what is looked at. */
	b.n = 0;
	buf_varint(&b, 200);
	put_proto(&b, 100);
	put_proto(&b, 92);
	expect_max(buf_view(&b), 1000, "P1:200\n.\n");
	buf_release(&b);
}

static void
put_zstd(struct buf *b, struct sv s)
{
	char out[4096];
	size_t n = ZSTD_compress(out, sizeof out, s.p, s.n, 1);

	assert_false(ZSTD_isError(n));
	buf_put(b, out, n);
}

static void
put_gzip(struct buf *b, struct sv s)
{
	char out[4096];
	z_stream z = { .next_in = (Bytef *)(uintptr_t)s.p, .avail_in = (unsigned)s.n,
	    .next_out = (Bytef *)out, .avail_out = sizeof out };

	assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 16 + 15, 8, Z_DEFAULT_STRATEGY), Z_OK);
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	buf_put(b, out, z.total_out);
	deflateEnd(&z);
}

static void
put_xz(struct buf *b, struct sv s)
{
	uint8_t out[4096];
	size_t n = 0;

	assert_int_equal(lzma_easy_buffer_encode(6, LZMA_CHECK_CRC64, NULL,
	    (const uint8_t *)s.p, s.n, out, &n, sizeof out), LZMA_OK);
	buf_put(b, out, n);
}

static void
put_zstd_record(struct buf *b, struct sv s)
{
	struct buf z = BUF_INIT;

	put_zstd(&z, s);
	put_length(b, z.n);
	buf_sv(b, buf_view(&z));
	buf_release(&z);
}

static void
reads_zstd_frames_behind_lengths(void **state)
{
	struct buf b = BUF_INIT, p = BUF_INIT;
	char zeros[3000] = { 0 };

	(void)state;
	put_proto(&p, 9);
	put_zstd_record(&b, SV(" {\"a\":1}"));
	put_zstd_record(&b, buf_view(&p));
	put_zstd_record(&b, sv_new(zeros, sizeof zeros));
	put_length(&b, 6);
	BUF_LIT(&b, "\x28\xb5\x2f\xfdxx");
	put_length(&b, 5);
	BUF_LIT(&b, "hello");
	put_zstd_record(&b, SV("{}"));
	expect_max(buf_view(&b), 100, "J1: {\"a\":1}\nP2:13\n!3:unpacked, it is over [ingest] max_request, 100 bytes\n"
	    "!4:zstd data: the input ends in the middle\n"
	    "!5:zstd data: Unknown frame descriptor\nJ6:{}\n.\n");
	assert_string_equal(described, "OTLP zstd frames, length-prefixed");
	buf_release(&b);
	buf_release(&p);
}

static void
reads_through_containers(void **state)
{
	struct buf a = BUF_INIT, b = BUF_INIT, p = BUF_INIT;

	(void)state;
	/* Members and frames may cut records anywhere. */
	put_gzip(&a, SV("{\"a\":1}\n{\"b\""));
	put_gzip(&a, SV(""));
	put_gzip(&a, SV(":2}\n"));
	expect_max(buf_view(&a), 100, "J1:{\"a\":1}\nJ2:{\"b\":2}\n.\n");
	assert_string_equal(described, "OTLP JSON lines, gzip");
	BUF_LIT(&a, "\0\0\0\0");
	expect_max(buf_view(&a), 100, "J1:{\"a\":1}\nJ2:{\"b\":2}\n.\n");
	BUF_LIT(&a, "garbage");
	expect_max(buf_view(&a), 100, "J1:{\"a\":1}\nJ2:{\"b\":2}\nE:corrupt\n");
	put_zstd(&b, SV("{\"a\":1}\n{\"b\""));
	put_zstd(&b, SV(":2}\n"));
	expect_max(buf_view(&b), 100, "J1:{\"a\":1}\nJ2:{\"b\":2}\n.\n");
	assert_string_equal(described, "OTLP JSON lines, zstd");
	a.n = 0;
	put_gzip(&a, buf_view(&b));
	expect_max(buf_view(&a), 100, "J1:{\"a\":1}\nJ2:{\"b\":2}\n.\n");
	assert_string_equal(described, "OTLP JSON lines, gzip, zstd");
	b.n = 0;
	put_zstd(&b, buf_view(&a));
	expect_max(buf_view(&b), 100, "E:syntax\n");
	b.n = 0;
	put_xz(&b, SV("{\"a\":1}\n{\"b\""));
	put_xz(&b, SV(":2}\n"));
	expect_max(buf_view(&b), 100, "J1:{\"a\":1}\nJ2:{\"b\":2}\n.\n");
	assert_string_equal(described, "OTLP JSON lines, xz");
	BUF_LIT(&b, "garbage!");
	expect_max(buf_view(&b), 100, "J1:{\"a\":1}\nJ2:{\"b\":2}\nE:corrupt\n");
	put_length(&p, 7);
	put_proto(&p, 3);
	a.n = 0;
	put_gzip(&a, buf_view(&p));
	expect_max(buf_view(&a), 100, "P1:7\n.\n");
	a.n = 0;
	put_gzip(&a, SV(""));
	expect_max(buf_view(&a), 100, ".\n");
	buf_release(&a);
	buf_release(&b);
	buf_release(&p);
}

/* Cut anywhere, a container gives the lines before the cut and then says so. */
static void
cut_containers_give_what_came_before(void **state)
{
	struct buf text = BUF_INIT, packed[3] = { BUF_INIT, BUF_INIT, BUF_INIT };

	(void)state;
	for (int i = 0; i < 50; i++)
		buf_printf(&text, "{\"line\":%d,\"x\":\"%d\"}\n", i, i * i * 7919);
	put_gzip(&packed[0], buf_view(&text));
	put_zstd(&packed[1], buf_view(&text));
	put_xz(&packed[2], buf_view(&text));
	for (int k = 0; k < 3; k++)
		for (size_t n = 20; n < packed[k].n; n++) {
			struct buf got = transcript(sv_sub(buf_view(&packed[k]), 0, n), 100,
			    0, 0);

			assert_true(sv_ends(buf_view(&got), SV("E:corrupt\n")));
			assert_int_equal(last.off, n);
			buf_release(&got);
		}
	/* And flipped anywhere: an error or other text, never a crash. */
	for (int k = 0; k < 3; k++)
		for (size_t i = 0; i < packed[k].n; i++) {
			struct buf got;

			packed[k].p[i] ^= 0x55;
			got = transcript(buf_view(&packed[k]), 100, 0, 0);
			buf_release(&got);
			packed[k].p[i] ^= 0x55;
		}
	buf_release(&text);
	buf_release(&packed[0]);
	buf_release(&packed[1]);
	buf_release(&packed[2]);
}

static void
a_failing_source_gives_what_came_before(void **state)
{
	struct buf got;

	(void)state;
	got = transcript(SV("{\"a\":1}\n{\"b\""), 100, 0, ERR_IO);
	assert_string_equal(buf_cstr(&got), "J1:{\"a\":1}\nJ2:{\"b\"\nE:io\n");
	assert_string_equal(last.msg, "the disk is on fire");
	buf_release(&got);
	got = transcript(SV(""), 100, 0, ERR_IO);
	assert_string_equal(buf_cstr(&got), "E:io\n");
	buf_release(&got);
	got = transcript(SV("\0\0\0\x07\x0a"), 100, 0, ERR_IO);
	assert_string_equal(buf_cstr(&got), "E:io\n");
	buf_release(&got);
}

/* Lines and records larger than what is read at a time, next to small ones. */
static void
large_records_come_whole(void **state)
{
	size_t n = 3 << 20;
	char *big = malloc(n);
	struct input in = { SV_EMPTY, 0, 100000, 0 };
	struct source_bytes src = { read_input, &in };
	struct ingest_result res = { .n_spans = 0 };
	struct record_reader *r;
	struct buf b = BUF_INIT;
	struct record rec;
	struct err err;

	(void)state;
	memset(big, 'x', n);
	for (int i = 0; i < 3; i++) {
		buf_printf(&b, "{\"n\":%d}\n{\"s\":\"", i);
		buf_put(&b, big, n);
		buf_str(&b, "\"}\n");
	}
	in.s = buf_view(&b);
	assert_int_equal(record_reader_open(&src, n + 100, &r, &err), 0);
	for (int i = 0; i < 6; i++) {
		assert_int_equal(record_reader_next(r, &rec, &res, &err), 0);
		assert_int_equal(rec.line, i + 1);
		assert_int_equal(rec.n, i % 2 ? n + 8 : 7);
		assert_int_equal(rec.body[rec.n - 1], '}');
		free(rec.body);
	}
	assert_true(record_reader_next(r, &rec, &res, &err) > 0);
	record_reader_close(r);
	buf_release(&b);
	free(big);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_one_request_a_line),
		cmocka_unit_test(reads_pretty_printed_and_concatenated_requests),
		cmocka_unit_test(a_broken_line_takes_no_other_with_it),
		cmocka_unit_test(a_line_of_many_objects_is_read_as_it_goes),
		cmocka_unit_test(too_large_records_are_passed_over),
		cmocka_unit_test(empty_inputs_have_no_records),
		cmocka_unit_test(tells_what_it_cannot_read),
		cmocka_unit_test(a_line_that_is_cut_costs_itself),
		cmocka_unit_test(cuts_lists_into_their_elements),
		cmocka_unit_test(a_first_line_that_is_no_record_costs_that_line),
		cmocka_unit_test(holes_are_told_of_once),
		cmocka_unit_test(reads_varint_delimited_protobuf),
		cmocka_unit_test(reads_a_bare_protobuf_request),
		cmocka_unit_test(reads_length_prefixed_protobuf),
		cmocka_unit_test(reads_zstd_frames_behind_lengths),
		cmocka_unit_test(reads_through_containers),
		cmocka_unit_test(cut_containers_give_what_came_before),
		cmocka_unit_test(a_failing_source_gives_what_came_before),
		cmocka_unit_test(large_records_come_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

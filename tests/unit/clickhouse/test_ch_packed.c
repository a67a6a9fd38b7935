/* SPDX-License-Identifier: ISC */
/* test_ch_packed: answers that come compressed are the same, and fail the same, as those that do not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <zstd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "lib/canned.h"
#include "wire/ch_client.h"

#define MS 1000000ull
#define WORDS "Code: 241. DB::Exception: Memory limit (total) exceeded. (MEMORY_LIMIT_EXCEEDED)\n"
#define TAG "0123456789abcdef"

static const enum ch_packing both[] = { CH_PACK_GZIP, CH_PACK_ZSTD };

static struct sv
packed(enum ch_packing p, struct sv s, struct buf *b)
{
	size_t had = b->n;

	assert_int_equal(ch_pack(p, s, b, NULL), 0);
	return sv_new(b->p + had, b->n - had);
}

static void
some_rows(struct buf *b, size_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		uint32_t x = i * 2654435761u;

		buf_put(b, &i, sizeof i);
		buf_put(b, &x, sizeof x);
		buf_putc(b, '\1');
	}
}

/* ---- unpacking alone ---- */

/* Handed over `piece` bytes at a time, taken `most` at a time. <0: the error; else whether it may end there. */
static int
unpack(enum ch_packing p, struct sv in, size_t piece, size_t most, struct buf *out)
{
	struct ch_unpack *u;
	struct err e = ERR_INIT;
	int rc = 0;

	assert_int_equal(ch_unpack_new(p, &u, NULL), 0);
	assert_true(ch_unpack_whole(u));
	while (rc == 0 && in.n != 0) {
		struct sv now = sv_sub(in, 0, piece);

		in = sv_sub(in, now.n, in.n);
		do {
			size_t had = out->n, left = now.n;

			rc = ch_unpack(u, &now, out, most, &e);
			assert_true(out->n - had <= most);
			assert_true(rc < 0 || now.n < left || out->n > had || !ch_unpack_holds(u));
		} while (rc == 0 && (now.n != 0 || ch_unpack_holds(u)));
	}
	if (rc == 0)
		rc = ch_unpack_whole(u);
	else
		assert_true(rc == ERR_IO && strstr(e.msg, "unpacked") != NULL);
	ch_unpack_free(u);
	return rc;
}

static void
pieces_of_any_size_are_unpacked(void **state)
{
	static const size_t sizes[] = { 1, 2, 7, 1000, 1u << 20 };
	struct buf rows = BUF_INIT, b = BUF_INIT, out = BUF_INIT;

	(void)state;
	some_rows(&rows, 20000);
	for (size_t k = 0; k < 2; k++) {
		b.n = 0;
		/* Frames behind one another, of which one has nothing. */
		packed(both[k], sv_sub(buf_view(&rows), 0, 70000), &b);
		packed(both[k], SV_EMPTY, &b);
		packed(both[k], sv_sub(buf_view(&rows), 70000, rows.n), &b);
		for (size_t i = 0; i < 5; i++)
			for (size_t m = 0; m < 5; m++) {
				out.n = 0;
				assert_int_equal(unpack(both[k], buf_view(&b), sizes[i], sizes[m], &out), 1);
				assert_true(sv_eq(buf_view(&out), buf_view(&rows)));
			}
	}
	buf_release(&rows);
	buf_release(&b);
	buf_release(&out);
}

static void
no_prefix_but_frames_is_whole(void **state)
{
	struct buf rows = BUF_INIT, b = BUF_INIT, out = BUF_INIT;

	(void)state;
	some_rows(&rows, 40);
	for (size_t k = 0; k < 2; k++) {
		size_t first;

		b.n = 0;
		first = packed(both[k], buf_view(&rows), &b).n;
		packed(both[k], buf_view(&rows), &b);
		for (size_t i = 0; i <= b.n; i++) {
			out.n = 0;
			assert_int_equal(unpack(both[k], sv_sub(buf_view(&b), 0, i), SIZE_MAX, 100, &out),
			    i == 0 || i == first || i == b.n);
			assert_memory_equal(out.p, rows.p, out.n < rows.n ? out.n : rows.n);
		}
	}
	buf_release(&rows);
	buf_release(&b);
	buf_release(&out);
}

/* Each bit of a stream in turn, and noise. */
static void
what_is_no_stream_ends(void **state)
{
	struct buf rows = BUF_INIT, b = BUF_INIT, out = BUF_INIT;
	uint64_t x = 88172645463325252ull;
	size_t errors = 0;

	(void)state;
	some_rows(&rows, 40);
	for (size_t k = 0; k < 2; k++) {
		b.n = 0;
		packed(both[k], buf_view(&rows), &b);
		for (size_t i = 0; i < 8 * b.n; i++) {
			b.p[i / 8] ^= (char)(1 << i % 8);
			out.n = 0;
			errors += unpack(both[k], buf_view(&b), SIZE_MAX, 1000, &out) != 1;
			b.p[i / 8] ^= (char)(1 << i % 8);
		}
		for (size_t i = 0; i < 1000; i++) {
			char noise[64];

			for (size_t j = 0; j < sizeof noise; j++) {
				x ^= x << 13;
				x ^= x >> 7;
				x ^= x << 17;
				noise[j] = (char)x;
			}
			out.n = 0;
			assert_true(unpack(both[k], sv_new(noise, 1 + i % sizeof noise), SIZE_MAX, 1000, &out) != 1);
		}
		/* The other's, and words. */
		b.n = 0;
		packed(both[1 - k], buf_view(&rows), &b);
		assert_int_equal(unpack(both[k], buf_view(&b), SIZE_MAX, 1000, &out), ERR_IO);
		assert_int_equal(unpack(both[k], SV(WORDS), SIZE_MAX, 1000, &out), ERR_IO);
	}
	assert_true(errors > 100);
	buf_release(&rows);
	buf_release(&b);
	buf_release(&out);
}

/* A window is memory: what needs more than is due is refused. */
static void
a_wide_window_is_refused(void **state)
{
	static const int logs[] = { 23, 24, 27 };
	struct buf out = BUF_INIT;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		ZSTD_CCtx *z = ZSTD_createCCtx();
		char in[4096] = { 0 }, to[4096];
		ZSTD_inBuffer from = { in, sizeof in, 0 };
		ZSTD_outBuffer at = { to, sizeof to, 0 };

		assert_non_null(z);
		ZSTD_CCtx_setParameter(z, ZSTD_c_windowLog, logs[i]);
		/* Begun before its size is known. */
		assert_false(ZSTD_isError(ZSTD_compressStream2(z, &at, &from, ZSTD_e_flush)));
		assert_int_equal(ZSTD_compressStream2(z, &at, &from, ZSTD_e_end), 0);
		assert_int_equal(unpack(CH_PACK_ZSTD, sv_new(to, at.pos), SIZE_MAX, 65536, &out), i == 0 ? 1 : ERR_IO);
		ZSTD_freeCCtx(z);
	}
	buf_release(&out);
}

/* ---- answers ---- */

struct script {
	struct buf answer;
	_Atomic size_t upto;		/* so many bytes of it */
	struct buf asked;
};

static void
play(struct canned *c, int fd, unsigned nth, void *arg)
{
	struct script *s = arg;
	struct buf one = BUF_INIT;

	(void)nth;
	(void)c;
	while (canned_request(fd, &one)) {
		size_t n = s->upto < s->answer.n ? s->upto : s->answer.n;

		/* Whoever asks may clear it while the next question is waited for. */
		buf_sv(&s->asked, buf_view(&one));
		one.n = 0;
		if (!canned_send(fd, s->answer.p, n) || n < s->answer.n)
			break;
	}
	buf_release(&one);
}

static struct ch_client *
client(unsigned port, enum ch_packing p)
{
	struct ch_client *c = NULL;
	char url[64];
	struct ch_options o = { .timeout_ns = 5000 * MS, .packing = p };

	snprintf(url, sizeof url, "http://127.0.0.1:%u", port);
	o.url = sv_cstr(url);
	assert_int_equal(ch_client_new(&o, &c, NULL), 0);
	return c;
}

static int
ask_of(struct ch_client *c, bool packs, struct buf *rows, struct err *e)
{
	struct ch_question q = { .sql = SV("SELECT 1"), .format = SV("RowBinary"), .packs = packs };
	struct ch_reply *r = NULL;
	struct ch_outcome o;
	struct sv piece;
	int rc = ch_ask(c, &q, &o, &r, e);

	while (rc == 0 && (rc = ch_read(r, &piece, e)) == 0) {
		assert_true(piece.n > 0 && piece.n <= ANSWER_AHEAD + ANSWER_KEPT);
		buf_sv(rows, piece);
	}
	ch_close(r);
	return rc > 0 ? 0 : rc;
}

/* Of a server that answers with it, whatever is asked. */
static int
answered(struct script *s, struct buf *rows, struct err *e)
{
	struct canned *srv = canned_open(play, s);
	struct ch_client *c = client(canned_port(srv), CH_PACK_ZSTD);
	int rc = ask_of(c, true, rows, e);

	ch_client_free(c);
	canned_close(srv);
	return rc;
}

/* What becomes of a whole answer. */
static int
told(int status, const char *headers, enum ch_packing p, struct sv body, struct buf *rows, struct err *e)
{
	struct script s = { .upto = SIZE_MAX };
	char all[256];
	int rc;

	snprintf(all, sizeof all, "Content-Encoding: %s\r\n%s", ch_packing_name(p), headers);
	canned_answer(&s.answer, status, all, body);
	rows->n = 0;
	rc = answered(&s, rows, e);
	buf_release(&s.answer);
	buf_release(&s.asked);
	return rc;
}

static int
told_packed(int status, const char *headers, enum ch_packing p, struct sv plain, struct buf *rows, struct err *e)
{
	struct buf b = BUF_INIT;
	int rc = told(status, headers, p, packed(p, plain, &b), rows, e);

	buf_release(&b);
	return rc;
}

static void
rows_are_those_that_were_packed(void **state)
{
	static const size_t sizes[] = { 0, 1, 1000, 400000 };
	struct buf body = BUF_INIT, rows = BUF_INIT;
	struct err e = ERR_INIT;

	(void)state;
	for (size_t k = 0; k < 2; k++)
		for (size_t i = 0; i < 4; i++) {
			body.n = 0;
			some_rows(&body, sizes[i]);
			assert_int_equal(told_packed(200, "", both[k], buf_view(&body), &rows, &e), 0);
			assert_true(sv_eq(buf_view(&rows), buf_view(&body)));
		}
	/* A body of no bytes is no stream, and nothing. */
	assert_int_equal(told(200, "", CH_PACK_ZSTD, SV_EMPTY, &rows, &e), 0);
	assert_int_equal(rows.n, 0);
	buf_release(&body);
	buf_release(&rows);
}

/* Every prefix is an error, within a frame, between two, and behind the last. */
static void
cut_at_every_byte(void **state)
{
	struct buf body = BUF_INIT, rows = BUF_INIT;

	(void)state;
	some_rows(&body, 30);
	for (size_t k = 0; k < 2; k++) {
		struct script s = { .upto = 0 };
		struct canned *srv;
		struct buf b = BUF_INIT;
		char headers[64];

		snprintf(headers, sizeof headers, "Content-Encoding: %s\r\n", ch_packing_name(both[k]));
		packed(both[k], sv_sub(buf_view(&body), 0, 90), &b);
		packed(both[k], sv_sub(buf_view(&body), 90, body.n), &b);
		canned_answer(&s.answer, 200, headers, buf_view(&b));
		srv = canned_open(play, &s);
		/* Before the status, every byte is as good as none. */
		for (size_t i = 12; i <= s.answer.n; i++) {
			struct ch_client *c = client(canned_port(srv), CH_PACK_ZSTD);
			struct err e = ERR_INIT;
			int rc;

			rows.n = 0;
			s.upto = i;
			rc = ask_of(c, true, &rows, &e);
			/* Behind the last chunk's empty line nothing is missing but its LF. */
			if (rc != (i + 1 >= s.answer.n ? 0 : ERR_IO))
				fail_msg("%s: %zu of %zu: %d", headers, i, s.answer.n, rc);
			assert_true(rc == 0 || strlen(e.msg) > 10);
			assert_true(rows.n <= body.n && memcmp(rows.p ? rows.p : "", body.p, rows.n) == 0);
			ch_client_free(c);
		}
		assert_true(sv_eq(buf_view(&rows), buf_view(&body)));
		canned_close(srv);
		buf_release(&b);
		buf_release(&s.answer);
		buf_release(&s.asked);
	}
	buf_release(&body);
	buf_release(&rows);
}

/* To HTTP it is complete, and to its frames it is not. */
static void
short_at_every_byte(void **state)
{
	struct buf body = BUF_INIT, b = BUF_INIT, rows = BUF_INIT;

	(void)state;
	some_rows(&body, 20);
	for (size_t k = 0; k < 2; k++) {
		b.n = 0;
		packed(both[k], buf_view(&body), &b);
		for (size_t i = 1; i <= b.n; i++) {
			struct err e = ERR_INIT;
			int rc = told(200, "", both[k], sv_sub(buf_view(&b), 0, i), &rows, &e);

			assert_int_equal(rc, i == b.n ? 0 : ERR_IO);
			if (rc < 0)
				assert_non_null(strstr(e.msg, "broke off"));
		}
		/* What is behind a stream is part of it. */
		buf_putc(&b, '!');
		assert_int_equal(told(200, "", both[k], buf_view(&b), &rows, NULL), ERR_IO);
	}
	buf_release(&body);
	buf_release(&b);
	buf_release(&rows);
}

static void
encodings_that_are_not_so(void **state)
{
	static const char *const strange[] = { "br", "deflate", "lz4", "gzip, zstd", "zstd\r\nContent-Encoding: gzip",
		"x", "zstd;q=1" };
	struct buf body = BUF_INIT, b = BUF_INIT, rows = BUF_INIT;
	struct err e = ERR_INIT;

	(void)state;
	some_rows(&body, 30000);
	for (size_t i = 0; i < sizeof strange / sizeof *strange; i++) {
		struct script s = { .upto = SIZE_MAX };
		char headers[128];

		snprintf(headers, sizeof headers, "Content-Encoding: %s\r\n", strange[i]);
		canned_answer(&s.answer, 200, headers, buf_view(&body));
		rows.n = 0;
		assert_int_equal(answered(&s, &rows, &e), ERR_IO);
		assert_int_equal(rows.n, 0);
		assert_non_null(strstr(e.msg, "Content-Encoding"));
		s.answer.n = 0;
		/* Of an error's words it is told no more than they are. */
		canned_answer(&s.answer, 404, headers, SV("Code: 60. DB::Exception: no table"));
		assert_int_equal(answered(&s, &rows, &e), ERR_IO);
		assert_non_null(strstr(e.msg, "no table"));
		buf_release(&s.answer);
		buf_release(&s.asked);
	}
	for (size_t k = 0; k < 2; k++) {
		b.n = 0;
		packed(both[1 - k], buf_view(&body), &b);
		assert_int_equal(told(200, "", both[k], buf_view(&b), &rows, &e), ERR_IO);
		assert_int_equal(told(200, "", both[k], buf_view(&body), &rows, &e), ERR_IO);
		assert_non_null(strstr(e.msg, ch_packing_name(both[k])));
		assert_int_equal(rows.n, 0);
	}
	buf_release(&body);
	buf_release(&b);
	buf_release(&rows);
}

static void
exceptions_are_found_in_what_is_unpacked(void **state)
{
	static const char tag[] = "X-ClickHouse-Exception-Tag: " TAG "\r\n";
#define TAGGED(word) "\r\n__exception__\r\n" TAG "\r\n" WORDS "85 " word "\r\n__exception__\r\n"
	struct buf body = BUF_INIT, rows = BUF_INIT;
	struct err e = ERR_INIT;

	(void)state;
	for (size_t k = 0; k < 2; k++)
		/* Behind few rows, and behind many. */
		for (size_t n = 0; n < 90000; n = 300 * n + 1) {
			size_t had;

			body.n = 0;
			some_rows(&body, n);
			had = body.n;
			BUF_LIT(&body, TAGGED(TAG));
			assert_int_equal(told_packed(200, tag, both[k], buf_view(&body), &rows, &e), ERR_NOMEM);
			assert_non_null(strstr(e.msg, "Memory limit"));
			body.n = had;
			BUF_LIT(&body, "\r\n__exception__\r\n" WORDS "__exception__\r\n");
			assert_int_equal(told_packed(200, "", both[k], buf_view(&body), &rows, &e), ERR_NOMEM);
			body.n = had;
			BUF_LIT(&body, WORDS);
			assert_int_equal(told_packed(200, "", both[k], buf_view(&body), &rows, &e), ERR_NOMEM);
			/* With another tag it is data. */
			body.n = had;
			BUF_LIT(&body, TAGGED("0123456789abcdeF"));
			assert_int_equal(told_packed(200, tag, both[k], buf_view(&body), &rows, &e), 0);
			assert_true(sv_eq(buf_view(&rows), buf_view(&body)));
		}
	buf_release(&body);
	buf_release(&rows);
}

/* As an old server has it: the text, the end of the stream, and no end of the body. */
static void
an_exception_and_no_end(void **state)
{
	struct buf body = BUF_INIT, rows = BUF_INIT;

	(void)state;
	some_rows(&body, 50000);
	BUF_LIT(&body, WORDS);
	for (size_t k = 0; k < 2; k++) {
		struct script s = { .upto = 0 };
		struct buf b = BUF_INIT;
		struct err e = ERR_INIT;
		char headers[64];

		snprintf(headers, sizeof headers, "Content-Encoding: %s\r\n", ch_packing_name(both[k]));
		canned_answer(&s.answer, 200, headers, packed(both[k], buf_view(&body), &b));
		s.upto = s.answer.n - 5;
		assert_int_equal(answered(&s, &rows, &e), ERR_NOMEM);
		assert_non_null(strstr(e.msg, "Memory limit"));
		buf_release(&s.answer);
		buf_release(&s.asked);
		buf_release(&b);
	}
	buf_release(&body);
	buf_release(&rows);
}

static void
words_of_errors_are_unpacked(void **state)
{
	struct buf rows = BUF_INIT, b = BUF_INIT;
	struct err e = ERR_INIT;

	(void)state;
	BUF_LIT(&b, WORDS);
	for (size_t i = 0; i < 100000; i++)
		buf_putc(&b, (char)(' ' + i % 90));
	for (size_t k = 0; k < 2; k++) {
		assert_int_equal(told_packed(500, "", both[k], SV(WORDS), &rows, &e), ERR_NOMEM);
		assert_non_null(strstr(e.msg, "[clickhouse] max_memory"));
		/* As much as is kept of them. */
		assert_int_equal(told_packed(500, "", both[k], buf_view(&b), &rows, &e), ERR_NOMEM);
		/* Not in it after all; nothing. */
		assert_int_equal(told(500, "", both[k], SV(WORDS), &rows, &e), ERR_NOMEM);
		assert_int_equal(told(500, "", both[k], SV_EMPTY, &rows, &e), ERR_IO);
		assert_non_null(strstr(e.msg, "no words"));
	}
	buf_release(&rows);
	buf_release(&b);
}

/* ---- what is asked ---- */

static void
asked_as_the_options_say(void **state)
{
	static const struct {
		enum ch_packing p;
		bool packs;
		const char *line;
	} cases[] = {
		{ CH_PACK_ZSTD, true, "Accept-Encoding: zstd, gzip\r\n" }, { CH_PACK_GZIP, true, "Accept-Encoding: gzip\r\n" },
		{ CH_PACK_ZSTD, false, NULL }, { CH_PACK_NONE, true, NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct script s = { .upto = SIZE_MAX };
		struct buf rows = BUF_INIT;
		struct canned *srv;
		struct ch_client *c;

		/* A server that has no such setting, or none of the encodings. */
		canned_answer(&s.answer, 200, "", SV("x\1"));
		srv = canned_open(play, &s);
		c = client(canned_port(srv), cases[i].p);
		assert_int_equal(ask_of(c, cases[i].packs, &rows, NULL), 0);
		assert_true(sv_is(buf_view(&rows), "x\1"));
		assert_int_equal(sv_find(buf_view(&s.asked), SV("&enable_http_compression=1")) >= 0, cases[i].line != NULL);
		if (cases[i].line != NULL)
			assert_true(sv_find(buf_view(&s.asked), sv_cstr(cases[i].line)) >= 0);
		else
			assert_true(sv_find(buf_view(&s.asked), SV("Accept-Encoding")) < 0);
		ch_client_free(c);
		canned_close(srv);
		buf_release(&rows);
		buf_release(&s.answer);
		buf_release(&s.asked);
	}
}

/* A user who may set nothing is told so in words that are packed, too. */
static void
settings_are_left_out_after_packed_words(void **state)
{
	struct script s = { .upto = SIZE_MAX };
	struct buf b = BUF_INIT, rows = BUF_INIT;
	struct canned *srv;
	struct ch_client *c;

	(void)state;
	canned_answer(&s.answer, 500, "Content-Encoding: gzip\r\n", packed(CH_PACK_GZIP,
	    SV("Code: 164. DB::Exception: Cannot modify 'x' setting in readonly mode"), &b));
	srv = canned_open(play, &s);
	c = client(canned_port(srv), CH_PACK_ZSTD);
	assert_true(ask_of(c, true, &rows, NULL) < 0);
	s.asked.n = 0;
	assert_true(ask_of(c, true, &rows, NULL) < 0);
	assert_true(sv_find(buf_view(&s.asked), SV("enable_http_compression")) < 0);
	ch_client_free(c);
	canned_close(srv);
	buf_release(&b);
	buf_release(&rows);
	buf_release(&s.answer);
	buf_release(&s.asked);
}

/* ---- little that becomes much ---- */

/* A gigabyte of one byte, in frames of a few kilobytes; behind it WORDS in no encoding. */
static void
bomb(enum ch_packing p, struct buf *answer)
{
	const size_t n = 64u << 20;
	char *zeros = calloc(1, n), headers[64];
	struct buf one = BUF_INIT, b = BUF_INIT;

	assert_non_null(zeros);
	packed(p, sv_new(zeros, n), &one);
	for (size_t i = 0; i < 16; i++)
		buf_sv(&b, buf_view(&one));
	BUF_LIT(&b, WORDS);
	snprintf(headers, sizeof headers, "Content-Encoding: %s\r\n", ch_packing_name(p));
	canned_answer(answer, 200, headers, buf_view(&b));
	free(zeros);
	buf_release(&one);
	buf_release(&b);
}

static void
a_bomb_goes_off_in_bounded_pieces(void **state)
{
	atomic_bool cancel = false;

	(void)state;
	for (size_t k = 0; k < 2; k++) {
		struct script s = { .upto = SIZE_MAX };
		struct ch_question q = { .sql = SV("SELECT 1"), .format = SV("RowBinary"), .packs = true, .cancel = &cancel };
		struct canned *srv;
		struct ch_client *c;
		struct ch_reply *r;
		struct err e = ERR_INIT;
		struct rusage before, after;
		struct sv piece;
		uint64_t n = 0;
		int rc;

		bomb(both[k], &s.answer);
		srv = canned_open(play, &s);
		c = client(canned_port(srv), CH_PACK_ZSTD);
		getrusage(RUSAGE_SELF, &before);
		atomic_store(&cancel, false);
		assert_int_equal(ch_ask(c, &q, NULL, &r, &e), 0);
		while ((rc = ch_read(r, &piece, &e)) == 0) {
			assert_true(piece.n <= ANSWER_AHEAD + ANSWER_KEPT);
			n += piece.n;
			/* Of what is here already as well. */
			if (n > 128u << 20)
				atomic_store(&cancel, true);
			assert_true(n < 129u << 20);
		}
		assert_int_equal(rc, ERR_CANCELLED);
		getrusage(RUSAGE_SELF, &after);
		assert_true(after.ru_maxrss - before.ru_maxrss < 32 << 10);
		ch_close(r);
		ch_client_free(c);
		canned_close(srv);
		buf_release(&s.answer);
		buf_release(&s.asked);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pieces_of_any_size_are_unpacked),
		cmocka_unit_test(no_prefix_but_frames_is_whole),
		cmocka_unit_test(what_is_no_stream_ends),
		cmocka_unit_test(a_wide_window_is_refused),
		cmocka_unit_test(rows_are_those_that_were_packed),
		cmocka_unit_test(cut_at_every_byte),
		cmocka_unit_test(short_at_every_byte),
		cmocka_unit_test(encodings_that_are_not_so),
		cmocka_unit_test(exceptions_are_found_in_what_is_unpacked),
		cmocka_unit_test(an_exception_and_no_end),
		cmocka_unit_test(words_of_errors_are_unpacked),
		cmocka_unit_test(asked_as_the_options_say),
		cmocka_unit_test(settings_are_left_out_after_packed_words),
		cmocka_unit_test(a_bomb_goes_off_in_bounded_pieces),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: ISC */
/* test_ch_client: whatever a server does, a question ends: with its rows, or with an error in words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "lib/canned.h"
#include "wire/ch_client.h"

#define MS 1000000ull
#define SECRET "s3cret-word"

static struct ch_client *
client(unsigned port, uint64_t timeout_ns)
{
	struct ch_client *c = NULL;
	struct err e = ERR_INIT;
	char url[64];
	struct ch_options o = { .user = SV("reader"), .password = SV(SECRET), .timeout_ns = timeout_ns };

	snprintf(url, sizeof url, "http://127.0.0.1:%u", port);
	o.url = sv_cstr(url);
	if (ch_client_new(&o, &c, &e) != 0)
		fail_msg("%s", e.msg);
	return c;
}

/* Asks and reads to the end; the rows are appended. 0: complete. */
static int
ask(struct ch_client *c, struct buf *rows, struct ch_outcome *o, struct err *e)
{
	struct ch_question q = { .sql = SV("SELECT 1"), .format = SV("RowBinary"), .comment = SV("a test") };
	struct ch_reply *r = NULL;
	struct ch_outcome own;
	struct sv piece;
	int rc = ch_ask(c, &q, o != NULL ? o : &own, &r, e);

	while (rc == 0) {
		rc = ch_read(r, &piece, e);
		if (rc == 0) {
			assert_true(piece.n > 0 && piece.n <= ANSWER_AHEAD + ANSWER_KEPT);
			buf_sv(rows, piece);
		}
	}
	if (r != NULL && o != NULL)
		*o = *ch_reply_outcome(r);
	ch_close(r);
	return rc > 0 ? 0 : rc;
}

/* ---- an answer, sent as a test wants ---- */

struct script {
	struct buf answer;
	_Atomic size_t upto;		/* so many bytes of it */
	_Atomic bool reset;		/* and a reset, not an end */
	unsigned served;
	atomic_uint met;		/* connections */
	struct buf asked;	/* all requests */
};

static void
play(struct canned *c, int fd, unsigned nth, void *arg)
{
	struct script *s = arg;

	(void)nth;
	(void)c;
	atomic_fetch_add(&s->met, 1);
	while (canned_request(fd, &s->asked)) {
		size_t n = s->upto < s->answer.n ? s->upto : s->answer.n;

		s->served++;
		if (!canned_send(fd, s->answer.p, n))
			return;
		if (n < s->answer.n || s->reset) {
			if (s->reset)
				canned_reset(fd);
			return;
		}
	}
}

static void
script_release(struct script *s)
{
	buf_release(&s->answer);
	buf_release(&s->asked);
}

/* What becomes of one whole answer. */
static int
told(int status, const char *headers, struct sv body, struct ch_outcome *o, struct err *e)
{
	struct script s = { .upto = SIZE_MAX };
	struct buf rows = BUF_INIT;
	struct canned *srv;
	struct ch_client *c;
	int rc;

	canned_answer(&s.answer, status, headers, body);
	srv = canned_open(play, &s);
	c = client(canned_port(srv), 2000 * MS);
	rc = ask(c, &rows, o, e);
	if (rc == 0)
		assert_true(sv_eq(buf_view(&rows), body));
	ch_client_free(c);
	canned_close(srv);
	buf_release(&rows);
	script_release(&s);
	return rc;
}

static void
rows_arrive_whole_and_in_pieces(void **state)
{
	struct buf body = BUF_INIT;
	struct err e = ERR_INIT;
	struct ch_outcome o;

	(void)state;
	assert_int_equal(told(200, "", SV_EMPTY, &o, &e), 0);
	assert_int_equal(told(200, "", SV("\1\2\3"), &o, &e), 0);
	for (uint32_t i = 0; i < 2000000; i++)
		buf_put(&body, &i, sizeof i);
	assert_int_equal(told(200, "X-ClickHouse-Summary: {\"read_rows\":\"12\",\"read_bytes\":\"34\","
	    "\"elapsed_ns\":\"56\"}\r\n", buf_view(&body), &o, &e), 0);
	assert_true(o.read_rows == 12 && o.read_bytes == 34 && o.elapsed_ns == 56 && o.tries == 1);
	buf_release(&body);
}

static void
statuses_are_told_apart(void **state)
{
	static const struct {
		int status, code, err;
		const char *words, *shown;
	} rows[] = {
		{ 401, 194, ERR_ACCESS, "Code: 194. DB::Exception: password is required", "password_file" },
		{ 403, 516, ERR_ACCESS, "Code: 516. DB::Exception: Authentication failed", "Authentication failed" },
		{ 404, 60, ERR_IO, "Code: 60. DB::Exception: Table default.x does not exist", "Table default.x" },
		{ 404, 0, ERR_IO, "a proxy's page", "status 404: a proxy's page" },
		{ 408, 159, ERR_TIMEOUT, "Code: 159. DB::Exception: Timeout exceeded", "[clickhouse] timeout" },
		{ 413, 0, ERR_TOOBIG, "too large", "413" },
		{ 500, 241, ERR_NOMEM, "Code: 241. DB::Exception: Memory limit exceeded", "[clickhouse] max_memory" },
		{ 500, 158, ERR_LIMIT, "Code: 158. DB::Exception: Limit for rows", "max_rows_to_read" },
		{ 500, 164, ERR_IO, "Code: 164. DB::Exception: Cannot execute query in readonly mode", "readonly" },
		{ 500, 394, ERR_IO, "Code: 394. DB::Exception: Query was cancelled", "cancelled" },
		{ 500, 0, ERR_IO, "", "no words" },
		{ 503, 0, ERR_BUSY, "later", "later" },
		{ 500, 202, ERR_BUSY, "Code: 202. DB::Exception: Too many simultaneous queries", "Too many" },
		{ 302, 0, ERR_IO, "elsewhere", "status 302" },
		/* As 18.16 writes them. */
		{ 500, 62, ERR_IO, "Code: 62, e.displayText() = DB::Exception: Syntax error", "Syntax error" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct err e = ERR_INIT;
		struct ch_outcome o;

		assert_int_equal(told(rows[i].status, "", sv_cstr(rows[i].words), &o, &e), rows[i].err);
		assert_non_null(strstr(e.msg, rows[i].shown));
		assert_int_equal(o.status, rows[i].status);
		assert_int_equal(o.code, rows[i].code);
		assert_int_equal(o.schema, rows[i].code == 60);
		assert_int_equal(o.tries, rows[i].err == ERR_BUSY ? 3 : 1);
	}
}

static void
exceptions_behind_rows_are_errors(void **state)
{
#define WORDS "Code: 241. DB::Exception: Memory limit (total) exceeded. (MEMORY_LIMIT_EXCEEDED)\n"
#define TAG "0123456789abcdef"
#define TAGGED(word) "rows\1\r\n__exception__\r\n" TAG "\r\n" WORDS "85 " word "\r\n__exception__\r\n"
	static const char header[] = "X-ClickHouse-Exception-Tag: " TAG "\r\n";
	struct buf body = BUF_INIT;
	struct err e = ERR_INIT;
	struct ch_outcome o;

	(void)state;
	assert_int_equal(told(200, header, SV(TAGGED(TAG)), &o, &e), ERR_NOMEM);
	assert_int_equal(o.code, 241);
	/* With another tag it is data, and so is the text of an error. */
	assert_int_equal(told(200, header, SV(TAGGED("0123456789abcdeF")), &o, &e), 0);
	assert_int_equal(told(200, header, SV("rows\n" WORDS), &o, &e), 0);
	assert_int_equal(told(200, "", SV("rows\1\r\n__exception__\r\n" WORDS "__exception__\r\n"), &o, &e),
	    ERR_NOMEM);
	assert_int_equal(told(200, "", SV("rows\1" WORDS), &o, &e), ERR_NOMEM);
	/* Rows end in 1. */
	assert_int_equal(told(200, "", SV("rows " WORDS "\1"), &o, &e), 0);
	assert_int_equal(told(200, "", SV("__exception__\r\n" WORDS "__exception__\r\n\1"), &o, &e), 0);
	/* Behind many rows; the largest there is. */
	for (size_t i = 0; i < 300000; i++)
		buf_put(&body, "\7rows\1", 6);
	BUF_LIT(&body, "\r\n__exception__\r\n" TAG "\r\nCode: 158. DB::Exception: ");
	for (size_t i = 0; i < 16000; i++)
		buf_putc(&body, 'x');
	BUF_LIT(&body, "\n16026 " TAG "\r\n__exception__\r\n");
	assert_int_equal(told(200, header, buf_view(&body), &o, &e), ERR_LIMIT);
	buf_release(&body);
	/* With the code in a header, since progress had begun the answer. */
	assert_int_equal(told(200, "X-ClickHouse-Exception-Code: 159\r\n", SV("Code: 159. DB::Exception: T"),
	    &o, &e), ERR_TIMEOUT);
}

/* Every prefix of an answer is an error, and none takes long. */
static void
cut_at_every_byte(void **state)
{
	struct script s = { .upto = 0 };
	struct buf body = BUF_INIT, rows = BUF_INIT;
	struct canned *srv;

	(void)state;
	for (size_t i = 0; i < 300; i++)
		buf_put(&body, "\7rows\1", 6);
	canned_answer(&s.answer, 200, "X-ClickHouse-Query-Id: x\r\n", buf_view(&body));
	srv = canned_open(play, &s);
	for (size_t i = 0; i <= s.answer.n; i++) {
		struct ch_client *c = client(canned_port(srv), 3000 * MS);
		struct err e = ERR_INIT;
		uint64_t begin = clock_mono_ns();
		int rc;

		rows.n = 0;
		/* Before the status, every byte is as good as none: not all of these pauses. */
		s.upto = i > 0 && i < 12 ? 12 : i;
		s.reset = i % 2;
		rc = ask(c, &rows, NULL, &e);
		if (i == s.answer.n && !s.reset)
			assert_int_equal(rc, 0);
		else if (i < s.answer.n) {
			assert_int_equal(rc, ERR_IO);
			assert_true(strlen(e.msg) > 10);
			assert_true(rows.n <= body.n && memcmp(rows.p ? rows.p : "", body.p, rows.n) == 0);
		}
		assert_true(clock_mono_ns() - begin < 1500 * MS);
		ch_client_free(c);
	}
	canned_close(srv);
	buf_release(&rows);
	buf_release(&body);
	script_release(&s);
}

static void
garbage_is_an_error(void **state)
{
	static const char *const begin[] = { "", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n", "HTTP/1.1 500 No\r\nTransfer-Encoding: chunked\r\n\r\n" };
	uint64_t x = 88172645463325252ull;
	unsigned fine = 0;

	(void)state;
	for (unsigned i = 0; i < 500; i++) {
		struct script s = { .upto = SIZE_MAX, .reset = i % 3 == 0 };
		struct buf rows = BUF_INIT;
		struct err e = ERR_INIT;
		struct canned *srv;
		struct ch_client *c;
		int rc;

		buf_str(&s.answer, begin[1 + i % 4]);
		for (unsigned n = i % 97; n > 0; n--) {
			x ^= x << 13;
			x ^= x >> 7;
			x ^= x << 17;
			buf_put(&s.answer, &x, 1 + x % 8);
		}
		s.upto = s.answer.n;
		BUF_LIT(&s.answer, "!");	/* never sent: the connection ends */
		srv = canned_open(play, &s);
		c = client(canned_port(srv), 1000 * MS);
		rc = ask(c, &rows, NULL, &e);
		fine += rc == 0;
		if (rc < 0)
			assert_true(e.msg[0] != '\0');
		for (const char *p = e.msg; *p != '\0'; p++)
			assert_true((unsigned char)*p >= 0x20);
		ch_client_free(c);
		canned_close(srv);
		buf_release(&rows);
		script_release(&s);
	}
	assert_int_equal(fine, 0);
}

static void
an_answer_without_an_end_is_an_error(void **state)
{
	struct script s = { .upto = 0 };
	struct buf rows = BUF_INIT;
	struct err e = ERR_INIT;
	struct canned *srv;
	struct ch_client *c;

	(void)state;
	BUF_LIT(&s.answer, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nrows\1!");
	s.upto = s.answer.n - 1;
	srv = canned_open(play, &s);
	c = client(canned_port(srv), 2000 * MS);
	assert_int_equal(ask(c, &rows, NULL, &e), ERR_IO);
	assert_non_null(strstr(e.msg, "where it ends"));
	ch_client_free(c);
	canned_close(srv);
	buf_release(&rows);
	script_release(&s);
}

static void
connections_are_used_again(void **state)
{
	struct script s = { .upto = SIZE_MAX };
	struct buf rows = BUF_INIT;
	struct err e = ERR_INIT;
	struct canned *srv;
	struct ch_client *c;

	(void)state;
	canned_answer(&s.answer, 200, "", SV("x\1"));
	srv = canned_open(play, &s);
	c = client(canned_port(srv), 5000 * MS);
	for (unsigned i = 0; i < 50; i++)
		assert_int_equal(ask(c, &rows, NULL, &e), 0);
	assert_int_equal(rows.n, 100);
	assert_int_equal(atomic_load(&s.met), 1);
	ch_client_free(c);
	canned_close(srv);
	buf_release(&rows);
	script_release(&s);
}

/* ---- servers that are away ---- */

static void
nap(uint64_t ns)
{
	struct timespec t = { (time_t)(ns / 1000000000), (long)(ns % 1000000000) };

	nanosleep(&t, NULL);
}

static void
fails_at_once_while_the_server_is_away_and_works_when_it_is_back(void **state)
{
	struct script s = { .upto = SIZE_MAX };
	struct buf rows = BUF_INIT;
	struct canned *srv;
	struct ch_client *c;
	struct err e = ERR_INIT;
	struct ch_outcome o;
	uint64_t begin;

	(void)state;
	canned_answer(&s.answer, 200, "", SV("x\1"));
	s.upto = 0;
	srv = canned_open(play, &s);
	c = client(canned_port(srv), 2000 * MS);
	assert_int_equal(ask(c, &rows, &o, &e), ERR_IO);
	assert_int_equal(o.tries, 3);
	assert_non_null(strstr(e.msg, "out of reach"));
	assert_int_equal(ask(c, &rows, NULL, &e), ERR_IO);
	begin = clock_mono_ns();
	for (unsigned i = 0; i < 100; i++) {
		assert_int_equal(ask(c, &rows, &o, &e), ERR_IO);
		assert_int_equal(o.tries, 0);
		assert_non_null(strstr(e.msg, "asked again in a moment"));
	}
	assert_true(clock_mono_ns() - begin < 200 * MS);
	s.upto = SIZE_MAX;
	while (clock_mono_ns() - begin < 5000 * MS && ask(c, &rows, &o, &e) != 0)
		nap(20 * MS);
	assert_true(sv_is(buf_view(&rows), "x\1"));
	rows.n = 0;
	assert_int_equal(ask(c, &rows, &o, &e), 0);
	ch_client_free(c);
	canned_close(srv);
	buf_release(&rows);
	script_release(&s);
}

static void
a_port_where_nobody_listens(void **state)
{
	struct script s = { .upto = 0 };
	struct canned *srv = canned_open(play, &s);
	struct ch_client *c = client(canned_port(srv), 2000 * MS);
	struct buf rows = BUF_INIT;
	struct err e = ERR_INIT;

	(void)state;
	canned_close(srv);
	assert_int_equal(ask(c, &rows, NULL, &e), ERR_IO);
	assert_non_null(strstr(e.msg, "out of reach"));
	ch_client_free(c);
	script_release(&s);
}

/* The first is told to come again; a kept connection that the server closed is no failure. */
static void
second(struct canned *c, int fd, unsigned nth, void *arg)
{
	struct script *s = arg;
	struct buf b = BUF_INIT;

	(void)c;
	if (canned_request(fd, &s->asked)) {
		s->served++;
		canned_answer(&b, nth == 0 ? 503 : 200, "", SV("x\1"));
		canned_send(fd, b.p, b.n);
	}
	buf_release(&b);
}

static void
asks_again_where_that_is_safe(void **state)
{
	struct script s = { .upto = 0 };
	struct canned *srv = canned_open(second, &s);
	struct ch_client *c = client(canned_port(srv), 2000 * MS);
	struct buf rows = BUF_INIT;
	struct ch_outcome o;
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(ask(c, &rows, &o, &e), 0);
	assert_int_equal(o.tries, 2);
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(ask(c, &rows, &o, &e), 0);
	assert_int_equal(rows.n, 12);
	ch_client_free(c);
	canned_close(srv);
	buf_release(&rows);
	script_release(&s);
}

/* ---- settings that a server does not know, a user that may set none ---- */

static void
picky(struct canned *c, int fd, unsigned nth, void *arg)
{
	struct script *s = arg;
	struct buf in = BUF_INIT, b = BUF_INIT;

	(void)c;
	(void)nth;
	while (canned_request(fd, &in)) {
		s->served++;
		buf_sv(&s->asked, buf_view(&in));
		b.n = 0;
		if (sv_find(buf_view(&in), SV("use_skip_indexes_on_data_read=")) >= 0)
			canned_answer(&b, 404, "", SV("Code: 115. DB::Exception: Unknown setting use_skip_indexes_on_data_read"));
		else if (sv_find(buf_view(&in), SV("write_json_as_string=")) >= 0)
			canned_answer(&b, 404, "", SV("Code: 115. DB::Exception: Unknown setting "
			    "output_format_binary_write_json_as_string"));
		else if (sv_find(buf_view(&in), SV("log_comment=")) >= 0 && s->upto == 0)
			canned_answer(&b, 404, "", SV("Code: 115. DB::Exception: Unknown setting log_comment"));
		else if (sv_find(buf_view(&in), SV("readonly=")) >= 0 && s->upto == 0)
			canned_answer(&b, 500, "", SV("Code: 164. DB::Exception: Cannot modify in readonly mode"));
		else
			canned_answer(&b, 200, "", SV("x\1"));
		in.n = 0;
		if (!canned_send(fd, b.p, b.n))
			break;
	}
	buf_release(&in);
	buf_release(&b);
}

static void
sends_fewer_settings_to_who_takes_no_more(void **state)
{
	struct script s = { .upto = 0 };
	struct canned *srv = canned_open(picky, &s);
	struct ch_client *c = client(canned_port(srv), 2000 * MS);
	struct buf rows = BUF_INIT;
	struct ch_outcome o;
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(ask(c, &rows, &o, &e), 0);
	assert_int_equal(o.tries, 5);
	assert_int_equal(ask(c, &rows, &o, &e), 0);
	assert_int_equal(o.tries, 1);
	ch_client_free(c);
	canned_close(srv);
	assert_int_equal(s.served, 6);
	buf_release(&rows);
	script_release(&s);
}

/* What keeps answers whole goes to every server that may know it, and to one without JSON. */
static void
who_has_no_json_is_told_not_to_cut(void **state)
{
	struct script s = { .upto = 1 };
	struct canned *srv = canned_open(picky, &s);
	struct ch_client *c = client(canned_port(srv), 2000 * MS);
	struct buf rows = BUF_INIT;
	struct ch_outcome o;
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(ask(c, &rows, &o, &e), 0);
	assert_int_equal(o.tries, 3);
	s.asked.n = 0;
	assert_int_equal(ask(c, &rows, &o, &e), 0);
	assert_int_equal(o.tries, 1);
	ch_client_free(c);
	canned_close(srv);
	assert_true(sv_find(buf_view(&s.asked), SV("&limit=0&offset=0&")) >= 0);
	assert_true(sv_find(buf_view(&s.asked), SV("&read_overflow_mode_leaf=throw&")) >= 0);
	assert_true(sv_find(buf_view(&s.asked), SV("&log_comment=")) >= 0 ||
	    sv_find(buf_view(&s.asked), SV("cancel_http_readonly_queries_on_client_close=1")) >= 0);
	buf_release(&rows);
	script_release(&s);
}

/* ---- questions that are left ---- */

static void
endless(struct canned *c, int fd, unsigned nth, void *arg)
{
	static const char head[] = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
	struct script *s = arg;
	struct buf b = BUF_INIT;
	size_t sent = 0;

	if (!canned_request(fd, &s->asked))
		return;
	s->served++;
	if (nth > 0) {
		canned_answer(&b, 200, "", SV("waiting\n"));
		canned_send(fd, b.p, b.n);
		buf_release(&b);
		return;
	}
	buf_printf(&b, "4000\r\n%16384s\r\n", "rows\1");
	if (s->upto != 0 && canned_send(fd, head, sizeof head - 1))
		while (!canned_stops(c) && canned_send(fd, b.p, b.n))
			sent += b.n;
	else
		while (!canned_stops(c) && recv(fd, &(char){ 0 }, 1, MSG_DONTWAIT) != 0)
			nap(5 * MS);
	s->upto = sent;
	buf_release(&b);
}

/* Was the first query killed by its id? */
static void
check_killed(const struct script *s)
{
	struct sv asked = buf_view(&s->asked), id;
	int64_t at = sv_find(asked, SV("query_id=spanfs-"));

	assert_true(at >= 0);
	id = sv_sub(asked, (size_t)at + 9, (size_t)at + 9 + 39);
	at = sv_find(asked, SV("KILL QUERY WHERE query_id = {id:String} ASYNC"));
	assert_true(at >= 0);
	char want[80];
	snprintf(want, sizeof want, "param_id=%.*s ", SV_ARG(id));
	assert_true(sv_find(asked, sv_cstr(want)) >= 0);
}

static void
an_endless_answer_is_left_in_bounded_memory_and_killed(void **state)
{
	struct ch_question q = { .sql = SV("SELECT 1"), .format = SV("RowBinary") };
	struct script s = { .upto = 1 };
	struct canned *srv = canned_open(endless, &s);
	struct ch_client *c = client(canned_port(srv), 5000 * MS);
	struct ch_reply *r = NULL;
	struct err e = ERR_INIT;
	struct sv piece;
	size_t got = 0;

	(void)state;
	assert_int_equal(ch_ask(c, &q, NULL, &r, &e), 0);
	while (got < 5000000) {
		assert_int_equal(ch_read(r, &piece, &e), 0);
		assert_true(piece.n <= ANSWER_AHEAD + ANSWER_KEPT);
		got += piece.n;
	}
	nap(100 * MS);
	ch_close(r);
	ch_client_free(c);
	canned_close(srv);
	/* It was held up: what it sent beside what was read fits into sockets and the buffer. */
	assert_true(s.upto - got < 12000000);
	check_killed(&s);
	script_release(&s);
}

static void
a_server_that_says_nothing_is_left_at_the_deadline_and_killed(void **state)
{
	struct script s = { .upto = 0 };
	struct canned *srv = canned_open(endless, &s);
	struct ch_client *c = client(canned_port(srv), 300 * MS);
	struct buf rows = BUF_INIT;
	struct err e = ERR_INIT;
	uint64_t begin = clock_mono_ns(), took;

	(void)state;
	assert_int_equal(ask(c, &rows, NULL, &e), ERR_TIMEOUT);
	took = clock_mono_ns() - begin;
	assert_true(took > 250 * MS && took < 1500 * MS);
	assert_non_null(strstr(e.msg, "[clickhouse] timeout"));
	ch_client_free(c);
	canned_close(srv);
	check_killed(&s);
	script_release(&s);
}

static atomic_bool flag;

static void
set_flag(struct canned *c, int fd, unsigned nth, void *arg)
{
	nap(100 * MS);
	atomic_store(&flag, true);
	endless(c, fd, nth, arg);
}

static void
a_cancelled_question_is_left_and_killed(void **state)
{
	struct ch_question q = { .sql = SV("SELECT 1"), .format = SV("RowBinary"), .cancel = &flag };
	struct script s = { .upto = 0 };
	struct canned *srv = canned_open(set_flag, &s);
	struct ch_client *c = client(canned_port(srv), 5000 * MS);
	struct ch_reply *r = NULL;
	struct err e = ERR_INIT;
	uint64_t begin = clock_mono_ns();

	(void)state;
	assert_int_equal(ch_ask(c, &q, NULL, &r, &e), ERR_CANCELLED);
	assert_true(clock_mono_ns() - begin < 2000 * MS);
	ch_client_free(c);
	canned_close(srv);
	check_killed(&s);
	script_release(&s);
}

/* ---- secrets ---- */

static void
no_secret_is_told(void **state)
{
	static const char *const urls[] = { "http://u:" SECRET "@host:1", "ftp://" SECRET, "http://h/?k=" SECRET,
		"http://h/" SECRET, SECRET, "", "http://", "http://h\n" SECRET };
	struct ch_client *c = NULL;
	struct err e = ERR_INIT;
	struct ch_outcome o;

	(void)state;
	for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
		struct ch_options opts = { .url = sv_cstr(urls[i]), .timeout_ns = MS };

		assert_int_equal(ch_client_new(&opts, &c, &e), ERR_SYNTAX);
		assert_null(strstr(e.msg, SECRET));
	}
	struct ch_options line = { .url = SV("http://h"), .password = SV("a\r\nX: b"), .timeout_ns = MS };
	assert_int_equal(ch_client_new(&line, &c, &e), ERR_SYNTAX);
	assert_int_equal(told(403, "", SV("no " SECRET "\x1b[31m, " SECRET "!"), &o, &e), ERR_ACCESS);
	assert_null(strstr(e.msg, SECRET));
	assert_null(strchr(e.msg, '\x1b'));
	assert_non_null(strstr(e.msg, "no ***\\x1b[31m, ***!"));
}

static void
user_and_password_are_in_headers_alone(void **state)
{
	struct script s = { .upto = SIZE_MAX };
	struct buf rows = BUF_INIT;
	struct canned *srv;
	struct ch_client *c;
	struct err e = ERR_INIT;
	struct sv line, all;

	(void)state;
	canned_answer(&s.answer, 200, "", SV("x\1"));
	srv = canned_open(play, &s);
	c = client(canned_port(srv), 1000 * MS);
	assert_int_equal(ask(c, &rows, NULL, &e), 0);
	ch_client_free(c);
	canned_close(srv);
	all = buf_view(&s.asked);
	sv_cut(&all, '\n', &line);
	assert_true(sv_starts(line, SV("POST /?query_id=spanfs-")));
	assert_true(sv_find(line, SV("&readonly=2&max_execution_time=1&")) >= 0);
	assert_true(sv_find(line, SV("&log_comment=a%20test")) >= 0);
	assert_true(sv_find(line, SV(SECRET)) < 0 && sv_find(line, SV("reader")) < 0);
	assert_true(sv_find(all, SV("X-ClickHouse-Key: " SECRET "\r\n")) >= 0);
	assert_true(sv_ends(all, SV("\r\n\r\nSELECT 1")));
	buf_release(&rows);
	script_release(&s);
}

static void
a_password_is_the_first_line_of_its_file(void **state)
{
	char path[] = "/tmp/test_ch_clientXXXXXX";
	struct buf b = BUF_INIT;
	struct err e = ERR_INIT;
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0 && write(fd, SECRET "\r\nrest\n", 18) == 18);
	close(fd);
	assert_int_equal(ch_password(path, &b, &e), 0);
	assert_true(sv_is(buf_view(&b), SECRET));
	unlink(path);
	assert_true(ch_password(path, &b, &e) < 0);
	assert_non_null(strstr(e.msg, "password_file"));
	buf_release(&b);
}

static void
values_are_escaped(void **state)
{
	struct buf b = BUF_INIT;
	const struct sv v[] = { SV("a'b"), SV("\\\0\n"), SV("") };

	(void)state;
	ch_param_string(&b, SV("\0\t\n\r\\'{}"));
	assert_true(sv_is(buf_view(&b), "\\0\\t\\n\\r\\\\'{}"));
	b.n = 0;
	ch_param_strings(&b, v, 3);
	assert_true(sv_is(buf_view(&b), "['a\\'b','\\\\\\0\\n','']"));
	buf_release(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_arrive_whole_and_in_pieces),
		cmocka_unit_test(statuses_are_told_apart),
		cmocka_unit_test(exceptions_behind_rows_are_errors),
		cmocka_unit_test(cut_at_every_byte),
		cmocka_unit_test(garbage_is_an_error),
		cmocka_unit_test(an_answer_without_an_end_is_an_error),
		cmocka_unit_test(connections_are_used_again),
		cmocka_unit_test(fails_at_once_while_the_server_is_away_and_works_when_it_is_back),
		cmocka_unit_test(a_port_where_nobody_listens),
		cmocka_unit_test(asks_again_where_that_is_safe),
		cmocka_unit_test(sends_fewer_settings_to_who_takes_no_more),
		cmocka_unit_test(who_has_no_json_is_told_not_to_cut),
		cmocka_unit_test(an_endless_answer_is_left_in_bounded_memory_and_killed),
		cmocka_unit_test(a_server_that_says_nothing_is_left_at_the_deadline_and_killed),
		cmocka_unit_test(a_cancelled_question_is_left_and_killed),
		cmocka_unit_test(no_secret_is_told),
		cmocka_unit_test(user_and_password_are_in_headers_alone),
		cmocka_unit_test(a_password_is_the_first_line_of_its_file),
		cmocka_unit_test(values_are_escaped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: ISC */
/* test_ch_insert: what is sent for an INSERT, that it is sent once, and bodies that are compressed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>
#include <zlib.h>
#include <zstd.h>

#include "clickhouse/ch_insert.h"
#include "lib/canned.h"

#define MS 1000000ull

enum what { ANSWER, BREAK, CLOSE };

struct server {
	enum what what;
	int status;
	const char *words;
	unsigned served;
	struct buf asked;
};

static void
play(struct canned *c, int fd, unsigned nth, void *arg)
{
	struct server *s = arg;
	struct buf answer = BUF_INIT;

	(void)nth;
	(void)c;
	canned_answer(&answer, s->status, "", sv_cstr(s->words));
	while (canned_request(fd, &s->asked)) {
		s->served++;
		if (s->what == BREAK)
			canned_reset(fd);
		if (s->what != ANSWER || !canned_send(fd, answer.p, answer.n))
			break;
	}
	buf_release(&answer);
}

static const char *
type_text(enum ch_span_column c)
{
	switch (c) {
	case CHC_TIMESTAMP:
		return "DateTime64(9)";
	case CHC_DURATION:
		return "UInt64";
	case CHC_RESOURCE:
	case CHC_ATTRS:
		return "Map(String, String)";
	case CHC_EVENT_TIME:
		return "Array(DateTime64(9))";
	case CHC_EVENT_ATTRS:
	case CHC_LINK_ATTRS:
		return "Array(Map(String, String))";
	case CHC_EVENT_NAME:
	case CHC_LINK_TRACE_ID:
	case CHC_LINK_SPAN_ID:
	case CHC_LINK_STATE:
		return "Array(String)";
	default:
		return "String";
	}
}

static void
schema_make(struct ch_schema *s)
{
	memset(s, 0, sizeof *s);
	arena_init(&s->a);
	s->table = (struct ch_table){ SV("d`b"), SV("t") };
	for (unsigned c = 0; c < N_CHC; c++) {
		s->columns[c].name = sv_cstr(ch_span_column_name(c));
		assert_int_equal(ch_type_parse(sv_cstr(type_text(c)), &s->a, &s->columns[c].type, NULL), 0);
	}
}

/* An INSERT to a server that does as it is told. */
static int
insert(struct server *s, enum ch_packing packing, uint64_t *sent, struct err *e)
{
	struct canned *srv = canned_open(play, s);
	struct ch_client *c = NULL;
	struct ch_schema schema;
	struct ch_writer w;
	struct ch_outcome o;
	char url[64];
	struct ch_options options = { .timeout_ns = 2000 * MS, .database = SV("db") };
	struct ch_insert in = { .writer = &w, .rows = SV("rows\n\nrows\0rows"), .packing = packing,
		.id = SV("an-id"), .token = SV("a-token") };
	int rc;

	snprintf(url, sizeof url, "http://127.0.0.1:%u", canned_port(srv));
	options.url = sv_cstr(url);
	assert_int_equal(ch_client_new(&options, &c, e), 0);
	schema_make(&schema);
	assert_int_equal(ch_writer_init(&w, &schema, CH_COLUMNS_ALL, e), 0);
	*sent = 0;
	rc = ch_insert(c, &in, sent, &o, e);
	ch_writer_release(&w);
	arena_release(&schema.a);
	ch_client_free(c);
	canned_close(srv);
	return rc;
}

static bool
has(const struct server *s, const char *text)
{
	return sv_find(buf_view(&s->asked), sv_cstr(text)) >= 0;
}

static void
statement_is_in_the_url_and_rows_are_the_body(void **state)
{
	struct server s = { .what = ANSWER, .status = 200, .words = "" };
	struct err e = ERR_INIT;
	uint64_t sent;

	(void)state;
	assert_int_equal(insert(&s, CH_PACK_NONE, &sent, &e), 0);
	assert_int_equal(sent, 15);
	assert_int_equal(s.served, 1);
	assert_true(has(&s, "query=INSERT%20INTO%20%60d%5C%60b%60.%60t%60%20%28%60Timestamp%60%2C%20%60TraceId%60"));
	assert_true(has(&s, "%60Links.Attributes%60%29%20FORMAT%20RowBinary "));
	assert_true(has(&s, "query_id=an-id&"));
	assert_true(has(&s, "&async_insert=0"));
	assert_true(has(&s, "&insert_deduplication_token=a-token"));
	assert_false(has(&s, "readonly"));
	assert_false(has(&s, "Content-Encoding"));
	assert_true(sv_ends(buf_view(&s.asked), SV("\r\n\r\nrows\n\nrows\0rows")));
	buf_release(&s.asked);
}

/* Of a failure that leaves it open whether it was done. */
static void
it_is_sent_once_whatever_comes_of_it(void **state)
{
	static const struct {
		enum what what;
		int status, code;
	} cases[] = { { BREAK, 200, ERR_IO }, { CLOSE, 200, ERR_IO }, { ANSWER, 503, ERR_BUSY }, { ANSWER, 500, ERR_IO },
		{ ANSWER, 403, ERR_ACCESS } };

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct server s = { .what = cases[i].what, .status = cases[i].status,
			.words = "Code: 1000. DB::Exception: words\n" };
		struct err e = ERR_INIT;
		unsigned served = 0;
		uint64_t sent;

		assert_int_equal(insert(&s, CH_PACK_ZSTD, &sent, &e), cases[i].code);
		for (struct sv rest = buf_view(&s.asked); rest.n != 0; served++) {
			int64_t at = sv_find(rest, SV("query=INSERT"));

			if (at < 0)
				break;
			rest = sv_sub(rest, (size_t)at + 1, rest.n);
		}
		assert_int_equal(served, 1);
		assert_true(has(&s, "Content-Encoding: zstd\r\n"));
		buf_release(&s.asked);
	}
}

static void
who_may_not_see_queries_waits(void **state)
{
	struct server s = { .what = ANSWER, .status = 403, .words = "Code: 497. DB::Exception: Not enough privileges\n" };
	struct canned *srv = canned_open(play, &s);
	struct ch_client *c = NULL;
	atomic_bool cancel;
	struct err e = ERR_INIT;
	char url[64];
	struct ch_options options = { .timeout_ns = 300 * MS };

	(void)state;
	atomic_init(&cancel, false);
	snprintf(url, sizeof url, "http://127.0.0.1:%u", canned_port(srv));
	options.url = sv_cstr(url);
	assert_int_equal(ch_client_new(&options, &c, &e), 0);
	assert_int_equal(ch_insert_stop(c, SV("spanfs-"), &cancel, &e), 0);
	atomic_store(&cancel, true);
	assert_int_equal(ch_insert_stop(c, SV("spanfs-"), &cancel, &e), ERR_CANCELLED);
	ch_client_free(c);
	canned_close(srv);
	buf_release(&s.asked);
}

/* ---- compressed ---- */

static void
unzstd(struct sv packed, char *out, size_t n)
{
	assert_int_equal(ZSTD_decompress(out, n, packed.p, packed.n), n);
}

static void
gunzip(struct sv packed, char *out, size_t n)
{
	z_stream z = { .next_in = (Bytef *)(uintptr_t)packed.p, .avail_in = (uInt)packed.n,
		.next_out = (Bytef *)out, .avail_out = (uInt)n + 1 };

	assert_int_equal(inflateInit2(&z, 15 + 16), Z_OK);
	assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
	assert_int_equal(z.total_out, n);
	assert_int_equal(z.avail_in, 0);
	inflateEnd(&z);
}

static void
what_is_packed_is_unpacked(void **state)
{
	static const size_t sizes[] = { 0, 1, 1000, 3000000 };

	(void)state;
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		size_t n = sizes[i];
		char *data = malloc(n + 1), *back = malloc(n + 1);
		struct buf packed = BUF_INIT;

		assert_true(data != NULL && back != NULL);
		for (size_t k = 0; k < n; k++)
			data[k] = (char)(k % 2 ? k * 2654435761u >> 13 : k >> 9);
		assert_int_equal(ch_pack(CH_PACK_ZSTD, sv_new(data, n), &packed, NULL), 0);
		unzstd(buf_view(&packed), back, n);
		assert_memory_equal(data, back, n);
		packed.n = 0;
		assert_int_equal(ch_pack(CH_PACK_GZIP, sv_new(data, n), &packed, NULL), 0);
		memset(back, 0, n);
		gunzip(buf_view(&packed), back, n);
		assert_memory_equal(data, back, n);
		packed.n = 0;
		assert_int_equal(ch_pack(CH_PACK_NONE, sv_new(data, n), &packed, NULL), 0);
		assert_int_equal(packed.n, n);
		buf_release(&packed);
		free(data);
		free(back);
	}
	assert_null(ch_packing_name(CH_PACK_NONE));
	assert_string_equal(ch_packing_name(CH_PACK_GZIP), "gzip");
	assert_string_equal(ch_packing_name(CH_PACK_ZSTD), "zstd");
}

/* ---- tables that would lose something ---- */

static void
columns_that_are_missing_are_named(void **state)
{
	struct ch_schema s;
	struct ch_writer w;
	struct err e = ERR_INIT;

	(void)state;
	schema_make(&s);
	s.columns[CHC_MESSAGE].name = s.columns[CHC_LINK_ATTRS].name = SV_EMPTY;
	assert_int_equal(ch_writer_init(&w, &s, CH_COLUMNS_ALL, &e), ERR_UNSUPPORTED);
	assert_non_null(strstr(e.msg, "it lacks StatusMessage, Links.Attributes"));
	ch_writer_release(&w);
	assert_int_equal(ch_writer_init(&w, &s, 1ull << CHC_NAME, &e), 0);
	assert_int_equal(w.n, 1);
	ch_writer_release(&w);
	arena_release(&s.a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(statement_is_in_the_url_and_rows_are_the_body),
		cmocka_unit_test(it_is_sent_once_whatever_comes_of_it),
		cmocka_unit_test(who_may_not_see_queries_waits),
		cmocka_unit_test(what_is_packed_is_unpacked),
		cmocka_unit_test(columns_that_are_missing_are_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

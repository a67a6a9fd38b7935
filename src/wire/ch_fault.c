/* SPDX-License-Identifier: ISC */
/* ch_fault: what a server or a connection says of a failure, as struct err. */
#include <stdio.h>

#include "ch_i.h"
#include "base/visible.h"

#define WORDS_SHOWN 400u

enum { CODE_TIMEOUT = 159, CODE_TOO_SLOW = 160, CODE_MEMORY = 241, CODE_BUSY = 202, CODE_KILLED = 394 };

struct code_row {
	int code, err;
	const char *hint;
};

static const struct code_row codes[] = {
	{ CODE_TIMEOUT, ERR_TIMEOUT, "[clickhouse] timeout" },
	{ CODE_TOO_SLOW, ERR_TIMEOUT, "[clickhouse] timeout" },
	{ CODE_MEMORY, ERR_NOMEM, "[clickhouse] max_memory" },
	{ 191, ERR_NOMEM, "the server's limits of joins and sets" },
	{ 158, ERR_LIMIT, "the server's max_rows_to_read" },
	{ 307, ERR_LIMIT, "the server's max_bytes_to_read" },
	{ 396, ERR_LIMIT, "the server's max_result_rows and max_result_bytes" },
	{ CODE_BUSY, ERR_BUSY, "the server's max_concurrent_queries" },
	{ 192, ERR_ACCESS, "[clickhouse] user" },
	{ 193, ERR_ACCESS, "[clickhouse] password_file" },
	{ 194, ERR_ACCESS, "[clickhouse] password_file" },
	{ 516, ERR_ACCESS, "[clickhouse] user and password_file" },
	{ 497, ERR_ACCESS, "the rights of [clickhouse] user" },
};

/* What is not there: table, database, column, function; or is of another type. */
static bool
code_is_schema(int code)
{
	return code == 60 || code == 81 || code == 47 || code == 46 || code == 16 || code == 10 ||
	    code == 53 || code == 43;
}

static const struct code_row statuses[] = {
	{ 401, ERR_ACCESS, "[clickhouse] user and password_file" },
	{ 403, ERR_ACCESS, "[clickhouse] user and password_file" },
	{ 408, ERR_TIMEOUT, "[clickhouse] timeout" },
	{ 413, ERR_TOOBIG, NULL },
	{ 414, ERR_TOOBIG, NULL },
	{ 429, ERR_BUSY, NULL },
	{ 503, ERR_BUSY, NULL },
};

static const struct code_row *
row_of(const struct code_row *rows, size_t n, int code)
{
	for (size_t i = 0; i < n; i++)
		if (rows[i].code == code)
			return &rows[i];
	return NULL;
}
#define ROW_OF(table, code) row_of((table), sizeof (table) / sizeof *(table), (code))

/* "Code: N", of the first line; 0: no such thing. */
static int
code_of(struct sv words)
{
	int code = 0;

	if (!sv_starts(words, SV("Code: ")))
		return 0;
	for (size_t i = 6; i < words.n && i < 12 && words.p[i] >= '0' && words.p[i] <= '9'; i++)
		code = 10 * code + (words.p[i] - '0');
	return code;
}

/* A server, or somebody between, may say the password again. */
static void
put_words(struct buf *b, struct sv words, struct sv secret)
{
	struct sv shown = sv_sub(words, 0, WORDS_SHOWN);
	struct buf plain = BUF_INIT;
	int64_t at;

	/* Cut behind a password that the end of what is shown would halve. */
	while (secret.n != 0 && (at = sv_find(words, secret)) >= 0 && (size_t)at < WORDS_SHOWN) {
		buf_sv(&plain, sv_sub(words, 0, (size_t)at));
		BUF_LIT(&plain, "***");
		words = sv_sub(words, (size_t)at + secret.n, words.n);
	}
	buf_sv(&plain, words);
	shown = plain.oom ? SV("") : sv_sub(buf_view(&plain), 0, WORDS_SHOWN);
	while (shown.n != 0 && (shown.p[shown.n - 1] == '\n' || shown.p[shown.n - 1] == '\r'))
		shown.n--;
	visible_text(b, shown, 0);
	buf_release(&plain);
}

static struct sv
password_of(const struct ch_reply *r)
{
	return sv_new(r->client->password.p, r->client->password.n - 1);
}

int
fault_words(struct ch_reply *r, struct sv words, struct err *e)
{
	struct ch_outcome *o = &r->outcome;
	const struct code_row *row;
	struct buf b = BUF_INIT;
	int code;

	if (code_of(words) != 0)
		o->code = code_of(words);
	o->schema = code_is_schema(o->code);
	row = ROW_OF(codes, o->code);
	if (row == NULL)
		row = ROW_OF(statuses, o->status);
	code = row == NULL ? ERR_IO : row->err;
	put_words(&b, words, password_of(r));
	if (b.n == 0)
		buf_printf(&b, "no words");
	code = err_set(e, code, -1, "ClickHouse, status %d: %.*s%s%s%s", o->status,
	    SV_ARG(buf_view(&b)), row && row->hint ? " (see " : "", row && row->hint ? row->hint : "",
	    row && row->hint ? ")" : "");
	buf_release(&b);
	return code;
}

int
fault_transfer(struct ch_reply *r, struct err *e)
{
	struct sv words = sv_cstr(r->curl_words[0] != '\0' ? r->curl_words :
	    curl_easy_strerror(r->result));
	struct buf b = BUF_INIT;
	int code;

	put_words(&b, words, password_of(r));
	code = err_set(e, r->result == CURLE_OUT_OF_MEMORY ? ERR_NOMEM : ERR_IO, -1,
	    r->outcome.status == 0 ? "ClickHouse is out of reach: %.*s" :
	    "ClickHouse's answer broke off: %.*s", SV_ARG(buf_view(&b)));
	buf_release(&b);
	return code;
}

/* Where the last `needle` is, or -1. */
static int64_t
find_last(struct sv s, struct sv needle)
{
	int64_t at, last = -1;
	size_t from = 0;

	while ((at = sv_find(sv_sub(s, from, s.n), needle)) >= 0) {
		last = (int64_t)from + at;
		from = (size_t)last + 1;
	}
	return last;
}

bool
fault_bare(struct sv body, struct sv *words)
{
	int64_t at = find_last(body, SV("Code: "));
	struct sv text;

	/* Words may quote "Code: " themselves; rows may not end in LF (see ch_client.h). */
	while (at > 0 && sv_find(sv_sub(body, (size_t)at, body.n), SV("DB::Exception")) < 0)
		at = find_last(sv_sub(body, 0, (size_t)at), SV("Code: "));
	if (at < 0)
		return false;
	text = sv_sub(body, (size_t)at, body.n);
	if (code_of(text) == 0 || sv_find(text, SV("DB::Exception")) < 0 || !sv_ends(text, SV("\n")) ||
	    sv_chr(text, '\0') >= 0)
		return false;
	*words = text;
	return true;
}

#define MARK "__exception__\r\n"

/* Without memory: that there is an exception may not be missed for want of it. */
static bool
marked(const char *tag, struct sv body, struct sv *words)
{
	char line[sizeof ((struct ch_reply *)NULL)->tag + sizeof MARK + 8];
	struct sv text, head;
	int64_t at;

	if (!sv_ends(body, SV(MARK)))
		return false;
	text = sv_sub(body, 0, body.n - (sizeof MARK - 1));
	snprintf(line, sizeof line, " %s\r\n", tag);
	if (tag[0] != '\0' && !sv_ends(text, sv_cstr(line)))
		return false;
	snprintf(line, sizeof line, tag[0] != '\0' ? "\r\n" MARK "%s\r\n" : "\r\n" MARK "%s", tag);
	head = sv_cstr(line);
	at = find_last(text, head);
	if (at >= 0)
		*words = sv_sub(text, (size_t)at + head.n, text.n);
	return at >= 0;
}

bool
fault_at_end(const char *tag, struct sv body, struct sv *words)
{
	if (marked(tag, body, words))
		return true;
	return tag[0] == '\0' && fault_bare(body, words);
}

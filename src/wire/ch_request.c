/* SPDX-License-Identifier: ISC */
/*
 * ch_request: a question as a request. The text of the query is the body, or in the URL before rows
 * that are written; parameters, format, id and settings are in the URL; user and password are headers,
 * which servers and proxies don't log.
 */
#include <stdio.h>
#include <sys/random.h>

#include "ch_i.h"
#include "base/clock.h"

static void
put_encoded(struct buf *b, struct sv s)
{
	static const char hex[] = "0123456789ABCDEF";

	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
		    c == '-' || c == '.' || c == '_' || c == '~') {
			buf_putc(b, (char)c);
		} else {
			buf_putc(b, '%');
			buf_putc(b, hex[c >> 4]);
			buf_putc(b, hex[c & 15]);
		}
	}
}

static void
put_arg(struct buf *b, const char *name, struct sv value)
{
	buf_putc(b, '&');
	buf_str(b, name);
	buf_putc(b, '=');
	put_encoded(b, value);
}

static void
put_number(struct buf *b, const char *name, uint64_t v)
{
	buf_putc(b, '&');
	buf_str(b, name);
	buf_putc(b, '=');
	buf_u64(b, v);
}

/* Whole seconds, rounded up: old servers take no others. The rest is for the client to watch. */
static uint64_t
seconds_left(uint64_t deadline_ns)
{
	uint64_t now = clock_mono_ns();

	return now >= deadline_ns ? 1 : (deadline_ns - now + 999999999) / 1000000000;
}

/* An answer says that the rows are there, and not that they wait somewhere. */
static void
put_writing(struct buf *b, const struct ch_writing *w, bool json)
{
	if (w->data.n == 0)
		return;
	put_number(b, "async_insert", 0);
	if (json)
		put_number(b, "input_format_binary_read_json_as_string", 1);
	if (w->token.n != 0)
		put_arg(b, "insert_deduplication_token", w->token);
}

/*
 * A profile may have it that what goes beyond a limit is left out, or what a server that is away
 * has: an answer that is short and does not say so.
 */
static void
put_whole(struct buf *b)
{
	static const char *const modes[] = { "read_overflow_mode", "timeout_overflow_mode", "result_overflow_mode",
		"group_by_overflow_mode", "sort_overflow_mode", "distinct_overflow_mode", "set_overflow_mode",
		"join_overflow_mode", "transfer_overflow_mode" };

	for (size_t i = 0; i < sizeof modes / sizeof *modes; i++)
		put_arg(b, modes[i], SV("throw"));
	put_number(b, "skip_unavailable_shards", 0);
}

static void
put_settings(struct buf *b, const struct ch_reply *r, const struct ch_question *q)
{
	const struct ch_writing *w = q->writing;
	bool json = r->settings < SETTINGS_NO_JSON;

	if (r->settings == SETTINGS_NONE)
		return;
	if (w == NULL)
		put_number(b, "readonly", 2);
	put_number(b, "max_execution_time", seconds_left(r->deadline_ns));
	/* Else the server guesses how long it will take, and gives up early. */
	put_number(b, "timeout_before_checking_execution_speed", 0);
	if (w != NULL && w->distributed)
		put_number(b, "insert_distributed_sync", 1);
	if (r->client->max_memory != 0)
		put_number(b, "max_memory_usage", r->client->max_memory);
	put_whole(b);
	if (r->packs) {
		put_number(b, "enable_http_compression", 1);
		/* Of any encoding: rows of spans get no smaller by a higher one. */
		put_number(b, "http_zlib_compression_level", 1);
	}
	if (r->settings == SETTINGS_OLD)
		return;
	if (json)
		put_arg(b, "timeout_overflow_mode_leaf", SV("throw"));
	if (w != NULL) {
		put_writing(b, w, json);
	} else {
		put_arg(b, "read_overflow_mode_leaf", SV("throw"));
		put_number(b, "limit", 0);
		put_number(b, "offset", 0);
		put_number(b, "cancel_http_readonly_queries_on_client_close", 1);
		if (json)
			put_number(b, "output_format_binary_write_json_as_string", 1);
		/* Looked at while rows are read, they keep the server from remembering which had none. */
		if (r->settings == SETTINGS_ALL && !q->first)
			put_number(b, "use_skip_indexes_on_data_read", 0);
	}
	if (q->comment.n != 0)
		put_arg(b, "log_comment", q->comment);
}

void
query_id(char *out, size_t size)
{
	unsigned char random[16];

	/* An id that was given twice makes the second query fail, no more. */
	if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random)
		memset(random, 0, sizeof random);
	size_t n = (size_t)snprintf(out, size, "spanfs-");
	for (size_t i = 0; i < sizeof random && n + 3 <= size; i++, n += 2)
		snprintf(out + n, size - n, "%02x", random[i]);
}

static bool
add_header(struct ch_reply *r, const char *name, const struct buf *value)
{
	struct buf line = BUF_INIT;
	struct curl_slist *more = NULL;

	if (value->n <= 1)	/* the NUL */
		return true;
	buf_str(&line, name);
	BUF_LIT(&line, ": ");
	buf_put(&line, value->p, value->n);
	if (!line.oom)
		more = curl_slist_append(r->headers, line.p);
	if (line.p != NULL)
		explicit_bzero(line.p, line.cap);
	buf_release(&line);
	if (more == NULL)
		return false;
	r->headers = more;
	return true;
}

static bool
add_headers(struct ch_reply *r, const struct ch_writing *w)
{
	char encoding[64];
	const char *lines[4] = { "Content-Type: text/plain", "Expect:" };
	size_t n = 2;

	if (w != NULL && w->encoding != NULL) {
		snprintf(encoding, sizeof encoding, "Content-Encoding: %s", w->encoding);
		lines[n++] = encoding;
	}
	/* A server takes of these what it knows, and the better. */
	if (r->packs)
		lines[n++] = r->client->packing == CH_PACK_GZIP ? "Accept-Encoding: gzip" : "Accept-Encoding: zstd, gzip";
	for (size_t i = 0; i < n; i++) {
		struct curl_slist *more = curl_slist_append(r->headers, lines[i]);

		if (more == NULL)
			return false;
		r->headers = more;
	}
	return add_header(r, "X-ClickHouse-User", &r->client->user) &&
	    add_header(r, "X-ClickHouse-Key", &r->client->password);
}

int
request_make(struct ch_reply *r, const struct ch_question *q, struct err *e)
{
	const struct ch_client *c = r->client;
	const struct ch_writing *w = q->writing;
	bool data = w != NULL && w->data.n != 0;
	struct buf *b = &r->url;
	int rc;

	b->n = 0;
	buf_put(b, c->url.p, c->url.n - 1);
	BUF_LIT(b, "/?");
	buf_str(b, "query_id=");
	buf_str(b, r->outcome.id);
	put_arg(b, "default_format", q->format);
	if (c->database.n > 1 && (w == NULL || !w->outside))
		put_arg(b, "database", sv_new(c->database.p, c->database.n - 1));
	put_settings(b, r, q);
	if (data)
		put_arg(b, "query", q->sql);
	for (size_t i = 0; i < q->n_params; i++) {
		BUF_LIT(b, "&param_");
		put_encoded(b, q->params[i].name);
		buf_putc(b, '=');
		put_encoded(b, q->params[i].value);
	}
	buf_putc(b, '\0');
	if ((rc = buf_ok(b, e)) < 0)
		return rc;
	if (b->n > QUESTION_URL_MAX)
		return err_set(e, ERR_TOOBIG, -1, "a question with %zu bytes of parameters is more "
		    "than ClickHouse takes", b->n);
	curl_slist_free_all(r->headers);
	r->headers = NULL;
	r->sql.n = 0;
	buf_sv(&r->sql, q->sql);
	r->post = data ? w->data : buf_view(&r->sql);
	return add_headers(r, w) ? buf_ok(&r->sql, e) : err_nomem(e);
}

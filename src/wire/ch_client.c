/* SPDX-License-Identifier: ISC */
/* ch_client: see wire/ch_client.h. Making and freeing; passwords; values of parameters. */
#include <stdlib.h>

#include "ch_i.h"
#include "base/file.h"

static pthread_once_t curl_once = PTHREAD_ONCE_INIT;
static CURLcode curl_ready;

static void
curl_begin(void)
{
	curl_ready = curl_global_init(CURL_GLOBAL_DEFAULT);
}

/* No NUL may hide what follows it. */
static int
text_take(struct buf *b, struct sv s, const char *what, struct err *e)
{
	if (sv_chr(s, '\0') >= 0)
		return err_set(e, ERR_SYNTAX, -1, "[clickhouse] %s: a NUL byte", what);
	buf_sv(b, s);
	buf_putc(b, '\0');
	return buf_ok(b, e);
}

/* The text of a wrong one is not shown: there may be a password in it. */
static int
url_check(struct sv url, struct err *e)
{
	struct sv rest;
	int64_t slash;

	if (sv_starts(url, SV("http://")))
		rest = sv_sub(url, 7, url.n);
	else if (sv_starts(url, SV("https://")))
		rest = sv_sub(url, 8, url.n);
	else
		return err_set(e, ERR_SYNTAX, -1,
		    "[clickhouse] url: http://host[:port] or https://host[:port] is expected");
	slash = sv_chr(rest, '/');
	if (sv_chr(rest, '@') >= 0)
		return err_set(e, ERR_SYNTAX, -1, "[clickhouse] url: user and password have settings "
		    "of their own (user, password_file)");
	if (rest.n == 0 || slash == 0 || (slash > 0 && (size_t)slash + 1 != rest.n) ||
	    sv_chr(rest, '?') >= 0 || sv_chr(rest, '#') >= 0 || sv_chr(rest, ' ') >= 0)
		return err_set(e, ERR_SYNTAX, -1,
		    "[clickhouse] url: nothing but host and port may follow http:// or https://");
	return 0;
}

/* What stands in a header may have no end of a line. */
static int
header_check(struct sv s, const char *what, struct err *e)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f)
			return err_set(e, ERR_SYNTAX, -1, "[clickhouse] %s: a control character", what);
	return 0;
}

static int
options_take(struct ch_client *c, const struct ch_options *o, struct err *e)
{
	struct sv url = o->url;
	int rc;

	if ((rc = url_check(url, e)) < 0 || (rc = header_check(url, "url", e)) < 0 ||
	    (rc = header_check(o->user, "user", e)) < 0 ||
	    (rc = header_check(o->password, "password_file", e)) < 0)
		return rc;
	if (sv_ends(url, SV("/")))
		url.n--;
	if ((rc = text_take(&c->url, url, "url", e)) < 0 ||
	    (rc = text_take(&c->database, o->database, "database", e)) < 0 ||
	    (rc = text_take(&c->user, o->user, "user", e)) < 0 ||
	    (rc = text_take(&c->password, o->password, "password_file", e)) < 0)
		return rc;
	c->timeout_ns = o->timeout_ns;
	c->max_memory = o->max_memory;
	c->packing = o->packing;
	return text_take(&c->ca_file, o->ca_file, "ca_file", e);
}

int
ch_client_new(const struct ch_options *o, struct ch_client **out, struct err *e)
{
	struct ch_client *c;
	int rc;

	pthread_once(&curl_once, curl_begin);
	if (curl_ready != CURLE_OK)
		return err_set(e, ERR_IO, -1, "libcurl: %s", curl_easy_strerror(curl_ready));
	c = calloc(1, sizeof *c);
	if (c == NULL)
		return err_nomem(e);
	pthread_mutex_init(&c->lock, NULL);
	rc = options_take(c, o, e);
	if (rc < 0) {
		ch_client_free(c);
		return rc;
	}
	*out = c;
	return 0;
}

uint64_t
ch_client_timeout(const struct ch_client *c)
{
	return c->timeout_ns;
}

void
ch_client_free(struct ch_client *c)
{
	struct ch_conn *conn;

	if (c == NULL)
		return;
	while ((conn = c->idle) != NULL) {
		c->idle = conn->next;
		conn_put(c, conn, false);
	}
	pthread_mutex_destroy(&c->lock);
	buf_release(&c->url);
	buf_release(&c->database);
	buf_release(&c->user);
	if (c->password.p != NULL)
		explicit_bzero(c->password.p, c->password.cap);
	buf_release(&c->password);
	buf_release(&c->ca_file);
	free(c);
}

int
ch_password(const char *path, struct buf *out, struct err *e)
{
	const char *slash = strrchr(path, '/');
	struct fsys *fs = NULL;
	struct sv text, line;
	struct arena a;
	char *dir;
	int rc;

	arena_init(&a);
	dir = arena_cstr(&a, slash == NULL ? SV(".") : sv_new(path, (size_t)(slash - path) + 1));
	rc = dir == NULL ? err_nomem(e) : file_real(dir, false, &fs, e);
	if (rc == 0)
		rc = file_read_all(fs, slash == NULL ? path : slash + 1, 4096, &a, &text, e);
	if (rc == 0) {
		sv_cut(&text, '\n', &line);
		if (sv_ends(line, SV("\r")))
			line.n--;
		buf_sv(out, line);
		rc = buf_ok(out, e);
		explicit_bzero((void *)(uintptr_t)line.p, line.n);
	}
	if (fs != NULL)
		fsys_free(fs);
	arena_release(&a);
	return rc < 0 ? err_ctx(e, rc, "[clickhouse] password_file") : 0;
}

static void
escape(struct buf *b, struct sv s, bool quotes)
{
	for (size_t i = 0; i < s.n; i++) {
		switch (s.p[i]) {
		case '\0':
			BUF_LIT(b, "\\0");
			break;
		case '\t':
			BUF_LIT(b, "\\t");
			break;
		case '\n':
			BUF_LIT(b, "\\n");
			break;
		case '\r':
			BUF_LIT(b, "\\r");
			break;
		case '\\':
			BUF_LIT(b, "\\\\");
			break;
		case '\'':
			if (quotes)
				buf_putc(b, '\\');
			buf_putc(b, '\'');
			break;
		default:
			buf_putc(b, s.p[i]);
		}
	}
}

void
ch_param_string(struct buf *b, struct sv s)
{
	escape(b, s, false);
}

void
ch_param_strings(struct buf *b, const struct sv *v, size_t n)
{
	buf_putc(b, '[');
	for (size_t i = 0; i < n; i++) {
		buf_str(b, i == 0 ? "'" : ",'");
		escape(b, v[i], true);
		buf_putc(b, '\'');
	}
	buf_putc(b, ']');
}

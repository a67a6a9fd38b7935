/* SPDX-License-Identifier: ISC */
/*
 * redis_conn: commands to a server and its replies, written and read by libhiredis; the bytes go
 * over the wire, which has its own idea of time. A reply is one of the simple kinds: an array,
 * which nothing here asks for, or one longer than a value can be ends the connection.
 */
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "redis_i.h"
#include "value_i.h"

#define REPLY_EXTRA 4096	/* most that a reply has beside its value */
#define TRIM_BYTES (256u << 10)	/* of a buffer that is kept */

/* ---- what the reader makes of a reply: all of it stands in the connection ---- */

static struct reply *
reply_of(const redisReadTask *t, enum reply_kind kind)
{
	struct reply *r = t->privdata;

	r->kind = kind;
	return r;
}

static void
take_code(struct reply *r, const char *p, size_t n)
{
	size_t i = 0;

	for (; i < n && i + 1 < sizeof r->code && p[i] >= 'A' && p[i] <= 'Z'; i++)
		r->code[i] = p[i];
	r->code[i] = '\0';
}

static void *
make_string(const redisReadTask *t, char *p, size_t n)
{
	struct reply *r = reply_of(t, REPLY_BYTES);

	if (t->type == REDIS_REPLY_STATUS)
		r->kind = REPLY_STATUS;
	else if (t->type == REDIS_REPLY_ERROR) {
		r->kind = REPLY_ERROR;
		take_code(r, p, n);
	} else
		buf_put(&r->bytes, p, n);
	return r->bytes.oom ? NULL : r;
}

/* There is no memory for one, as far as the reader knows. */
static void *
make_array(const redisReadTask *t, int n)
{
	(void)t;
	(void)n;
	return NULL;
}

static void *
make_number(const redisReadTask *t, long long v)
{
	(void)v;
	return reply_of(t, REPLY_NUMBER);
}

static void *
make_nil(const redisReadTask *t)
{
	return reply_of(t, REPLY_NIL);
}

static void
free_reply(void *r)
{
	(void)r;
}

static redisReplyObjectFunctions makers = { make_string, make_array, make_number, make_nil,
    free_reply };

/* ---- commands and replies ---- */

int
conn_add(struct conn *c, const struct word *words, size_t n, struct err *e)
{
	const char *argv[5];
	size_t lens[5];
	char *text = NULL;
	int len;

	for (size_t i = 0; i < n; i++) {
		argv[i] = words[i].p;
		lens[i] = words[i].n;
	}
	if ((len = redisFormatCommandArgv(&text, (int)n, argv, lens)) < 0)
		return err_nomem(e);
	buf_put(&c->out, text, (size_t)len);
	redisFreeCommand(text);
	return buf_ok(&c->out, e);
}

int
conn_flush(struct conn *c, const struct limit *lim, struct err *e)
{
	int rc = wire_send(c->wire, c->out.p, c->out.n, lim, e);

	c->out.n = 0;
	return rc;
}

/* What the reader has of a reply; 1: not all of it. */
static int
next_reply(struct conn *c, struct err *e)
{
	void *obj = NULL;

	if (redisReaderGetReply(c->reader, &obj) != REDIS_OK)
		return err_set(e, ERR_CORRUPT, -1, "what it answers is no reply to what was asked");
	if (obj != NULL)
		return 0;
	if (c->reader->len - c->reader->pos > c->settings->max_value + REPLY_EXTRA)
		return err_set(e, ERR_TOOBIG, -1, "a reply of more than [redis] max_value");
	return 1;
}

int
conn_read(struct conn *c, const struct limit *lim, const struct reply **out, struct err *e)
{
	size_t n;
	int rc;

	c->reply.kind = REPLY_NONE;
	c->reply.bytes.n = 0;
	while ((rc = next_reply(c, e)) == 1) {
		if ((rc = wire_recv(c->wire, c->chunk, sizeof c->chunk, &n, lim, e)) != 0)
			return rc;
		if (redisReaderFeed(c->reader, c->chunk, n) != REDIS_OK)
			return err_nomem(e);
	}
	if (rc == 0)
		*out = &c->reply;
	return rc;
}

bool
conn_fresh(struct conn *c)
{
	return c->reader->pos == c->reader->len && wire_quiet(c->wire);
}

/* ---- the first words ---- */

#define WORD(lit) { (lit), sizeof(lit) - 1 }

static int
add_auth(struct conn *c, struct err *e)
{
	const struct settings *s = c->settings;
	struct word words[3] = { WORD("AUTH") };
	size_t n = 1;

	if (s->url.user != NULL)
		words[n++] = (struct word){ s->url.user, strlen(s->url.user) };
	words[n++] = (struct word){ s->password.p, s->password.n };
	return conn_add(c, words, n, e);
}

static int
add_select(struct conn *c, struct err *e)
{
	char db[16];
	int n = snprintf(db, sizeof db, "%u", c->settings->url.db);
	const struct word words[] = { WORD("SELECT"), { db, (size_t)n } };

	return conn_add(c, words, 2, e);
}

/* A get, as they come later: who answers it answers those. */
static int
add_probe(struct conn *c, struct err *e)
{
	struct buf name = BUF_INIT;
	int rc;

	buf_str(&name, c->settings->prefix);
	BUF_LIT(&name, "probe");
	if ((rc = buf_ok(&name, e)) == 0) {
		const struct word words[] = { WORD("GET"), { name.p, name.n } };

		rc = conn_add(c, words, 2, e);
	}
	buf_release(&name);
	return rc;
}

static int
expect_ok(struct conn *c, const char *what, const struct limit *lim, struct err *e)
{
	const struct reply *r;
	int rc = conn_read(c, lim, &r, e);

	if (rc == 0 && r->kind == REPLY_ERROR)
		return err_set(e, ERR_ACCESS, -1, "%s: refused (%s)", what, r->code);
	return rc;
}

/* The answer may take as long as that to a get, which is more than connecting may. */
static int
greet(struct conn *c, const struct limit *lim, struct err *e)
{
	const struct settings *s = c->settings;
	struct limit one = { clock_mono_ns() + s->timeout_ns, lim->stop };
	bool auth = s->password.n != 0, select = s->url.kind != URL_UNIX && s->url.db != 0;
	int rc = 0;

	if (auth)
		rc = add_auth(c, e);
	if (rc == 0 && select)
		rc = add_select(c, e);
	if (rc != 0 || (rc = add_probe(c, e)) != 0 || (rc = conn_flush(c, &one, e)) != 0)
		return rc;
	if (auth)
		rc = expect_ok(c, "the password", &one, e);
	if (rc == 0 && select)
		rc = expect_ok(c, "the database", &one, e);
	return rc != 0 ? rc : expect_ok(c, "a get", &one, e);
}

int
conn_open(struct settings *s, const struct limit *lim, struct conn **out, struct err *e)
{
	struct conn *c = calloc(1, sizeof *c);
	int rc;

	if (c == NULL)
		return err_nomem(e);
	c->settings = settings_ref(s);
	if ((c->reader = redisReaderCreateWithFunctions(&makers)) == NULL)
		rc = err_nomem(e);
	else {
		c->reader->privdata = &c->reply;
		rc = wire_open(s, lim, &c->wire, e);
	}
	if (rc != 0 || (rc = greet(c, lim, e)) != 0) {
		conn_close(c);
		return rc;
	}
	*out = c;
	return 0;
}

void
conn_close(struct conn *c)
{
	if (c == NULL)
		return;
	wire_close(c->wire);
	if (c->reader != NULL)
		redisReaderFree(c->reader);
	if (c->out.p != NULL)
		explicit_bzero(c->out.p, c->out.cap);
	buf_release(&c->out);
	buf_release(&c->reply.bytes);
	settings_unref(c->settings);
	free(c);
}

void
conn_trim(struct conn *c)
{
	if (c->reply.bytes.cap > TRIM_BYTES)
		buf_release(&c->reply.bytes);
	if (c->out.cap > TRIM_BYTES)
		buf_release(&c->out);
}

/* SPDX-License-Identifier: ISC */
/* store_redis: see redis/store_redis.h. */
#include "redis/store_redis.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cursor.h"
#include "base/log.h"
#include "catalog/identity.h"

#define PASSWORD_MAX 4096	/* bytes of the file */
#define SHARED_VERSION 1

/* ---- the settings ---- */

/* What stands in the way of an identity, in words, once for the log where it is a fault. */
static void
say_why(int rc, const struct err *why, struct buf *words)
{
	if (rc == ERR_UNKNOWN) {
		BUF_LIT(words, "the store has no identity yet: the next import makes one");
		return;
	}
	buf_str(words, why->msg);
	log_warn("[redis] is not used: %s", why->msg);
}

/* Directory and name, of a path that has a '/'. */
static int
read_file(const char *path, struct arena *a, struct sv *out, struct err *e)
{
	const char *slash = strrchr(path, '/');
	char *dir = arena_printf(a, "%.*s", (int)(slash == path ? 1 : slash - path), path);
	struct fsys *fs;
	int rc;

	if (dir == NULL)
		return err_nomem(e);
	if ((rc = file_real(dir, false, &fs, e)) != 0)
		return rc;
	rc = file_read_all(fs, slash + 1, PASSWORD_MAX, a, out, e);
	fsys_free(fs);
	return rc;
}

static int
read_password(const struct conf *c, struct arena *a, struct sv *out, struct err *e)
{
	const char *path = conf_str(c, CONF_REDIS_PASSWORD_FILE);
	struct sv text, line;
	struct stat st;
	int rc;

	*out = SV_EMPTY;
	if (path[0] == '\0')
		return 0;
	if (path[0] != '/')
		return err_set(e, ERR_SYNTAX, -1, "%s: [redis] password_file: expected an absolute path",
		    conf_where(c, CONF_REDIS_PASSWORD_FILE));
	if (stat(path, &st) == 0 && (st.st_mode & S_IRWXO) != 0)
		return err_set(e, ERR_ACCESS, -1, "%s: [redis] password_file: %s can be read by "
		    "everybody", conf_where(c, CONF_REDIS_PASSWORD_FILE), path);
	if ((rc = read_file(path, a, &text, e)) != 0)
		return err_ctx(e, rc, "%s: [redis] password_file", conf_where(c,
		    CONF_REDIS_PASSWORD_FILE));
	if (sv_cut(&text, '\n', &line))
		*out = line.n != 0 && line.p[line.n - 1] == '\r' ? sv_sub(line, 0, line.n - 1) : line;
	return 0;
}

/* Everything that redis_new copies. */
struct given {
	struct arena arena;
	struct buf prefix, why;
	struct identity id;
	struct redis_options options;
};

static int
gather(struct given *g, const struct conf *c, struct fsys *store, struct err *e)
{
	struct err why = ERR_INIT;
	struct redis_options *o = &g->options;
	int rc;

	o->url = sv_cstr(conf_str(c, CONF_REDIS_URL));
	o->ttl_ns = conf_u64(c, CONF_REDIS_TTL);
	o->timeout_ns = conf_u64(c, CONF_REDIS_TIMEOUT);
	o->max_value = conf_u64(c, CONF_REDIS_MAX_VALUE);
	buf_str(&g->prefix, conf_str(c, CONF_REDIS_PREFIX));
	if (o->url.n == 0)
		return 0;
	if ((rc = read_password(c, &g->arena, &o->password, e)) != 0)
		return rc;
	if ((rc = identity_read(store, &g->id, &why)) == 0) {
		o->secret = g->id.secret;
		buf_hex(&g->prefix, g->id.id, sizeof g->id.id);
		buf_putc(&g->prefix, ':');
	} else
		say_why(rc, &why, &g->why);
	o->prefix = buf_view(&g->prefix);
	o->why_off = g->why.n == 0 ? NULL : buf_cstr(&g->why);
	rc = buf_ok(&g->prefix, e);
	return rc != 0 ? rc : buf_ok(&g->why, e);
}

static void
given_release(struct given *g)
{
	explicit_bzero(&g->id, sizeof g->id);
	if (g->options.password.n != 0)
		explicit_bzero((char *)(uintptr_t)g->options.password.p, g->options.password.n);
	buf_release(&g->prefix);
	buf_release(&g->why);
	arena_release(&g->arena);
}

/* *r NULL: a new one. */
static int
apply(struct redis **r, const struct conf *c, struct fsys *store, struct err *e)
{
	struct given g = { 0 };
	int rc;

	arena_init(&g.arena);
	rc = gather(&g, c, store, e);
	if (rc == 0) {
		rc = *r == NULL ? redis_new(&g.options, r, e) : redis_set(*r, &g.options, e);
		if (rc == ERR_SYNTAX)
			rc = err_ctx(e, rc, "%s: [redis] url", conf_where(c, CONF_REDIS_URL));
	}
	given_release(&g);
	return rc;
}

int
store_redis_new(const struct conf *c, struct fsys *store, struct redis **out, struct err *e)
{
	struct redis *r = NULL;
	int rc = apply(&r, c, store, e);

	if (rc == 0)
		*out = r;
	return rc;
}

int
store_redis_set(struct redis *r, const struct conf *c, struct fsys *store, struct err *e)
{
	return apply(&r, c, store, e);
}

/* ---- results ---- */

void
shared_result_pack(struct buf *b, const struct shared_result *s)
{
	buf_varint(b, SHARED_VERSION);
	buf_varint(b, s->n_rows);
	buf_varint(b, s->n_shown);
	buf_varint(b, s->n_unpriced);
	buf_varint(b, s->note.n);
	buf_sv(b, s->note);
	buf_sv(b, s->bytes);
}

bool
shared_result_unpack(struct sv text, struct shared_result *out)
{
	struct cursor c = cursor_new(text.p, text.n);
	struct shared_result s;

	if (cursor_varint(&c) != SHARED_VERSION)
		return false;
	s.n_rows = cursor_varint(&c);
	s.n_shown = cursor_varint(&c);
	s.n_unpriced = cursor_varint(&c);
	s.note = cursor_str(&c);
	if (c.bad)
		return false;
	s.bytes = sv_new(c.p, cursor_left(&c));
	*out = s;
	return true;
}

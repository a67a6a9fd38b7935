/* SPDX-License-Identifier: ISC */
/* redis_settings: options as they were given, kept for as long as a connection was made by them. */
#include <stdlib.h>
#include <string.h>

#include "redis_i.h"

struct settings *
settings_ref(struct settings *s)
{
	atomic_fetch_add(&s->refs, 1);
	return s;
}

void
settings_unref(struct settings *s)
{
	if (s == NULL || atomic_fetch_sub(&s->refs, 1) != 1)
		return;
	tls_free(s->tls);
	url_release(&s->url);
	if (s->password.p != NULL)
		explicit_bzero(s->password.p, s->password.n);
	buf_release(&s->password);
	explicit_bzero(s->secret, sizeof s->secret);
	free(s->prefix);
	free(s->why_off);
	free(s);
}

static int
copy_texts(struct settings *s, const struct redis_options *o, struct err *e)
{
	s->prefix = o->prefix.n == 0 ? strdup("") : strndup(o->prefix.p, o->prefix.n);
	if (o->why_off != NULL && (s->why_off = strdup(o->why_off)) == NULL)
		return err_nomem(e);
	if (o->password.n != 0)
		buf_sv(&s->password, o->password);
	else if (s->url.password != NULL)
		buf_str(&s->password, s->url.password);
	return s->prefix == NULL ? err_nomem(e) : buf_ok(&s->password, e);
}

static int
fill(struct settings *s, const struct redis_options *o, struct err *e)
{
	int rc;

	s->ttl_ms = o->ttl_ns / 1000000;
	s->timeout_ns = o->timeout_ns;
	s->retry_ns = o->retry_ns != 0 ? o->retry_ns : RETRY_NS;
	s->max_value = o->max_value;
	s->off = o->url.n == 0 || o->secret == NULL;
	if (o->url.n != 0 && (rc = url_parse(o->url, &s->url, e)) != 0)
		return rc;
	if (!s->off)
		memcpy(s->secret, o->secret, sizeof s->secret);
	if (!s->off && s->url.kind == URL_TLS && (rc = tls_new(&s->tls, e)) != 0)
		return rc;
	return copy_texts(s, o, e);
}

int
settings_new(const struct redis_options *o, struct settings **out, struct err *e)
{
	struct settings *s = calloc(1, sizeof *s);
	int rc;

	if (s == NULL)
		return err_nomem(e);
	atomic_init(&s->refs, 1);
	if ((rc = fill(s, o, e)) != 0) {
		settings_unref(s);
		return rc;
	}
	*out = s;
	return 0;
}

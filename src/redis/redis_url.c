/* SPDX-License-Identifier: ISC */
/*
 * redis_url: where a Redis is. What goes wrong is said without the text, which may have a password.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "redis_i.h"

#define EXPECTED "expected redis://[USER:PASSWORD@]HOST[:PORT][/DB], rediss://... or unix:///PATH"

static int
wrong(struct err *e, const char *what)
{
	return err_set(e, ERR_SYNTAX, -1, "%s: " EXPECTED, what);
}

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Decoded, as a string. */
static int
decode(struct sv s, char **text, struct err *e)
{
	char *out = malloc(s.n + 1), *p = out;

	if (out == NULL)
		return err_nomem(e);
	for (size_t i = 0; i < s.n; i++) {
		int hi, lo;

		*p = s.p[i];
		if (s.p[i] == '%' && i + 2 < s.n && (hi = hex_digit(s.p[i + 1])) >= 0 &&
		    (lo = hex_digit(s.p[i + 2])) >= 0) {
			*p = (char)(hi << 4 | lo);
			i += 2;
		} else if (s.p[i] == '%')
			*p = '\0';
		if (*p++ == '\0') {
			free(out);
			return wrong(e, "'%' without two hex digits, or a NUL");
		}
	}
	*p = '\0';
	*text = out;
	return 0;
}

/* The last '@' before the path: a password may hold others. */
static bool
cut_user(struct sv *s, char until, struct sv *who)
{
	int64_t end = sv_chr(*s, until), at = -1;
	struct sv place = end < 0 ? *s : sv_sub(*s, 0, (size_t)end);

	for (size_t i = 0; i < place.n; i++)
		if (place.p[i] == '@')
			at = (int64_t)i;
	if (at < 0)
		return false;
	*who = sv_sub(*s, 0, (size_t)at);
	*s = sv_sub(*s, (size_t)at + 1, s->n);
	return true;
}

static int
read_user(struct sv who, struct url *u, struct err *e)
{
	struct sv user;
	int rc = 0;

	(void)sv_cut(&who, ':', &user);
	if (user.n != 0)
		rc = decode(user, &u->user, e);
	return rc != 0 || who.n == 0 ? rc : decode(who, &u->password, e);
}

/* HOST, HOST:PORT, [ADDRESS], [ADDRESS]:PORT; no ':' before the port: it has none. */
static int
cut_port(struct sv *host, struct sv *port, struct err *e)
{
	struct sv rest = *host;
	int64_t at = 0;

	if (rest.n != 0 && rest.p[0] == '[') {
		if ((at = sv_chr(rest, ']')) < 0)
			return wrong(e, "a '[' without its ']'");
		*host = sv_sub(rest, 1, (size_t)at);
		rest = sv_sub(rest, (size_t)at + 1, rest.n);
		if (rest.n != 0 && rest.p[0] != ':')
			return wrong(e, "something behind ']' that is no port");
		at = rest.n == 0 ? -1 : 0;
	} else if ((at = sv_chr(rest, ':')) >= 0)
		*host = sv_sub(rest, 0, (size_t)at);
	*port = at < 0 ? SV("6379") : sv_sub(rest, (size_t)at + 1, rest.n);
	return 0;
}

static int
read_host(struct sv host, struct url *u, struct err *e)
{
	struct sv port;
	uint64_t n;
	int rc;

	if ((rc = cut_port(&host, &port, e)) != 0)
		return rc;
	if (host.n == 0 || memchr(host.p, '\0', host.n) != NULL)
		return wrong(e, "no host");
	if (!sv_u64(port, &n) || n == 0 || n > 65535)
		return wrong(e, "no port from 1 to 65535");
	u->host = strndup(host.p, host.n);
	u->port = strndup(port.p, port.n);
	return u->host == NULL || u->port == NULL ? err_nomem(e) : 0;
}

static int
read_db(struct sv s, struct url *u, struct err *e)
{
	uint64_t n = 0;

	if (s.n != 0 && (!sv_u64(s, &n) || n > 65535))
		return wrong(e, "no number of a database");
	u->db = (unsigned)n;
	return 0;
}

static int
read_net(struct sv s, struct url *u, struct err *e)
{
	struct sv who = SV_EMPTY, place, db = SV_EMPTY;
	int64_t slash;
	int rc = 0;

	if (cut_user(&s, '/', &who))
		rc = read_user(who, u, e);
	place = s;
	if ((slash = sv_chr(s, '/')) >= 0) {
		place = sv_sub(s, 0, (size_t)slash);
		db = sv_sub(s, (size_t)slash + 1, s.n);
	}
	if (rc == 0)
		rc = read_host(place, u, e);
	return rc != 0 ? rc : read_db(db, u, e);
}

static int
read_unix(struct sv s, struct url *u, struct err *e)
{
	struct sv who;
	int rc;

	if (cut_user(&s, '/', &who) && (rc = read_user(who, u, e)) != 0)
		return rc;
	if (s.n == 0 || s.p[0] != '/')
		return wrong(e, "no absolute path of a socket");
	if ((rc = decode(s, &u->host, e)) != 0)
		return rc;
	if (strlen(u->host) >= sizeof ((struct sockaddr_un *)NULL)->sun_path)
		return wrong(e, "a path that is too long for a socket");
	return 0;
}

static bool
cut_scheme(struct sv *s, struct sv scheme)
{
	if (!sv_starts(*s, scheme))
		return false;
	*s = sv_sub(*s, scheme.n, s->n);
	return true;
}

int
url_parse(struct sv s, struct url *out, struct err *e)
{
	struct url u = { 0 };
	int rc;

	if (cut_scheme(&s, SV("redis://")))
		u.kind = URL_TCP;
	else if (cut_scheme(&s, SV("rediss://")))
		u.kind = URL_TLS;
	else if (cut_scheme(&s, SV("unix://")))
		u.kind = URL_UNIX;
	else
		return wrong(e, "no such kind of address");
	rc = u.kind == URL_UNIX ? read_unix(s, &u, e) : read_net(s, &u, e);
	if (rc != 0) {
		url_release(&u);
		return rc;
	}
	*out = u;
	return 0;
}

void
url_release(struct url *u)
{
	if (u->password != NULL)
		explicit_bzero(u->password, strlen(u->password));
	free(u->password);
	free(u->user);
	free(u->host);
	free(u->port);
	*u = (struct url){ 0 };
}

void
url_print(const struct url *u, struct buf *out)
{
	static const char *const schemes[] = { "redis://", "rediss://", "unix://" };
	bool v6 = u->kind != URL_UNIX && strchr(u->host, ':') != NULL;

	buf_str(out, schemes[u->kind]);
	buf_str(out, v6 ? "[" : "");
	buf_str(out, u->host);
	buf_str(out, v6 ? "]" : "");
	if (u->kind == URL_UNIX)
		return;
	buf_printf(out, ":%s", u->port);
	if (u->db != 0)
		buf_printf(out, "/%u", u->db);
}

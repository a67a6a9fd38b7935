/* SPDX-License-Identifier: ISC */
/* ch_open: see clickhouse/ch_open.h. */
#include "clickhouse/ch_open.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static int
password(const struct conf *c, struct buf *out, struct err *e)
{
	const char *path = conf_str(c, CONF_CLICKHOUSE_PASSWORD_FILE);
	struct stat st;

	if (path[0] == '\0')
		return 0;
	if (path[0] != '/')
		return err_set(e, ERR_SYNTAX, -1,
		    "[clickhouse] password_file: expected an absolute path");
	if (stat(path, &st) == 0 && (st.st_mode & S_IRWXO) != 0)
		return err_set(e, ERR_ACCESS, -1,
		    "[clickhouse] password_file: %s can be read by everybody", path);
	return ch_password(path, out, e);
}

enum { PACK_AUTO, PACK_NONE, PACK_GZIP, PACK_ZSTD };	/* the words of the setting */

static enum ch_packing
packing(const struct conf *c, enum ch_packing by_itself)
{
	switch (conf_u64(c, CONF_CLICKHOUSE_COMPRESSION)) {
	case PACK_NONE:
		return CH_PACK_NONE;
	case PACK_GZIP:
		return CH_PACK_GZIP;
	case PACK_ZSTD:
		return CH_PACK_ZSTD;
	default:
		return by_itself;
	}
}

enum ch_packing
ch_open_packing(const struct conf *c)
{
	return packing(c, CH_PACK_ZSTD);
}

/* A server on this machine, by its name: between it and here bytes cost less than to compress them. */
static bool
is_near(struct sv url)
{
	int64_t at = sv_find(url, SV("://"));
	struct sv host = sv_sub(url, at < 0 ? 0 : (size_t)at + 3, url.n);

	return sv_starts(host, SV("127.")) || sv_starts(host, SV("[::1]")) || sv_is(host, "localhost") ||
	    sv_starts(host, SV("localhost:")) || sv_starts(host, SV("localhost/"));
}

/* An error's words begin with the key; where that was set is put before them. */
static int
with_place(const struct conf *c, int rc, struct err *e)
{
	static const enum conf_key keys[] = { CONF_CLICKHOUSE_URL, CONF_CLICKHOUSE_DATABASE,
		CONF_CLICKHOUSE_TABLE, CONF_CLICKHOUSE_USER, CONF_CLICKHOUSE_PASSWORD_FILE,
		CONF_CLICKHOUSE_CA_FILE };
	char begin[64];

	for (size_t i = 0; e != NULL && i < sizeof keys / sizeof *keys; i++) {
		int n = snprintf(begin, sizeof begin, "[clickhouse] %s", conf_table[keys[i]].name);

		if (strncmp(e->msg, begin, (size_t)n) == 0 && e->msg[n] == ':')
			return err_ctx(e, rc, "%s", conf_where(c, keys[i]));
	}
	return rc;
}

static int
fill(const struct conf *c, struct ch_options *o, struct ch_table *t, struct buf *secret,
    struct err *e)
{
	int rc;

	if (conf_str(c, CONF_CLICKHOUSE_URL)[0] == '\0')
		return err_set(e, ERR_SYNTAX, -1, "[clickhouse] url: not set; expected "
		    "http://host[:port] or https://host[:port]");
	if (conf_str(c, CONF_CLICKHOUSE_TABLE)[0] == '\0')
		return err_set(e, ERR_SYNTAX, -1, "[clickhouse] table: expected a name");
	if ((rc = password(c, secret, e)) < 0)
		return rc;
	*o = (struct ch_options){
		.url = sv_cstr(conf_str(c, CONF_CLICKHOUSE_URL)),
		.database = sv_cstr(conf_str(c, CONF_CLICKHOUSE_DATABASE)),
		.user = sv_cstr(conf_str(c, CONF_CLICKHOUSE_USER)),
		.password = buf_view(secret),
		.ca_file = sv_cstr(conf_str(c, CONF_CLICKHOUSE_CA_FILE)),
		.timeout_ns = conf_u64(c, CONF_CLICKHOUSE_TIMEOUT),
		.max_memory = conf_u64(c, CONF_CLICKHOUSE_MAX_MEMORY),
	};
	o->packing = packing(c, is_near(o->url) ? CH_PACK_NONE : CH_PACK_ZSTD);
	*t = (struct ch_table){ o->database, sv_cstr(conf_str(c, CONF_CLICKHOUSE_TABLE)) };
	return 0;
}

int
ch_open_conf(const struct conf *c, struct ch_client **out, struct ch_table *table, struct err *e)
{
	struct buf secret = BUF_INIT;
	struct ch_options o;
	struct ch_table t;
	int rc;

	if ((rc = fill(c, &o, &t, &secret, e)) == 0)
		rc = ch_client_new(&o, out, e);
	if (rc == 0)
		*table = t;
	else
		rc = with_place(c, rc, e);
	if (secret.p != NULL)
		explicit_bzero(secret.p, secret.cap);
	buf_release(&secret);
	return rc;
}

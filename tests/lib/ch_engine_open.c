/* SPDX-License-Identifier: ISC */
/* ch_engine_open: see lib/ch_engine_open.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "lib/ch_engine_open.h"

void
ch_engine_open(struct ch_engine *x, const struct ch_server *server, const char *table, const char *timeout)
{
	char url[96], name[80], most[64];
	const char *const sets[] = { url, name, most, "mount.now=latest" };
	struct err e = ERR_INIT;

	snprintf(url, sizeof url, "clickhouse.url=%s", server->url);
	snprintf(name, sizeof name, "clickhouse.table=%s", table);
	snprintf(most, sizeof most, "clickhouse.timeout=%s", timeout);
	if (conf_load(NULL, sets, sizeof sets / sizeof *sets, &x->conf, &e) < 0 ||
	    engine_open(x->conf, ENGINE_CLICKHOUSE, false, &x->en, &e) < 0)
		fail_msg("%s", e.msg);
}

void
ch_engine_close(struct ch_engine *x)
{
	engine_close(x->en);
	conf_free(x->conf);
}

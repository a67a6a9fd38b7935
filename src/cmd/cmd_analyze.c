/* SPDX-License-Identifier: ISC */
/* spanctl analyze: merges the statistics of all shards and says what they are. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cmd.h"
#include "engine/engine.h"

static void
print_analysis(const struct analysis *a)
{
	printf("%llu shards, %llu spans, %llu fields, %llu pairs of service and name; %.0f ms\n",
	    (unsigned long long)a->n_shards, (unsigned long long)a->n_spans,
	    (unsigned long long)a->n_fields, (unsigned long long)a->n_cells,
	    (double)a->duration_ns / 1e6);
	if (a->n_damaged != 0)
		printf("%llu shards could not be read: see spanctl check\n",
		    (unsigned long long)a->n_damaged);
}

/* One of the files of .spanfs/stats. */
static int
print_file(struct engine *en, const char *name, struct err *e)
{
	struct requester who = { (uint32_t)getuid(), (uint32_t)getpid() };
	struct buf file = BUF_INIT, out = BUF_INIT;
	int code;

	buf_printf(&file, "stats/%s", name);
	if ((code = buf_ok(&file, e)) == 0 &&
	    (code = engine_control_file(en, buf_view(&file), who, &out, e)) == 0)
		fwrite(out.p, 1, out.n, stdout);
	buf_release(&file);
	buf_release(&out);
	return code;
}

static bool
is_file(const char *s)
{
	return strcmp(s, "cells") == 0 || strcmp(s, "fields") == 0 || strcmp(s, "services") == 0 ||
	    strcmp(s, "values") == 0;
}

int
cmd_analyze(const struct cmd_ctx *ctx, int argc, char **argv)
{
	struct err err = ERR_INIT;
	struct analysis a;
	struct engine *en;
	int code;

	if (argc > 2 || (argc == 2 && !is_file(argv[1])))
		return cmd_usage("spanctl analyze [cells|fields|services|values]");
	if (engine_open(ctx->conf, ctx->store, false, &en, &err) < 0)
		return cmd_store_fail(&err);
	code = engine_analyze(en, &a, &err);
	if (code == 0 && argc == 2)
		code = print_file(en, argv[1], &err);
	else if (code == 0)
		print_analysis(&a);
	engine_close(en);
	return code < 0 ? cmd_store_fail(&err) : EXIT_DONE;
}

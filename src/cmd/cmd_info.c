/* SPDX-License-Identifier: ISC */
/* spanctl info: a summary of the store. */
#include <stdio.h>

#include "cmd.h"
#include "engine/engine.h"

int
cmd_info(const struct cmd_ctx *ctx, int argc, char **argv)
{
	struct err err = ERR_INIT;
	struct buf out = BUF_INIT;
	struct engine *en;
	int code;

	(void)argv;
	if (argc != 1)
		return cmd_usage("spanctl info");
	if (engine_open(ctx->conf, ctx->store, false, &en, &err) < 0)
		return cmd_store_fail(&err);
	code = engine_info(en, &out, &err);
	engine_close(en);
	if (code == 0)
		fwrite(out.p, 1, out.n, stdout);
	buf_release(&out);
	return code < 0 ? cmd_store_fail(&err) : EXIT_DONE;
}

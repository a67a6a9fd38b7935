/* SPDX-License-Identifier: ISC */
/* spanctl explain PATH: the plan; or, for a path that does not parse, why, with a caret. */
#include <stdio.h>

#include "cmd.h"
#include "cmd_path.h"
#include "engine/engine.h"

int
cmd_explain(const struct cmd_ctx *ctx, int argc, char **argv)
{
	struct err err = ERR_INIT;
	struct buf out = BUF_INIT;
	struct engine *en;
	int code;

	if (argc != 2)
		return cmd_usage("spanctl explain PATH");
	if (engine_open(ctx->conf, ctx->store, false, &en, &err) < 0)
		return cmd_store_fail(&err);
	code = engine_explain(en, sv_cstr(argv[1]), &out, &err);
	engine_close(en);
	if (out.n != 0)
		fwrite(out.p, 1, out.n, stdout);
	buf_release(&out);
	return code < 0 ? EXIT_USAGE : fflush(stdout) == 0 ? EXIT_DONE : EXIT_FAILED;
}

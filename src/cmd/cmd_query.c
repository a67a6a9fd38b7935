/* SPDX-License-Identifier: ISC */
/* spanctl query PATH: the bytes of the mounted file, without a mount. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cmd.h"
#include "cmd_path.h"
#include "engine/engine.h"

static int
write_out(void *arg, const void *data, size_t n, struct err *e)
{
	const char *p = data;

	(void)arg;
	while (n != 0) {
		ssize_t k = write(STDOUT_FILENO, p, n);

		if (k < 0 && errno == EINTR && !atomic_load(&cmd_cancel))
			continue;
		if (k < 0 && errno == EPIPE)
			return err_set(e, ERR_CANCELLED, -1, "the reader went away");
		if (k < 0)
			return err_errno(e, "writing");
		p += k;
		n -= (size_t)k;
	}
	return 0;
}

int
cmd_query(const struct cmd_ctx *ctx, int argc, char **argv)
{
	struct requester who = { (uint32_t)getuid(), (uint32_t)getpid() };
	struct err err = ERR_INIT;
	struct engine *en;
	int code;

	if (argc != 2)
		return cmd_usage("spanctl query PATH, e.g. /service/checkout/since/1h/spans.jsonl");
	if (engine_open(ctx->conf, ctx->store, false, &en, &err) < 0)
		return cmd_store_fail(&err);
	code = engine_query(en, sv_cstr(argv[1]), who, write_out, NULL, &cmd_cancel, &err);
	engine_close(en);
	return code < 0 ? cmd_path_fail(argv[1], &err) : EXIT_DONE;
}

/* SPDX-License-Identifier: ISC */
/* spanctl ls [PATH]: what `ls` shows in the mounted directory; directories and keywords with a slash. */
#include <stdio.h>

#include "cmd.h"
#include "engine/engine.h"
#include "heap.h"

static bool
no_file(struct sv s)
{
	(void)s;
	return false;
}

static int
list(struct engine *en, const char *text, struct err *e)
{
	struct path *path = NULL;
	struct entry *v;
	struct arena a;
	struct sv file;
	size_t n = 0;
	int code;

	arena_init(&a);
	if ((code = path_parse(sv_cstr(text), no_file, &path, &file, e)) == 0 &&
	    (code = engine_list(en, path, &a, &v, &n, e)) == 0)
		for (size_t i = 0; i < n; i++)
			printf("%.*s%s\n", SV_ARG(v[i].name),
			    v[i].kind == ENTRY_FILE ? "" : "/");
	if (path != NULL && code < 0)
		e->off = path_typed_offset(path, sv_cstr(text), e->off);
	path_unref(path);
	arena_release(&a);
	return code;
}

int
cmd_ls(const struct cmd_ctx *ctx, int argc, char **argv)
{
	const char *path = argc == 2 ? argv[1] : "/";
	struct err err = ERR_INIT;
	struct engine *en;
	int code;

	if (argc > 2)
		return cmd_usage("spanctl ls [PATH]");
	heap_for_one_query();
	if (engine_open(ctx->conf, ctx->store, false, &en, &err) < 0)
		return cmd_store_fail(&err);
	code = list(en, path, &err);
	engine_close(en);
	if (code < 0)
		return cmd_path_fail(path, &err);
	return EXIT_DONE;
}

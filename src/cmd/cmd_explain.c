/* SPDX-License-Identifier: ISC */
/*
 * spanctl explain PATH: the plan; or, for a path that does not parse, why, with a caret. With
 * --compare two plans as one text: of two paths, or of one with other settings (-o) the second
 * time, or both.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/visible.h"
#include "cmd.h"
#include "engine/engine.h"
#include "heap.h"

static int
usage(void)
{
	return cmd_usage("spanctl explain PATH\n"
	    "       spanctl explain --compare [-o section.key=value] PATH [PATH]");
}

static int
print(struct buf *out, int code)
{
	if (out->n != 0)
		fwrite(out->p, 1, out->n, stdout);
	buf_release(out);
	return code < 0 ? EXIT_USAGE : EXIT_DONE;
}

static int
explain(const struct cmd_ctx *ctx, const char *path)
{
	struct err err = ERR_INIT;
	struct buf out = BUF_INIT;
	struct engine *en;
	int code;

	heap_for_one_query();
	if (engine_open(ctx->conf, ctx->store, false, &en, &err) < 0)
		return cmd_store_fail(&err);
	code = engine_explain(en, sv_cstr(path), &out, &err);
	engine_close(en);
	return print(&out, code);
}

/* Lines that say what is what: the paths, or the settings of the second. */
static void
put_title(struct buf *out, const char *a, const char *b, char *const *sets, size_t n_sets)
{
	BUF_LIT(out, "--- ");
	visible_text(out, sv_cstr(a), 0);
	BUF_LIT(out, "\n+++ ");
	visible_text(out, sv_cstr(b), 0);
	for (size_t i = 0; i < n_sets; i++) {
		BUF_LIT(out, " -o ");
		visible_text(out, sv_cstr(sets[i]), 0);
	}
	BUF_LIT(out, "\n");
}

static int
compare(const struct cmd_ctx *ctx, const struct conf *other, const char *a, const char *b,
    struct buf *out)
{
	struct err err = ERR_INIT;
	struct engine *x, *y;
	int code;

	if (engine_open(ctx->conf, ctx->store, false, &x, &err) < 0)
		return cmd_store_fail(&err);
	if (engine_open(other, ctx->store, false, &y, &err) < 0) {
		engine_close(x);
		return cmd_store_fail(&err);
	}
	code = engine_explain_compare(x, sv_cstr(a), y, sv_cstr(b), out, &err);
	engine_close(y);
	engine_close(x);
	return code < 0 ? EXIT_USAGE : EXIT_DONE;
}

/* The settings of the command line, then those after --compare. */
static int
load_other(const struct cmd_ctx *ctx, char *const *sets, size_t n_sets, struct conf **out)
{
	struct cmd_settings s = { .file = ctx->settings->file };
	size_t n = ctx->settings->n_sets;
	int status;

	if ((s.sets = calloc(n + n_sets + 1, sizeof *s.sets)) == NULL)
		return EXIT_FAILED;
	for (size_t i = 0; i < n; i++)
		s.sets[i] = ctx->settings->sets[i];
	for (size_t i = 0; i < n_sets; i++)
		s.sets[n + i] = sets[i];
	s.n_sets = n + n_sets;
	status = cmd_load("spanctl", &s, out);
	free(s.sets);
	return status;
}

/* argv: what follows --compare. Moves the texts of -o to the front; the number of them. */
static int
take_sets(int argc, char **argv, size_t *n_sets)
{
	int at = 0;

	*n_sets = 0;
	while (at + 1 < argc && strcmp(argv[at], "-o") == 0) {
		argv[(*n_sets)++] = argv[at + 1];
		at += 2;
	}
	return at;
}

static int
explain_compare(const struct cmd_ctx *ctx, int argc, char **argv)
{
	struct buf out = BUF_INIT;
	struct conf *other = NULL;
	size_t n_sets;
	int at = take_sets(argc, argv, &n_sets), status;
	const char *a, *b;

	if (argc - at < 1 || argc - at > 2 || (argc - at == 1 && n_sets == 0))
		return usage();
	a = argv[at];
	b = argv[argc - 1];
	if ((status = load_other(ctx, argv, n_sets, &other)) != EXIT_DONE)
		return status;
	put_title(&out, a, b, argv, n_sets);
	status = compare(ctx, other, a, b, &out);
	conf_free(other);
	return status == EXIT_FAILED ? status : print(&out, status == EXIT_USAGE ? -1 : 0);
}

int
cmd_explain(const struct cmd_ctx *ctx, int argc, char **argv)
{
	if (argc >= 3 && strcmp(argv[1], "--compare") == 0)
		return explain_compare(ctx, argc - 2, argv + 2);
	return argc == 2 ? explain(ctx, argv[1]) : usage();
}

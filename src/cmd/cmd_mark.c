/* SPDX-License-Identifier: ISC */
/*
 * spanctl mark list|set|commit|delete: names for commits of the store (catalog/marks.h). None
 * of them waits for an import.
 */
#include <stdio.h>
#include <string.h>

#include "catalog/catalog.h"
#include "catalog/marks.h"
#include "cmd.h"

#define CACHE_BYTES ((size_t)1 << 20)
#define USAGE "spanctl mark list | set NAME [COMMIT|now] | commit NAME | delete NAME"

struct mark_call {
	struct catalog *catalog;
	struct fsys *fs;
	int argc;		/* of what follows the verb */
	char **argv;
};

static int
list(const struct mark_call *x, struct err *e)
{
	const struct snapshot *s;
	struct buf out = BUF_INIT;
	size_t n_bad;
	int code = catalog_snapshot(x->catalog, &s, e);

	if (code < 0)
		return code;
	code = marks_print(x->fs, s, &out, &n_bad, e);
	snapshot_unref(s);
	if (code == 0)
		fwrite(out.p, 1, out.n, stdout);
	buf_release(&out);
	return code < 0 || n_bad == 0 ? code :
	    err_set(e, ERR_CORRUPT, -1, "%zu of the marks can't be read", n_bad);
}

static int
set(const struct mark_call *x, struct err *e)
{
	const struct snapshot *s;
	uint64_t to, newest;
	int code = catalog_snapshot(x->catalog, &s, e);

	if (code < 0)
		return code;
	newest = to = s->generation;
	snapshot_unref(s);
	if (x->argc == 2 && strcmp(x->argv[1], "now") != 0 &&
	    !sv_u64(sv_cstr(x->argv[1]), &to))
		return err_set(e, ERR_SYNTAX, -1, "expected the number of a commit or now, got '%s'",
		    x->argv[1]);
	if (to > newest)
		return err_set(e, ERR_SYNTAX, -1, "commit %s: the store's last is %llu",
		    x->argv[1], (unsigned long long)newest);
	return mark_set(x->fs, sv_cstr(x->argv[0]), to, e);
}

static int
commit(const struct mark_call *x, struct err *e)
{
	uint64_t to;

	return mark_commit(x->fs, sv_cstr(x->argv[0]), &to, e);
}

static int
delete(const struct mark_call *x, struct err *e)
{
	return mark_delete(x->fs, sv_cstr(x->argv[0]), e);
}

static const struct verb {
	const char *name;
	int min, max;		/* arguments */
	int (*run)(const struct mark_call *, struct err *);
} verbs[] = {
	{ "list", 0, 0, list },
	{ "set", 1, 2, set },
	{ "commit", 1, 1, commit },
	{ "delete", 1, 1, delete },
};

int
cmd_mark(const struct cmd_ctx *ctx, int argc, char **argv)
{
	struct catalog_options o = { .cache_bytes = CACHE_BYTES };
	const struct verb *v = NULL;
	struct mark_call x = { .argc = argc - 2, .argv = argv + 2 };
	struct err err = ERR_INIT;
	int code;

	for (size_t i = 0; argc >= 2 && i < sizeof verbs / sizeof *verbs; i++)
		if (strcmp(argv[1], verbs[i].name) == 0)
			v = &verbs[i];
	if (v == NULL || x.argc < v->min || x.argc > v->max)
		return cmd_usage(USAGE);
	if (catalog_open(ctx->store, &o, &x.catalog, &err) < 0)
		return cmd_store_fail(&err);
	x.fs = catalog_fsys(x.catalog);
	code = v->run(&x, &err);
	catalog_close(x.catalog);
	return code < 0 ? cmd_fail("spanctl", &err) : EXIT_DONE;
}

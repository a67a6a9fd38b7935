/* SPDX-License-Identifier: ISC */
/* spanctl export [--create] [--missing] PATH: the path's spans into a table of ClickHouse (export/export.h). */
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/visible.h"
#include "cmd.h"
#include "export/export.h"
#include "heap.h"
#include "progress.h"

#define USAGE "spanctl export [--create] [--missing] PATH, e.g. /service/checkout/since/7d"

struct shown {
	struct progress progress;
};

static void
on_step(void *arg, const struct export_counts *c)
{
	struct shown *s = arg;

	progress_draw(&s->progress, c->n_bytes, c->n_sent + c->n_there);
}

static void
on_say(void *arg, const char *words)
{
	struct shown *s = arg;
	struct buf b = BUF_INIT;

	progress_clear(&s->progress);
	visible_text(&b, sv_cstr(words), 0);
	fprintf(stderr, "spanctl: %.*s\n", SV_ARG(buf_view(&b)));
	buf_release(&b);
}

static void
report(const struct export_counts *c, double seconds)
{
	printf("exported %llu spans in %llu batches", (unsigned long long)c->n_sent,
	    (unsigned long long)c->n_batches);
	if (c->n_before != 0)
		printf(", behind %llu of an earlier run", (unsigned long long)c->n_before);
	if (c->n_there != 0)
		printf(", %llu were there", (unsigned long long)c->n_there);
	printf("; %.1f s, %.0f spans/s; %.1f MB, %.1f MB sent\n", seconds,
	    seconds > 0 ? (double)(c->n_sent + c->n_there) / seconds : 0, (double)c->n_bytes / 1e6,
	    (double)c->n_packed / 1e6);
}

/* What is there stays there. */
static void
say_how_to_go_on(const struct export_counts *c)
{
	unsigned long long n = c->n_before + c->n_sent + c->n_there;

	if (n != 0)
		fprintf(stderr, "spanctl: %llu spans are there; the same command goes on behind them\n",
		    n);
}

/* Of a server it is no wrong usage, whatever it is; of a setting it is. */
static int
fail(const char *path, const struct export_counts *c, const struct err *e)
{
	int status = EXIT_FAILED;

	if (e->code == ERR_CANCELLED) {
		fprintf(stderr, "spanctl: cancelled\n");
	} else if (c->of_path) {
		status = cmd_path_fail(path, e);
	} else {
		status = cmd_fail("spanctl", e);
		if (e->code != ERR_SYNTAX)
			status = EXIT_FAILED;
	}
	say_how_to_go_on(c);
	return status;
}

static int
run(struct export_options *o, const char *path)
{
	struct shown shown = { 0 };
	struct export_counts counts;
	struct err err = ERR_INIT;
	int code;

	o->step = on_step;
	o->say = on_say;
	o->arg = &shown;
	progress_start(&shown.progress, 0);
	code = export_run(o, &counts, &err);
	progress_clear(&shown.progress);
	if (code < 0)
		return fail(path, &counts, &err);
	report(&counts, progress_seconds(&shown.progress));
	return EXIT_DONE;
}

/* A file has rows of its own; an export has spans. */
static bool
names_file(const char *path, struct err *e)
{
	const char *last = strrchr(path, '/');

	last = last == NULL ? path : last + 1;
	if (!engine_known_file(sv_cstr(last)))
		return false;
	(void)err_set(e, ERR_SYNTAX, (int64_t)(last - path),
	    "a path without a file is exported: its spans");
	return true;
}

static int
open_and_run(const struct cmd_ctx *ctx, struct export_options *o, const char *path)
{
	struct err err = ERR_INIT;
	int status;

	if (names_file(path, &err))
		return cmd_path_fail(path, &err);
	if (engine_open(ctx->conf, ctx->store, false, &o->engine, &err) < 0)
		return cmd_store_fail(&err);
	engine_once(o->engine);
	if (file_real(ctx->store, false, &o->store, &err) < 0) {
		status = cmd_store_fail(&err);
	} else {
		status = run(o, path);
		fsys_free(o->store);
	}
	engine_close(o->engine);
	return status;
}

int
cmd_export(const struct cmd_ctx *ctx, int argc, char **argv)
{
	static const struct option longs[] = {
		{ "create", no_argument, NULL, 'c' },
		{ "missing", no_argument, NULL, 'm' },
		{ NULL, 0, NULL, 0 },
	};
	struct export_options o = { .conf = ctx->conf, .cancel = &cmd_cancel,
		.who = { (uint32_t)getuid(), (uint32_t)getpid() } };
	int opt;

	optind = 0;
	while ((opt = getopt_long(argc, argv, "+", longs, NULL)) != -1) {
		if (opt == 'c')
			o.create = true;
		else if (opt == 'm')
			o.missing = true;
		else
			return cmd_usage(USAGE);
	}
	if (argc - optind != 1)
		return cmd_usage(USAGE);
	heap_for_one_query();
	o.path = sv_cstr(argv[optind]);
	return open_and_run(ctx, &o, argv[optind]);
}

/* SPDX-License-Identifier: ISC */
/*
 * spanctl import: files, directories (every regular file below them, in byte order) or
 * standard input into the store. Inputs are told apart by content.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/visible.h"
#include "cmd.h"
#include "engine/engine.h"
#include "intake/intake.h"
#include "import_files.h"
#include "progress.h"

#define MAX_REJECTS_SHOWN 100
#define LOCK_POLL_NS (100 * 1000 * 1000)	/* between two looks at a writer's lock */

struct import {
	struct intake *intake;
	struct progress progress;
	struct import_files files;
	uint64_t done_bytes;	/* of inputs read to their end */
	uint64_t rejects, shown;
	bool unreadable;
	bool strict, force;
	uint64_t wait_ns;	/* at most, for another writer's lock */
};

struct input {
	struct import *im;
	int fd;
	uint64_t n;
	bool failed;		/* it can't be opened or read */
};

static int64_t
read_input(void *arg, void *buf, size_t n, struct err *e)
{
	struct input *in = arg;
	ssize_t k;

	do
		k = read(in->fd, buf, n);
	while (k < 0 && errno == EINTR && !atomic_load(&cmd_cancel));
	if (k < 0) {
		in->failed = !atomic_load(&cmd_cancel);
		return err_errno(e, "reading");
	}
	in->n += (uint64_t)k;
	progress_draw(&in->im->progress, in->im->done_bytes + in->n,
	    intake_counts(in->im->intake).n_spans + intake_counts(in->im->intake).n_pending);
	return k;
}

/* "input:line: why", with what a terminal would act on escaped. */
static void
print_report(const char *input, const struct reject *r)
{
	struct buf b = BUF_INIT;

	visible_text(&b, sv_cstr(input), 0);
	buf_printf(&b, ":%llu: ", (unsigned long long)r->line);
	visible_text(&b, sv_cstr(r->why), 0);
	fprintf(stderr, "%.*s\n", SV_ARG(buf_view(&b)));
	buf_release(&b);
}

static void
on_reject(void *arg, const char *input, const struct reject *r)
{
	struct import *im = arg;

	if (!r->notice)
		im->rejects++;
	if (im->shown++ < MAX_REJECTS_SHOWN) {
		progress_clear(&im->progress);
		print_report(input, r);
	} else if (im->shown == MAX_REJECTS_SHOWN + 1)
		fprintf(stderr, "spanctl: further reports are only counted\n");
}

static int
import_file(struct import *im, const char *path, struct err *e)
{
	bool is_stdin = strcmp(path, "-") == 0;
	struct input in = { im, STDIN_FILENO, 0, false };
	struct source_bytes src = { read_input, &in };
	int code;

	if (!is_stdin && (in.fd = open(path, O_RDONLY | O_CLOEXEC)) < 0) {
		in.failed = true;
		code = err_errno(e, "%s", path);
	} else
		code = intake_read(im->intake, is_stdin ? "(standard input)" : path, &src, e);
	if (!is_stdin && in.fd >= 0)
		close(in.fd);
	im->done_bytes += in.n;
	/* So that it is told from the store's trouble. */
	return code == ERR_IO && in.failed ? ERR_ACCESS : code;
}

/* True if the trouble is with one input and the others may go on. */
static bool
input_trouble(int code)
{
	return code == ERR_SYNTAX || code == ERR_CORRUPT || code == ERR_UNSUPPORTED ||
	    code == ERR_UNKNOWN || code == ERR_ACCESS || code == ERR_TOOBIG;
}

static int
import_all(struct import *im, struct err *e)
{
	for (size_t i = 0; i < im->files.paths.n; i++) {
		int code = import_file(im, im->files.paths.v[i], e);

		if (code == 0)
			continue;
		if (!input_trouble(code))
			return code;
		progress_clear(&im->progress);
		import_say("%s", e->msg);
		im->unreadable = true;
	}
	return 0;
}

static void
report(const struct import *im, const struct intake_counts *c, double seconds)
{
	printf("imported %llu spans", (unsigned long long)c->n_spans);
	if (c->n_duplicates != 0)
		printf(", %llu duplicates left out", (unsigned long long)c->n_duplicates);
	if (c->n_rejected != 0 || im->rejects != 0)
		printf(", %llu spans rejected (%llu reports)",
		    (unsigned long long)c->n_rejected, (unsigned long long)im->rejects);
	if (c->n_repaired != 0)
		printf(", %llu repaired", (unsigned long long)c->n_repaired);
	if (c->n_mended != 0)
		printf(", %llu texts were not UTF-8 and were mended with U+FFFD",
		    (unsigned long long)c->n_mended);
	if (c->n_foreign != 0)
		printf(", %llu records of other signals skipped",
		    (unsigned long long)c->n_foreign);
	printf("; %.1f s, %.0f spans/s", seconds,
	    seconds > 0 ? (double)c->n_spans / seconds : 0);
	if (c->n_spans != 0)
		printf("; %llu bytes in %llu shards, %.1f per span",
		    (unsigned long long)c->shard_bytes, (unsigned long long)c->n_shards,
		    (double)c->shard_bytes / (double)c->n_spans);
	printf("\n");
}

/* Opens the store for writing, behind another writer. */
static int
open_intake(struct import *im, const struct intake_options *o, struct err *e)
{
	uint64_t start = clock_mono_ns();
	bool said = false;
	int code;

	while ((code = intake_open(o, &im->intake, e)) == ERR_BUSY && !atomic_load(&cmd_cancel)) {
		if (clock_mono_ns() - start >= im->wait_ns)
			return err_set(e, ERR_BUSY, -1, "%s: another writer %s the store (--wait)",
			    o->store, said ? "still has" : "has");
		if (!said)
			import_say("%s: another writer has the store; waiting for it", o->store);
		said = true;
		nanosleep(&(struct timespec){ 0, LOCK_POLL_NS }, NULL);
	}
	return code;
}

static bool
failed(const struct import *im, const struct intake_counts *c)
{
	if (im->unreadable || im->files.unreadable || c->n_oversize != 0 ||
	    (im->strict && im->rejects != 0))
		return true;
	/* Nothing accepted though there was something to accept. */
	return c->n_spans + c->n_duplicates == 0 && im->rejects != 0;
}

static int
run(const struct cmd_ctx *ctx, struct import *im)
{
	struct intake_options o = {
		.conf = ctx->conf, .store = ctx->store, .reject = on_reject, .arg = im,
		.cancel = &cmd_cancel, .force = im->force,
	};
	struct intake_counts c = { 0 };
	struct err err = ERR_INIT, close_err = ERR_INIT;
	double seconds;
	int code, closed;

	if (open_intake(im, &o, &err) < 0) {
		import_say("%s", err.msg);
		return EXIT_FAILED;
	}
	progress_start(&im->progress, im->files.total_bytes);
	code = import_all(im, &err);
	closed = intake_close(im->intake, &c, &close_err);
	progress_clear(&im->progress);
	seconds = progress_seconds(&im->progress);
	report(im, &c, seconds);
	if (code < 0 || closed < 0) {
		import_say("%s", code < 0 ? err.msg : close_err.msg);
		return EXIT_FAILED;
	}
	return failed(im, &c) ? EXIT_FAILED : EXIT_DONE;
}

/* One option; false if it is wrong. */
static bool
option(struct import *im, const char *arg)
{
	static const char wait[] = "--wait=";

	if (strcmp(arg, "--strict") == 0)
		im->strict = true;
	else if (strcmp(arg, "--force") == 0)
		im->force = true;
	else if (strncmp(arg, wait, sizeof wait - 1) != 0)
		return false;
	else if (!intake_wait_parse(sv_cstr(arg + sizeof wait - 1), &im->wait_ns)) {
		import_say("%s: a time was expected, as 30s or 5m, or 0", arg);
		return false;
	}
	return true;
}

int
cmd_import(const struct cmd_ctx *ctx, int argc, char **argv)
{
	static const char usage[] =
	    "spanctl import [--force] [--strict] [--wait=TIME] FILE|DIRECTORY|-...";
	struct import im = { .wait_ns = UINT64_MAX };
	int i = 1, exit_code = EXIT_FAILED;

	for (; i < argc && argv[i][0] == '-' && argv[i][1] != '\0'; i++) {
		if (strcmp(argv[i], "--") == 0) {
			i++;
			break;
		}
		if (!option(&im, argv[i]))
			return cmd_usage(usage);
	}
	if (i == argc)
		return cmd_usage(usage);
	import_files_init(&im.files);
	while (i < argc && import_files_add(&im.files, argv[i]))
		i++;
	if (i == argc)
		exit_code = run(ctx, &im);
	else
		import_say("out of memory");
	import_files_release(&im.files);
	return exit_code;
}

/* SPDX-License-Identifier: ISC */
/*
 * spanctl import: files, directories (every regular file below them, in byte order) or
 * standard input into the store. Inputs are told apart by content.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/vec.h"
#include "cmd.h"
#include "engine/intake.h"
#include "progress.h"

#define MAX_REJECTS_SHOWN 100
#define MAX_DIR_DEPTH 32

struct import {
	struct intake *intake;
	struct progress progress;
	VEC(char *) files;
	uint64_t done_bytes;	/* of inputs read to their end */
	uint64_t rejects;
	bool unreadable;
};

struct input {
	struct import *im;
	int fd;
	uint64_t n;
};

static int64_t
read_input(void *arg, void *buf, size_t n, struct err *e)
{
	struct input *in = arg;
	ssize_t k;

	do
		k = read(in->fd, buf, n);
	while (k < 0 && errno == EINTR && !atomic_load(&cmd_cancel));
	if (k < 0)
		return err_errno(e, "reading");
	in->n += (uint64_t)k;
	progress_draw(&in->im->progress, in->im->done_bytes + in->n,
	    intake_counts(in->im->intake).n_spans + intake_counts(in->im->intake).n_pending);
	return k;
}

static void
on_reject(void *arg, const char *input, const struct reject *r)
{
	struct import *im = arg;

	if (im->rejects++ < MAX_REJECTS_SHOWN) {
		progress_clear(&im->progress);
		fprintf(stderr, "%s:%llu: %s\n", input, (unsigned long long)r->line, r->why);
	} else if (im->rejects == MAX_REJECTS_SHOWN + 1)
		fprintf(stderr, "spanctl: further rejects are only counted\n");
}

/* ---- what is to be read ---- */

static int add_path(struct import *, const char *path, int depth);

static int
by_bytes(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int
add_dir(struct import *im, const char *path, int depth)
{
	size_t from = im->files.n;
	struct dirent *d;
	int code = 0;
	DIR *dir;

	if (depth > MAX_DIR_DEPTH || (dir = opendir(path)) == NULL) {
		fprintf(stderr, "spanctl: %s: %s\n", path,
		    depth > MAX_DIR_DEPTH ? "too deep" : strerror(errno));
		im->unreadable = true;
		return 0;
	}
	while (code == 0 && (d = readdir(dir)) != NULL) {
		char *sub;

		if (d->d_name[0] == '.')
			continue;
		if (asprintf(&sub, "%s/%s", path, d->d_name) < 0)
			code = -1;
		else {
			code = add_path(im, sub, depth + 1);
			free(sub);
		}
	}
	closedir(dir);
	if (im->files.n > from)
		qsort(im->files.v + from, im->files.n - from, sizeof *im->files.v, by_bytes);
	return code;
}

static int
add_path(struct import *im, const char *path, int depth)
{
	struct stat st;
	char *copy;

	if (strcmp(path, "-") != 0 || depth > 0) {
		if (stat(path, &st) < 0) {
			fprintf(stderr, "spanctl: %s: %s\n", path, strerror(errno));
			im->unreadable = true;
			return 0;
		}
		if (S_ISDIR(st.st_mode))
			return add_dir(im, path, depth);
		if (depth > 0 && !S_ISREG(st.st_mode))
			return 0;
		if (S_ISREG(st.st_mode))
			im->progress.total_bytes += (uint64_t)st.st_size;
	}
	if ((copy = strdup(path)) == NULL || !vec_push(&im->files, copy)) {
		free(copy);
		return -1;
	}
	return 0;
}

/* ---- reading ---- */

static int
import_file(struct import *im, const char *path, struct err *e)
{
	bool is_stdin = strcmp(path, "-") == 0;
	struct input in = { im, STDIN_FILENO, 0 };
	struct source_bytes src = { read_input, &in };
	int code;

	if (!is_stdin && (in.fd = open(path, O_RDONLY | O_CLOEXEC)) < 0) {
		code = err_errno(e, "%s", path);
		return code;
	}
	code = intake_read(im->intake, is_stdin ? "(standard input)" : path, &src, e);
	if (!is_stdin)
		close(in.fd);
	im->done_bytes += in.n;
	return code;
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
	for (size_t i = 0; i < im->files.n; i++) {
		int code = import_file(im, im->files.v[i], e);

		if (code == 0)
			continue;
		if (!input_trouble(code))
			return code;
		progress_clear(&im->progress);
		fprintf(stderr, "spanctl: %s\n", e->msg);
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

static int
run(const struct cmd_ctx *ctx, struct import *im, bool strict)
{
	struct intake_options o = {
		.conf = ctx->conf, .store = ctx->store, .reject = on_reject, .arg = im,
		.cancel = &cmd_cancel,
	};
	struct intake_counts c = { 0 };
	struct err err = ERR_INIT, close_err = ERR_INIT;
	uint64_t total = im->progress.total_bytes;
	double seconds;
	int code, closed;

	if (intake_open(&o, &im->intake, &err) < 0)
		{
		cmd_fail("spanctl", &err);
		return EXIT_FAILED;
	}
	progress_start(&im->progress, total);
	code = import_all(im, &err);
	closed = intake_close(im->intake, &c, &close_err);
	progress_clear(&im->progress);
	seconds = progress_seconds(&im->progress);
	report(im, &c, seconds);
	if (code < 0 || closed < 0) {
		fprintf(stderr, "spanctl: %s\n", code < 0 ? err.msg : close_err.msg);
		return EXIT_FAILED;
	}
	if (im->unreadable || (strict && im->rejects != 0))
		return EXIT_FAILED;
	/* Nothing accepted though there was something to accept. */
	if (c.n_spans + c.n_duplicates == 0 && im->rejects != 0)
		return EXIT_FAILED;
	return EXIT_DONE;
}

int
cmd_import(const struct cmd_ctx *ctx, int argc, char **argv)
{
	static const char usage[] = "spanctl import [--strict] FILE|DIRECTORY|-...";
	struct import im = { 0 };
	bool strict = false;
	int i = 1, exit_code = EXIT_FAILED;

	for (; i < argc && argv[i][0] == '-' && argv[i][1] != '\0'; i++) {
		if (strcmp(argv[i], "--strict") == 0)
			strict = true;
		else if (strcmp(argv[i], "--") == 0) {
			i++;
			break;
		} else
			return cmd_usage(usage);
	}
	if (i == argc)
		return cmd_usage(usage);
	for (; i < argc; i++)
		if (add_path(&im, argv[i], 0) != 0) {
			fprintf(stderr, "spanctl: out of memory\n");
			goto out;
		}
	exit_code = run(ctx, &im, strict);
out:
	for (size_t k = 0; k < im.files.n; k++)
		free(im.files.v[k]);
	vec_release(&im.files);
	return exit_code;
}

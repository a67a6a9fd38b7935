/* SPDX-License-Identifier: ISC */
/*
 * spanctl extract [--mark NAME] [--keep N] [--if-empty=...] [--check] PATH DEST: the whole of a
 * report's job (extract.h). It says nothing when all is well, so that cron sends no mail.
 */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "cmd.h"
#include "extract.h"
#include "extract_name.h"
#include "heap.h"

#define USAGE "spanctl extract [--mark NAME] [--keep N] [--if-empty=skip|write|fail] [--check] PATH DEST"

struct options {
	const char *mark, *path, *dest;
	enum if_empty if_empty;
	uint64_t keep;
	bool check;
};

static bool
parse_if_empty(const char *s, enum if_empty *out)
{
	static const char *const words[] = {
		[EMPTY_WRITE] = "write", [EMPTY_SKIP] = "skip", [EMPTY_FAIL] = "fail",
	};

	for (unsigned i = 0; i < sizeof words / sizeof *words; i++)
		if (strcmp(s, words[i]) == 0) {
			*out = (enum if_empty)i;
			return true;
		}
	return false;
}

static bool
parse_options(int argc, char **argv, struct options *o)
{
	static const struct option longs[] = {
		{ "mark", required_argument, NULL, 'm' },
		{ "keep", required_argument, NULL, 'k' },
		{ "if-empty", required_argument, NULL, 'e' },
		{ "check", no_argument, NULL, 'c' },
		{ NULL, 0, NULL, 0 },
	};
	int opt;

	*o = (struct options){ 0 };
	optind = 0;
	while ((opt = getopt_long(argc, argv, "+", longs, NULL)) != -1) {
		if (opt == 'm')
			o->mark = optarg;
		else if (opt == 'k' && sv_u64(sv_cstr(optarg), &o->keep) && o->keep != 0)
			continue;
		else if (opt == 'e' && parse_if_empty(optarg, &o->if_empty))
			continue;
		else if (opt == 'c')
			o->check = true;
		else
			return false;
	}
	if (argc - optind != 2)
		return false;
	o->path = argv[optind];
	o->dest = argv[optind + 1];
	return true;
}

/* ---- the path ---- */

static int
drop(void *arg, const void *p, size_t n, struct err *e)
{
	(void)arg;
	(void)p;
	(void)n;
	(void)e;
	return 0;
}

/* What the path is of, without running it: it parses, and its names are there. */
static int
look(struct engine *en, const char *path, struct answer *out, struct err *e)
{
	struct requester who = { (uint32_t)getuid(), (uint32_t)getpid() };
	const char *file = strrchr(path, '/');
	struct buf query = BUF_INIT;
	int code;

	file = file == NULL ? path : file + 1;
	if (!engine_known_file(sv_cstr(file)))
		return err_set(e, ERR_SYNTAX, (int64_t)strlen(path),
		    "expected a file at the end: spans.jsonl, count, ...");
	if (engine_is_followed(sv_cstr(file)))
		return err_set(e, ERR_UNSUPPORTED, -1, "%s has no end: it can't be delivered", file);
	buf_printf(&query, "%.*squery", (int)(file - path), path);
	if ((code = buf_ok(&query, e)) == 0)
		code = engine_answer(en, buf_view(&query), who, drop, NULL, &cmd_cancel, out, e);
	buf_release(&query);
	return code;
}

/* The path with its mark, in the arena. */
static int
path_of(struct engine *en, struct fsys *store, const struct options *o, struct arena *a,
    const char **out, struct err *e)
{
	struct answer answer;
	struct mark m;
	int code;

	*out = o->path;
	if ((code = look(en, o->path, &answer, e)) < 0 || o->mark == NULL)
		return code;
	if ((code = mark_read(store, sv_cstr(o->mark), a, &m, e)) < 0)
		return code;
	if (answer.has_mark && strcmp(answer.mark, o->mark) != 0)
		return err_set(e, ERR_SYNTAX, -1, "the path is of mark '%s', and mark '%s' is to move",
		    answer.mark, o->mark);
	if (!answer.has_mark)
		*out = arena_printf(a, "/mark/%s%s%s", o->mark, o->path[0] == '/' ? "" : "/",
		    o->path);
	return *out == NULL ? err_nomem(e) : 0;
}

/* ---- DEST ---- */

static int
open_dir(void *arg, const char *dir, struct fsys **out, struct err *e)
{
	(void)arg;
	return file_real(dir, false, out, e);
}

/* A device, a pipe or a link is not to become a file. */
static int
check_regular(const struct extract_job *j, struct arena *a, struct err *e)
{
	const char *path = arena_printf(a, "%s/%s", j->dir, j->name);
	struct stat st;

	if (path == NULL)
		return err_nomem(e);
	if (lstat(path, &st) != 0 || S_ISREG(st.st_mode))
		return 0;
	return err_set(e, ERR_IO, -1, "%s: not a regular file", path);
}

/* After its mark noted a delivery that can never get its name, every later one would fail, too. */
static int
check_length(const struct extract_job *j, struct err *e)
{
	long most = pathconf(j->dir, _PC_NAME_MAX);

	if (most <= 0)
		most = NAME_MAX;
	return strlen(j->name) <= (size_t)most ? 0 : err_set(e, ERR_SYNTAX, -1,
	    "the file's name has %zu bytes: a name in %s has at most %ld", strlen(j->name), j->dir,
	    most);
}

/* Directory and name; what is dated in the directory is filled in, too. */
static int
dest_of(const struct options *o, struct extract_job *j, struct arena *a, struct err *e)
{
	const char *slash = strrchr(o->dest, '/'), *base = slash == NULL ? o->dest : slash + 1;
	uint64_t now = clock_wall_ns();
	struct buf b = BUF_INIT;
	bool any_dated, dated;
	char *real = NULL;
	int code;

	if ((code = extract_name_check(sv_cstr(o->dest), &any_dated, e)) < 0 ||
	    (code = extract_name_check(sv_cstr(base), &dated, e)) < 0)
		return code;
	if (base[0] == '\0')
		return err_set(e, ERR_SYNTAX, -1, "%s: expected the name of a file", o->dest);
	if (o->keep != 0 && !dated)
		return err_set(e, ERR_SYNTAX, -1, "--keep: there is no date in the name %s", base);
	extract_name_print(&b, slash == NULL ? SV(".") : slash == o->dest ? SV("/") :
	    sv_new(o->dest, (size_t)(slash - o->dest)), now);
	buf_putc(&b, '\0');
	extract_name_print(&b, sv_cstr(base), now);
	if ((code = buf_ok(&b, e)) == 0 && (real = realpath(b.p, NULL)) == NULL)
		code = err_set(e, ERR_IO, -1, "%s: %s", b.p, strerror(errno));
	if (code == 0) {
		j->dir = arena_printf(a, "%s", real);
		j->name = arena_printf(a, "%.*s", (int)(b.n - strlen(b.p) - 1), b.p + strlen(b.p) + 1);
		j->pattern = base;
		code = j->dir == NULL || j->name == NULL ? err_nomem(e) : check_length(j, e);
		if (code == 0 && (code = check_regular(j, a, e)) == 0)
			code = file_real(j->dir, false, &j->dest, e);
	}
	free(real);
	buf_release(&b);
	return code;
}

/* ---- the whole ---- */

static int
act(const struct options *o, const struct extract_job *j, struct err *e)
{
	enum extract_end end;
	struct buf out = BUF_INIT;
	int code;

	if (!o->check)
		return extract_run(j, &end, e);
	code = extract_check(j, &out, e);
	fwrite(out.p, 1, out.n, stdout);
	buf_release(&out);
	return code;
}

static int
run(struct engine *en, struct fsys *store, const struct options *o, struct err *e)
{
	struct extract_job j = { .engine = en, .store = store, .mark = o->mark,
		.if_empty = o->if_empty, .keep = o->keep, .open_dir = open_dir,
		.cancel = &cmd_cancel };
	struct arena a;
	int code;

	arena_init(&a);
	if ((code = path_of(en, store, o, &a, &j.path, e)) == 0 &&
	    (code = dest_of(o, &j, &a, e)) == 0)
		code = act(o, &j, e);
	fsys_free(j.dest);
	arena_release(&a);
	return code;
}

int
cmd_extract(const struct cmd_ctx *ctx, int argc, char **argv)
{
	struct err err = ERR_INIT;
	struct fsys *store = NULL;
	struct options o;
	struct engine *en;
	int code;

	if (!parse_options(argc, argv, &o))
		return cmd_usage(USAGE);
	heap_for_one_query();
	if (engine_open(ctx->conf, ctx->store, false, &en, &err) < 0)
		return cmd_store_fail(&err);
	engine_once(en);
	if ((code = file_real(ctx->store, false, &store, &err)) == 0)
		code = run(en, store, &o, &err);
	fsys_free(store);
	engine_close(en);
	if (code == 0)
		return EXIT_DONE;
	/* Who interrupts it knows, but the file is not there. */
	if (err.code == ERR_CANCELLED)
		(void)err_set(&err, ERR_IO, -1, "interrupted: nothing was delivered");
	return cmd_fail("spanctl", &err);
}

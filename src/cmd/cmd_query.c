/* SPDX-License-Identifier: ISC */
/*
 * spanctl query [--verify] PATH: the bytes of the mounted file, without a mount; then what
 * the plain plan says of them.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "catalog/marks.h"
#include "cmd.h"
#include "engine/engine.h"
#include "heap.h"

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

/*
 * "mark commit" will go to where this answer ended. Who may not write to the store can't commit
 * either; where it fails, commit finds an older read or none, and nothing is left out for that.
 */
static void
note_read(const char *store, const struct answer *a)
{
	struct fsys *fs;

	if (!a->of_rows || !a->has_mark || file_real(store, false, &fs, NULL) < 0)
		return;
	if (mark_note_read(fs, sv_cstr(a->mark), a->mark_from, a->generation, NULL) < 0) {
		/* As said above. */
	}
	fsys_free(fs);
}

static int
run(struct engine *en, const char *store, const char *path, struct verification *v)
{
	struct answer answer = { 0 };
	struct requester who = { (uint32_t)getuid(), (uint32_t)getpid() };
	struct err err = ERR_INIT;
	int code, status = EXIT_DONE;

	if (v == NULL)
		code = engine_answer(en, sv_cstr(path), who, write_out, NULL, &cmd_cancel, &answer,
		    &err);
	else
		code = engine_verify(en, sv_cstr(path), who, write_out, NULL, &cmd_cancel, v,
		    &err);
	if (code < 0)
		status = cmd_path_fail(path, &err);
	else
		note_read(store, &answer);
	if (v == NULL || v->words.n == 0)
		return status;
	fprintf(stderr, "spanctl: %.*s", (int)v->words.n, v->words.p);
	return v->verdict == VERDICT_SAME ? status : EXIT_FAILED;
}

int
cmd_query(const struct cmd_ctx *ctx, int argc, char **argv)
{
	struct verification v = { .words = BUF_INIT };
	bool verify = argc == 3 && strcmp(argv[1], "--verify") == 0;
	struct err err = ERR_INIT;
	struct engine *en;
	int status;

	if (argc != 2 && !verify)
		return cmd_usage("spanctl query [--verify] PATH, "
		    "e.g. /service/checkout/since/1h/spans.jsonl");
	heap_for_one_query();
	if (engine_open(ctx->conf, ctx->store, false, &en, &err) < 0)
		return cmd_store_fail(&err);
	/* Who verifies reads everything twice. */
	if (!verify)
		engine_once(en);
	status = run(en, ctx->store, argv[argc - 1], verify ? &v : NULL);
	engine_close(en);
	buf_release(&v.words);
	return status;
}

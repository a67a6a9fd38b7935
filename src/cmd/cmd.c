/* SPDX-License-Identifier: ISC */
/* cmd: settings, messages and exit codes shared by spanfs and spanctl. */
#include "base/visible.h"
#include "cmd.h"

#include <stdio.h>
#include <unistd.h>

#include "engine/engine.h"

#define DEFAULT_FILE "/etc/spanfs.ini"

atomic_bool cmd_cancel;

int
cmd_fail(const char *prog, const struct err *err)
{
	struct buf shown = BUF_INIT;

	/* It may name what data holds, and ends at a terminal. */
	visible_text(&shown, sv_cstr(err->msg), 0);
	fprintf(stderr, "%s: %.*s\n", prog, SV_ARG(buf_view(&shown)));
	buf_release(&shown);
	switch (err->code) {
	case ERR_SYNTAX:
	case ERR_UNKNOWN:
	case ERR_UNSUPPORTED:
	case ERR_NAMETOOLONG:
	case ERR_TOOBIG:
		return EXIT_USAGE;
	default:
		return EXIT_FAILED;
	}
}

int
cmd_usage(const char *text)
{
	fprintf(stderr, "usage: %s\n", text);
	return EXIT_USAGE;
}

const char *
cmd_conf_file(const struct cmd_settings *s)
{
	if (s->file == NULL && access(DEFAULT_FILE, F_OK) == 0)
		return DEFAULT_FILE;
	return s->file;
}

int
cmd_load(const char *prog, const struct cmd_settings *s, struct conf **out)
{
	struct err err = ERR_INIT;

	if (conf_load(cmd_conf_file(s), s->sets, s->n_sets, out, &err) < 0)
		return cmd_fail(prog, &err);
	if (engine_check_settings(*out, &err) < 0) {
		conf_free(*out);
		*out = NULL;
		return cmd_fail(prog, &err);
	}
	return EXIT_DONE;
}

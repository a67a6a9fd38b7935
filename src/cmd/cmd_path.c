/* SPDX-License-Identifier: ISC */
/* cmd_path: how commands that take a path report what is wrong with it. */
#include <stdio.h>

#include "base/visible.h"
#include "cmd.h"
#include "engine/engine.h"

int
cmd_path_fail(const char *path, const struct err *err)
{
	struct buf text = BUF_INIT;
	int code;

	if (err->code == ERR_CANCELLED)
		return EXIT_FAILED;
	code = cmd_fail("spanctl", err);
	if (err->code == ERR_CORRUPT && err->off >= 0)
		fprintf(stderr, "  at offset %lld of that file\n", (long long)err->off);
	if (code == EXIT_USAGE && err->off >= 0) {
		visible_caret(&text, sv_cstr(path), err->off);
		fwrite(text.p, 1, text.n, stderr);
		buf_release(&text);
	}
	return code;
}

int
cmd_store_fail(const struct err *err)
{
	(void)cmd_fail("spanctl", err);
	return EXIT_FAILED;
}

/* SPDX-License-Identifier: ISC */
/*
 * cmd: what the commands of spanctl share. A command is one file cmd_<name>.c and one row in
 * spanctl.c's table. Commands return the exit code: 0 done, 1 failed, 2 wrong usage or a bad
 * path. Only here, and in base/log, is anything printed.
 */
#ifndef CMD_CMD_H
#define CMD_CMD_H

#include <stdatomic.h>

#include "conf/conf.h"

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

/* Settings common to both programs: -c FILE and -o section.key=value, collected from getopt. */
struct cmd_settings {
	const char *file;
	const char **sets;
	size_t n_sets;
};

struct cmd_ctx {
	struct conf *conf;
	const struct cmd_settings *settings;	/* that conf was loaded from */
	const char *store;	/* -s, or [store] path */
};

/* Set by SIGINT and SIGTERM. */
extern atomic_bool cmd_cancel;

/* argv[0] is the command's name. */
int cmd_cache(const struct cmd_ctx *, int argc, char **argv);
int cmd_import(const struct cmd_ctx *, int argc, char **argv);
int cmd_query(const struct cmd_ctx *, int argc, char **argv);
int cmd_explain(const struct cmd_ctx *, int argc, char **argv);
int cmd_ls(const struct cmd_ctx *, int argc, char **argv);
int cmd_analyze(const struct cmd_ctx *, int argc, char **argv);
int cmd_export(const struct cmd_ctx *, int argc, char **argv);
int cmd_extract(const struct cmd_ctx *, int argc, char **argv);
int cmd_mark(const struct cmd_ctx *, int argc, char **argv);
int cmd_info(const struct cmd_ctx *, int argc, char **argv);
int cmd_check(const struct cmd_ctx *, int argc, char **argv);
int cmd_warm(const struct cmd_ctx *, int argc, char **argv);
int cmd_sample(int argc, char **argv);

/* -c FILE, else /etc/spanfs.ini if it is there, else NULL. */
const char *cmd_conf_file(const struct cmd_settings *);
/* Loads it; prints and returns an exit code on failure. */
int cmd_load(const char *prog, const struct cmd_settings *, struct conf **);
/* Prints "prog: message", what a terminal would act on escaped, and returns EXIT_USAGE for a bad path or value, else EXIT_FAILED. */
int cmd_fail(const char *prog, const struct err *);
int cmd_usage(const char *text);
/* The message, the path and a caret under the offset; returns the exit code. Silent when the reader went away. */
int cmd_path_fail(const char *path, const struct err *);
/* A store that can't be opened is a failure, not wrong usage. */
int cmd_store_fail(const struct err *);

#endif

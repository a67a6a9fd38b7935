/* SPDX-License-Identifier: ISC */
/* cmd_path: how commands that take a path report what is wrong with it. */
#ifndef CMD_CMD_PATH_H
#define CMD_CMD_PATH_H

#include "base/err.h"

/* The message, the path and a caret under the offset; returns the exit code. Silent when the reader went away. */
int cmd_path_fail(const char *path, const struct err *);
/* A store that can't be opened is a failure, not wrong usage. */
int cmd_store_fail(const struct err *);

#endif

/* SPDX-License-Identifier: ISC */
/*
 * fs: the mount: libfuse's low-level interface over an engine. Handlers parse, look up and
 * reply; they never block on query work.
 *
 * fs_mount starts threads, and so does the engine, so a program that goes into the background
 * forks first of all: parent: fork, wait on a pipe, exit with what comes out of it; child:
 * setsid, engine_open, fs_mount; ready() writes to the pipe, then points 0, 1 and 2 to
 * /dev/null. Relative paths are resolved before ready() is called; chdir("/") belongs there.
 */
#ifndef FS_FS_H
#define FS_FS_H

#include "engine/engine.h"

struct fs_opts {
	const char *mountpoint;
	const char *name;		/* shown as the source; or NULL */
	const char *store;		/* its directory, which may not contain the mountpoint; or NULL */
	bool allow_other;
	bool debug;			/* libfuse's own trace, to the log */
	const char *fuse_options;	/* further -o text for libfuse, or NULL */
	unsigned threads;		/* that answer the kernel; 0: 4 */
	uint64_t entry_timeout_ns;	/* how long the kernel may keep names */
	bool sizes_lazy;		/* stat makes cheap results alone; else whatever is named */
	uint64_t stat_budget_ns;	/* stat's for the files of one directory; 0: no bound */
	uint64_t readahead_bytes;	/* 0: leave the kernel's */
	const char *readme;		/* content of /README */
};

/* Called one at a time, on a thread of fs_mount's own. */
struct fs_callbacks {
	/* Once, when the mount answers. <0: unmount, and fs_mount fails with the error. */
	int (*ready)(void *arg, struct err *);
	/* SIGHUP. */
	void (*hup)(void *arg);
	void *arg;
};

/*
 * Mounts, serves until unmounted, unmounts; 0 for any orderly end. A dead mount of spanfs at
 * the mountpoint is cleared away first. SIGTERM or SIGINT detach the mountpoint, and the end
 * comes when the last open file is closed; a second one ends at once. When this returns no
 * result of the engine is held. Signal handlers are as before.
 */
int fs_mount(struct engine *, const struct fs_opts *, const struct fs_callbacks *, struct err *)
    WARN_UNUSED;

#endif

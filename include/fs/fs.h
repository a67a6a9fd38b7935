/* SPDX-License-Identifier: ISC */
/*
 * fs: the mount: libfuse's low-level interface over an engine. Handlers parse, look up and
 * reply; they never block on query work.
 */
#ifndef FS_FS_H
#define FS_FS_H

#include "engine/engine.h"

struct fs_opts {
	const char *mountpoint;
	const char *store;		/* shown as the source */
	bool foreground;
	bool allow_other;
	bool debug;			/* libfuse's own trace */
	const char *fuse_options;	/* further -o text for libfuse, or NULL */
	unsigned threads;		/* that answer the kernel */
	uint64_t entry_timeout_ns;
	uint64_t readahead_bytes;	/* 0: leave the kernel's */
	const char *readme;		/* content of /README */
};

/* Mounts, calls ready(arg) once the kernel answers (the place to fork into the background and to report), serves until unmounted or SIGTERM/SIGINT, unmounts. SIGHUP calls hup(arg). Cleans up a dead mount at the mountpoint first. */
struct fs_callbacks {
	int (*ready)(void *arg, struct err *);
	void (*hup)(void *arg);
	void *arg;
};
int fs_mount(struct engine *, const struct fs_opts *, const struct fs_callbacks *, struct err *)
    WARN_UNUSED;

#endif

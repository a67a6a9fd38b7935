/* SPDX-License-Identifier: ISC */
/*
 * mount_opts: the -o words of spanfs, as mount(8), fstab and people write them: settings
 * ("section.key=value", or "key=value" for the [mount] section), mount options for libfuse,
 * and words of fstab that mean nothing here.
 */
#ifndef CMD_MOUNT_OPTS_H
#define CMD_MOUNT_OPTS_H

#include "base/arena.h"
#include "cmd.h"

struct mount_opts {
	struct arena arena;
	struct cmd_settings settings;	/* sets: room for one a word */
	size_t cap_sets;
	bool create;			/* -o create: an absent or empty store is made */
	const char *fuse;		/* comma-separated, for libfuse; "" if none */
};

void mount_opts_init(struct mount_opts *);
void mount_opts_release(struct mount_opts *);
/* The argument of one -o; prints and returns EXIT_USAGE for a word that nobody knows. */
int mount_opts_add(struct mount_opts *, const char *text);
/* One more "section.key=value", kept until the release; NULL (out of memory) fails. */
int mount_opts_set(struct mount_opts *, const char *text);

#endif

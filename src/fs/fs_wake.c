/* SPDX-License-Identifier: ISC */
/* fs_wake: bytes into the pipe that the attendant thread waits at (fs_mount.c). */
#include "fs_i.h"

#include <errno.h>
#include <unistd.h>

void
fs_tell(struct fs *fs, int what)
{
	char byte = (char)what;

	while (write(fs->wake[1], &byte, 1) < 0 && errno == EINTR)
		;
}

void
fs_kick(struct fs *fs)
{
	fs_tell(fs, FS_KICK);
}

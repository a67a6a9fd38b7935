/* SPDX-License-Identifier: ISC */
/*
 * file_beneath: paths below one directory, resolved from its descriptor, beneath it and without
 * following symbolic links: openat2, and plain openat with O_NOFOLLOW where a kernel or sandbox
 * refuses that call.
 */
#include "file_real_i.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

int
real_fail(struct fsys *fs, const char *verb, const char *path, struct err *e)
{
	return err_errno(e, "%s %s/%s", verb, fs->root, path);
}

bool
raise_limit(rlim_t most)
{
	struct rlimit rl = { 0 };
	int saved = errno;
	rlim_t was;
	bool ok;

	ok = getrlimit(RLIMIT_NOFILE, &rl) == 0;
	was = rl.rlim_cur;
	rl.rlim_cur = rl.rlim_max < most ? rl.rlim_max : most;
	ok = ok && rl.rlim_cur > was && setrlimit(RLIMIT_NOFILE, &rl) == 0;
	errno = saved;
	return ok;
}

static int
try_open(struct real *r, const char *path, int flags, mode_t mode)
{
	struct open_how how = {
		.flags = (unsigned)(flags | O_CLOEXEC),
		.mode = flags & O_CREAT ? mode : 0,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS,
	};
	long fd;

	while (!atomic_load_explicit(&r->plain, memory_order_relaxed)) {
		fd = syscall(SYS_openat2, r->dirfd, path, &how, sizeof how);
		if (fd >= 0)
			return (int)fd;
		if (errno == EINTR || errno == EAGAIN)
			continue;	/* EAGAIN: a rename raced with the walk */
		if (errno != ENOSYS && errno != EPERM)
			return -1;
		atomic_store_explicit(&r->plain, true, memory_order_relaxed);
	}
	do
		fd = openat(r->dirfd, path, flags | O_CLOEXEC | O_NOFOLLOW, mode);
	while (fd < 0 && errno == EINTR);
	return (int)fd;
}

int
open_beneath(struct real *r, const char *path, int flags, mode_t mode)
{
	int fd = try_open(r, path, flags, mode);

	if (fd < 0 && errno == EMFILE && raise_limit(RLIM_INFINITY))
		fd = try_open(r, path, flags, mode);
	if (fd < 0 && (errno == EMFILE || errno == ENFILE)) {
		int saved = errno;

		if (file_pool_shrink(&r->pool))
			return try_open(r, path, flags, mode);
		errno = saved;
	}
	return fd;
}

int
sync_fd(int fd)
{
	int rc;

	do
		rc = fsync(fd);
	while (rc != 0 && errno == EINTR);
	return rc;
}

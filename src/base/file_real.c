/* SPDX-License-Identifier: ISC */
/*
 * file_real: the operating system's files below one directory. The directory is opened once
 * and every path is resolved from that descriptor, beneath it and without following symbolic
 * links (file_beneath), so neither a rename of the root nor a planted link leads elsewhere. Every descriptor is
 * close-on-exec. Calls cut short and EINTR are finished here.
 *
 * A handle that is read keeps its descriptor as long as there are enough (file_pool_i.h): when
 * it is read again the path is opened anew, and must be the same file still: of its size, and
 * by its inode or by its time. Either alone may change without the bytes: an inode's number
 * when a layered file system copies the file up (chown in a container) or a FUSE one forgets
 * it, the time by touch.
 *
 * A written handle gathers up to FILE_BUFFER bytes before it calls write. Its first error
 * sticks: after a failed fsync the kernel may have forgotten the dirty pages, so a second
 * fsync that succeeds would prove nothing.
 */
#include "file_real_i.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define FILE_BUFFER (1u << 20)
/* Linux moves at most this much in one call. */
#define IO_MAX ((size_t)0x7ffff000)

/* Most descriptors of files that nobody reads: also no more than a quarter of all. */
#define POOL_MAX 1024
#define POOL_MIN 8

struct real_file {
	struct file f;
	int fd;			/* written to, or locked; -1: read, through the pool */
	struct pooled pooled;
	dev_t dev;		/* of one that is read: who it is, and its size */
	ino_t ino;
	struct timespec mtime;
	uint64_t n_bytes;
	bool writing;
	int failed;		/* code of the first error, 0 */
	uint64_t n_written;	/* buffered bytes included */
	char *buf;		/* FILE_BUFFER bytes, made at the first small write */
	size_t n_buf;
};

static struct real_file *
file_of(struct file *f)
{
	return (struct real_file *)f;
}

/* For reading. O_NONBLOCK: a FIFO by that name must not hang the open. */
static int
open_regular(struct real *r, const char *verb, const char *path, struct stat *st, int *fd,
    struct err *e)
{
	int rc;

	if ((*fd = open_beneath(r, path, O_RDONLY | O_NONBLOCK, 0)) < 0)
		return real_fail(&r->fs, verb, path, e);
	if (fstat(*fd, st) != 0)
		rc = real_fail(&r->fs, "stat", path, e);
	else if (!S_ISREG(st->st_mode))
		rc = err_set(e, ERR_IO, -1, "%s %s/%s: not a regular file", verb, r->fs.root, path);
	else
		return 0;
	close(*fd);
	return rc;
}

static int
file_make(struct fsys *fs, const char *path, int fd, bool writing, struct file **out,
    struct err *e)
{
	struct real_file *f = calloc(1, sizeof *f);

	if (f == NULL || (f->f.path = strdup(path)) == NULL) {
		free(f);
		close(fd);
		return err_nomem(e);
	}
	f->f.fs = fs;
	f->fd = fd;
	f->pooled.fd = -1;
	f->writing = writing;
	*out = &f->f;
	return 0;
}

static int
real_open_read(struct fsys *fs, const char *path, struct file **out, struct err *e)
{
	struct real *r = real_of(fs);
	struct real_file *f;
	struct stat st;
	int fd, rc;

	if ((rc = open_regular(r, "open", path, &st, &fd, e)) != 0 ||
	    (rc = file_make(fs, path, fd, false, out, e)) != 0)
		return rc;
	f = file_of(*out);
	f->dev = st.st_dev;
	f->ino = st.st_ino;
	f->mtime = st.st_mtim;
	f->n_bytes = (uint64_t)st.st_size;
	f->fd = -1;
	(void)file_pool_opened(&r->pool, &f->pooled, fd);
	file_pool_unpin(&r->pool, &f->pooled);
	return 0;
}

static bool
same_file(const struct real_file *f, const struct stat *st)
{
	bool by_inode = st->st_dev == f->dev && st->st_ino == f->ino;
	bool by_time = st->st_mtim.tv_sec == f->mtime.tv_sec &&
	    st->st_mtim.tv_nsec == f->mtime.tv_nsec;

	return (uint64_t)st->st_size == f->n_bytes && (by_inode || by_time);
}

/* Opens a file again whose descriptor went to others. Pinned. */
static int
reopen(struct real_file *f, int *fd, struct err *e)
{
	struct real *r = real_of(f->f.fs);
	struct stat st;
	int rc = open_regular(r, "read", f->f.path, &st, fd, e);

	if (rc == ERR_UNKNOWN)
		return err_set(e, ERR_IO, -1, "read %s/%s: the file is gone", r->fs.root,
		    f->f.path);
	if (rc != 0)
		return rc;
	if (!same_file(f, &st)) {
		close(*fd);
		return err_set(e, ERR_IO, -1, "read %s/%s: another file stands in its place",
		    r->fs.root, f->f.path);
	}
	*fd = file_pool_opened(&r->pool, &f->pooled, *fd);
	return 0;
}

static int
real_create(struct fsys *fs, const char *path, struct file **out, struct err *e)
{
	struct real *r = real_of(fs);
	int fd = open_beneath(r, path, O_WRONLY | O_CREAT | O_TRUNC, r->mode & 0666);

	return fd < 0 ? real_fail(fs, "create", path, e) : file_make(fs, path, fd, true, out, e);
}

/* One that is there, left by a crash, may have been made by another. */
static int
real_create_private(struct fsys *fs, const char *path, struct file **out, struct err *e)
{
	int fd = open_beneath(real_of(fs), path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	if (fd < 0)
		return real_fail(fs, "create", path, e);
	if (fchmod(fd, 0600) < 0) {
		int rc = real_fail(fs, "chmod", path, e);

		close(fd);
		return rc;
	}
	return file_make(fs, path, fd, true, out, e);
}

static int
read_fd(struct file *file, int fd, char *p, size_t n, uint64_t off, struct err *e)
{
	while (n > 0) {
		ssize_t k = pread(fd, p, n < IO_MAX ? n : IO_MAX, (off_t)off);

		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			return real_fail(file->fs, "read", file->path, e);
		if (k == 0)
			return err_set(e, ERR_CORRUPT, (int64_t)off,
			    "read %s/%s: the file ends early", file->fs->root, file->path);
		p += k;
		n -= (size_t)k;
		off += (uint64_t)k;
	}
	return 0;
}

static int
real_pread(struct file *file, void *buf, size_t n, uint64_t off, struct err *e)
{
	struct real_file *f = file_of(file);
	struct file_pool *pool = &real_of(file->fs)->pool;
	int fd, rc;

	if (off > INT64_MAX || n > INT64_MAX - off)
		return err_set(e, ERR_CORRUPT, INT64_MAX, "read %s/%s: beyond any file's end",
		    file->fs->root, file->path);
	if ((fd = file_pool_pin(pool, &f->pooled)) < 0 && (rc = reopen(f, &fd, e)) != 0)
		return rc;
	rc = read_fd(file, fd, buf, n, off, e);
	file_pool_unpin(pool, &f->pooled);
	return rc;
}

/* Remembers the first failure of a written handle. */
static int
stick(struct real_file *f, int rc)
{
	if (f->failed == 0)
		f->failed = rc;
	return rc;
}

static int
failed_before(struct real_file *f, struct err *e)
{
	return err_set(e, f->failed, -1, "write %s/%s: failed before", f->f.fs->root, f->f.path);
}

static int
write_all(struct real_file *f, const char *p, size_t n, struct err *e)
{
	while (n > 0) {
		ssize_t k = write(f->fd, p, n < IO_MAX ? n : IO_MAX);

		if (k < 0 && errno == EINTR)
			continue;
		if (k == 0)
			errno = ENOSPC;
		if (k <= 0)
			return stick(f, real_fail(f->f.fs, "write", f->f.path, e));
		p += k;
		n -= (size_t)k;
	}
	return 0;
}

static int
flush(struct real_file *f, struct err *e)
{
	size_t n = f->n_buf;

	f->n_buf = 0;
	return write_all(f, f->buf, n, e);
}

static int
real_write(struct file *file, const void *p, size_t n, struct err *e)
{
	struct real_file *f = file_of(file);
	int rc;

	if (f->failed != 0)
		return failed_before(f, e);
	if (f->n_buf + n > FILE_BUFFER && (rc = flush(f, e)) != 0)
		return rc;
	f->n_written += n;
	if (n >= FILE_BUFFER)
		return write_all(f, p, n, e);
	if (f->buf == NULL && (f->buf = malloc(FILE_BUFFER)) == NULL)
		return stick(f, err_nomem(e));
	if (n > 0)
		memcpy(f->buf + f->n_buf, p, n);
	f->n_buf += n;
	return 0;
}

static int
real_size(struct file *file, uint64_t *out, struct err *e)
{
	const struct real_file *f = file_of(file);

	(void)e;
	*out = f->writing ? f->n_written : f->n_bytes;
	return 0;
}

static int
real_sync(struct file *file, struct err *e)
{
	struct real_file *f = file_of(file);
	int rc;

	if (f->failed != 0)
		return failed_before(f, e);
	if (f->n_buf > 0 && (rc = flush(f, e)) != 0)
		return rc;
	return sync_fd(f->fd) == 0 ? 0 : stick(f, real_fail(file->fs, "sync", file->path, e));
}

static int
real_close(struct file *file, struct err *e)
{
	struct real_file *f = file_of(file);
	int rc = 0;

	if (f->failed != 0)
		rc = failed_before(f, e);
	else if (f->n_buf > 0)
		rc = flush(f, e);
	if (f->fd < 0)
		file_pool_forget(&real_of(file->fs)->pool, &f->pooled);
	/* Linux closes the descriptor also when close reports EINTR. */
	else if (close(f->fd) != 0 && errno != EINTR && rc == 0 && f->writing)
		rc = real_fail(file->fs, "close", file->path, e);
	free(f->buf);
	free(file->path);
	free(f);
	return rc;
}

/* An open-file-description lock: also two handles of one process exclude each other. */
static int
real_lock(struct fsys *fs, const char *path, struct file **out, struct err *e)
{
	struct real *r = real_of(fs);
	struct flock fl = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int fd = open_beneath(r, path, O_RDWR | O_CREAT, r->mode & 0666), rc;

	if (fd < 0)
		return real_fail(fs, "open", path, e);
	do
		rc = fcntl(fd, F_OFD_SETLK, &fl);
	while (rc != 0 && errno == EINTR);
	if (rc == 0)
		return file_make(fs, path, fd, false, out, e);
	if (errno == EAGAIN || errno == EACCES)
		rc = err_set(e, ERR_BUSY, -1, "lock %s/%s: another writer holds it",
		    fs->root, path);
	else
		rc = real_fail(fs, "lock", path, e);
	close(fd);
	return rc;
}

static int
real_in_place(struct fsys *fs, struct err *e)
{
	struct real *r = real_of(fs);
	struct stat held, named;
	bool gone = stat(r->place, &named) != 0;

	if (gone && errno != ENOENT && errno != ENOTDIR)
		return 0;	/* nothing can be told */
	if (fstat(r->dirfd, &held) != 0)
		return err_errno(e, "stat %s", fs->root);
	if (!gone && held.st_dev == named.st_dev && held.st_ino == named.st_ino)
		return 0;
	return err_set(e, ERR_IO, -1, "%s was %s since it was opened", r->place,
	    gone ? "renamed or removed" : "replaced by another directory");
}

static void
real_free(struct fsys *fs)
{
	close(real_of(fs)->dirfd);
	file_pool_release(&real_of(fs)->pool);
	free(real_of(fs)->place);
	free(fs->root);
	free(fs);
}

static const struct fsys_ops real_ops = {
	.open_read = real_open_read,
	.create = real_create,
	.pread = real_pread,
	.write = real_write,
	.size = real_size,
	.sync = real_sync,
	.close = real_close,
	.rename = real_rename,
	.unlink = real_unlink,
	.mkdir = real_mkdir,
	.rmdir = real_rmdir,
	.sync_dir = real_sync_dir,
	.list = real_list,
	.lock = real_lock,
	.stat = real_stat,
	.in_place = real_in_place,
	.stat_named = real_stat_named,
	.rename_new = real_rename_new,
	.create_private = real_create_private,
	.free = real_free,
};

/* So that a new root's name outlives a crash. Best effort: its parent may be unreadable. */
static void
sync_parent(int dirfd)
{
	int fd = openat(dirfd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0) {
		(void)sync_fd(fd);
		close(fd);
	}
}

/* Of all that the process may have; as many as that takes are asked for. */
static unsigned
pool_max(void)
{
	struct rlimit rl;
	rlim_t n;

	(void)raise_limit(4 * POOL_MAX);
	if (getrlimit(RLIMIT_NOFILE, &rl) != 0)
		return POOL_MIN;
	n = rl.rlim_cur / 4;
	return n < POOL_MIN ? POOL_MIN : n > POOL_MAX ? POOL_MAX : (unsigned)n;
}

/* Names by which this process, as it is now, calls a file. */
static bool
of_the_moment(const char *path)
{
	return strncmp(path, "/proc/", 6) == 0 || strncmp(path, "/dev/fd/", 8) == 0;
}

/* From "/" on, by the working directory of now; NULL: out of memory, or no directory to be in. */
static char *
absolute_name(const char *root)
{
	char *cwd, *full = NULL;

	if (of_the_moment(root))
		return realpath(root, NULL);
	if (root[0] == '/')
		return strdup(root);
	if ((cwd = getcwd(NULL, 0)) == NULL)
		return NULL;
	if (asprintf(&full, "%s/%s", cwd, root) < 0)
		full = NULL;
	free(cwd);
	return full;
}

int
file_real(const char *root, bool make, struct fsys **out, struct err *e)
{
	struct real *r;
	struct stat st;
	bool made = false;
	int fd, rc;

	if (make && !(made = mkdir(root, 0700) == 0) && errno != EEXIST)
		return err_errno(e, "make directory %s", root);
	if ((fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
		return err_errno(e, "open %s", root);
	if (made)
		sync_parent(fd);
	if (fstat(fd, &st) != 0) {
		rc = err_errno(e, "stat %s", root);
		close(fd);
		return rc;
	}
	if ((r = calloc(1, sizeof *r)) == NULL || (r->fs.root = strdup(root)) == NULL ||
	    (r->place = absolute_name(root)) == NULL) {
		if (r != NULL)
			free(r->fs.root);
		free(r);
		close(fd);
		return err_nomem(e);
	}
	r->fs.ops = &real_ops;
	r->dirfd = fd;
	r->mode = st.st_mode;
	atomic_init(&r->plain, false);
	file_pool_init(&r->pool, pool_max());
	*out = &r->fs;
	return 0;
}

/* SPDX-License-Identifier: ISC */
/* file_names: what a real file system does to names: directories and what is in them. */
#include "file_real_i.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/vec.h"

int
real_rename(struct fsys *fs, const char *from, const char *to, struct err *e)
{
	struct real *r = real_of(fs);

	return renameat(r->dirfd, from, r->dirfd, to) == 0 ? 0 : real_fail(fs, "rename", from, e);
}

/* EINVAL is also a file system's that has no such flag. */
int
real_rename_new(struct fsys *fs, const char *from, const char *to, struct err *e)
{
	struct real *r = real_of(fs);

	if (renameat2(r->dirfd, from, r->dirfd, to, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno == EEXIST)
		return err_set(e, ERR_BUSY, -1, "rename %s/%s: %s is there already", fs->root, from, to);
	if (errno == EINVAL || errno == ENOSYS)
		return err_set(e, ERR_UNSUPPORTED, -1, "rename %s/%s: not without replacing", fs->root,
		    from);
	return real_fail(fs, "rename", from, e);
}

int
real_unlink(struct fsys *fs, const char *path, struct err *e)
{
	return unlinkat(real_of(fs)->dirfd, path, 0) == 0 ? 0 : real_fail(fs, "remove", path, e);
}

int
real_mkdir(struct fsys *fs, const char *path, struct err *e)
{
	struct real *r = real_of(fs);

	if (mkdirat(r->dirfd, path, r->mode & 0777) == 0 || errno == EEXIST)
		return 0;
	return real_fail(fs, "make directory", path, e);
}

int
real_rmdir(struct fsys *fs, const char *path, struct err *e)
{
	return unlinkat(real_of(fs)->dirfd, path, AT_REMOVEDIR) == 0 ? 0 :
	    real_fail(fs, "remove directory", path, e);
}

int
real_sync_dir(struct fsys *fs, const char *path, struct err *e)
{
	int fd = open_beneath(real_of(fs), path, O_RDONLY | O_DIRECTORY, 0), rc = 0;

	if (fd < 0)
		return real_fail(fs, "open", path, e);
	if (sync_fd(fd) != 0)
		rc = real_fail(fs, "sync", path, e);
	close(fd);
	return rc;
}

static int
name_cmp(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

typedef VEC(char *) name_vec;

static int
read_names(DIR *d, struct arena *a, name_vec *out, struct fsys *fs, const char *path,
    struct err *e)
{
	struct dirent *de;

	while (errno = 0, (de = readdir(d)) != NULL) {
		char *name;

		if (strcmp(de->d_name, ".") == 0 || strcmp(de->d_name, "..") == 0)
			continue;
		name = arena_cstr(a, sv_cstr(de->d_name));
		if (name == NULL || !vec_push(out, name))
			return err_nomem(e);
	}
	return errno == 0 ? 0 : real_fail(fs, "list", path, e);
}

int
real_list(struct fsys *fs, const char *path, struct arena *a, char ***names, size_t *n,
    struct err *e)
{
	int fd = open_beneath(real_of(fs), path, O_RDONLY | O_DIRECTORY, 0), rc;
	name_vec v = VEC_INIT;
	char **out;
	DIR *d;

	if (fd < 0)
		return real_fail(fs, "open", path, e);
	if ((d = fdopendir(fd)) == NULL) {
		rc = real_fail(fs, "list", path, e);
		close(fd);
		return rc;
	}
	rc = read_names(d, a, &v, fs, path, e);
	closedir(d);
	if (rc == 0 && (out = arena_array(a, v.n + 1, char *)) == NULL)
		rc = err_nomem(e);
	if (rc == 0) {
		if (v.n > 0) {
			memcpy(out, v.v, v.n * sizeof *out);
			qsort(out, v.n, sizeof *out, name_cmp);
		}
		*names = out;
		*n = v.n;
	}
	vec_release(&v);
	return rc;
}

static struct file_id
id_of(const struct stat *st)
{
	return (struct file_id){
		.inode = st->st_ino,
		.mtime_ns = (uint64_t)st->st_mtim.tv_sec * 1000000000u +
		    (uint64_t)st->st_mtim.tv_nsec,
		.size = (uint64_t)st->st_size,
		.device = st->st_dev,
	};
}

int
real_stat(struct fsys *fs, const char *path, struct file_id *out, struct err *e)
{
	struct stat st;

	if (fstatat(real_of(fs)->dirfd, path, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return real_fail(fs, "stat", path, e);
	*out = id_of(&st);
	return 0;
}

bool
real_stat_named(struct fsys *fs, const char *path, struct file_id *out)
{
	const char *place = real_of(fs)->place;
	size_t n = strlen(place), m = strlen(path);
	char full[PATH_MAX];
	struct stat st;

	/* By hand: this is asked at every open of a file of results. */
	if (n + m + 2 > sizeof full)
		return false;
	memcpy(full, place, n);
	full[n] = '/';
	memcpy(full + n + 1, path, m + 1);
	if (lstat(full, &st) != 0)
		return false;
	*out = id_of(&st);
	return true;
}

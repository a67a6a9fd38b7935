/* SPDX-License-Identifier: ISC */
/*
 * file: what is built on the vtable of base/file.h and so works on every fsys: reading a small
 * file whole, and replacing one so that a crash leaves either the old or the new.
 */
#include "base/file.h"

void
fsys_free(struct fsys *fs)
{
	if (fs != NULL)
		fs->ops->free(fs);
}

int
fsys_rename_new(struct fsys *fs, const char *from, const char *to, struct err *e)
{
	struct file_id id;
	int rc = ERR_UNSUPPORTED;

	if (fs->ops->rename_new != NULL)
		rc = fs->ops->rename_new(fs, from, to, e);
	if (rc != ERR_UNSUPPORTED)
		return rc;
	if ((rc = fs->ops->stat(fs, to, &id, e)) == 0)
		return err_set(e, ERR_BUSY, -1, "rename %s/%s: %s is there already", fs->root, from, to);
	return rc == ERR_UNKNOWN ? fs->ops->rename(fs, from, to, e) : rc;
}

int
file_read_all(struct fsys *fs, const char *path, size_t max, struct arena *a,
    struct sv *out, struct err *e)
{
	struct file *f;
	uint64_t size;
	char *p = NULL;
	int rc;

	if ((rc = fs->ops->open_read(fs, path, &f, e)) != 0)
		return rc;
	if ((rc = fs->ops->size(f, &size, e)) != 0)
		goto out;
	if (size > max) {
		rc = err_set(e, ERR_TOOBIG, -1, "%s/%s: %llu bytes, at most %zu expected",
		    fs->root, path, (unsigned long long)size, max);
		goto out;
	}
	if (!arena_expect(a, (size_t)size + 1) || (p = arena_alloc(a, (size_t)size + 1)) == NULL) {
		rc = err_nomem(e);
		goto out;
	}
	if ((rc = fs->ops->pread(f, p, (size_t)size, 0, e)) != 0)
		goto out;
	p[size] = '\0';
	*out = sv_new(p, (size_t)size);
out:
	/* Nothing was written, so closing has nothing to say. */
	(void)fs->ops->close(f, NULL);
	return rc;
}

int
fsys_create_private(struct fsys *fs, const char *path, struct file **out, struct err *e)
{
	return fs->ops->create_private != NULL ? fs->ops->create_private(fs, path, out, e) :
	    fs->ops->create(fs, path, out, e);
}

typedef int create_fn(struct fsys *, const char *, struct file **, struct err *);

/* A whole new file, synced. */
static int
write_new(struct fsys *fs, create_fn *create, const char *path, struct sv data, struct err *e)
{
	struct file *f;
	int rc, crc;

	if ((rc = create(fs, path, &f, e)) != 0)
		return rc;
	if ((rc = fs->ops->write(f, data.p, data.n, e)) == 0)
		rc = fs->ops->sync(f, e);
	crc = fs->ops->close(f, rc == 0 ? e : NULL);
	return rc != 0 ? rc : crc;
}

static int
replace(struct fsys *fs, create_fn *create, const char *dir, const char *path, struct sv data,
    struct err *e)
{
	struct arena a;
	char *tmp;
	int rc;

	arena_init(&a);
	if ((tmp = arena_printf(&a, "%s.tmp", path)) == NULL) {
		rc = err_nomem(e);
		goto out;
	}
	if ((rc = write_new(fs, create, tmp, data, e)) != 0 ||
	    (rc = fs->ops->rename(fs, tmp, path, e)) != 0) {
		(void)fs->ops->unlink(fs, tmp, NULL);
		goto out;
	}
	rc = fs->ops->sync_dir(fs, dir, e);
out:
	arena_release(&a);
	return rc;
}

int
file_replace(struct fsys *fs, const char *dir, const char *path, struct sv data,
    struct err *e)
{
	return replace(fs, fs->ops->create, dir, path, data, e);
}

int
file_replace_private(struct fsys *fs, const char *dir, const char *path, struct sv data,
    struct err *e)
{
	return replace(fs, fsys_create_private, dir, path, data, e);
}

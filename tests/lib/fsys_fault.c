/* SPDX-License-Identifier: ISC */
/* fsys_fault: see fsys_fault.h. Each call asks strike() first, which counts and decides. */
#include "lib/fsys_fault.h"

#include <pthread.h>
#include <stdlib.h>

struct fault {
	struct fsys fs;
	struct fsys *below;
	pthread_mutex_t lock;	/* guards what follows */
	struct fault_plan plan;
	uint64_t n_calls;
	bool struck;
};

struct fault_file {
	struct file f;
	struct file *below;
	int failed;
};

enum fate { GO_ON, FAIL, DIE_HERE, DEAD };

static const char *const kind_names[N_FAULT_KINDS] = {
	"open", "create", "read", "write", "size", "sync", "close", "rename", "unlink",
	"mkdir", "rmdir", "sync_dir", "list", "lock", "stat",
};

const char *
fault_kind_name(enum fault_kind k)
{
	return kind_names[k];
}

static struct fault *
fault_of(struct fsys *fs)
{
	return (struct fault *)fs;
}

static enum fate
strike(struct fault *t, enum fault_kind kind)
{
	bool counts = t->plan.kinds >> kind & 1;
	enum fate fate = GO_ON;

	pthread_mutex_lock(&t->lock);
	if (t->struck && t->plan.kill) {
		fate = DEAD;
	} else if (counts) {
		t->n_calls++;
		if (t->n_calls == t->plan.nth) {
			t->struck = true;
			fate = t->plan.kill ? DIE_HERE : FAIL;
		} else if (t->struck && t->plan.persist) {
			fate = FAIL;
		}
	}
	pthread_mutex_unlock(&t->lock);
	return fate;
}

static int
report(struct fault *t, enum fate fate, enum fault_kind kind, const char *path, struct err *e)
{
	return err_set(e, fate == FAIL ? t->plan.code : ERR_IO, -1, "%s %s: %s",
	    kind_names[kind], path, fate == FAIL ? "injected failure" : "killed");
}

static int
wrap(struct fsys *fs, struct file *below, struct file **out, struct err *e)
{
	struct fault_file *f = calloc(1, sizeof *f);

	if (f == NULL) {
		(void)below->fs->ops->close(below, NULL);
		return err_nomem(e);
	}
	f->f.fs = fs;
	f->f.path = below->path;
	f->below = below;
	*out = &f->f;
	return 0;
}

/* The three calls that return a handle. */
static int
opening(struct fsys *fs, enum fault_kind kind,
    int (*call)(struct fsys *, const char *, struct file **, struct err *),
    const char *path, struct file **out, struct err *e)
{
	struct fault *t = fault_of(fs);
	enum fate fate = strike(t, kind);
	struct file *below;
	int rc;

	if (fate == DIE_HERE && kind == FAULT_CREATE && call(t->below, path, &below, NULL) == 0)
		(void)t->below->ops->close(below, NULL);
	if (fate != GO_ON)
		return report(t, fate, kind, path, e);
	if ((rc = call(t->below, path, &below, e)) != 0)
		return rc;
	return wrap(fs, below, out, e);
}

static int
fault_open_read(struct fsys *fs, const char *path, struct file **out, struct err *e)
{
	return opening(fs, FAULT_OPEN, fault_of(fs)->below->ops->open_read, path, out, e);
}

static int
fault_create(struct fsys *fs, const char *path, struct file **out, struct err *e)
{
	return opening(fs, FAULT_CREATE, fault_of(fs)->below->ops->create, path, out, e);
}

static int
fault_create_private(struct fsys *fs, const char *path, struct file **out, struct err *e)
{
	return opening(fs, FAULT_CREATE, fsys_create_private, path, out, e);
}

static int
fault_lock(struct fsys *fs, const char *path, struct file **out, struct err *e)
{
	return opening(fs, FAULT_LOCK, fault_of(fs)->below->ops->lock, path, out, e);
}

static int
fault_pread(struct file *file, void *p, size_t n, uint64_t off, struct err *e)
{
	struct fault *t = fault_of(file->fs);
	enum fate fate = strike(t, FAULT_READ);

	if (fate != GO_ON)
		return report(t, fate, FAULT_READ, file->path, e);
	return t->below->ops->pread(((struct fault_file *)file)->below, p, n, off, e);
}

static int
fault_write(struct file *file, const void *p, size_t n, struct err *e)
{
	struct fault *t = fault_of(file->fs);
	struct fault_file *f = (struct fault_file *)file;
	enum fate fate = strike(t, FAULT_WRITE);

	if (fate == GO_ON && f->failed != 0)
		return err_set(e, f->failed, -1, "write %s: failed before", file->path);
	if (fate == FAIL || fate == DIE_HERE)	/* a short write came first */
		(void)t->below->ops->write(f->below, p, n / 2, NULL);
	if (fate != GO_ON)
		return f->failed = report(t, fate, FAULT_WRITE, file->path, e);
	return t->below->ops->write(f->below, p, n, e);
}

static int
fault_size(struct file *file, uint64_t *out, struct err *e)
{
	struct fault *t = fault_of(file->fs);
	enum fate fate = strike(t, FAULT_SIZE);

	if (fate != GO_ON)
		return report(t, fate, FAULT_SIZE, file->path, e);
	return t->below->ops->size(((struct fault_file *)file)->below, out, e);
}

static int
fault_sync(struct file *file, struct err *e)
{
	struct fault *t = fault_of(file->fs);
	struct fault_file *f = (struct fault_file *)file;
	enum fate fate = strike(t, FAULT_SYNC);

	if (fate == GO_ON && f->failed != 0)
		return err_set(e, f->failed, -1, "sync %s: failed before", file->path);
	if (fate != GO_ON)
		return f->failed = report(t, fate, FAULT_SYNC, file->path, e);
	return t->below->ops->sync(f->below, e);
}

static int
fault_close(struct file *file, struct err *e)
{
	struct fault *t = fault_of(file->fs);
	struct fault_file *f = (struct fault_file *)file;
	enum fate fate = strike(t, FAULT_CLOSE);
	int rc;

	if (fate != GO_ON)
		rc = report(t, fate, FAULT_CLOSE, file->path, e);
	else if (f->failed != 0)
		rc = err_set(e, f->failed, -1, "close %s: failed before", file->path);
	else
		rc = 0;
	if (rc == 0)
		rc = t->below->ops->close(f->below, e);
	else
		(void)t->below->ops->close(f->below, NULL);
	free(f);
	return rc;
}

/* Calls on one path. That at which the process dies may have happened: every other one has. */
static int
on_path(struct fsys *fs, enum fault_kind kind,
    int (*call)(struct fsys *, const char *, struct err *), const char *path, struct err *e)
{
	struct fault *t = fault_of(fs);
	enum fate fate = strike(t, kind);

	if (fate == DIE_HERE && t->plan.nth % 2 == 0)
		(void)call(t->below, path, NULL);
	if (fate != GO_ON)
		return report(t, fate, kind, path, e);
	return call(t->below, path, e);
}

static int
fault_unlink(struct fsys *fs, const char *path, struct err *e)
{
	return on_path(fs, FAULT_UNLINK, fault_of(fs)->below->ops->unlink, path, e);
}

static int
fault_mkdir(struct fsys *fs, const char *path, struct err *e)
{
	return on_path(fs, FAULT_MKDIR, fault_of(fs)->below->ops->mkdir, path, e);
}

static int
fault_rmdir(struct fsys *fs, const char *path, struct err *e)
{
	return on_path(fs, FAULT_RMDIR, fault_of(fs)->below->ops->rmdir, path, e);
}

static int
fault_sync_dir(struct fsys *fs, const char *path, struct err *e)
{
	return on_path(fs, FAULT_SYNC_DIR, fault_of(fs)->below->ops->sync_dir, path, e);
}

static int
renaming(struct fsys *fs, const char *from, const char *to,
    int (*call)(struct fsys *, const char *, const char *, struct err *), struct err *e)
{
	struct fault *t = fault_of(fs);
	enum fate fate = strike(t, FAULT_RENAME);

	if (fate == DIE_HERE && t->plan.nth % 2 == 0)
		(void)call(t->below, from, to, NULL);
	if (fate != GO_ON)
		return report(t, fate, FAULT_RENAME, from, e);
	return call(t->below, from, to, e);
}

static int
fault_rename(struct fsys *fs, const char *from, const char *to, struct err *e)
{
	return renaming(fs, from, to, fault_of(fs)->below->ops->rename, e);
}

static int
fault_rename_new(struct fsys *fs, const char *from, const char *to, struct err *e)
{
	return renaming(fs, from, to, fsys_rename_new, e);
}

static int
fault_list(struct fsys *fs, const char *path, struct arena *a, char ***names, size_t *n,
    struct err *e)
{
	struct fault *t = fault_of(fs);
	enum fate fate = strike(t, FAULT_LIST);

	if (fate != GO_ON)
		return report(t, fate, FAULT_LIST, path, e);
	return t->below->ops->list(t->below, path, a, names, n, e);
}

static int
fault_stat(struct fsys *fs, const char *path, struct file_id *out, struct err *e)
{
	struct fault *t = fault_of(fs);
	enum fate fate = strike(t, FAULT_STAT);

	if (fate != GO_ON)
		return report(t, fate, FAULT_STAT, path, e);
	return t->below->ops->stat(t->below, path, out, e);
}

static void
fault_free(struct fsys *fs)
{
	pthread_mutex_destroy(&fault_of(fs)->lock);
	free(fs);
}

static const struct fsys_ops fault_ops = {
	.open_read = fault_open_read,
	.create = fault_create,
	.pread = fault_pread,
	.write = fault_write,
	.size = fault_size,
	.sync = fault_sync,
	.close = fault_close,
	.rename = fault_rename,
	.unlink = fault_unlink,
	.mkdir = fault_mkdir,
	.rmdir = fault_rmdir,
	.sync_dir = fault_sync_dir,
	.list = fault_list,
	.lock = fault_lock,
	.stat = fault_stat,
	.rename_new = fault_rename_new,
	.create_private = fault_create_private,
	.free = fault_free,
};

struct fsys *
fsys_fault(struct fsys *below)
{
	struct fault *t = calloc(1, sizeof *t);

	if (t == NULL)
		return NULL;
	t->fs.ops = &fault_ops;
	t->fs.root = below->root;
	t->below = below;
	pthread_mutex_init(&t->lock, NULL);
	return &t->fs;
}

void
fsys_fault_set(struct fsys *fs, const struct fault_plan *plan)
{
	struct fault *t = fault_of(fs);

	pthread_mutex_lock(&t->lock);
	t->plan = *plan;
	t->n_calls = 0;
	t->struck = false;
	pthread_mutex_unlock(&t->lock);
}

uint64_t
fsys_fault_calls(struct fsys *fs)
{
	struct fault *t = fault_of(fs);
	uint64_t n;

	pthread_mutex_lock(&t->lock);
	n = t->n_calls;
	pthread_mutex_unlock(&t->lock);
	return n;
}

bool
fsys_fault_struck(struct fsys *fs)
{
	struct fault *t = fault_of(fs);
	bool b;

	pthread_mutex_lock(&t->lock);
	b = t->struck;
	pthread_mutex_unlock(&t->lock);
	return b;
}

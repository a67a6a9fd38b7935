/* SPDX-License-Identifier: ISC */
/* fsys_bytes: see fsys_bytes.h. A handle remembers the bytes that its path had when opened. */
#include "fsys_bytes.h"

#include <stdlib.h>

struct bytes_file {
	struct file file;
	struct sv data;
};

static struct fsys_bytes *
fs_of(struct fsys *fs)
{
	return (struct fsys_bytes *)(void *)fs;
}

static int
bytes_open(struct fsys *fs, const char *path, struct file **out, struct err *e)
{
	struct fsys_bytes *b = fs_of(fs);
	struct bytes_file *f;

	for (size_t i = 0; i < b->n_files; i++) {
		if (strcmp(b->files[i].path, path) != 0)
			continue;
		if ((f = calloc(1, sizeof *f)) == NULL)
			return err_nomem(e);
		f->file = (struct file){ fs, NULL };
		f->data = b->files[i].data;
		__atomic_add_fetch(&b->n_open, 1, __ATOMIC_RELAXED);
		*out = &f->file;
		return 0;
	}
	return err_set(e, ERR_UNKNOWN, -1, "%s: no such file", path);
}

static int
bytes_pread(struct file *file, void *p, size_t n, uint64_t off, struct err *e)
{
	struct bytes_file *f = (struct bytes_file *)(void *)file;

	__atomic_add_fetch(&fs_of(file->fs)->n_preads, 1, __ATOMIC_RELAXED);
	if (off > f->data.n || n > f->data.n - off)
		return err_set(e, ERR_CORRUPT, (int64_t)f->data.n, "the file ends");
	if (n != 0)
		memcpy(p, f->data.p + off, n);
	return 0;
}

static int
bytes_size(struct file *file, uint64_t *out, struct err *e)
{
	(void)e;
	*out = ((struct bytes_file *)(void *)file)->data.n;
	return 0;
}

static int
bytes_close(struct file *file, struct err *e)
{
	(void)e;
	__atomic_sub_fetch(&fs_of(file->fs)->n_open, 1, __ATOMIC_RELAXED);
	free(file);
	return 0;
}

static int
no_create(struct fsys *fs, const char *path, struct file **out, struct err *e)
{
	(void)fs;
	(void)out;
	return err_set(e, ERR_ACCESS, -1, "%s: read-only", path);
}

static int
no_path(struct fsys *fs, const char *path, struct err *e)
{
	(void)fs;
	return err_set(e, ERR_ACCESS, -1, "%s: read-only", path);
}

static int
no_rename(struct fsys *fs, const char *from, const char *to, struct err *e)
{
	(void)to;
	return no_path(fs, from, e);
}

static int
no_write(struct file *f, const void *p, size_t n, struct err *e)
{
	(void)f;
	(void)p;
	(void)n;
	return err_set(e, ERR_ACCESS, -1, "read-only");
}

static int
no_sync(struct file *f, struct err *e)
{
	(void)f;
	return err_set(e, ERR_ACCESS, -1, "read-only");
}

static int
no_list(struct fsys *fs, const char *path, struct arena *a, char ***names, size_t *n,
    struct err *e)
{
	(void)a;
	(void)names;
	(void)n;
	return no_path(fs, path, e);
}

static void
no_free(struct fsys *fs)
{
	(void)fs;
}

static const struct fsys_ops ops = {
	.open_read = bytes_open, .create = no_create, .pread = bytes_pread, .write = no_write,
	.size = bytes_size, .sync = no_sync, .close = bytes_close, .rename = no_rename,
	.unlink = no_path, .mkdir = no_path, .rmdir = no_path, .sync_dir = no_path,
	.list = no_list, .lock = no_create, .free = no_free,
};

void
fsys_bytes_init(struct fsys_bytes *b)
{
	static char root[] = "bytes";

	*b = (struct fsys_bytes){ .fs = { &ops, root } };
}

void
fsys_bytes_set(struct fsys_bytes *b, const char *path, struct sv data)
{
	size_t i = 0;

	while (i < b->n_files && strcmp(b->files[i].path, path) != 0)
		i++;
	if (i == FSYS_BYTES_FILES)
		abort();
	b->files[i].path = path;
	b->files[i].data = data;
	if (i == b->n_files)
		b->n_files++;
}

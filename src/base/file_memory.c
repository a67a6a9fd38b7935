/* SPDX-License-Identifier: ISC */
/*
 * file_memory: an fsys of a program's own, in memory, gone with it: for what is small and asks for
 * a store where there is none on disk. Directories are there once they are named. A file that is
 * open lives on when its name goes.
 */
#include "base/file.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/vec.h"

struct node {
	unsigned refs;			/* its name, and open handles */
	char *path;
	uint64_t inode, mtime;
	bool locked;
	struct buf data;
};

struct memory {
	struct fsys fs;
	pthread_mutex_t lock;		/* guards all nodes */
	VEC(struct node *) nodes;
	uint64_t tick;
};

struct handle {
	struct file f;
	struct node *node;
	bool locks;
};

static struct memory *
memory_of(struct fsys *fs)
{
	return (struct memory *)fs;
}

static struct handle *
handle_of(struct file *f)
{
	return (struct handle *)f;
}

static void
node_put(struct node *n)
{
	if (--n->refs != 0)
		return;
	buf_release(&n->data);
	free(n->path);
	free(n);
}

static struct node **
find(struct memory *m, const char *path)
{
	for (size_t i = 0; i < m->nodes.n; i++)
		if (strcmp(m->nodes.v[i]->path, path) == 0)
			return &m->nodes.v[i];
	return NULL;
}

static void
drop_name(struct memory *m, struct node **at)
{
	struct node *n = *at;

	*at = m->nodes.v[--m->nodes.n];
	node_put(n);
}

static int
absent(struct fsys *fs, const char *path, struct err *e)
{
	return err_set(e, ERR_UNKNOWN, -1, "%s/%s: no such file", fs->root, path);
}

/* A node of that name, empty. */
static struct node *
node_new(struct memory *m, const char *path)
{
	struct node **at = find(m, path), *n = calloc(1, sizeof *n);

	if (n == NULL || (n->path = strdup(path)) == NULL) {
		free(n);
		return NULL;
	}
	if (at != NULL)
		drop_name(m, at);
	if (!vec_push(&m->nodes, n)) {
		free(n->path);
		free(n);
		return NULL;
	}
	n->refs = 1;
	n->inode = n->mtime = ++m->tick;
	return n;
}

static int
open_node(struct fsys *fs, struct node *n, struct file **out, struct err *e)
{
	struct handle *h = calloc(1, sizeof *h);

	if (h == NULL || (h->f.path = strdup(n->path)) == NULL) {
		free(h);
		return err_nomem(e);
	}
	h->f.fs = fs;
	h->node = n;
	n->refs++;
	*out = &h->f;
	return 0;
}

static int
memory_open_read(struct fsys *fs, const char *path, struct file **out, struct err *e)
{
	struct memory *m = memory_of(fs);
	struct node **at;
	int rc;

	pthread_mutex_lock(&m->lock);
	at = find(m, path);
	rc = at == NULL ? absent(fs, path, e) : open_node(fs, *at, out, e);
	pthread_mutex_unlock(&m->lock);
	return rc;
}

static int
memory_create(struct fsys *fs, const char *path, struct file **out, struct err *e)
{
	struct memory *m = memory_of(fs);
	struct node *n;
	int rc;

	pthread_mutex_lock(&m->lock);
	n = node_new(m, path);
	rc = n == NULL ? err_nomem(e) : open_node(fs, n, out, e);
	pthread_mutex_unlock(&m->lock);
	return rc;
}

static int
memory_pread(struct file *f, void *to, size_t n, uint64_t off, struct err *e)
{
	struct memory *m = memory_of(f->fs);
	const struct buf *b = &handle_of(f)->node->data;
	uint64_t end;
	bool there;

	pthread_mutex_lock(&m->lock);
	end = b->n;
	there = off <= b->n && n <= b->n - off;
	if (there && n != 0)
		memcpy(to, b->p + off, n);
	pthread_mutex_unlock(&m->lock);
	return there ? 0 : err_set(e, ERR_CORRUPT, (int64_t)end, "%s/%s: ends early", f->fs->root, f->path);
}

static int
memory_write(struct file *f, const void *p, size_t n, struct err *e)
{
	struct memory *m = memory_of(f->fs);
	struct node *node = handle_of(f)->node;
	int rc;

	pthread_mutex_lock(&m->lock);
	buf_put(&node->data, p, n);
	node->mtime = ++m->tick;
	rc = buf_ok(&node->data, e);
	pthread_mutex_unlock(&m->lock);
	return rc;
}

static int
memory_size(struct file *f, uint64_t *out, struct err *e)
{
	struct memory *m = memory_of(f->fs);

	(void)e;
	pthread_mutex_lock(&m->lock);
	*out = handle_of(f)->node->data.n;
	pthread_mutex_unlock(&m->lock);
	return 0;
}

static int
memory_sync(struct file *f, struct err *e)
{
	(void)f;
	(void)e;
	return 0;
}

static int
memory_close(struct file *f, struct err *e)
{
	struct memory *m = memory_of(f->fs);
	struct handle *h = handle_of(f);

	(void)e;
	pthread_mutex_lock(&m->lock);
	if (h->locks)
		h->node->locked = false;
	node_put(h->node);
	pthread_mutex_unlock(&m->lock);
	free(f->path);
	free(h);
	return 0;
}

static int
memory_rename(struct fsys *fs, const char *from, const char *to, struct err *e)
{
	struct memory *m = memory_of(fs);
	struct node **at, **old;
	char *path = strdup(to);
	int rc = path == NULL ? err_nomem(e) : 0;

	pthread_mutex_lock(&m->lock);
	if (rc == 0 && find(m, from) == NULL)
		rc = absent(fs, from, e);
	if (rc == 0) {
		if (strcmp(from, to) != 0 && (old = find(m, to)) != NULL)
			drop_name(m, old);
		at = find(m, from);
		free((*at)->path);
		(*at)->path = path;
		path = NULL;
	}
	pthread_mutex_unlock(&m->lock);
	free(path);
	return rc;
}

static int
memory_unlink(struct fsys *fs, const char *path, struct err *e)
{
	struct memory *m = memory_of(fs);
	struct node **at;
	int rc = 0;

	pthread_mutex_lock(&m->lock);
	if ((at = find(m, path)) == NULL)
		rc = absent(fs, path, e);
	else
		drop_name(m, at);
	pthread_mutex_unlock(&m->lock);
	return rc;
}

static int
memory_directory(struct fsys *fs, const char *path, struct err *e)
{
	(void)fs;
	(void)path;
	(void)e;
	return 0;
}

/* The first name of what is below the directory; "." is the root. */
static struct sv
name_below(const char *dir, const char *path)
{
	size_t n = strcmp(dir, ".") == 0 ? 0 : strlen(dir);
	struct sv rest = sv_cstr(path), name;

	if (n != 0 && (strncmp(path, dir, n) != 0 || path[n] != '/'))
		return SV_EMPTY;
	rest = sv_new(path + (n == 0 ? 0 : n + 1), rest.n - (n == 0 ? 0 : n + 1));
	return sv_cut(&rest, '/', &name) ? name : SV_EMPTY;
}

static int
memory_rmdir(struct fsys *fs, const char *path, struct err *e)
{
	struct memory *m = memory_of(fs);
	bool any = false;

	pthread_mutex_lock(&m->lock);
	for (size_t i = 0; i < m->nodes.n; i++)
		any = any || name_below(path, m->nodes.v[i]->path).n != 0;
	pthread_mutex_unlock(&m->lock);
	return any ? err_set(e, ERR_IO, -1, "%s/%s: not empty", fs->root, path) : 0;
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int
memory_list(struct fsys *fs, const char *path, struct arena *a, char ***names, size_t *n,
    struct err *e)
{
	struct memory *m = memory_of(fs);
	size_t k = 0, kept = 0;
	char **v;

	pthread_mutex_lock(&m->lock);
	v = arena_array(a, m->nodes.n, char *);
	for (size_t i = 0; v != NULL && i < m->nodes.n; i++) {
		struct sv name = name_below(path, m->nodes.v[i]->path);

		if (name.n != 0 && (v[k++] = arena_cstr(a, name)) == NULL)
			v = NULL;
	}
	pthread_mutex_unlock(&m->lock);
	if (v == NULL)
		return err_nomem(e);
	qsort(v, k, sizeof *v, by_name);
	for (size_t i = 0; i < k; i++)
		if (kept == 0 || strcmp(v[kept - 1], v[i]) != 0)
			v[kept++] = v[i];
	*names = v;
	*n = kept;
	return 0;
}

static int
memory_lock(struct fsys *fs, const char *path, struct file **out, struct err *e)
{
	struct memory *m = memory_of(fs);
	struct node **at, *n;
	int rc;

	pthread_mutex_lock(&m->lock);
	n = (at = find(m, path)) != NULL ? *at : node_new(m, path);
	if (n == NULL)
		rc = err_nomem(e);
	else if (n->locked)
		rc = err_set(e, ERR_BUSY, -1, "%s/%s: locked", fs->root, path);
	else if ((rc = open_node(fs, n, out, e)) == 0)
		handle_of(*out)->locks = n->locked = true;
	pthread_mutex_unlock(&m->lock);
	return rc;
}

static int
memory_stat(struct fsys *fs, const char *path, struct file_id *out, struct err *e)
{
	struct memory *m = memory_of(fs);
	struct node **at;
	int rc = 0;

	pthread_mutex_lock(&m->lock);
	if ((at = find(m, path)) == NULL)
		rc = absent(fs, path, e);
	else
		*out = (struct file_id){ .inode = (*at)->inode, .mtime_ns = (*at)->mtime,
			.size = (*at)->data.n };
	pthread_mutex_unlock(&m->lock);
	return rc;
}

static void
memory_free(struct fsys *fs)
{
	struct memory *m = memory_of(fs);

	while (m->nodes.n > 0)
		node_put(m->nodes.v[--m->nodes.n]);
	vec_release(&m->nodes);
	pthread_mutex_destroy(&m->lock);
	free(fs->root);
	free(m);
}

static const struct fsys_ops memory_ops = {
	.open_read = memory_open_read,
	.create = memory_create,
	.pread = memory_pread,
	.write = memory_write,
	.size = memory_size,
	.sync = memory_sync,
	.close = memory_close,
	.rename = memory_rename,
	.unlink = memory_unlink,
	.mkdir = memory_directory,
	.rmdir = memory_rmdir,
	.sync_dir = memory_directory,
	.list = memory_list,
	.lock = memory_lock,
	.stat = memory_stat,
	.free = memory_free,
};

int
file_memory(const char *name, struct fsys **out, struct err *e)
{
	struct memory *m = calloc(1, sizeof *m);

	if (m == NULL || (m->fs.root = strdup(name)) == NULL) {
		free(m);
		return err_nomem(e);
	}
	m->fs.ops = &memory_ops;
	pthread_mutex_init(&m->lock, NULL);
	*out = &m->fs;
	return 0;
}

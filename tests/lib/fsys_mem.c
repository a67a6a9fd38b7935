/* SPDX-License-Identifier: ISC */
/*
 * fsys_mem: see fsys_mem.h. Nodes are never freed before the fsys, so handles and the changes
 * that a crash may bring back can point at them. A directory has its entries as they are,
 * those that are surely on disk, and the list of changes between the two.
 */
#include "lib/fsys_mem.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/vec.h"

struct node;

struct dentry {
	const char *name;
	struct node *node;
};

typedef VEC(struct dentry) dentries;

/* What one call did to a directory: `gone` vanished, `name` is `node` now; NULL: no such part. */
struct change {
	const char *gone, *name;
	struct node *node;
};

struct node {
	bool dir, locked;
	uint64_t ino, mtime;
	struct buf data;
	size_t synced;		/* bytes surely on disk */
	dentries now, durable;
	VEC(struct change) changes;
	struct node *copy;	/* its twin while a crash is being made */
};

struct mem {
	struct fsys fs;
	pthread_mutex_t lock;	/* all below and all nodes */
	VEC(struct node *) nodes;	/* the root first */
	struct arena names;
	uint64_t tick;
	size_t n_handles;
};

struct mem_file {
	struct file f;
	struct node *node;
	bool writing, locking;
};

static struct mem *
mem_of(struct fsys *fs)
{
	return (struct mem *)fs;
}

static struct node *
node_new(struct mem *m, bool dir)
{
	struct node *n = calloc(1, sizeof *n);

	if (n == NULL || !vec_push(&m->nodes, n)) {
		free(n);
		return NULL;
	}
	n->dir = dir;
	n->ino = m->nodes.n;
	n->mtime = ++m->tick;
	return n;
}

static struct dentry *
find(dentries *d, struct sv name)
{
	for (size_t i = 0; i < d->n; i++)
		if (sv_is(name, d->v[i].name))
			return &d->v[i];
	return NULL;
}

/* Both on dentries; removing what isn't there is no error. */
static void
dentries_remove(dentries *d, const char *name)
{
	struct dentry *e = find(d, sv_cstr(name));

	if (e != NULL)
		*e = d->v[--d->n];
}

static bool
dentries_set(dentries *d, const char *name, struct node *node)
{
	struct dentry *e = find(d, sv_cstr(name)), fresh = { name, node };

	if (e == NULL)
		return vec_push(d, fresh);
	e->node = node;
	return true;
}

/* Room for one more entry and change, so that what follows can't fail half done. */
static bool
dir_reserve(struct node *dir)
{
	return vec_reserve(&dir->now, dir->now.n + 1) &&
	    vec_reserve(&dir->changes, dir->changes.n + 1);
}

static void
dir_change(struct node *dir, const char *gone, const char *name, struct node *node)
{
	struct change c = { gone, name, node };

	if (gone != NULL)
		dentries_remove(&dir->now, gone);
	if (name != NULL && !dentries_set(&dir->now, name, node))
		abort();	/* reserved */
	dir->changes.v[dir->changes.n++] = c;
}

/* The directory that holds `path`, and its last name; NULL if there is none. */
static struct node *
parent_of(struct mem *m, const char *path, struct sv *last)
{
	struct node *n = m->nodes.v[0];
	struct sv rest = sv_cstr(path), head;

	while (sv_cut(&rest, '/', &head) && rest.n != 0) {
		struct dentry *d = find(&n->now, head);

		if (d == NULL || !d->node->dir)
			return NULL;
		n = d->node;
	}
	*last = head;
	return n;
}

static struct node *
lookup(struct mem *m, const char *path)
{
	struct sv last;
	struct node *dir;
	struct dentry *d;

	if (strcmp(path, ".") == 0)
		return m->nodes.v[0];
	dir = parent_of(m, path, &last);
	d = dir == NULL ? NULL : find(&dir->now, last);
	return d == NULL ? NULL : d->node;
}

static int
absent(const char *verb, const char *path, struct err *e)
{
	return err_set(e, ERR_UNKNOWN, -1, "%s mem/%s: not there", verb, path);
}

static int
handle_new(struct mem *m, const char *path, struct node *n, struct file **out, struct err *e)
{
	struct mem_file *f = calloc(1, sizeof *f);

	if (f == NULL || (f->f.path = strdup(path)) == NULL) {
		free(f);
		return err_nomem(e);
	}
	f->f.fs = &m->fs;
	f->node = n;
	m->n_handles++;
	*out = &f->f;
	return 0;
}

static int
open_read_locked(struct mem *m, const char *path, struct file **out, struct err *e)
{
	struct node *n = lookup(m, path);

	if (n == NULL || n->dir)
		return absent("open", path, e);
	return handle_new(m, path, n, out, e);
}

/* The file of that name, made if need be. */
static int
make_file(struct mem *m, const char *path, struct node **out, struct err *e)
{
	struct sv last;
	struct node *dir = parent_of(m, path, &last);
	struct dentry *d;
	const char *name;

	if (dir == NULL)
		return absent("create", path, e);
	if ((d = find(&dir->now, last)) != NULL) {
		if (d->node->dir)
			return err_set(e, ERR_IO, -1, "create mem/%s: a directory", path);
		*out = d->node;
		return 0;
	}
	if ((name = arena_cstr(&m->names, last)) == NULL || !dir_reserve(dir) ||
	    (*out = node_new(m, false)) == NULL)
		return err_nomem(e);
	dir_change(dir, NULL, name, *out);
	return 0;
}

static int
create_locked(struct mem *m, const char *path, struct file **out, struct err *e)
{
	struct node *n;
	int rc;

	if ((rc = make_file(m, path, &n, e)) != 0 ||
	    (rc = handle_new(m, path, n, out, e)) != 0)
		return rc;
	((struct mem_file *)*out)->writing = true;
	n->data.n = n->synced = 0;
	n->mtime = ++m->tick;
	return 0;
}

static int
lock_locked(struct mem *m, const char *path, struct file **out, struct err *e)
{
	struct node *n;
	int rc;

	if ((rc = make_file(m, path, &n, e)) != 0)
		return rc;
	if (n->locked)
		return err_set(e, ERR_BUSY, -1, "lock mem/%s: another writer holds it", path);
	if ((rc = handle_new(m, path, n, out, e)) != 0)
		return rc;
	((struct mem_file *)*out)->locking = n->locked = true;
	return 0;
}

static int
mkdir_locked(struct mem *m, const char *path, struct err *e)
{
	struct sv last;
	struct node *dir = parent_of(m, path, &last), *n;
	const char *name;

	if (dir == NULL)
		return absent("mkdir", path, e);
	if (find(&dir->now, last) != NULL)
		return 0;
	if ((name = arena_cstr(&m->names, last)) == NULL || !dir_reserve(dir) ||
	    (n = node_new(m, true)) == NULL)
		return err_nomem(e);
	dir_change(dir, NULL, name, n);
	return 0;
}

static int
remove_locked(struct mem *m, const char *path, bool want_dir, struct err *e)
{
	struct sv last;
	struct node *dir = parent_of(m, path, &last);
	struct dentry *d = dir == NULL ? NULL : find(&dir->now, last);
	const char *name;

	if (d == NULL)
		return absent("remove", path, e);
	if (d->node->dir != want_dir || (want_dir && d->node->now.n != 0))
		return err_set(e, ERR_IO, -1, "remove mem/%s: a directory, not empty or none", path);
	if ((name = arena_cstr(&m->names, last)) == NULL || !dir_reserve(dir))
		return err_nomem(e);
	dir_change(dir, name, NULL, NULL);
	return 0;
}

static int
rename_locked(struct mem *m, const char *from, const char *to, struct err *e)
{
	struct sv a, b;
	struct node *da = parent_of(m, from, &a), *db = parent_of(m, to, &b), *n;
	struct dentry *d = da == NULL ? NULL : find(&da->now, a);
	const char *gone, *name;

	if (d == NULL || db == NULL)
		return absent("rename", from, e);
	n = d->node;
	if ((gone = arena_cstr(&m->names, a)) == NULL ||
	    (name = arena_cstr(&m->names, b)) == NULL || !dir_reserve(da) || !dir_reserve(db))
		return err_nomem(e);
	if (da == db) {
		dir_change(da, gone, name, n);
	} else {
		dir_change(db, NULL, name, n);
		dir_change(da, gone, NULL, NULL);
	}
	return 0;
}

static int
sync_dir_locked(struct mem *m, const char *path, struct err *e)
{
	struct node *n = lookup(m, path);

	if (n == NULL || !n->dir)
		return absent("sync", path, e);
	if (!vec_reserve(&n->durable, n->now.n))
		return err_nomem(e);
	if (n->now.n > 0)
		memcpy(n->durable.v, n->now.v, n->now.n * sizeof *n->now.v);
	n->durable.n = n->now.n;
	n->changes.n = 0;
	return 0;
}

static int
dentry_cmp(const void *a, const void *b)
{
	return strcmp(((const struct dentry *)a)->name, ((const struct dentry *)b)->name);
}

static int
list_locked(struct mem *m, const char *path, struct arena *a, char ***names, size_t *n,
    struct err *e)
{
	struct node *dir = lookup(m, path);
	char **out;

	if (dir == NULL || !dir->dir)
		return absent("list", path, e);
	if ((out = arena_array(a, dir->now.n + 1, char *)) == NULL)
		return err_nomem(e);
	if (dir->now.n > 0)
		qsort(dir->now.v, dir->now.n, sizeof *dir->now.v, dentry_cmp);
	for (size_t i = 0; i < dir->now.n; i++)
		if ((out[i] = arena_cstr(a, sv_cstr(dir->now.v[i].name))) == NULL)
			return err_nomem(e);
	*names = out;
	*n = dir->now.n;
	return 0;
}

static int
stat_locked(struct mem *m, const char *path, struct file_id *out, struct err *e)
{
	struct node *n = lookup(m, path);

	if (n == NULL)
		return absent("stat", path, e);
	*out = (struct file_id){ n->ino, n->mtime, n->data.n, 0 };
	return 0;
}

/* The vtable's calls are the ones above under the lock. */
#define LOCKED(fs, ...) \
	do { \
		struct mem *m = mem_of(fs); \
		int rc; \
		pthread_mutex_lock(&m->lock); \
		rc = (__VA_ARGS__); \
		pthread_mutex_unlock(&m->lock); \
		return rc; \
	} while (0)

static int
mem_open_read(struct fsys *fs, const char *path, struct file **out, struct err *e)
{
	LOCKED(fs, open_read_locked(m, path, out, e));
}

static int
mem_create(struct fsys *fs, const char *path, struct file **out, struct err *e)
{
	LOCKED(fs, create_locked(m, path, out, e));
}

static int
mem_lock(struct fsys *fs, const char *path, struct file **out, struct err *e)
{
	LOCKED(fs, lock_locked(m, path, out, e));
}

static int
mem_mkdir(struct fsys *fs, const char *path, struct err *e)
{
	LOCKED(fs, mkdir_locked(m, path, e));
}

static int
mem_unlink(struct fsys *fs, const char *path, struct err *e)
{
	LOCKED(fs, remove_locked(m, path, false, e));
}

static int
mem_rmdir(struct fsys *fs, const char *path, struct err *e)
{
	LOCKED(fs, remove_locked(m, path, true, e));
}

static int
mem_rename(struct fsys *fs, const char *from, const char *to, struct err *e)
{
	LOCKED(fs, rename_locked(m, from, to, e));
}

static int
mem_sync_dir(struct fsys *fs, const char *path, struct err *e)
{
	LOCKED(fs, sync_dir_locked(m, path, e));
}

static int
mem_list(struct fsys *fs, const char *path, struct arena *a, char ***names, size_t *n,
    struct err *e)
{
	LOCKED(fs, list_locked(m, path, a, names, n, e));
}

static int
mem_stat(struct fsys *fs, const char *path, struct file_id *out, struct err *e)
{
	LOCKED(fs, stat_locked(m, path, out, e));
}

static int
pread_locked(struct mem_file *f, void *p, size_t n, uint64_t off, struct err *e)
{
	const struct buf *d = &f->node->data;

	if (off > d->n || n > d->n - off)
		return err_set(e, ERR_CORRUPT, (int64_t)d->n,
		    "read mem/%s: the file ends early", f->f.path);
	if (n > 0)
		memcpy(p, d->p + off, n);
	return 0;
}

static int
mem_pread(struct file *file, void *p, size_t n, uint64_t off, struct err *e)
{
	LOCKED(file->fs, (void)m, pread_locked((struct mem_file *)file, p, n, off, e));
}

static int
write_locked(struct mem *m, struct mem_file *f, const void *p, size_t n, struct err *e)
{
	struct node *node = f->node;

	if (!f->writing)
		return err_set(e, ERR_IO, -1, "write mem/%s: opened for reading", f->f.path);
	buf_put(&node->data, p, n);
	if (node->data.oom) {
		node->data.oom = false;
		return err_nomem(e);
	}
	node->mtime = ++m->tick;
	return 0;
}

static int
mem_write(struct file *file, const void *p, size_t n, struct err *e)
{
	LOCKED(file->fs, write_locked(m, (struct mem_file *)file, p, n, e));
}

static int
size_locked(struct mem_file *f, uint64_t *out)
{
	*out = f->node->data.n;
	return 0;
}

static int
mem_size(struct file *file, uint64_t *out, struct err *e)
{
	(void)e;
	LOCKED(file->fs, (void)m, size_locked((struct mem_file *)file, out));
}

static int
sync_locked(struct mem_file *f)
{
	f->node->synced = f->node->data.n;
	return 0;
}

static int
mem_sync(struct file *file, struct err *e)
{
	(void)e;
	LOCKED(file->fs, (void)m, sync_locked((struct mem_file *)file));
}

static int
close_locked(struct mem *m, struct mem_file *f)
{
	m->n_handles--;
	if (f->locking)
		f->node->locked = false;
	free(f->f.path);
	free(f);
	return 0;
}

static int
mem_close(struct file *file, struct err *e)
{
	(void)e;
	LOCKED(file->fs, close_locked(m, (struct mem_file *)file));
}

static void
mem_free(struct fsys *fs)
{
	struct mem *m = mem_of(fs);

	for (size_t i = 0; i < m->nodes.n; i++) {
		struct node *n = m->nodes.v[i];

		buf_release(&n->data);
		vec_release(&n->now);
		vec_release(&n->durable);
		vec_release(&n->changes);
		free(n);
	}
	vec_release(&m->nodes);
	arena_release(&m->names);
	pthread_mutex_destroy(&m->lock);
	free(m);
}

static const struct fsys_ops mem_ops = {
	.open_read = mem_open_read,
	.create = mem_create,
	.pread = mem_pread,
	.write = mem_write,
	.size = mem_size,
	.sync = mem_sync,
	.close = mem_close,
	.rename = mem_rename,
	.unlink = mem_unlink,
	.mkdir = mem_mkdir,
	.rmdir = mem_rmdir,
	.sync_dir = mem_sync_dir,
	.list = mem_list,
	.lock = mem_lock,
	.stat = mem_stat,
	.free = mem_free,
};

struct fsys *
fsys_mem(void)
{
	static char root[] = "mem";
	struct mem *m = calloc(1, sizeof *m);

	if (m == NULL)
		return NULL;
	m->fs.ops = &mem_ops;
	m->fs.root = root;
	arena_init(&m->names);
	pthread_mutex_init(&m->lock, NULL);
	if (node_new(m, true) == NULL) {
		mem_free(&m->fs);
		return NULL;
	}
	return &m->fs;
}

/* ---- crashes ---- */

/* Ways in which the unsynced end of a file may be found. */
enum tail { TAIL_LOST, TAIL_KEPT, TAIL_CUT, TAIL_GARBAGE, N_TAILS };

/* Hands out the choices of one crash state. */
struct chooser {
	bool all;		/* keep everything */
	bool seeded;
	uint64_t rest, seed, n;
};

static unsigned
choose(struct chooser *c, unsigned ways)
{
	unsigned k;

	c->n++;
	if (c->all)
		return 1;	/* TAIL_KEPT, or: the change happened */
	if (c->seeded)
		return c->seed < 2 ? (unsigned)c->seed :
		    (unsigned)(hash_u64(c->seed * 0x9e3779b97f4a7c15u + c->n) >> 33) % ways;
	k = (unsigned)(c->rest % ways);
	c->rest /= ways;
	return k;
}

static bool
crash_data(const struct node *from, struct node *to, struct chooser *c)
{
	size_t n = from->data.n, tail = n - from->synced;
	unsigned way = tail == 0 ? (unsigned)TAIL_KEPT : choose(c, N_TAILS);

	if (way == TAIL_LOST)
		n = from->synced;
	else if (way == TAIL_CUT)
		n = from->synced + tail / 2;
	buf_put(&to->data, from->data.p, n);
	if (way == TAIL_GARBAGE)
		for (size_t i = from->synced; i < n && to->data.n == n; i++)
			to->data.p[i] = (char)hash_u64(i + c->seed);
	to->synced = to->data.n;
	return !to->data.oom;
}

static bool
crash_dir(const struct node *from, struct node *to, struct chooser *c)
{
	for (size_t i = 0; i < from->durable.n; i++)
		if (!dentries_set(&to->now, from->durable.v[i].name, from->durable.v[i].node))
			return false;
	for (size_t i = 0; i < from->changes.n; i++) {
		const struct change *ch = &from->changes.v[i];

		if (choose(c, 2) == 0)
			continue;
		if (ch->gone != NULL)
			dentries_remove(&to->now, ch->gone);
		if (ch->name != NULL && !dentries_set(&to->now, ch->name, ch->node))
			return false;
	}
	return true;
}

/* Names and nodes of the new directory are still the old fsys's: made its own. */
static bool
adopt(struct mem *m, struct node *dir)
{
	if (!vec_reserve(&dir->durable, dir->now.n + 1))
		return false;
	for (size_t i = 0; i < dir->now.n; i++) {
		struct dentry *d = &dir->now.v[i];

		d->node = d->node->copy;
		if ((d->name = arena_cstr(&m->names, sv_cstr(d->name))) == NULL)
			return false;
		dir->durable.v[dir->durable.n++] = *d;
	}
	return true;
}

static bool
crash_into(struct mem *from, struct mem *to, struct chooser *c)
{
	from->nodes.v[0]->copy = to->nodes.v[0];
	for (size_t i = 1; i < from->nodes.n; i++)
		if ((from->nodes.v[i]->copy = node_new(to, from->nodes.v[i]->dir)) == NULL)
			return false;
	for (size_t i = 0; i < from->nodes.n; i++) {
		struct node *n = from->nodes.v[i];

		if (!(n->dir ? crash_dir(n, n->copy, c) : crash_data(n, n->copy, c)))
			return false;
	}
	for (size_t i = 0; i < to->nodes.n; i++)
		if (to->nodes.v[i]->dir && !adopt(to, to->nodes.v[i]))
			return false;
	return true;
}

static struct fsys *
crash(struct fsys *fs, struct chooser *c)
{
	struct mem *m = mem_of(fs);
	struct fsys *out = fsys_mem();

	if (out == NULL)
		return NULL;
	pthread_mutex_lock(&m->lock);
	mem_of(out)->tick = m->tick;
	if (!crash_into(m, mem_of(out), c)) {
		fsys_free(out);
		out = NULL;
	}
	pthread_mutex_unlock(&m->lock);
	return out;
}

uint64_t
fsys_mem_crash_states(struct fsys *fs)
{
	struct mem *m = mem_of(fs);
	uint64_t n = 1;

	pthread_mutex_lock(&m->lock);
	for (size_t i = 0; i < m->nodes.n; i++) {
		const struct node *node = m->nodes.v[i];

		if (!node->dir && node->data.n > node->synced &&
		    __builtin_mul_overflow(n, (uint64_t)N_TAILS, &n))
			n = UINT64_MAX;
		for (size_t j = 0; j < node->changes.n && n != UINT64_MAX; j++)
			if (__builtin_mul_overflow(n, (uint64_t)2, &n))
				n = UINT64_MAX;
		if (n == UINT64_MAX)
			break;
	}
	pthread_mutex_unlock(&m->lock);
	return n;
}

struct fsys *
fsys_mem_crash(struct fsys *fs, uint64_t state)
{
	struct chooser c = {
		.seeded = fsys_mem_crash_states(fs) == UINT64_MAX, .rest = state, .seed = state,
	};

	return crash(fs, &c);
}

struct fsys *
fsys_mem_copy(struct fsys *fs)
{
	struct chooser c = { .all = true };

	return crash(fs, &c);
}

/* ---- for tests ---- */

struct sv
fsys_mem_get(struct fsys *fs, const char *path)
{
	struct mem *m = mem_of(fs);
	struct sv out = SV_EMPTY;
	struct node *n;

	pthread_mutex_lock(&m->lock);
	if ((n = lookup(m, path)) != NULL && !n->dir)
		out = sv_new(n->data.p == NULL ? "" : n->data.p, n->data.n);
	pthread_mutex_unlock(&m->lock);
	return out;
}

bool
fsys_mem_put(struct fsys *fs, const char *path, struct sv data)
{
	const char *slash = path;
	char dir[512] = ".";
	struct file *f;
	bool ok;

	for (; (slash = strchr(slash, '/')) != NULL; slash++) {
		char sub[512];

		if ((size_t)(slash - path) >= sizeof sub)
			return false;
		memcpy(sub, path, (size_t)(slash - path));
		sub[slash - path] = '\0';
		if (fs->ops->mkdir(fs, sub, NULL) != 0 || fs->ops->sync_dir(fs, dir, NULL) != 0)
			return false;
		memcpy(dir, sub, sizeof dir);
	}
	if (fs->ops->create(fs, path, &f, NULL) != 0)
		return false;
	ok = fs->ops->write(f, data.p, data.n, NULL) == 0 && fs->ops->sync(f, NULL) == 0;
	return fs->ops->close(f, NULL) == 0 && fs->ops->sync_dir(fs, dir, NULL) == 0 && ok;
}

size_t
fsys_mem_open_handles(struct fsys *fs)
{
	struct mem *m = mem_of(fs);
	size_t n;

	pthread_mutex_lock(&m->lock);
	n = m->n_handles;
	pthread_mutex_unlock(&m->lock);
	return n;
}

/* Nesting is that of the test's own directories. */
static void
print_dir(struct mem *m, struct node *dir, const char *prefix, struct buf *b)
{
	char path[600];

	if (dir->now.n > 0)
		qsort(dir->now.v, dir->now.n, sizeof *dir->now.v, dentry_cmp);
	for (size_t i = 0; i < dir->now.n; i++) {
		struct node *n = dir->now.v[i].node;

		snprintf(path, sizeof path, "%s%s", prefix, dir->now.v[i].name);
		if (!n->dir) {
			buf_printf(b, "%s %zu\n", path, n->data.n);
			continue;
		}
		snprintf(path, sizeof path, "%s%s/", prefix, dir->now.v[i].name);
		print_dir(m, n, path, b);
	}
}

void
fsys_mem_print(struct fsys *fs, struct buf *b)
{
	struct mem *m = mem_of(fs);

	pthread_mutex_lock(&m->lock);
	print_dir(m, m->nodes.v[0], "", b);
	pthread_mutex_unlock(&m->lock);
}

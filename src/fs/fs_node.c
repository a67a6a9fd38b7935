/* SPDX-License-Identifier: ISC */
/*
 * fs_node: the inode table. A node is what the kernel knows by a number (its address; the
 * root is 1): a directory with its parsed path, a link, or a file's name in a directory. A
 * node is found again by its parent and name, so that one name has one node as long as the
 * kernel or an open file remembers it.
 *
 * A node lives while `refs` is not 0. The kernel's lookups together hold one reference, each
 * child, handle and call holds one. Inode numbers come from the path as typed, not from the
 * address: they are the same after a remount.
 */
#include "fs_i.h"

#include <stdlib.h>

#include "base/hash.h"

static size_t
slot_of(const struct node_table *t, uint64_t basis)
{
	return hash_u64(basis) & (t->cap - 1);
}

uint64_t
child_basis(const struct node *parent, const char *name, size_t n)
{
	return hash_u64(parent->basis ^ hash64(name, n));
}

uint64_t
basis_ino(uint64_t basis)
{
	uint64_t ino = basis >> 1;

	return ino < 2 ? 2 : ino;	/* 0 is nothing, 1 the root */
}

static struct node *
node_new(struct node *parent, const char *name, size_t n, enum node_kind kind)
{
	struct node *x = calloc(1, sizeof *x + n + 1);

	if (x == NULL)
		return NULL;
	x->kind = kind;
	x->parent = parent;
	x->name_len = (uint32_t)n;
	memcpy(x->name, name, n + 1);
	if ((kind == NODE_RESULT && (x->file = calloc(1, sizeof *x->file)) == NULL) ||
	    (kind == NODE_CONTROL_FILE && (x->text = calloc(1, sizeof *x->text)) == NULL)) {
		free(x);
		return NULL;
	}
	return x;
}

static void
node_free(struct node *x)
{
	if (x->path != NULL)
		path_unref(x->path);
	if (x->kind == NODE_RESULT) {
		if (x->file->res != NULL)
			result_unref(x->file->res);
		free(x->file->error);
		free(x->file);
	} else if (x->kind == NODE_CONTROL_FILE) {
		buf_release(&x->text->text);
		free(x->text);
	}
	free(x);
}

int
nodes_init(struct fs *fs, struct err *e)
{
	struct node *root;

	pthread_mutex_init(&fs->nodes_lock, NULL);
	fs->nodes = (struct node_table){ calloc(64, sizeof(struct node *)), 0, 64 };
	fs->root = root = node_new(NULL, "", 0, NODE_DIR);
	if (root == NULL || fs->nodes.slots == NULL ||
	    (root->path = path_root()) == NULL)
		return err_nomem(e);
	root->ino = FUSE_ROOT_ID;
	root->refs = 1;
	root->basis = 1;
	return 0;
}

void
nodes_release(struct fs *fs)
{
	struct node *x, *next;

	for (size_t i = 0; fs->nodes.slots != NULL && i < fs->nodes.cap; i++)
		for (x = fs->nodes.slots[i]; x != NULL; x = next) {
			next = x->hash_next;
			node_free(x);
		}
	free(fs->nodes.slots);
	if (fs->root != NULL)
		node_free(fs->root);
	pthread_mutex_destroy(&fs->nodes_lock);
}

size_t
nodes_count(struct fs *fs)
{
	size_t n;

	pthread_mutex_lock(&fs->nodes_lock);
	n = fs->nodes.n;
	pthread_mutex_unlock(&fs->nodes_lock);
	return n;
}

struct node *
node_of(struct fs *fs, fuse_ino_t ino)
{
	return ino == FUSE_ROOT_ID ? fs->root : (struct node *)(uintptr_t)ino;
}

fuse_ino_t
node_id(const struct fs *fs, const struct node *x)
{
	return x == fs->root ? FUSE_ROOT_ID : (fuse_ino_t)(uintptr_t)x;
}

struct path *
node_dir_path(const struct node *x)
{
	while (x != NULL && x->path == NULL)
		x = x->parent;
	return x == NULL ? NULL : x->path;
}

/* ---- under nodes_lock ---- */

static struct node *
table_find(const struct node_table *t, const struct node *parent, uint64_t basis,
    struct sv name)
{
	struct node *x = t->slots[slot_of(t, basis)];

	while (x != NULL && !(x->basis == basis && x->parent == parent && !x->retired &&
	    sv_eq(sv_new(x->name, x->name_len), name)))
		x = x->hash_next;
	return x;
}

/* A failure to grow only makes the chains longer. */
static void
table_grow(struct node_table *t)
{
	struct node_table wider = { NULL, t->n, t->cap * 2 };
	struct node *x;

	if ((wider.slots = calloc(wider.cap, sizeof *wider.slots)) == NULL)
		return;
	for (size_t i = 0; i < t->cap; i++)
		while ((x = t->slots[i]) != NULL) {
			struct node **to = &wider.slots[slot_of(&wider, x->basis)];

			t->slots[i] = x->hash_next;
			x->hash_next = *to;
			*to = x;
		}
	free(t->slots);
	*t = wider;
}

static void
table_add(struct node_table *t, struct node *x)
{
	struct node **to;

	if (t->n >= t->cap)
		table_grow(t);
	to = &t->slots[slot_of(t, x->basis)];
	x->hash_next = *to;
	*to = x;
	t->n++;
}

static void
table_remove(struct node_table *t, struct node *x)
{
	struct node **p = &t->slots[slot_of(t, x->basis)];

	while (*p != x)
		p = &(*p)->hash_next;
	*p = x->hash_next;
	t->n--;
}

static void
count_lookup(struct node *x)
{
	if (x->n_lookup++ == 0)
		x->refs++;
}

/* Drops one reference; nodes that die are unlinked and chained by hash_next, children first. */
static struct node *
drop_ref(struct fs *fs, struct node *x)
{
	struct node *dead = NULL;

	while (x != NULL && --x->refs == 0) {
		struct node *parent = x->parent;

		table_remove(&fs->nodes, x);
		x->hash_next = dead;
		dead = x;
		x = parent;
	}
	return dead;
}

static void
free_chain(struct node *x)
{
	while (x != NULL) {
		struct node *next = x->hash_next;

		node_free(x);
		x = next;
	}
}

/* ---- under no lock ---- */

struct node *
node_find(struct fs *fs, struct node *parent, const char *name)
{
	struct sv s = sv_cstr(name);
	uint64_t basis = child_basis(parent, s.p, s.n);
	struct node *x;

	pthread_mutex_lock(&fs->nodes_lock);
	x = table_find(&fs->nodes, parent, basis, s);
	if (x != NULL)
		count_lookup(x);
	pthread_mutex_unlock(&fs->nodes_lock);
	return x;
}

/* .K and .=V report their directory's number, so that walks that follow links see a loop. */
static bool
is_link_target(const struct node *parent, enum node_kind kind, const char *name)
{
	const char *link;

	if (kind != NODE_DIR || (link = path_view(parent->path).link) == NULL)
		return false;
	return strncmp(name, link, strlen(link)) == 0;
}

struct node *
node_enter(struct fs *fs, struct node *parent, const char *name, enum node_kind kind,
    struct path *path)
{
	struct sv s = sv_cstr(name);
	struct node *x = node_new(parent, s.p, s.n, kind), *other;

	if (x == NULL) {
		if (path != NULL)
			path_unref(path);
		return NULL;
	}
	x->path = path;
	x->basis = child_basis(parent, s.p, s.n);
	x->ino = is_link_target(parent, kind, name) ? parent->ino : basis_ino(x->basis);

	pthread_mutex_lock(&fs->nodes_lock);
	other = table_find(&fs->nodes, parent, x->basis, s);
	if (other == NULL) {
		parent->refs++;
		table_add(&fs->nodes, x);
	}
	count_lookup(other != NULL ? other : x);
	pthread_mutex_unlock(&fs->nodes_lock);
	if (other != NULL)
		node_free(x);
	return other != NULL ? other : x;
}

void
node_retire(struct fs *fs, struct node *x)
{
	pthread_mutex_lock(&fs->nodes_lock);
	x->retired = true;
	pthread_mutex_unlock(&fs->nodes_lock);
}

struct node *
node_ref(struct fs *fs, struct node *x)
{
	pthread_mutex_lock(&fs->nodes_lock);
	x->refs++;
	pthread_mutex_unlock(&fs->nodes_lock);
	return x;
}

void
node_unref(struct fs *fs, struct node *x)
{
	struct node *dead;

	pthread_mutex_lock(&fs->nodes_lock);
	dead = drop_ref(fs, x);
	pthread_mutex_unlock(&fs->nodes_lock);
	free_chain(dead);
}

void
node_forget(struct fs *fs, struct node *x, uint64_t n)
{
	struct node *dead = NULL;

	if (x == fs->root)
		return;
	pthread_mutex_lock(&fs->nodes_lock);
	if (x->n_lookup != 0) {
		x->n_lookup -= n < x->n_lookup ? n : x->n_lookup;
		if (x->n_lookup == 0)
			dead = drop_ref(fs, x);
	}
	pthread_mutex_unlock(&fs->nodes_lock);
	free_chain(dead);
}

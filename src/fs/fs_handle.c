/* SPDX-License-Identifier: ISC */
/*
 * fs_handle: open files and directories, in the list of the mount, and the result that a file's
 * node holds while any of its handles is open.
 */
#include "fs_i.h"

#include <stdlib.h>

struct handle *
handle_new(struct fs *fs, enum handle_kind kind, struct node *x)
{
	struct handle *h = calloc(1, sizeof *h);

	if (h == NULL)
		return NULL;
	h->kind = kind;
	h->node = node_ref(fs, x);
	buf_init(&h->text);
	arena_init(&h->arena);
	pthread_mutex_init(&h->lock, NULL);
	pthread_mutex_lock(&fs->files_lock);
	h->next = fs->handles;
	if (h->next != NULL)
		h->next->prev = h;
	fs->handles = h;
	pthread_mutex_unlock(&fs->files_lock);
	return h;
}

/* Under files_lock: the node no longer has this handle. Returns a result to let go. */
static struct result *
detach(struct handle *h)
{
	struct file *f = h->node->file;
	struct result *res = NULL;

	f->n_open--;
	if (h->cached)
		f->n_cached--;
	if (f->n_open == 0 || (f->res == h->res && !h->cached && f->n_cached == 0)) {
		res = f->res;
		f->res = NULL;
	}
	return res;
}

void
handle_free(struct fs *fs, struct handle *h)
{
	struct result *bound = NULL;

	pthread_mutex_lock(&fs->files_lock);
	*(h->prev != NULL ? &h->prev->next : &fs->handles) = h->next;
	if (h->next != NULL)
		h->next->prev = h->prev;
	if (h->kind == HANDLE_RESULT)
		bound = detach(h);
	else if (h->node->kind == NODE_CONTROL_FILE)
		h->node->text->n_open--;
	pthread_mutex_unlock(&fs->files_lock);
	if (bound != NULL)
		result_unref(bound);
	if (h->res != NULL)
		result_unref(h->res);
	if (h->follower != NULL)
		follower_close(h->follower);
	node_unref(fs, h->node);
	buf_release(&h->text);
	arena_release(&h->arena);
	pthread_mutex_destroy(&h->lock);
	free(h);
}

/* SPDX-License-Identifier: ISC */
/*
 * fs_file: results as files. Open makes the result, so that errors are the open's and the size
 * is known before the first byte is read; the handle keeps the result, so one open is one
 * snapshot. With [mount] sizes=lazy open waits only until a dear result streams.
 *
 * A result of known size is read through the page cache, its bytes there or to follow; a stream
 * past it (direct_io, size 0).
 * The kernel has one size and one set of pages per node, so all cached handles of a node
 * share one result:
 *   - the pages of an earlier result are dropped: no keep_cache until a while after the
 *     change, since a second open must not keep what the first is about to drop, and the
 *     attributes that the kernel still believes are recalled before the reply, if they differ
 *     (a recall costs a message, and a getattr when the reader comes to the end); but pages of
 *     the same bytes are kept, as where a small query is run again: then nothing is read;
 *   - a size that is larger than the kernel was told is pushed with the last byte before the
 *     reply (sendfile and splice do not ask for it); of a small result all bytes are;
 *   - if another result is open, the node is retired and the open answered ESTALE: the kernel
 *     walks the path again, once, and gets a new node for the new result. Who meets another
 *     result there too, comes back to the retired node (/proc/self/fd/N), or waited while
 *     somebody else opened, is given the result that is open there: so nobody is shown the
 *     size of one and the bytes of another.
 */
#include "fs_i.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include "base/clock.h"

#define SWITCH_NS 1000000000ull	/* how long after a change opens drop the cache */
#define PUSH_MAX 65536		/* bytes that are sent to the kernel unasked */

bool
file_set_error(struct fs *fs, struct node *x, const char *msg)
{
	char *copy = strdup(msg), *old;
	bool news;

	pthread_mutex_lock(&fs->files_lock);
	old = x->file->error;
	x->file->error = copy;
	pthread_mutex_unlock(&fs->files_lock);
	news = old == NULL || strcmp(old, msg) != 0;
	free(old);
	return news;
}

void
file_fail(fuse_req_t req, struct node *x, const struct err *err)
{
	struct fs *fs = fs_of(req);

	if (file_set_error(fs, x, err->msg))
		note_error(fs, x->parent, x->name, false, requester_of(req), err);
	reply_code(req, err->code);
}

int
file_result(fuse_req_t req, struct node *x, struct result **out, struct err *e)
{
	return engine_result(fs_of(req)->engine, node_dir_path(x),
	    sv_new(x->name, x->name_len), requester_of(req), out, e);
}

struct result *
file_open_result(struct fs *fs, struct node *x)
{
	struct result *res;

	pthread_mutex_lock(&fs->files_lock);
	res = x->file->n_open != 0 ? x->file->res : NULL;
	if (res != NULL)
		result_ref(res);
	pthread_mutex_unlock(&fs->files_lock);
	return res;
}

/* ---- open ---- */

/* What is left to do, under no lock, when a handle has been entered. */
struct attached {
	bool recall;		/* the kernel may believe other attributes than this result's */
	uint64_t push;		/* bytes at the end to give it, since it believes a smaller size */
	bool there;		/* it has the pages of another result of the same bytes */
	struct result *old;	/* to let go, or NULL */
};

/* True if cached handles read another result than this one, whose size is known. */
static bool
other_is_read(const struct file *f, const struct result_info *info)
{
	return info->known && f->n_cached != 0 && f->cached_id != info->id;
}

/* Under files_lock: the handle's result is the one that the others read. */
static void
join_others(const struct file *f, struct handle *h, struct result_info *info,
    struct attached *todo)
{
	todo->old = h->res;
	h->res = f->res;
	result_ref(h->res);
	info->id = f->cached_id;
	info->size = f->told_size;
	info->mtime_ns = f->told_mtime_ns;
}

/* Under files_lock: enters a handle of a result whose size is known, or that streams. */
static void
attach(struct file *f, struct handle *h, struct result_info *info, uint64_t digest,
    struct fuse_file_info *fi, struct attached *todo)
{
	uint64_t now = clock_mono_ns();

	*todo = (struct attached){ 0 };
	if (other_is_read(f, info))
		join_others(f, h, info, todo);
	f->n_open++;
	fi->noflush = 1;
	h->cached = info->known;
	if (!h->cached)
		fi->direct_io = 1;
	if (f->n_cached == 0 && f->res != h->res) {
		todo->old = f->res;
		result_ref(h->res);
		f->res = h->res;
	}
	if (!h->cached)
		return;
	f->n_cached++;
	if (f->cached_id != info->id) {
		todo->there = digest != 0 && digest == f->cached_digest &&
		    f->told_size == info->size;
		if (f->cached_id != 0 && !todo->there)
			f->switched_ns = now;
		f->cached_id = info->id;
		f->cached_digest = digest;
	}
	fi->keep_cache = now - f->switched_ns > SWITCH_NS;
	todo->recall = f->told_id != 0 &&
	    (f->told_size != info->size || f->told_mtime_ns != info->mtime_ns);
	if (f->told_size < info->size)
		todo->push = info->done && fi->keep_cache && info->size <= PUSH_MAX ?
		    info->size : 1;
	f->told_id = info->id;
	f->told_size = info->size;
	f->told_mtime_ns = info->mtime_ns;
}

struct push {
	struct fs *fs;
	struct node *node;
	uint64_t off;
};

/* The kernel's size of a file grows with the bytes that it is given. */
static void
push_bytes(void *arg, int code, const void *data, size_t n)
{
	struct push *p = arg;
	struct fuse_bufvec v = FUSE_BUFVEC_INIT(n);

	if (code < 0 || n == 0)
		return;
	v.buf[0].mem = (void *)(uintptr_t)data;
	(void)fuse_lowlevel_notify_store(p->fs->session, node_id(p->fs, p->node),
	    (off_t)p->off, &v, 0);
}

/*
 * Of a result that is done, so it is answered at once; of another the last byte is no secret. The
 * pages that this waits for are those of this node, which belong to readers of the same result,
 * whom other threads serve.
 */
static int
push_end(struct fs *fs, struct node *x, struct result *res, const struct result_info *info,
    uint64_t n)
{
	struct push p = { fs, x, info->size - n };

	if (!info->done) {
		push_bytes(&p, 0, "\n", 1);
		return 0;
	}
	/* If it can't be, programs that trust what they were told before read less: an error. */
	return result_read(res, p.off, (size_t)n, push_bytes, &p, NULL, NULL);
}

/* Of a result that the node does not have yet; 0: it has, or there is none. */
static uint64_t
digest_of(struct fs *fs, const struct file *f, struct result *res, const struct result_info *info)
{
	bool news;

	pthread_mutex_lock(&fs->files_lock);
	news = f->cached_id != info->id;
	pthread_mutex_unlock(&fs->files_lock);
	return news && info->done ? result_digest(res, PUSH_MAX) : 0;
}

/* Takes over a reference to the result. */
static void
open_reply(struct fs *fs, fuse_req_t req, struct node *x, struct result *res,
    struct result_info *info, struct fuse_file_info *fi)
{
	struct handle *h = handle_new(fs, HANDLE_RESULT, x);
	uint64_t digest = digest_of(fs, x->file, res, info);
	struct attached todo;

	if (h == NULL) {
		result_unref(res);
		fuse_reply_err(req, ENOMEM);
		return;
	}
	result_note_open(res);
	pthread_mutex_lock(&fs->files_lock);
	h->res = res;
	attach(x->file, h, info, digest, fi, &todo);
	free(x->file->error);
	x->file->error = NULL;
	pthread_mutex_unlock(&fs->files_lock);
	if (todo.old != NULL)
		result_unref(todo.old);
	/* Attributes only (offset -1): takes no lock that a reader could hold. */
	if (todo.recall)
		(void)fuse_lowlevel_notify_inval_inode(fs->session, node_id(fs, x), -1, 0);
	if (todo.push != 0 && push_end(fs, x, h->res, info, todo.push) < 0) {
		fuse_reply_err(req, ENOMEM);
		handle_free(fs, h);
		return;
	}
	/* Of no bytes none are read; of those that the kernel has all, its reads are not seen. */
	if (info->done && (todo.push == info->size || (todo.there && fi->keep_cache)))
		result_note_read(h->res, 0, info->size);
	fi->fh = (uint64_t)(uintptr_t)h;
	if (fuse_reply_open(req, fi) != 0)
		handle_free(fs, h);	/* the caller is gone: no release will come */
}

static void
open_done(struct call *c, int code, const void *data, size_t n)
{
	struct result_info info = result_info(c->res);
	struct err err = ERR_INIT;

	(void)data;
	(void)n;
	if (code == 0 && info.done)
		code = info.code;
	if (code < 0) {
		call_error(c, code, &err);
		file_set_error(c->fs, c->node, err.msg);
		reply_code(c->req, code);
		return;
	}
	result_ref(c->res);
	open_reply(c->fs, c->req, c->node, c->res, &info, &c->fi);
}

/*
 * True if cached handles of another result are open, so that the node is retired; but a thread
 * that comes from a retired node is not sent away once more: the kernel would hand ESTALE on.
 */
static bool
must_walk_again(fuse_req_t req, struct node *x, const struct result_info *info)
{
	struct fs *fs = fs_of(req);
	uint32_t tid = requester_of(req).pid;
	struct walker *w = &fs->walkers[tid % WALKERS];
	bool walked, again;

	pthread_mutex_lock(&fs->files_lock);
	walked = w->basis == x->basis && w->tid == tid;
	again = !walked && x->file->n_cached != 0 && x->file->cached_id != info->id;
	if (again)
		*w = (struct walker){ x->basis, tid };
	else if (walked)
		*w = (struct walker){ 0 };
	pthread_mutex_unlock(&fs->files_lock);
	if (again)
		node_retire(fs, x);
	return again;
}

static void
open_result(fuse_req_t req, struct node *x, struct fuse_file_info *fi)
{
	struct fs *fs = fs_of(req);
	struct err err = ERR_INIT;
	struct result_info info;
	struct result *res;
	struct call *c;

	if (file_result(req, x, &res, &err) < 0) {
		file_fail(req, x, &err);
		return;
	}
	info = result_info(res);
	if (must_walk_again(req, x, &info))
		fuse_reply_err(req, ESTALE);
	else if (info.known && info.code == 0) {
		open_reply(fs, req, x, res, &info, fi);
		return;
	} else if ((c = call_new(req, CALL_OPEN, open_done, node_ref(fs, x), res)) == NULL) {
		node_unref(fs, x);
		fuse_reply_err(req, ENOMEM);
	} else {
		c->fi = *fi;
		call_start(c);
		return;		/* the call has the reference */
	}
	result_unref(res);
}

void
fs_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct node *x = node_of(fs_of(req), ino);
	bool writes = (fi->flags & O_ACCMODE) != O_RDONLY || (fi->flags & O_TRUNC) != 0;

	if (writes && x->kind != NODE_COMMAND)
		fuse_reply_err(req, EROFS);
	else if (x->kind == NODE_RESULT)
		open_result(req, x, fi);
	else if (x->kind == NODE_FOLLOW)
		follow_open(req, x, fi);
	else if (x->kind == NODE_DIR || x->kind == NODE_CONTROL_DIR)
		fuse_reply_err(req, EISDIR);
	else if (x->kind == NODE_LINK)
		fuse_reply_err(req, ELOOP);
	else
		control_open(req, x, fi);
}

/* ---- read, release ---- */

static void
read_done(struct call *c, int code, const void *data, size_t n)
{
	uint64_t off = c->off - c->got.n;
	struct err err = ERR_INIT;

	if (code == 0 && c->got.n != 0) {
		buf_put(&c->got, data, n);
		data = c->got.p;
		n = c->got.n;
	}
	if (c->got.oom)
		code = ERR_NOMEM;
	if (code < 0) {
		call_error(c, code, &err);
		file_set_error(c->fs, c->node, err.msg);
		reply_code(c->req, code);
		return;
	}
	/* First: who has got the last bytes may commit at once. */
	result_note_read(c->res, off, n);
	fuse_reply_buf(c->req, data, n);
}

void
fs_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi)
{
	struct fs *fs = fs_of(req);
	struct handle *h = (struct handle *)(uintptr_t)fi->fh;
	struct call *c;

	(void)ino;
	if (off < 0) {
		fuse_reply_err(req, EINVAL);
		return;
	}
	if (h->kind == HANDLE_FOLLOW) {
		follow_read(req, h, size, fi);
		return;
	}
	if (h->kind != HANDLE_RESULT) {
		control_read(req, h, size, off);
		return;
	}
	c = call_new(req, CALL_READ, read_done, node_ref(fs, h->node), h->res);
	if (c == NULL) {
		node_unref(fs, h->node);
		fuse_reply_err(req, ENOMEM);
		return;
	}
	result_ref(h->res);
	c->off = (uint64_t)off;
	c->want = size;
	/* Of what is read past it nobody would ask again. */
	c->ahead = h->cached && (fi->flags & O_DIRECT) == 0;
	call_start(c);
}

void
fs_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct handle *h = (struct handle *)(uintptr_t)fi->fh;
	int code = 0;

	(void)ino;
	if (h->kind == HANDLE_COMMAND)
		code = control_flush(req, h);
	handle_free(fs_of(req), h);
	reply_code(req, code);
}

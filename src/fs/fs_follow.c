/* SPDX-License-Identifier: ISC */
/*
 * fs_follow: follow.jsonl as a file: a stream of unknown length, so of size 0, read past the page
 * cache and without seeking (a shell's `read` goes back in what can be sought). Where a read is at
 * plays no part: each gives the next bytes there are, and waits for the first; with O_NONBLOCK it
 * is EAGAIN. 0 bytes are the end: the path's limit is reached, or the mount is taken away.
 */
#include "fs_i.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>

void
follow_open(fuse_req_t req, struct node *x, struct fuse_file_info *fi)
{
	struct fs *fs = fs_of(req);
	struct handle *h = handle_new(fs, HANDLE_FOLLOW, x);
	struct err err = ERR_INIT;
	int code;

	if (h == NULL) {
		fuse_reply_err(req, ENOMEM);
		return;
	}
	if ((code = follower_open(fs, x, requester_of(req), &h->follower, &err)) < 0) {
		note_error(fs, x->parent, x->name, false, requester_of(req), &err);
		handle_free(fs, h);
		reply_code(req, code);
		return;
	}
	fi->fh = (uint64_t)(uintptr_t)h;
	fi->direct_io = 1;
	fi->nonseekable = 1;
	fi->noflush = 1;
	if (fuse_reply_open(req, fi) != 0)
		handle_free(fs, h);
}

static void
reply_bytes(fuse_req_t req, int code, const void *data, size_t n)
{
	if (code < 0)
		reply_code(req, code);
	else
		fuse_reply_buf(req, data, n);
}

static void
follow_done(struct call *c, int code, const void *data, size_t n)
{
	reply_bytes(c->req, code, data, n);
}

void
follow_read(fuse_req_t req, struct handle *h, size_t size, struct fuse_file_info *fi)
{
	struct fs *fs = fs_of(req);
	struct buf got = BUF_INIT;
	struct call *c;
	int code = follower_take(h->follower, size, &got);

	if (code != FOLLOWER_NOTHING)
		reply_bytes(req, code, got.p, got.n);
	else if ((fi->flags & O_NONBLOCK) != 0)
		fuse_reply_err(req, EAGAIN);
	else if ((c = call_new(req, CALL_FOLLOW, follow_done, node_ref(fs, h->node), NULL)) == NULL) {
		node_unref(fs, h->node);
		fuse_reply_err(req, ENOMEM);
	} else {
		c->follower = follower_ref(h->follower);
		c->want = size;
		call_start(c);
	}
	buf_release(&got);
}

/* Of all other files the kernel's own answer: always ready. */
void
fs_poll(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi, struct fuse_pollhandle *poll)
{
	struct handle *h = (struct handle *)(uintptr_t)fi->fh;
	unsigned ready = POLLIN | POLLRDNORM;

	(void)ino;
	if (h->kind == HANDLE_FOLLOW) {
		fuse_reply_poll(req, follower_poll(h->follower, poll) ? ready : 0);
		return;
	}
	if (poll != NULL)
		fuse_pollhandle_destroy(poll);
	fuse_reply_poll(req, ready | POLLOUT | POLLWRNORM);
}

/* SPDX-License-Identifier: ISC */
/*
 * fs_attr: attributes. A result's size is true: getattr makes the result to learn its size,
 * and waits as open does, so that tar, rsync, wc -c and mmap see it. Only in listings it may be
 * 0: there getattr makes cheap results alone, and the time that it may take is shared by the
 * files of a directory, so that `ls -l` never waits for more than about one budget. With
 * [mount] sizes=lazy every stat is treated so.
 *
 * While handles are open, the attributes are those of the result that they read, whatever a
 * new open would find; when that is too old to be given to anybody, the next lookup of the name
 * makes a new node (fs_dir.c). Outside of that a size is believed for SETTLED_TIMEOUT_S only.
 */
#include "fs_i.h"

#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"

#define BUDGET_WINDOW_NS 2000000000ull	/* after that a directory's budget is whole again */
#define STREAM_BLOCK 524288		/* st_blksize of what is read past the cache */

/* ---- attributes ---- */

static void
set_time(struct stat *st, uint64_t ns)
{
	st->st_mtim.tv_sec = (time_t)(ns / 1000000000);
	st->st_mtim.tv_nsec = (long)(ns % 1000000000);
	st->st_ctim = st->st_atim = st->st_mtim;
}

static void
set_size(struct stat *st, uint64_t size)
{
	st->st_size = (off_t)size;
	st->st_blocks = (blkcnt_t)((size + 511) / 512);
}

static double
result_attr(struct fs *fs, struct node *x, struct stat *st)
{
	const struct file *f = x->file;
	bool settled;

	pthread_mutex_lock(&fs->files_lock);
	settled = f->n_cached != 0;
	set_size(st, f->told_size);
	set_time(st, f->told_mtime_ns);
	pthread_mutex_unlock(&fs->files_lock);
	return settled ? SETTLED_TIMEOUT_S : 0;
}

double
node_attr(struct fs *fs, struct node *x, struct stat *st)
{
	memset(st, 0, sizeof *st);
	st->st_ino = x->ino;
	st->st_nlink = 1;
	st->st_uid = fs->uid;
	st->st_gid = fs->gid;
	st->st_mode = S_IFREG | 0444;
	set_time(st, fs->started_ns);
	switch (x->kind) {
	case NODE_DIR:
		set_time(st, engine_dir_mtime(fs->engine, x->path));
		/* FALLTHROUGH */
	case NODE_CONTROL_DIR:
		st->st_mode = S_IFDIR | 0555;
		break;
	case NODE_LINK:
		st->st_mode = S_IFLNK | 0777;
		st->st_size = (off_t)(x->name_len + strlen(path_view(x->parent->path).link));
		break;
	case NODE_RESULT:
		/* A copy can be written over the next time; here writing is EROFS all the same. */
		st->st_mode = S_IFREG | 0644;
		return result_attr(fs, x, st);
	case NODE_FOLLOW:
		st->st_mode = S_IFREG | 0644;
		set_time(st, engine_dir_mtime(fs->engine, node_dir_path(x)));
		return 0;
	case NODE_README:
		set_size(st, sv_cstr(fs->opts->readme).n);
		break;
	case NODE_CONTROL_FILE:
		pthread_mutex_lock(&fs->files_lock);
		set_time(st, x->text->made_wall_ns);
		set_size(st, x->text->text.n);
		pthread_mutex_unlock(&fs->files_lock);
		return 0;
	case NODE_COMMAND:
		st->st_mode = S_IFREG | 0600;
		break;
	}
	return fs->entry_timeout_s;
}

/* ---- a result's size ---- */

/* Takes note of a result's attributes, unless others are being read; replies those that hold. */
static void
reply_result(fuse_req_t req, struct node *x, const struct result_info *info)
{
	struct fs *fs = fs_of(req);
	struct file *f = x->file;
	bool known = info->known, reading;
	struct stat st;

	pthread_mutex_lock(&fs->files_lock);
	reading = f->n_cached != 0 && f->cached_id != info->id;
	if (!reading) {
		f->told_id = known ? info->id : 0;
		f->told_size = known ? info->size : 0;
		f->told_mtime_ns = info->mtime_ns;
	}
	pthread_mutex_unlock(&fs->files_lock);
	(void)node_attr(fs, x, &st);
	if (!known && !reading)
		st.st_blksize = STREAM_BLOCK;
	fuse_reply_attr(req, &st, known || reading ? SETTLED_TIMEOUT_S : 0);
}

/* True if files of this directory may still make stat wait. */
static bool
budget_left(struct fs *fs, struct node *dir)
{
	uint64_t now = clock_mono_ns();
	bool left;

	pthread_mutex_lock(&fs->files_lock);
	if (now - dir->stat_spent.since_ns > BUDGET_WINDOW_NS)
		dir->stat_spent.spent_ns = 0;
	left = fs->opts->stat_budget_ns == 0 ||
	    dir->stat_spent.spent_ns < fs->opts->stat_budget_ns;
	pthread_mutex_unlock(&fs->files_lock);
	return left;
}

static void
budget_charge(struct fs *fs, struct node *dir, uint64_t begun_ns)
{
	uint64_t now = clock_mono_ns();

	pthread_mutex_lock(&fs->files_lock);
	if (dir->stat_spent.spent_ns == 0)
		dir->stat_spent.since_ns = now;
	dir->stat_spent.spent_ns += now - begun_ns;
	pthread_mutex_unlock(&fs->files_lock);
}

/* In listings a result that is too large for the spill is there all the same: open says so. */
static bool
passed_over(int code, bool by_name)
{
	return code == ERR_NOSPC && !by_name;
}

/* True if the size has to be told whatever it costs. */
static bool
asks_by_name(fuse_req_t req, const struct node *x)
{
	struct fs *fs = fs_of(req);

	return !fs->opts->sizes_lazy && !lister_asks(fs, x->parent, requester_of(req).pid);
}

static void
stat_done(struct call *c, int code, const void *data, size_t n)
{
	struct result_info info = result_info(c->res);
	struct err err = ERR_INIT;

	(void)data;
	(void)n;
	if (c->kind == CALL_STAT)
		budget_charge(c->fs, c->node->parent, c->begun_ns);
	if (code == 0 && info.done)
		code = info.code;
	if (code < 0) {
		call_error(c, code, &err);
		(void)file_set_error(c->fs, c->node, err.msg);
	}
	if (code < 0 && !passed_over(code, c->kind == CALL_SIZE))
		reply_code(c->req, code);
	else
		reply_result(c->req, c->node, &info);
}

static void
getattr_result(fuse_req_t req, struct node *x)
{
	struct fs *fs = fs_of(req);
	uint64_t begun_ns = clock_mono_ns();
	struct result *res = file_open_result(fs, x);
	bool reading = res != NULL, by_name = !reading && asks_by_name(req, x);
	enum call_kind kind = by_name ? CALL_SIZE : CALL_STAT;
	struct err err = ERR_INIT;
	struct result_info info;
	struct call *c;

	if (res == NULL && file_result(req, x, &res, &err) < 0) {
		file_fail(req, x, &err);
		return;
	}
	info = result_info(res);
	if (!by_name)
		budget_charge(fs, x->parent, begun_ns);
	if (reading || info.done || info.known || (!by_name && (!info.cheap || !budget_left(fs, x->parent)))) {
		if (info.done && info.code < 0 && !passed_over(info.code, by_name) && !reading)
			reply_code(req, info.code);
		else
			reply_result(req, x, &info);
	} else if ((c = call_new(req, kind, stat_done, node_ref(fs, x), res)) == NULL) {
		node_unref(fs, x);
		fuse_reply_err(req, ENOMEM);
	} else {
		call_start(c);
		return;		/* the call has the reference */
	}
	result_unref(res);
}

void
fs_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct fs *fs = fs_of(req);
	struct node *x = node_of(fs, ino);
	struct err err = ERR_INIT;
	struct stat st;
	double timeout;

	(void)fi;
	if (x->kind == NODE_RESULT)
		getattr_result(req, x);
	else if (x->kind == NODE_CONTROL_FILE && control_stat(fs, x, requester_of(req), &err) < 0)
		reply_code(req, err.code);
	else {
		timeout = node_attr(fs, x, &st);
		fuse_reply_attr(req, &st, timeout);
	}
}

void
fs_statfs(fuse_req_t req, fuse_ino_t ino)
{
	struct statvfs st = { .f_bsize = 4096, .f_frsize = 4096 };
	struct fs *fs = fs_of(req);

	(void)ino;
	st.f_namemax = fs->name_max;
	/* Those in use are what is not free; nobody is to be told that there are none left. */
	st.f_ffree = st.f_favail = UINT32_MAX;
	st.f_files = st.f_ffree + nodes_count(fs);
	fuse_reply_statfs(req, &st);
}

unsigned
attr_name_max(unsigned proto_minor)
{
	/* FUSE_NAME_MAX went from 1024 to 4095 (PATH_MAX - 1) with protocol 7.42. */
	return proto_minor >= 42 ? 4095 : 1024;
}

void
fs_access(fuse_req_t req, fuse_ino_t ino, int mask)
{
	struct node *x = node_of(fs_of(req), ino);
	bool dir = x->kind == NODE_DIR || x->kind == NODE_CONTROL_DIR;

	if ((mask & W_OK) != 0 && x->kind != NODE_COMMAND)
		fuse_reply_err(req, EROFS);
	else
		fuse_reply_err(req, (mask & X_OK) != 0 && !dir ? EACCES : 0);
}

/* ---- extended attributes ---- */

#define XATTR_PREFIX "user.spanfs."

static const char *const xattr_names[] = {
	"query", "generation", "rows", "complete", "exact", "cache", "error", "note",
};

static int
xattr_value(struct fs *fs, struct node *x, struct result *res, struct sv name,
    struct buf *out)
{
	bool failed = false;

	if (sv_is(name, "error")) {
		pthread_mutex_lock(&fs->files_lock);
		failed = x->file->error != NULL;
		buf_str(out, failed ? x->file->error : "");
		pthread_mutex_unlock(&fs->files_lock);
	}
	if (failed)
		return 0;
	return res == NULL ? ERR_UNKNOWN : result_xattr(res, name, out, NULL);
}

/* The result whose attributes a node shows, or NULL. */
static struct result *
xattr_result(fuse_req_t req, struct node *x)
{
	struct result *res = file_open_result(fs_of(req), x);

	if (res == NULL && file_result(req, x, &res, NULL) < 0)
		return NULL;
	return res;
}

static void
reply_xattr(fuse_req_t req, const struct buf *value, size_t size)
{
	if (value->oom)
		fuse_reply_err(req, ENOMEM);
	else if (size == 0)
		fuse_reply_xattr(req, value->n);
	else if (value->n > size)
		fuse_reply_err(req, ERANGE);
	else
		fuse_reply_buf(req, value->p, value->n);
}

void
fs_getxattr(fuse_req_t req, fuse_ino_t ino, const char *name, size_t size)
{
	struct fs *fs = fs_of(req);
	struct node *x = node_of(fs, ino);
	struct sv s = sv_cstr(name);
	struct buf value = BUF_INIT;
	struct result *res;

	if (x->kind != NODE_RESULT || !sv_starts(s, SV(XATTR_PREFIX))) {
		fuse_reply_err(req, ENODATA);
		return;
	}
	res = xattr_result(req, x);
	s = sv_sub(s, sizeof XATTR_PREFIX - 1, s.n);
	if (xattr_value(fs, x, res, s, &value) < 0)
		fuse_reply_err(req, ENODATA);
	else
		reply_xattr(req, &value, size);
	buf_release(&value);
	if (res != NULL)
		result_unref(res);
}

void
fs_listxattr(fuse_req_t req, fuse_ino_t ino, size_t size)
{
	struct fs *fs = fs_of(req);
	struct node *x = node_of(fs, ino);
	struct buf names = BUF_INIT, value = BUF_INIT;
	struct result *res = NULL;

	if (x->kind == NODE_RESULT)
		res = xattr_result(req, x);
	for (size_t i = 0; x->kind == NODE_RESULT &&
	    i < sizeof xattr_names / sizeof *xattr_names; i++) {
		value.n = 0;
		if (xattr_value(fs, x, res, sv_cstr(xattr_names[i]), &value) < 0)
			continue;
		BUF_LIT(&names, XATTR_PREFIX);
		buf_put(&names, xattr_names[i], strlen(xattr_names[i]) + 1);
	}
	reply_xattr(req, &names, size);
	buf_release(&names);
	buf_release(&value);
	if (res != NULL)
		result_unref(res);
}

/* ---- everything that would change something ---- */

void
fs_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *attr, int set,
    struct fuse_file_info *fi)
{
	struct fs *fs = fs_of(req);
	struct node *x = node_of(fs, ino);
	struct stat st;

	(void)attr;
	(void)fi;
	/* A shell's > truncates. */
	if (x->kind != NODE_COMMAND || (set & FUSE_SET_ATTR_SIZE) == 0) {
		fuse_reply_err(req, EROFS);
		return;
	}
	(void)node_attr(fs, x, &st);
	fuse_reply_attr(req, &st, 0);
}

static void
no_mknod(fuse_req_t req, fuse_ino_t dir, const char *name, mode_t mode, dev_t dev)
{
	(void)dir, (void)name, (void)mode, (void)dev;
	fuse_reply_err(req, EROFS);
}

static void
no_mkdir(fuse_req_t req, fuse_ino_t dir, const char *name, mode_t mode)
{
	(void)dir, (void)name, (void)mode;
	fuse_reply_err(req, EROFS);
}

static void
no_remove(fuse_req_t req, fuse_ino_t dir, const char *name)
{
	(void)dir, (void)name;
	fuse_reply_err(req, EROFS);
}

static void
no_symlink(fuse_req_t req, const char *target, fuse_ino_t dir, const char *name)
{
	(void)target, (void)dir, (void)name;
	fuse_reply_err(req, EROFS);
}

static void
no_rename(fuse_req_t req, fuse_ino_t dir, const char *name, fuse_ino_t to,
    const char *new_name, unsigned flags)
{
	(void)dir, (void)name, (void)to, (void)new_name, (void)flags;
	fuse_reply_err(req, EROFS);
}

static void
no_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t dir, const char *name)
{
	(void)ino, (void)dir, (void)name;
	fuse_reply_err(req, EROFS);
}

static void
no_create(fuse_req_t req, fuse_ino_t dir, const char *name, mode_t mode,
    struct fuse_file_info *fi)
{
	(void)dir, (void)name, (void)mode, (void)fi;
	fuse_reply_err(req, EROFS);
}

static void
no_setxattr(fuse_req_t req, fuse_ino_t ino, const char *name, const char *value,
    size_t size, int flags)
{
	(void)ino, (void)name, (void)value, (void)size, (void)flags;
	fuse_reply_err(req, EROFS);
}

void
attr_refuse_writes(struct fuse_lowlevel_ops *ops)
{
	ops->mknod = no_mknod;
	ops->mkdir = no_mkdir;
	ops->unlink = no_remove;
	ops->rmdir = no_remove;
	ops->symlink = no_symlink;
	ops->rename = no_rename;
	ops->link = no_link;
	ops->create = no_create;
	ops->setxattr = no_setxattr;
	ops->removexattr = no_remove;
}

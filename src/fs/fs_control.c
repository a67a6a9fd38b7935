/* SPDX-License-Identifier: ISC */
/*
 * fs_control: README and .spanfs: small texts made anew at each open (a handle keeps its own,
 * so one open is one snapshot), and `control`, whose lines are commands. A write answers with
 * the error of the first command in it that fails.
 */
#include "fs_i.h"

#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"

#define MAX_LINE 4096		/* of a command */
#define FRESH_NS 100000000ull	/* from stat to open */

/* .spanfs stands in the root, stats in .spanfs. */
static bool
is_stats(const struct node *dir)
{
	return dir->parent != NULL && dir->parent->kind == NODE_CONTROL_DIR;
}

static bool
is_one_of(const char *(*nth)(size_t), const char *name)
{
	const char *s;

	for (size_t i = 0; (s = nth(i)) != NULL; i++)
		if (strcmp(s, name) == 0)
			return true;
	return false;
}

bool
control_resolve(const struct node *dir, const char *name, enum node_kind *kind)
{
	*kind = NODE_CONTROL_FILE;
	if (is_stats(dir))
		return is_one_of(engine_stats_name, name);
	if (strcmp(name, "control") == 0)
		*kind = NODE_COMMAND;
	else if (strcmp(name, "stats") == 0)
		*kind = NODE_CONTROL_DIR;
	else
		return is_one_of(engine_control_name, name);
	return true;
}

static int
by_entry_name(const void *a, const void *b)
{
	return sv_cmp(((const struct entry *)a)->name, ((const struct entry *)b)->name);
}

/* Names in byte order. */
void
control_list(const struct node *dir, struct arena *a, struct entry **out, size_t *n)
{
	const char *(*nth)(size_t) = is_stats(dir) ? engine_stats_name : engine_control_name;
	size_t count = 0, k = 0;

	while (nth(count) != NULL)
		count++;
	if ((*out = arena_array(a, count + 2, struct entry)) == NULL)
		return;
	for (; k < count; k++)
		(*out)[k] = (struct entry){ sv_cstr(nth(k)), ENTRY_FILE };
	if (!is_stats(dir)) {
		(*out)[k++] = (struct entry){ SV("control"), ENTRY_FILE };
		(*out)[k++] = (struct entry){ SV("stats"), ENTRY_DIR };
	}
	qsort(*out, k, sizeof **out, by_entry_name);
	*n = k;
}

/* ---- texts ---- */

/*
 * A text made for stat is what an open right after gets, so that tar and rsync see one size;
 * for any longer it would be old news.
 */
static bool
still_fresh(const struct text_file *t, struct requester who)
{
	return t->by_stat && t->uid == who.uid && clock_mono_ns() - t->made_mono_ns < FRESH_NS;
}

/* A control file's content, made anew for who asks. */
static int
make_text(struct fs *fs, const struct node *x, struct requester who, struct buf *text,
    struct err *e)
{
	struct buf name = BUF_INIT;
	int code;

	if (is_stats(x->parent))
		BUF_LIT(&name, "stats/");
	buf_put(&name, x->name, x->name_len);
	if ((code = buf_ok(&name, e)) == 0)
		code = engine_control_file(fs->engine, buf_view(&name), who, text, e);
	buf_release(&name);
	return code;
}

/* Takes over a text that was made: its size is what stat tells now. */
static void
keep_text(struct fs *fs, struct node *x, struct requester who, bool by_stat, struct buf *text)
{
	struct buf old;

	pthread_mutex_lock(&fs->files_lock);
	old = x->text->text;
	x->text->text = *text;
	x->text->made_mono_ns = clock_mono_ns();
	x->text->made_wall_ns = clock_wall_ns();
	x->text->by_stat = by_stat;
	x->text->uid = who.uid;
	pthread_mutex_unlock(&fs->files_lock);
	buf_init(text);
	buf_release(&old);
}

int
control_stat(struct fs *fs, struct node *x, struct requester who, struct err *e)
{
	struct buf text = BUF_INIT;
	bool keep;
	int code;

	pthread_mutex_lock(&fs->files_lock);
	keep = (x->text->n_open != 0 && x->text->uid == who.uid) || still_fresh(x->text, who);
	pthread_mutex_unlock(&fs->files_lock);
	if (keep)
		return 0;
	if ((code = make_text(fs, x, who, &text, e)) == 0)
		keep_text(fs, x, who, true, &text);
	buf_release(&text);
	return code;
}

/* The text that was made for its size, for who asked for that; false: there is none. */
static bool
take_fresh(struct fs *fs, struct node *x, struct requester who, struct buf *out)
{
	bool fresh;

	pthread_mutex_lock(&fs->files_lock);
	x->text->n_open++;	/* handle_free counts it down */
	fresh = still_fresh(x->text, who);
	if (fresh) {
		buf_sv(out, buf_view(&x->text->text));
		x->text->by_stat = false;
	}
	pthread_mutex_unlock(&fs->files_lock);
	return fresh;
}

/* Gives a handle its content. */
static int
take_text(struct fs *fs, struct node *x, struct handle *h, struct requester who,
    struct err *e)
{
	struct buf copy = BUF_INIT;
	int code;

	if (x->kind == NODE_README)
		buf_str(&h->text, fs->opts->readme != NULL ? fs->opts->readme : "");
	if (x->kind != NODE_CONTROL_FILE || take_fresh(fs, x, who, &h->text))
		return buf_ok(&h->text, e);
	if ((code = make_text(fs, x, who, &h->text, e)) < 0)
		return code;
	buf_sv(&copy, buf_view(&h->text));
	if ((code = buf_ok(&copy, e)) == 0)
		keep_text(fs, x, who, false, &copy);
	buf_release(&copy);
	return code;
}

void
control_open(fuse_req_t req, struct node *x, struct fuse_file_info *fi)
{
	struct fs *fs = fs_of(req);
	bool command = x->kind == NODE_COMMAND;
	struct handle *h = handle_new(fs, command ? HANDLE_COMMAND : HANDLE_TEXT, x);
	struct err err = ERR_INIT;

	if (h == NULL) {
		fuse_reply_err(req, ENOMEM);
		return;
	}
	if (take_text(fs, x, h, requester_of(req), &err) < 0) {
		handle_free(fs, h);
		reply_code(req, err.code);
		return;
	}
	fi->fh = (uint64_t)(uintptr_t)h;
	fi->direct_io = x->kind != NODE_README;
	fi->keep_cache = x->kind == NODE_README;
	fi->noflush = !command;
	if (fuse_reply_open(req, fi) != 0)
		handle_free(fs, h);
}

void
control_read(fuse_req_t req, struct handle *h, size_t size, off_t off)
{
	struct buf part = BUF_INIT;

	/* A copy: the release may come, and free the text, before the reply's writev returns. */
	if (h->kind != HANDLE_COMMAND)
		buf_sv(&part, sv_sub(buf_view(&h->text), (size_t)off, (size_t)off + size));
	if (part.oom)
		fuse_reply_err(req, ENOMEM);
	else
		fuse_reply_buf(req, part.p, part.n);
	buf_release(&part);
}

/* ---- commands ---- */

/* Runs the whole lines of a handle's text and keeps the rest. Under its lock. */
static int
run_lines(fuse_req_t req, struct handle *h)
{
	struct fs *fs = fs_of(req);
	struct err err = ERR_INIT;
	struct sv rest = buf_view(&h->text), line;
	size_t kept;
	int64_t end;
	int code = 0;

	while (code == 0 && (end = sv_chr(rest, '\n')) >= 0) {
		line = sv_sub(rest, 0, (size_t)end);
		rest = sv_sub(rest, (size_t)end + 1, rest.n);
		code = engine_control(fs->engine, line, requester_of(req), &err);
	}
	if (code < 0) {
		note_error(fs, h->node->parent, NULL, false, requester_of(req), &err);
		h->text.n = 0;
		return code;
	}
	kept = rest.n;
	if (kept != 0 && rest.p != h->text.p)
		memmove(h->text.p, rest.p, kept);
	h->text.n = kept;
	return 0;
}

void
control_write(fuse_req_t req, fuse_ino_t ino, const char *p, size_t n, off_t off,
    struct fuse_file_info *fi)
{
	struct handle *h = (struct handle *)(uintptr_t)fi->fh;
	int code;

	(void)ino;
	(void)off;
	if (h->kind != HANDLE_COMMAND) {
		fuse_reply_err(req, EROFS);
		return;
	}
	pthread_mutex_lock(&h->lock);
	buf_put(&h->text, p, n);
	if ((code = buf_ok(&h->text, NULL)) == 0)
		code = run_lines(req, h);
	if (code == 0 && h->text.n > MAX_LINE) {
		h->text.n = 0;
		code = ERR_TOOBIG;
	}
	pthread_mutex_unlock(&h->lock);
	if (code < 0)
		reply_code(req, code);
	else
		fuse_reply_write(req, n);
}

int
control_flush(fuse_req_t req, struct handle *h)
{
	int code = 0;

	pthread_mutex_lock(&h->lock);
	if (h->text.n != 0) {
		buf_putc(&h->text, '\n');
		if ((code = buf_ok(&h->text, NULL)) == 0)
			code = run_lines(req, h);
		h->text.n = 0;
	}
	pthread_mutex_unlock(&h->lock);
	return code;
}

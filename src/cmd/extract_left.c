/* SPDX-License-Identifier: ISC */
/*
 * extract_left: the delivery that an extract noted and did not live to see through. Its file is
 * found under one of its two names, by its inode, and what is left to do is done. If it is under
 * neither, it was taken, but only where the directory is known to be the same: by the witness in
 * the lock that stands beside. All else is told, since a guess costs spans.
 */
#include <string.h>

#include "extract_i.h"

#define WITNESS_MAX 256

enum left { LEFT_WRITTEN, LEFT_DELIVERED, LEFT_TAKEN };

/* The last part of a path. */
static const char *
base_of(const char *path)
{
	return strrchr(path, '/') + 1;
}

/* ---- the witness ---- */

static void
put_witness(struct buf *b, const struct mark_delivery *d)
{
	buf_printf(b, "commit %llu inode %llu bytes %llu\n", (unsigned long long)d->generation,
	    (unsigned long long)d->inode, (unsigned long long)d->size);
}

static int
write_synced(struct fsys *fs, const char *name, struct sv bytes, struct err *e)
{
	struct file *f;
	int rc, closed;

	if ((rc = fs->ops->create(fs, name, &f, e)) != 0)
		return rc;
	if ((rc = fs->ops->write(f, bytes.p, bytes.n, e)) == 0)
		rc = fs->ops->sync(f, e);
	closed = fs->ops->close(f, rc == 0 ? e : NULL);
	return rc == 0 ? closed : rc;
}

int
extract_witness(struct extract *x, const struct mark_delivery *d)
{
	const char *lock = arena_printf(&x->arena, "%s" EXTRACT_LOCK, x->own);
	struct buf b = BUF_INIT;
	int rc;

	if (lock == NULL)
		return err_nomem(x->e);
	put_witness(&b, d);
	if ((rc = buf_ok(&b, x->e)) == 0)
		rc = write_synced(x->j->dest, lock, buf_view(&b), x->e);
	buf_release(&b);
	return rc;
}

/* *same: the lock there says that it saw this delivery. */
static int
ask_witness(struct extract *x, struct fsys *fs, const char *from, bool *same)
{
	const char *lock = arena_printf(&x->arena, "%s" EXTRACT_LOCK, base_of(from));
	struct buf b = BUF_INIT;
	struct sv bytes;
	int rc;

	*same = false;
	if (lock == NULL)
		return err_nomem(x->e);
	rc = file_read_all(fs, lock, WITNESS_MAX, &x->arena, &bytes, x->e);
	if (rc == ERR_UNKNOWN || rc == ERR_TOOBIG)
		return 0;
	if (rc != 0)
		return rc;
	put_witness(&b, &x->left.delivery);
	if ((rc = buf_ok(&b, x->e)) == 0)
		*same = sv_eq(bytes, buf_view(&b));
	buf_release(&b);
	return rc;
}

/* ---- where it is ---- */

static int
lost(struct extract *x, const char *to)
{
	unsigned long long from = x->left.generation, gen = x->left.delivery.generation;

	return err_set(x->e, ERR_NODATA, -1, "a delivery of commits %llu to %llu as %s was cut off, "
	    "and nothing there tells whether it arrived: if so, run 'spanctl mark set %s %llu', "
	    "else 'spanctl mark set %s %llu'", from + 1, gen, to, x->j->mark, gen, x->j->mark, from);
}

static bool
same_file(const struct file_id *id, const struct mark_delivery *d)
{
	return id->inode == d->inode && id->size == d->size;
}

static int
find_left(struct extract *x, struct fsys *fs, const char *from, const char *to, enum left *out)
{
	const struct mark_delivery *d = &x->left.delivery;
	struct file_id id;
	bool there, same;
	int rc;

	if ((rc = extract_stat(fs, base_of(from), &there, &id, x->e)) != 0)
		return rc;
	*out = LEFT_WRITTEN;
	/* Another under its first name: a directory that was restored, or that has no lasting inodes. */
	if (there)
		return same_file(&id, d) ? 0 : lost(x, to);
	if ((rc = extract_stat(fs, base_of(to), &there, &id, x->e)) != 0)
		return rc;
	*out = LEFT_DELIVERED;
	if (there && same_file(&id, d))
		return 0;
	*out = LEFT_TAKEN;
	rc = ask_witness(x, fs, from, &same);
	return rc == 0 && !same ? lost(x, to) : rc;
}

/* ---- its directory ---- */

struct left_dir {
	struct fsys *fs, *own;		/* own: opened for it, since it is not where this one delivers to */
	const char *from, *to;		/* absolute */
};

static int
open_left(struct extract *x, struct left_dir *l)
{
	const struct mark_delivery *d = &x->left.delivery;
	char *dir = arena_printf(&x->arena, "%.*s", SV_ARG(d->to));
	int rc;

	*l = (struct left_dir){ x->j->dest, NULL, arena_cstr(&x->arena, d->from),
		arena_cstr(&x->arena, d->to) };
	if (dir == NULL || l->from == NULL || l->to == NULL)
		return err_nomem(x->e);
	*strrchr(dir, '/') = '\0';
	if (strcmp(dir, x->j->dir) == 0)
		return 0;
	rc = x->j->open_dir(x->j->arg, dir[0] == '\0' ? "/" : dir, &l->own, x->e);
	l->fs = l->own;
	return rc == ERR_UNKNOWN ? lost(x, l->to) : rc;
}

/* Reads the mark; *any: it carries a delivery, whose directory is open then. */
static int
read_left(struct extract *x, struct left_dir *l, bool *any)
{
	const struct extract_job *j = x->j;
	int rc = mark_read(j->store, sv_cstr(j->mark), &x->arena, &x->left, x->e);

	*any = rc == 0 && x->left.delivery.generation != 0;
	return *any ? open_left(x, l) : rc;
}

int
extract_look(struct extract *x)
{
	struct left_dir l = { 0 };
	enum left where;
	bool any;
	int rc;

	if ((rc = read_left(x, &l, &any)) == 0 && any)
		rc = find_left(x, l.fs, l.from, l.to, &where);
	fsys_free(l.own);
	return rc;
}

static int
finish_in(struct extract *x, const struct left_dir *l, enum left *where)
{
	struct fsys *fs = l->fs;
	int rc;

	if ((rc = find_left(x, fs, l->from, l->to, where)) != 0)
		return rc;
	if (*where == LEFT_WRITTEN &&
	    (rc = extract_rename(x, fs, base_of(l->from), base_of(l->to))) != 0)
		return rc;
	if ((rc = fs->ops->sync_dir(fs, ".", x->e)) != 0)
		return rc;
	return mark_delivered(x->j->store, sv_cstr(x->j->mark), x->left.generation,
	    x->left.delivery.generation, x->e);
}

int
extract_finish(struct extract *x, bool *standing)
{
	struct left_dir l = { 0 };
	enum left where = LEFT_TAKEN;
	bool any;
	int rc;

	*standing = false;
	/* Read anew: before the locks were had another one may have been at work. */
	if ((rc = read_left(x, &l, &any)) == 0 && any) {
		rc = finish_in(x, &l, &where);
		*standing = where != LEFT_TAKEN && l.own == NULL &&
		    strcmp(base_of(l.to), x->j->name) == 0;
	}
	fsys_free(l.own);
	return rc;
}

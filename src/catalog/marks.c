/* SPDX-License-Identifier: ISC */
/*
 * marks: see catalog/marks.h. A change reads the mark, makes the new one and replaces the file,
 * under marks/.lock, which is held for a moment: so waiting for it is short, and has an end.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/near.h"
#include "marks_i.h"

#define MARKS_DIR "marks"
#define MARKS_LOCK MARKS_DIR "/.lock"
#define SUFFIX ".mark"
#define MARK_FILE_MAX ((size_t)64 << 10)
#define PATH_BYTES (sizeof MARKS_DIR + MARK_NAME_MAX + sizeof SUFFIX + 8)
/* Tries of 10 ms: 30 s; a disk that is busy with an import may let an fsync wait so long. */
#define LOCK_TRIES 3000

static int
check_name(struct sv s, struct err *e)
{
	return mark_name_ok(s) ? 0 : err_set(e, ERR_SYNTAX, -1, "'%.*s' is no name of a mark: "
	    "expected up to %d letters, digits, '-', '_' or '.', a letter or digit first",
	    SV_ARG(sv_sub(s, 0, 2 * MARK_NAME_MAX)), MARK_NAME_MAX);
}

static void
path_of(struct sv name, char out[PATH_BYTES])
{
	snprintf(out, PATH_BYTES, MARKS_DIR "/%.*s" SUFFIX, SV_ARG(name));
}

/* ---- reading ---- */

static int
by_name(const void *a, const void *b)
{
	return sv_cmp(*(const struct sv *)a, *(const struct sv *)b);
}

int
marks_list(struct fsys *fs, struct arena *a, struct sv **out, size_t *n, struct err *e)
{
	size_t n_files = 0;
	char **files = NULL;
	int rc = fs->ops->list(fs, MARKS_DIR, a, &files, &n_files, e);

	if (rc != 0 && rc != ERR_UNKNOWN)
		return rc;
	*n = 0;
	if ((*out = arena_array(a, n_files + 1, struct sv)) == NULL)
		return err_nomem(e);
	for (size_t i = 0; i < n_files && rc == 0; i++) {
		struct sv s = sv_cstr(files[i]);

		if (!sv_ends(s, SV(SUFFIX)))
			continue;
		s.n -= strlen(SUFFIX);
		if (mark_name_ok(s))
			(*out)[(*n)++] = s;
	}
	/* Not the order of the files: '-' and '.' come before or with the dot of the suffix. */
	qsort(*out, *n, sizeof **out, by_name);
	return 0;
}

static int
no_such(struct fsys *fs, struct sv name, struct err *e)
{
	struct sv *names;
	struct near near;
	struct arena a;
	size_t n;
	int rc;

	arena_init(&a);
	near_init(&near, name);
	if ((rc = marks_list(fs, &a, &names, &n, e)) == 0) {
		for (size_t i = 0; i < n; i++)
			near_offer(&near, names[i]);
		if (near.found.n != 0)
			rc = err_set(e, ERR_UNKNOWN, -1, "no mark '%.*s' in the store; did you "
			    "mean '%.*s'?", SV_ARG(name), SV_ARG(near.found));
		else
			rc = err_set(e, ERR_UNKNOWN, -1, "no mark '%.*s' in the store",
			    SV_ARG(name));
	}
	arena_release(&a);
	return rc;
}

int
mark_read(struct fsys *fs, struct sv name, struct arena *a, struct mark *out, struct err *e)
{
	char path[PATH_BYTES], shown[512];
	struct sv bytes;
	int rc;

	if ((rc = check_name(name, e)) != 0)
		return rc;
	path_of(name, path);
	rc = file_read_all(fs, path, MARK_FILE_MAX, a, &bytes, e);
	if (rc == ERR_UNKNOWN)
		return no_such(fs, name, e);
	if (rc == ERR_TOOBIG)
		return err_set(e, ERR_CORRUPT, -1, "%s/%s: too large for a mark", fs->root, path);
	if (rc != 0)
		return rc;
	snprintf(shown, sizeof shown, "%s/%s", fs->root, path);
	return mark_decode(bytes, shown, out, e);
}

/* ---- changing ---- */

static int
lock_marks(struct fsys *fs, struct file **out, struct err *e)
{
	const struct timespec pause = { .tv_nsec = 10 * 1000 * 1000 };
	struct file_id id;
	int rc = 0;

	/* Its name has to be as safe as what will stand in it. */
	if (fs->ops->stat(fs, MARKS_LOCK, &id, NULL) != 0 &&
	    ((rc = fs->ops->mkdir(fs, MARKS_DIR, e)) != 0 ||
	    (rc = fs->ops->sync_dir(fs, ".", e)) != 0))
		return rc;
	for (unsigned i = 0; i < LOCK_TRIES; i++) {
		if ((rc = fs->ops->lock(fs, MARKS_LOCK, out, e)) != ERR_BUSY)
			return rc;
		nanosleep(&pause, NULL);
	}
	return rc;
}

static int
write_mark(struct fsys *fs, struct sv name, const struct mark *m, struct err *e)
{
	char path[PATH_BYTES];
	struct buf b = BUF_INIT;
	int rc;

	path_of(name, path);
	mark_encode(&b, m);
	if ((rc = buf_ok(&b, e)) == 0)
		rc = file_replace(fs, MARKS_DIR, path, buf_view(&b), e);
	buf_release(&b);
	return rc;
}

/* One change: of *m as it is, or zeroes if there is none; >0: it is to stay as it is. */
struct change {
	int (*make)(const struct change *, struct sv name, struct mark *, struct err *);
	bool may_make;			/* it need not be there, or whole */
	bool delivered;			/* by who has finished its delivery */
	uint64_t from, generation;
	const struct mark_delivery *delivery;
	uint64_t *moved_to;
};

static int
apply(struct fsys *fs, struct sv name, const struct change *c, struct err *e)
{
	struct mark m = { 0 };
	struct file *lock;
	struct arena a;
	int rc;

	if ((rc = check_name(name, e)) != 0 || (rc = lock_marks(fs, &lock, e)) != 0)
		return rc;
	arena_init(&a);
	rc = mark_read(fs, name, &a, &m, e);
	if (c->may_make && (rc == ERR_UNKNOWN || rc == ERR_CORRUPT || rc == ERR_VERSION))
		rc = 0;
	if (rc == 0 && (rc = c->make(c, name, &m, e)) == 0)
		rc = write_mark(fs, name, &m, e);
	arena_release(&a);
	(void)fs->ops->close(lock, NULL);
	return rc > 0 ? 0 : rc;
}

static int
make_set(const struct change *c, struct sv name, struct mark *m, struct err *e)
{
	(void)name;
	(void)e;
	*m = (struct mark){ .generation = c->generation, .moved_ns = clock_wall_ns() };
	return 0;
}

int
mark_set(struct fsys *fs, struct sv name, uint64_t generation, struct err *e)
{
	return apply(fs, name, &(struct change){ .make = make_set, .may_make = true,
	    .generation = generation }, e);
}

static int
moved(const struct change *c, struct sv name, const struct mark *m, struct err *e)
{
	return m->generation == c->from ? 0 : err_set(e, ERR_BUSY, -1, "mark '%.*s' was moved "
	    "meanwhile: from commit %llu to %llu", SV_ARG(name), (unsigned long long)c->from,
	    (unsigned long long)m->generation);
}

/* Its file would stay under a name that nobody looks for; `mark set` alone forgets it. */
static int
unfinished(const struct change *c, struct sv name, const struct mark *m, struct err *e)
{
	uint64_t to = m->delivery.generation;

	if (to == 0 || (c->delivered && to == c->generation))
		return 0;
	return err_set(e, ERR_BUSY, -1, "mark '%.*s': a delivery up to commit %llu was begun and is "
	    "not finished: the next 'spanctl extract' of the mark does that first", SV_ARG(name),
	    (unsigned long long)to);
}

static int
make_move(const struct change *c, struct sv name, struct mark *m, struct err *e)
{
	int rc;

	if ((rc = unfinished(c, name, m, e)) != 0)
		return rc;
	/* Done before: nothing is to be done again. */
	if (m->generation == c->generation && c->generation != c->from)
		return 1;
	rc = moved(c, name, m, e);
	if (rc == 0 && c->generation < m->generation)
		return err_set(e, ERR_BUSY, -1, "mark '%.*s' stands at commit %llu already",
		    SV_ARG(name), (unsigned long long)m->generation);
	return rc == 0 ? make_set(c, name, m, e) : rc;
}

int
mark_move(struct fsys *fs, struct sv name, uint64_t from, uint64_t generation, struct err *e)
{
	return apply(fs, name, &(struct change){ .make = make_move, .from = from,
	    .generation = generation }, e);
}

int
mark_delivered(struct fsys *fs, struct sv name, uint64_t from, uint64_t generation, struct err *e)
{
	return apply(fs, name, &(struct change){ .make = make_move, .from = from,
	    .generation = generation, .delivered = true }, e);
}

static int
make_commit(const struct change *c, struct sv name, struct mark *m, struct err *e)
{
	int rc;

	if ((rc = unfinished(c, name, m, e)) != 0)
		return rc;
	if (!m->was_read)
		return err_set(e, ERR_NODATA, -1, "mark '%.*s': nothing has been read to its end "
		    "since it was moved", SV_ARG(name));
	*c->moved_to = m->read;
	*m = (struct mark){ .generation = m->read, .moved_ns = clock_wall_ns() };
	return 0;
}

int
mark_commit(struct fsys *fs, struct sv name, uint64_t *generation, struct err *e)
{
	return apply(fs, name, &(struct change){ .make = make_commit, .moved_to = generation }, e);
}

static int
make_read(const struct change *c, struct sv name, struct mark *m, struct err *e)
{
	(void)name;
	(void)e;
	/* Who read more may be another than who reports: what came since may come again, never be left out. */
	if (m->generation != c->from || (m->was_read && m->read != c->from &&
	    (c->generation == c->from || c->generation >= m->read)))
		return 1;
	m->was_read = true;
	m->read = c->generation;
	return 0;
}

int
mark_note_read(struct fsys *fs, struct sv name, uint64_t from, uint64_t generation,
    struct err *e)
{
	return apply(fs, name, &(struct change){ .make = make_read, .from = from,
	    .generation = generation }, e);
}

static int
make_delivery(const struct change *c, struct sv name, struct mark *m, struct err *e)
{
	int rc = moved(c, name, m, e);

	if (rc == 0 && m->delivery.generation != 0)
		rc = err_set(e, ERR_BUSY, -1, "mark '%.*s': another delivery is under way",
		    SV_ARG(name));
	m->delivery = *c->delivery;
	return rc;
}

int
mark_deliver(struct fsys *fs, struct sv name, uint64_t from, const struct mark_delivery *d,
    struct err *e)
{
	return apply(fs, name, &(struct change){ .make = make_delivery, .from = from,
	    .delivery = d }, e);
}

static void
job_path(struct sv name, char out[PATH_BYTES])
{
	snprintf(out, PATH_BYTES, MARKS_DIR "/.%.*s.job", SV_ARG(name));
}

int
mark_job_lock(struct fsys *fs, struct sv name, struct file **out, struct err *e)
{
	char path[PATH_BYTES];
	int rc;

	if ((rc = check_name(name, e)) != 0)
		return rc;
	job_path(name, path);
	rc = fs->ops->lock(fs, path, out, e);
	return rc != ERR_BUSY ? rc : err_set(e, rc, -1, "mark '%.*s': another extract is at work "
	    "with it", SV_ARG(name));
}

/* With the lock of its job, which goes with it. */
static int
delete_locked(struct fsys *fs, struct sv name, const char *path, struct err *e)
{
	char job[PATH_BYTES];
	struct file *lock;
	int rc;

	if ((rc = lock_marks(fs, &lock, e)) != 0)
		return rc;
	job_path(name, job);
	if ((rc = fs->ops->unlink(fs, path, e)) == 0 && (rc = fs->ops->unlink(fs, job, e)) == 0)
		rc = fs->ops->sync_dir(fs, MARKS_DIR, e);
	(void)fs->ops->close(lock, NULL);
	return rc;
}

/* Of a damaged one, too. */
int
mark_delete(struct fsys *fs, struct sv name, struct err *e)
{
	char path[PATH_BYTES];
	struct file *job;
	struct file_id id;
	int rc;

	if ((rc = check_name(name, e)) != 0)
		return rc;
	path_of(name, path);
	rc = fs->ops->stat(fs, path, &id, e);
	if (rc == ERR_UNKNOWN)
		return no_such(fs, name, e);
	if (rc != 0 || (rc = mark_job_lock(fs, name, &job, e)) != 0)
		return rc;
	rc = delete_locked(fs, name, path, e);
	(void)fs->ops->close(job, NULL);
	return rc;
}

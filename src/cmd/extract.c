/* SPDX-License-Identifier: ISC */
/* extract: see extract.h, which has the order of things on disk. What an earlier one began: extract_left.c. */
#include "extract.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/hash.h"
#include "extract_i.h"
#include "extract_name.h"

/* ---- names, locks ---- */

/* The same for every run of a job, whatever the date: what a killed one left is written over. */
static void
own_name(struct extract *x)
{
	const struct extract_job *j = x->j;
	uint64_t h = hash64(j->pattern, strlen(j->pattern));

	if (j->mark != NULL)
		h ^= hash_u64(hash64(j->mark, strlen(j->mark)));
	snprintf(x->own, sizeof x->own, ".spanfs-extract-%016llx", (unsigned long long)h);
}

static int
take_locks(struct extract *x)
{
	const struct extract_job *j = x->j;
	char name[OWN_NAME_BYTES + 8];
	int rc;

	snprintf(name, sizeof name, "%s" EXTRACT_LOCK, x->own);
	rc = j->dest->ops->lock(j->dest, name, &x->locks[0], x->e);
	if (rc == ERR_BUSY)
		return err_set(x->e, rc, -1, "%s/%s: another extract is at work on it", j->dir,
		    j->name);
	if (rc == 0 && j->mark != NULL)
		rc = mark_job_lock(j->store, sv_cstr(j->mark), &x->locks[1], x->e);
	return rc;
}

static void
drop_locks(struct extract *x)
{
	if (x->locks[1] != NULL)
		(void)x->j->store->ops->close(x->locks[1], NULL);
	if (x->locks[0] != NULL)
		(void)x->j->dest->ops->close(x->locks[0], NULL);
}

/* ---- 1: the answer, beside ---- */

static int
write_some(void *arg, const void *p, size_t n, struct err *e)
{
	struct file *f = arg;

	return f->fs->ops->write(f, p, n, e);
}

static int
write_answer(struct extract *x)
{
	const struct extract_job *j = x->j;
	struct requester who = { (uint32_t)getuid(), (uint32_t)getpid() };
	struct fsys *fs = j->dest;
	struct file *f;
	int rc, closed;

	if ((rc = fs->ops->create(fs, x->own, &f, x->e)) != 0)
		return rc;
	rc = engine_answer(j->engine, sv_cstr(j->path), who, write_some, f, j->cancel, &x->answer,
	    x->e);
	if (rc == 0)
		rc = fs->ops->sync(f, x->e);
	closed = fs->ops->close(f, rc == 0 ? x->e : NULL);
	rc = rc == 0 ? closed : rc;
	if (rc == 0 && x->answer.n_rows == 0 && j->if_empty == EMPTY_FAIL)
		rc = err_set(x->e, ERR_NODATA, -1, "nothing came: %s is empty", j->path);
	if (rc == 0 && j->mark != NULL && (!x->answer.has_mark || strcmp(x->answer.mark, j->mark) != 0))
		rc = err_set(x->e, ERR_SYNTAX, -1, "%s is not of mark '%s'", j->path, j->mark);
	if (rc != 0)
		(void)fs->ops->unlink(fs, x->own, NULL);
	return rc;
}

/* ---- 2 to 4 ---- */

static int
move_mark(struct extract *x)
{
	return mark_delivered(x->j->store, sv_cstr(x->j->mark), x->answer.mark_from,
	    x->answer.generation, x->e);
}

/* Whether the note is there though making it failed; if that can't be told, it may be. */
static bool
may_be_noted(struct extract *x)
{
	struct arena a;
	struct mark m;
	bool may;

	arena_init(&a);
	may = mark_read(x->j->store, sv_cstr(x->j->mark), &a, &m, NULL) != 0 ||
	    m.delivery.generation != 0;
	arena_release(&a);
	return may;
}

static int
note_delivery(struct extract *x)
{
	const struct extract_job *j = x->j;
	const char *from = arena_printf(&x->arena, "%s/%s", j->dir, x->own);
	const char *to = arena_printf(&x->arena, "%s/%s", j->dir, j->name);
	struct mark_delivery d = { .generation = x->answer.generation };
	struct file_id id;
	int rc;

	if (from == NULL || to == NULL)
		rc = err_nomem(x->e);
	else if ((rc = j->dest->ops->sync_dir(j->dest, ".", x->e)) == 0 &&
	    (rc = j->dest->ops->stat(j->dest, x->own, &id, x->e)) == 0) {
		d.inode = id.inode;
		d.size = id.size;
		d.from = sv_cstr(from);
		d.to = sv_cstr(to);
		if ((rc = extract_witness(x, &d)) == 0)
			rc = mark_deliver(j->store, sv_cstr(j->mark), x->answer.mark_from, &d, x->e);
		/* What the next extract may look for stays. */
		if (rc != 0 && rc != ERR_BUSY && may_be_noted(x))
			return rc;
	}
	if (rc != 0)
		(void)j->dest->ops->unlink(j->dest, x->own, NULL);
	return rc;
}

static int
deliver(struct extract *x)
{
	struct fsys *fs = x->j->dest;
	/* A store without a commit has no spans, and leaves the mark before the first. */
	bool marked = x->j->mark != NULL && x->answer.generation != 0;
	int rc;

	if (marked && (rc = note_delivery(x)) != 0)
		return rc;
	if ((rc = extract_rename(x, fs, x->own, x->j->name)) != 0 ||
	    (rc = fs->ops->sync_dir(fs, ".", x->e)) != 0)
		return rc;
	return marked ? move_mark(x) : 0;
}

/* ---- --keep ---- */

struct dated {
	const char *name;
	struct name_time at;
};

static int
newest_first(const void *pa, const void *pb)
{
	const struct dated *a = pa, *b = pb;

	for (size_t i = 0; i < sizeof a->at.v / sizeof *a->at.v; i++)
		if (a->at.v[i] != b->at.v[i])
			return a->at.v[i] > b->at.v[i] ? -1 : 1;
	return strcmp(a->name, b->name);
}

/* Files of the pattern beyond the newest ones; in the arena. */
static int
superfluous(struct extract *x, struct dated **out, size_t *n)
{
	const struct extract_job *j = x->j;
	struct dated *v;
	char **names;
	size_t n_names, kept = 0, stay;
	int rc;

	if ((rc = j->dest->ops->list(j->dest, ".", &x->arena, &names, &n_names, x->e)) != 0)
		return rc;
	if ((v = arena_array(&x->arena, n_names + 1, struct dated)) == NULL)
		return err_nomem(x->e);
	for (size_t i = 0; i < n_names; i++) {
		v[kept].name = names[i];
		kept += strcmp(names[i], j->name) != 0 &&
		    extract_name_match(sv_cstr(j->pattern), sv_cstr(names[i]), &v[kept].at);
	}
	qsort(v, kept, sizeof *v, newest_first);
	/* The one that was just delivered is the newest, whatever the clock said before. */
	stay = j->keep - 1;
	*out = v + (stay < kept ? stay : kept);
	*n = stay < kept ? kept - stay : 0;
	return 0;
}

static int
remove_old(struct extract *x)
{
	struct dated *v;
	size_t n;
	int rc;

	if (x->j->keep == 0)
		return 0;
	rc = superfluous(x, &v, &n);
	for (size_t i = 0; i < n && rc == 0; i++)
		rc = x->j->dest->ops->unlink(x->j->dest, v[i].name, x->e);
	return rc;
}

/* ---- the whole ---- */

static int
check_free(struct extract *x)
{
	const struct extract_job *j = x->j;
	struct file_id id;
	bool there;
	int rc;

	if (j->mark == NULL)
		return 0;
	rc = extract_stat(j->dest, j->name, &there, &id, x->e);
	return rc == 0 && there ? extract_occupied(x, j->dest, j->name) : rc;
}

static int
begin(struct extract *x, bool *standing)
{
	int rc;

	*standing = false;
	if (x->j->mark == NULL)
		return take_locks(x);
	/* First, so that one that can't tell what became of an earlier one leaves nothing. */
	if ((rc = extract_look(x)) != 0 || (rc = take_locks(x)) != 0)
		return rc;
	return extract_finish(x, standing);
}

static int
run(struct extract *x, enum extract_end *end)
{
	const struct extract_job *j = x->j;
	bool standing;
	int rc;

	*end = EXTRACT_DELIVERED;
	if ((rc = begin(x, &standing)) != 0)
		return rc;
	/* It must be fetched from there before there is another. */
	if (standing) {
		*end = EXTRACT_FINISHED;
		return remove_old(x);
	}
	if ((rc = check_free(x)) != 0 || (rc = write_answer(x)) != 0)
		return rc;
	if (x->answer.n_rows != 0 || j->if_empty != EMPTY_SKIP) {
		rc = deliver(x);
		return rc == 0 ? remove_old(x) : rc;
	}
	*end = EXTRACT_SKIPPED;
	if ((rc = j->dest->ops->unlink(j->dest, x->own, x->e)) != 0)
		return rc;
	return j->mark != NULL ? move_mark(x) : 0;
}

int
extract_run(const struct extract_job *j, enum extract_end *end, struct err *e)
{
	struct extract x = { .j = j, .e = e };
	int rc;

	arena_init(&x.arena);
	own_name(&x);
	rc = run(&x, end);
	drop_locks(&x);
	arena_release(&x.arena);
	return rc;
}

/* ---- --check ---- */

static int
drop(void *arg, const void *p, size_t n, struct err *e)
{
	(void)e;
	buf_put(arg, p, n);
	return 0;
}

static int
check_mark(struct extract *x, struct buf *out)
{
	const struct extract_job *j = x->j;
	struct mark m;
	int rc;

	if (j->mark == NULL)
		return 0;
	if ((rc = mark_read(j->store, sv_cstr(j->mark), &x->arena, &m, x->e)) != 0)
		return rc;
	if (m.delivery.generation != 0)
		buf_printf(out, "a delivery of commit %llu as %.*s was cut off: it is finished first\n",
		    (unsigned long long)m.delivery.generation, SV_ARG(m.delivery.to));
	buf_printf(out, "mark %s moves from commit %llu to %llu\n", j->mark,
	    (unsigned long long)m.generation, (unsigned long long)x->answer.generation);
	return 0;
}

static int
check(struct extract *x, struct buf *out)
{
	const struct extract_job *j = x->j;
	struct requester who = { (uint32_t)getuid(), (uint32_t)getpid() };
	const char *file = strrchr(j->path, '/');
	struct buf query = BUF_INIT;
	struct dated *old;
	size_t n = 0;
	int rc;

	file = file == NULL ? j->path : file + 1;
	buf_printf(&query, "%.*s%s", (int)(file - j->path), j->path, "query");
	buf_printf(out, "the file %s of ", file);
	if ((rc = buf_ok(&query, x->e)) == 0)
		rc = engine_answer(j->engine, buf_view(&query), who, drop, out, j->cancel, &x->answer,
		    x->e);
	buf_release(&query);
	if (rc != 0 || (rc = check_mark(x, out)) != 0)
		return rc;
	buf_printf(out, "is written to %s/%s\n", j->dir, j->name);
	if (j->keep != 0 && (rc = superfluous(x, &old, &n)) != 0)
		return rc;
	for (size_t i = 0; i < n; i++)
		buf_printf(out, "%s/%s is removed\n", j->dir, old[i].name);
	return check_free(x);
}

int
extract_check(const struct extract_job *j, struct buf *out, struct err *e)
{
	struct extract x = { .j = j, .e = e };
	int rc;

	arena_init(&x.arena);
	own_name(&x);
	rc = check(&x, out);
	if (rc == 0)
		rc = buf_ok(out, e);
	arena_release(&x.arena);
	return rc;
}

/* SPDX-License-Identifier: ISC */
/*
 * catalog_make: tells a store from other directories and makes new ones. STORE is written
 * last, so a directory that has it is a whole store. One that has nothing but what an
 * interrupted making leaves counts as empty; anything else is somebody's own and is never
 * written to.
 */
#include <time.h>

#include "base/buf.h"
#include "base/clock.h"
#include "catalog/identity.h"
#include "catalog_i.h"

#define STORE_PREFIX "spanfs store "
/* How long to wait for another process that is making the same store: tries of 10 ms. */
#define MAKE_TRIES 200

static int
check_store_line(struct fsys *fs, struct sv text, struct err *e)
{
	struct sv line, prefix = SV(STORE_PREFIX);
	uint64_t version;

	if (!sv_cut(&text, '\n', &line) || !sv_starts(line, prefix) ||
	    !sv_u64(sv_sub(line, prefix.n, line.n), &version))
		return err_set(e, ERR_CORRUPT, 0, "%s/" STORE_FILE
		    ": expected \"" STORE_PREFIX "%d\" at offset 0", fs->root, STORE_VERSION);
	if (version != STORE_VERSION)
		return err_set(e, ERR_VERSION, -1, "%s: store format %llu, this program reads %d",
		    fs->root, (unsigned long long)version, STORE_VERSION);
	return 0;
}

/* 0: a store of our version; ERR_UNKNOWN: no STORE file. */
static int
read_store_line(struct fsys *fs, struct err *e)
{
	struct arena a;
	struct sv text;
	int rc;

	arena_init(&a);
	rc = file_read_all(fs, STORE_FILE, STORE_FILE_MAX, &a, &text, e);
	if (rc == 0)
		rc = check_store_line(fs, text, e);
	arena_release(&a);
	return rc;
}

struct sv
catalog_store_text(struct arena *a)
{
	const char *s = arena_printf(a, STORE_PREFIX "%d\n", STORE_VERSION);

	return s == NULL ? SV_EMPTY : sv_cstr(s);
}

/* What a making that was cut short leaves, and what a file system puts into its own root. */
static bool
may_remain(const char *name)
{
	static const char *const names[] = {
		LOCK_FILE, CATALOG_FILE, CATALOG_FILE ".tmp", STORE_FILE ".tmp", IDENTITY_FILE,
		IDENTITY_FILE ".tmp", "lost+found",
	};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}

/* 0 if the directory may become a store, else ERR_SYNTAX. */
static int
check_empty(struct fsys *fs, struct err *e)
{
	struct arena a;
	char **names, **inner;
	size_t n, n_inner;
	int rc;

	arena_init(&a);
	rc = fs->ops->list(fs, ".", &a, &names, &n, e);
	for (size_t i = 0; i < n && rc == 0; i++) {
		if (may_remain(names[i]))
			continue;
		if (strcmp(names[i], SHARDS_DIR) == 0 &&
		    fs->ops->list(fs, SHARDS_DIR, &a, &inner, &n_inner, NULL) == 0 &&
		    n_inner == 0)
			continue;
		rc = err_set(e, ERR_SYNTAX, -1,
		    "%s: not a spanfs store, and not empty (it holds \"%s\")", fs->root, names[i]);
	}
	arena_release(&a);
	return rc;
}

static int
write_catalog_and_store(struct fsys *fs, struct err *e)
{
	struct catalog_list empty = { .commit_ns = clock_wall_ns(), .next_seq = 1,
		.swept = true };
	struct buf b = BUF_INIT;
	int rc;

	catalog_encode(&b, &empty);
	if ((rc = buf_ok(&b, e)) == 0 &&
	    (rc = fs->ops->mkdir(fs, SHARDS_DIR, e)) == 0 &&
	    (rc = identity_make(fs, e)) == 0 &&
	    (rc = file_replace(fs, ".", CATALOG_FILE, buf_view(&b), e)) == 0) {
		b.n = 0;
		buf_printf(&b, STORE_PREFIX "%d\n", STORE_VERSION);
		if ((rc = buf_ok(&b, e)) == 0)
			rc = file_replace(fs, ".", STORE_FILE, buf_view(&b), e);
	}
	buf_release(&b);
	return rc;
}

/* Under the lock, so that two that make the same store don't meet. */
static int
make_store(struct fsys *fs, struct err *e)
{
	struct file *lock;
	int rc;

	if ((rc = fs->ops->lock(fs, LOCK_FILE, &lock, e)) != 0)
		return rc;
	if ((rc = read_store_line(fs, e)) == ERR_UNKNOWN && (rc = check_empty(fs, e)) == 0)
		rc = write_catalog_and_store(fs, e);
	(void)fs->ops->close(lock, NULL);
	return rc;
}

int
catalog_find_store(struct fsys *fs, bool create, struct err *e)
{
	const struct timespec pause = { .tv_nsec = 10 * 1000 * 1000 };
	int rc = read_store_line(fs, e);

	if (rc != ERR_UNKNOWN)
		return rc;
	if ((rc = check_empty(fs, e)) != 0)
		return rc;
	if (!create)
		return err_set(e, ERR_UNKNOWN, -1, "%s: no store there", fs->root);
	for (unsigned i = 0; i < MAKE_TRIES; i++) {
		if ((rc = make_store(fs, e)) != ERR_BUSY)
			return rc;
		nanosleep(&pause, NULL);
		if ((rc = read_store_line(fs, e)) != ERR_UNKNOWN)
			return rc;
	}
	return rc;
}

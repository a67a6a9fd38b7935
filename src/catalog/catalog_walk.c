/* SPDX-License-Identifier: ISC */
/*
 * catalog_walk: finds the files below shards/ that no catalog lists: an import was killed
 * between writing and committing them. Only directories named as a store names them are
 * entered, and only *.shard and *.tmp are looked at; whatever else lies there is not ours.
 */
#include "catalog_i.h"

struct walk {
	struct fsys *fs;
	const struct map *listed;
	const struct catalog_walk *to;
	struct arena arena;
};

/* "9999-99-99": # stands for a digit. */
static bool
matches(const char *name, const char *pattern)
{
	for (; *pattern != '\0'; name++, pattern++)
		if (*pattern == '#' ? *name < '0' || *name > '9' : *name != *pattern)
			return false;
	return *name == '\0';
}

static int
walk_files(struct walk *w, const char *dir, struct err *e)
{
	char **names, *path;
	bool used = false;
	size_t n;
	int rc;

	rc = w->fs->ops->list(w->fs, dir, &w->arena, &names, &n, e);
	if (rc != 0)
		return rc == ERR_UNKNOWN ? 0 : rc;	/* not a directory */
	for (size_t i = 0; i < n && rc == 0; i++) {
		if (!sv_ends(sv_cstr(names[i]), SV(".shard")) &&
		    !sv_ends(sv_cstr(names[i]), SV(".tmp")))
			continue;
		if ((path = arena_printf(&w->arena, "%s/%s", dir, names[i])) == NULL)
			return err_nomem(e);
		if (map_get(w->listed, sv_cstr(path)) != NULL)
			used = true;
		else
			rc = w->to->unlisted(w->to->arg, path, e);
	}
	/* One that is used can't go: not to ask saves a call for each of very many. */
	if (rc == 0 && !used && w->to->dir != NULL)
		rc = w->to->dir(w->to->arg, dir, e);
	return rc;
}

static int
walk_day(struct walk *w, const char *dir, struct err *e)
{
	char **names, *path;
	size_t n;
	int rc;

	rc = w->fs->ops->list(w->fs, dir, &w->arena, &names, &n, e);
	if (rc != 0)
		return rc == ERR_UNKNOWN ? 0 : rc;	/* not a directory */
	for (size_t i = 0; i < n && rc == 0; i++) {
		if (!matches(names[i], "##"))
			continue;
		if ((path = arena_printf(&w->arena, "%s/%s", dir, names[i])) == NULL)
			return err_nomem(e);
		rc = walk_files(w, path, e);
	}
	if (rc == 0 && w->to->dir != NULL)
		rc = w->to->dir(w->to->arg, dir, e);
	return rc;
}

static int
walk_all(struct walk *w, struct err *e)
{
	char **names, *path;
	size_t n;
	int rc;

	rc = w->fs->ops->list(w->fs, SHARDS_DIR, &w->arena, &names, &n, e);
	if (rc != 0)
		return rc == ERR_UNKNOWN ? 0 : rc;	/* nothing was written yet */
	for (size_t i = 0; i < n && rc == 0; i++) {
		path = arena_printf(&w->arena, SHARDS_DIR "/%s", names[i]);
		if (path == NULL)
			return err_nomem(e);
		if (strcmp(names[i], "outside") == 0)
			rc = walk_files(w, path, e);
		else if (matches(names[i], "####-##-##"))
			rc = walk_day(w, path, e);
	}
	return rc;
}

int
catalog_walk(struct fsys *fs, const struct map *listed, const struct catalog_walk *to,
    struct err *e)
{
	struct walk w = { .fs = fs, .listed = listed, .to = to };
	int rc;

	arena_init(&w.arena);
	rc = walk_all(&w, e);
	arena_release(&w.arena);
	return rc;
}

int
catalog_walk_in(struct fsys *fs, const struct map *listed, const uint64_t *partitions, size_t n,
    const struct catalog_walk *to, struct err *e)
{
	struct walk w = { .fs = fs, .listed = listed, .to = to };
	char dir[CATALOG_DIR_BYTES];
	int rc = 0;

	arena_init(&w.arena);
	for (size_t i = 0; i < n && rc == 0; i++) {
		catalog_dir(partitions[i], dir);
		rc = walk_files(&w, dir, e);
		if (rc != 0 || to->dir == NULL || partitions[i] == PARTITION_OUTSIDE)
			continue;
		*strrchr(dir, '/') = '\0';
		rc = to->dir(to->arg, dir, e);
	}
	arena_release(&w.arena);
	return rc;
}

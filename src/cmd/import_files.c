/* SPDX-License-Identifier: ISC */
/* import_files: see import_files.h. */
#include "import_files.h"

#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/visible.h"
#include "engine/engine.h"

#define MAX_DIR_DEPTH 32

void
import_say(const char *fmt, ...)
{
	struct buf raw = BUF_INIT, shown = BUF_INIT;
	va_list ap;

	va_start(ap, fmt);
	buf_vprintf(&raw, fmt, ap);
	va_end(ap);
	visible_text(&shown, buf_view(&raw), 0);
	fprintf(stderr, "spanctl: %.*s\n", SV_ARG(buf_view(&shown)));
	buf_release(&raw);
	buf_release(&shown);
}

void
import_files_init(struct import_files *f)
{
	*f = (struct import_files){ .total_bytes = 0 };
	map_init(&f->seen);
}

void
import_files_release(struct import_files *f)
{
	for (size_t i = 0; i < f->paths.n; i++)
		free(f->paths.v[i]);
	vec_release(&f->paths);
	map_release(&f->seen);
}

static int
by_bytes(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Notes what was found: 1, or 0 if it was found before, or -1 out of memory. */
static int
note(struct import_files *f, const struct stat *st)
{
	uint64_t key[2] = { st->st_dev, st->st_ino };
	bool fresh;

	if (map_put(&f->seen, sv_new(key, sizeof key), &fresh) == NULL)
		return -1;
	return fresh;
}

static bool add_found(struct import_files *, const char *path, int depth);

static bool
add_file(struct import_files *f, const char *path, const struct stat *st)
{
	char *copy = strdup(path);

	if (st != NULL && S_ISREG(st->st_mode))
		f->total_bytes += (uint64_t)st->st_size;
	if (copy != NULL && vec_push(&f->paths, copy))
		return true;
	free(copy);
	return false;
}

static bool
add_entry(struct import_files *f, const char *dir, const char *name, int depth)
{
	char *path;
	bool ok;

	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return true;
	if (name[0] == '.') {
		import_say("%s/%s: hidden: left out", dir, name);
		return true;
	}
	if (asprintf(&path, "%s/%s", dir, name) < 0)
		return false;
	ok = add_found(f, path, depth);
	free(path);
	return ok;
}

static bool
add_dir(struct import_files *f, const char *path, int depth)
{
	size_t from = f->paths.n;
	struct dirent *d;
	bool ok = true;
	DIR *dir;

	if (depth > MAX_DIR_DEPTH || (dir = opendir(path)) == NULL) {
		import_say("%s: %s", path, depth > MAX_DIR_DEPTH ? "too deep" : strerror(errno));
		f->unreadable = true;
		return true;
	}
	while (ok && (errno = 0, d = readdir(dir)) != NULL)
		ok = add_entry(f, path, d->d_name, depth + 1);
	if (ok && errno != 0) {
		import_say("%s: %s", path, strerror(errno));
		f->unreadable = true;
	}
	closedir(dir);
	if (f->paths.n > from)
		qsort(f->paths.v + from, f->paths.n - from, sizeof *f->paths.v, by_bytes);
	return ok;
}

/* Something in a directory. What is neither file nor directory is passed over. */
static bool
add_found(struct import_files *f, const char *path, int depth)
{
	struct stat st;
	int r;

	if (stat(path, &st) < 0) {
		import_say("%s: %s", path, strerror(errno));
		f->unreadable = true;
		return true;
	}
	if (!S_ISDIR(st.st_mode) && !S_ISREG(st.st_mode))
		return true;
	if ((r = note(f, &st)) <= 0) {
		if (r == 0)
			import_say("%s: leads to what is read already: left out", path);
		return r == 0;
	}
	return S_ISDIR(st.st_mode) ? add_dir(f, path, depth) : add_file(f, path, &st);
}

bool
import_files_add(struct import_files *f, const char *path)
{
	struct stat st;

	if (strcmp(path, "-") == 0)
		return add_file(f, path, NULL);
	if (stat(path, &st) < 0) {
		import_say("%s: %s", path, strerror(errno));
		f->unreadable = true;
		return true;
	}
	if (S_ISDIR(st.st_mode))
		return note(f, &st) >= 0 && add_dir(f, path, 0);
	return add_file(f, path, &st);
}

/* SPDX-License-Identifier: ISC */
/*
 * fs_mountpoint: the directory to mount on. A daemon that was killed leaves a mount that
 * answers ENOTCONN to everything; one of ours is detached before mounting again, another
 * filesystem's never. Ordinary users may not unmount by themselves; fusermount3 does it.
 */
#include "fs_i.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"

#define MAX_STACKED 16	/* dead mounts on top of each other */
#define MAX_LINKS 40	/* as the kernel follows them */

extern char **environ;

/* ---- what is mounted ---- */

/* True if a field of mountinfo, where blanks are \040 and the like, is `text`. */
static bool
field_is(struct sv field, struct sv text)
{
	size_t k = 0;

	for (size_t i = 0; i < field.n; i++, k++) {
		char ch = field.p[i];

		if (ch == '\\' && i + 3 < field.n) {
			ch = (char)((field.p[i + 1] - '0') << 6 | (field.p[i + 2] - '0') << 3 |
			    (field.p[i + 3] - '0'));
			i += 3;
		}
		if (k >= text.n || text.p[k] != ch)
			return false;
	}
	return k == text.n;
}

bool
mountinfo_is_ours(struct sv line, struct sv mountpoint)
{
	struct sv word = SV_EMPTY;
	int64_t dash = sv_find(line, SV(" - "));

	/* id parent major:minor root MOUNTPOINT options [tags] - TYPE source ... */
	for (int i = 0; i < 5; i++)
		(void)sv_cut(&line, ' ', &word);
	if (dash < 0 || !field_is(word, mountpoint))
		return false;
	dash = sv_find(line, SV(" - "));
	if (dash < 0)
		return false;
	line = sv_sub(line, (size_t)dash + 3, line.n);
	(void)sv_cut(&line, ' ', &word);
	return sv_is(word, "fuse.spanfs");
}

/*
 * True if what is mounted last at the directory is ours, or (any) something that is mounted there,
 * or may be since it can't be told.
 */
static bool
ours_at(const char *mountpoint, bool any)
{
	FILE *f = fopen("/proc/self/mountinfo", "re");
	bool ours = false;
	char *line = NULL;
	size_t cap = 0;
	ssize_t n;

	if (f == NULL)
		return any;
	while ((n = getline(&line, &cap, f)) > 0) {
		struct sv s = sv_new(line, (size_t)n), rest = s, word = SV_EMPTY;

		for (int i = 0; i < 5; i++)
			(void)sv_cut(&rest, ' ', &word);
		if (field_is(word, sv_cstr(mountpoint)) && !(any && ours))
			ours = mountinfo_is_ours(s, sv_cstr(mountpoint));
	}
	ours |= any && !feof(f);
	free(line);
	fclose(f);
	return ours;
}

bool
mountpoint_is_there(const char *mountpoint)
{
	return ours_at(mountpoint, true);
}

/* ---- unmounting ---- */

static int
run_fusermount(const char *mountpoint, struct err *e)
{
	char *argv[] = { (char *)(uintptr_t)"fusermount3", (char *)(uintptr_t)"-u",
	    (char *)(uintptr_t)"-z", (char *)(uintptr_t)"-q", (char *)(uintptr_t)"--",
	    (char *)(uintptr_t)mountpoint, NULL };
	int status, rc;
	pid_t pid;

	rc = posix_spawnp(&pid, argv[0], NULL, NULL, argv, environ);
	if (rc != 0) {
		errno = rc;
		return err_errno(e, "fusermount3");
	}
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return err_errno(e, "fusermount3");
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return err_set(e, ERR_IO, -1, "fusermount3 could not unmount %s", mountpoint);
	return 0;
}

int
mountpoint_detach(const char *mountpoint, struct err *e)
{
	if (umount2(mountpoint, MNT_DETACH | UMOUNT_NOFOLLOW) == 0)
		return 0;
	if (errno != EPERM)
		return err_errno(e, "unmounting %s", mountpoint);
	return run_fusermount(mountpoint, e);
}

/* ---- before mounting ---- */

/* realpath, also of a directory with a dead mount on it. NULL with errno set. */
static char *
absolute(const char *path)
{
	char *full = realpath(path, NULL), *parent, *copy, *slash;
	int n = -1;

	if (full != NULL || errno != ENOTCONN || (copy = strdup(path)) == NULL)
		return full;
	while (strlen(copy) > 1 && copy[strlen(copy) - 1] == '/')
		copy[strlen(copy) - 1] = '\0';
	slash = strrchr(copy, '/');
	if (slash != NULL)
		*slash = '\0';
	parent = realpath(slash == NULL ? "." : slash == copy ? "/" : copy, NULL);
	if (parent != NULL)
		n = asprintf(&full, "%s/%s", strcmp(parent, "/") == 0 ? "" : parent,
		    slash == NULL ? copy : slash + 1);
	free(parent);
	free(copy);
	return n < 0 ? NULL : full;
}

static bool
inside(const char *inner, const char *outer)
{
	size_t n = strlen(outer);

	return strncmp(inner, outer, n) == 0 &&
	    (inner[n] == '\0' || inner[n] == '/' || n == 1);
}

/* Clears dead mounts of ours away until something else answers. */
static int
clear_dead(const char *mountpoint, struct err *e)
{
	struct statx st;
	int code;

	/* Asked anew: a dead mount's attributes may still be cached. */
	for (int i = 0; statx(AT_FDCWD, mountpoint, AT_STATX_FORCE_SYNC, STATX_TYPE, &st) != 0;
	    i++) {
		if (errno != ENOTCONN || i == MAX_STACKED)
			return err_errno(e, "mountpoint %s", mountpoint);
		if (!ours_at(mountpoint, false))
			return err_set(e, ERR_IO, -1,
			    "mountpoint %s: another filesystem's dead mount is there", mountpoint);
		log_info("unmounting a dead mount at %s", mountpoint);
		if ((code = mountpoint_detach(mountpoint, e)) < 0)
			return code;
	}
	if (!S_ISDIR(st.stx_mode))
		return err_set(e, ERR_SYNTAX, -1, "mountpoint %s: not a directory", mountpoint);
	if (ours_at(mountpoint, false))
		return err_set(e, ERR_BUSY, -1, "mountpoint %s: spanfs is mounted there already; "
		    "fusermount3 -u %s unmounts it", mountpoint, mountpoint);
	return 0;
}

/*
 * Where a name of a directory lies, whatever it links to: the directory that it stands in
 * resolved, and its last component. NULL: nothing of its own (".", "..", "/"), or no memory.
 */
static char *
place_of(const char *name, size_t n)
{
	char *copy = strndup(name, n), *slash, *dir, *last, *place = NULL;

	if (copy == NULL)
		return NULL;
	slash = strrchr(copy, '/');
	last = slash == NULL ? copy : slash + 1;
	if (last[0] == '\0' || strcmp(last, ".") == 0 || strcmp(last, "..") == 0) {
		free(copy);
		return NULL;
	}
	last = strdup(last);
	if (slash != NULL)
		slash[slash == copy ? 1 : 0] = '\0';
	dir = realpath(slash == NULL ? "." : copy, NULL);
	if (dir == NULL || last == NULL ||
	    asprintf(&place, "%s/%s", strcmp(dir, "/") == 0 ? "" : dir, last) < 0)
		place = NULL;
	free(dir);
	free(last);
	free(copy);
	return place;
}

/* The name that the link at the place holds, seen from the place; NULL: it is no link. */
static char *
target_of(const char *place)
{
	char target[PATH_MAX], *full = NULL;
	ssize_t n = readlink(place, target, sizeof target - 1);

	if (n < 0)
		return NULL;
	target[n] = '\0';
	if (target[0] == '/')
		return strdup(target);
	if (asprintf(&full, "%.*s/%s", (int)(strrchr(place, '/') - place), place, target) < 0)
		return NULL;
	return full;
}

/* True if a component of the name, or of the links in it, lies below the mountpoint. */
static bool
leads_through(const char *name, const char *mountpoint, unsigned links)
{
	bool through = false;

	for (size_t n = 1; name[n - 1] != '\0' && !through; n++) {
		char *place, *target;

		if (name[n] != '/' && name[n] != '\0')
			continue;
		if ((place = place_of(name, n)) == NULL)
			continue;
		through = inside(place, mountpoint) && strcmp(place, mountpoint) != 0;
		if (!through && links < MAX_LINKS && (target = target_of(place)) != NULL) {
			through = leads_through(target, mountpoint, links + 1);
			free(target);
		}
		free(place);
	}
	return through;
}

static int
check_apart(const char *mountpoint, const char *store, struct err *e)
{
	char *full = realpath(store, NULL);
	int code = 0;

	if (full == NULL)
		return err_errno(e, "store %s", store);
	if (inside(mountpoint, full))
		code = err_set(e, ERR_SYNTAX, -1, "mountpoint %s is inside the store %s",
		    mountpoint, full);
	else if (inside(full, mountpoint))
		code = err_set(e, ERR_SYNTAX, -1,
		    "the store %s is inside the mountpoint %s and would be hidden by it",
		    full, mountpoint);
	else if (leads_through(store, mountpoint, 0))
		code = err_set(e, ERR_SYNTAX, -1,
		    "the name %s of the store leads through the mountpoint %s and would be hidden "
		    "by it: name it %s", store, mountpoint, full);
	free(full);
	return code;
}

int
mountpoint_prepare(const char *mountpoint, const char *store, char **out, struct err *e)
{
	char *full = absolute(mountpoint);
	int code;

	if (full == NULL)
		return err_errno(e, "mountpoint %s", mountpoint);
	if ((code = clear_dead(full, e)) < 0 ||
	    (store != NULL && (code = check_apart(full, store, e)) < 0)) {
		free(full);
		return code;
	}
	*out = full;
	return 0;
}

void
mountpoint_set_readahead(const char *mountpoint, uint64_t bytes)
{
	char name[96], text[32];
	struct statx st;
	int fd, n;

	/*
	 * The kernel must not ask us for it: a daemon that is killed while it waits for its own answer
	 * never ends, nor does anybody who asks its mount.
	 */
	if (bytes == 0 ||
	    statx(AT_FDCWD, mountpoint, AT_STATX_DONT_SYNC, STATX_TYPE, &st) != 0)
		return;
	snprintf(name, sizeof name, "/sys/class/bdi/%u:%u/read_ahead_kb", st.stx_dev_major,
	    st.stx_dev_minor);
	if ((fd = open(name, O_WRONLY | O_CLOEXEC)) < 0)
		return;		/* an ordinary user keeps the kernel's default */
	n = snprintf(text, sizeof text, "%llu", (unsigned long long)(bytes / 1024));
	if (write(fd, text, (size_t)n) != n)
		log_debug("read_ahead_kb: not set");
	close(fd);
}

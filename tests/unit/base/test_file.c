/* SPDX-License-Identifier: ISC */
/*
 * The contract of base/file.h, on the real files, on a program's own in memory, and on those of
 * tests; what only the real
 * ones have (links, descriptors, modes); and the crash model and fault injection that the
 * other tests stand on.
 */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "lib/fsys_fault.h"
#include "lib/fsys_mem.h"

/* ---- both kinds ---- */

struct fix {
	struct fsys *fs;
	char dir[64];	/* real ones only */
	struct arena a;
};

static int
setup_real(void **state)
{
	struct fix *x = calloc(1, sizeof *x);

	strcpy(x->dir, "/tmp/test_file.XXXXXX");
	assert_non_null(mkdtemp(x->dir));
	assert_int_equal(file_real(x->dir, false, &x->fs, NULL), 0);
	arena_init(&x->a);
	*state = x;
	return 0;
}

static int
setup_mem(void **state)
{
	struct fix *x = calloc(1, sizeof *x);

	x->fs = fsys_mem();
	arena_init(&x->a);
	*state = x;
	return 0;
}

/* That of programs without a store. */
static int
setup_own(void **state)
{
	struct fix *x = calloc(1, sizeof *x);

	assert_int_equal(file_memory("nowhere", &x->fs, NULL), 0);
	arena_init(&x->a);
	*state = x;
	return 0;
}

static void
remove_all(struct fsys *fs, const char *dir)
{
	struct arena a;
	char **names;
	size_t n;

	arena_init(&a);
	if (fs->ops->list(fs, dir, &a, &names, &n, NULL) == 0)
		for (size_t i = 0; i < n; i++) {
			char *path = arena_printf(&a, "%s/%s", dir, names[i]);

			if (fs->ops->unlink(fs, path, NULL) != 0) {
				remove_all(fs, path);
				(void)fs->ops->rmdir(fs, path, NULL);
			}
		}
	arena_release(&a);
}

static int
teardown(void **state)
{
	struct fix *x = *state;

	if (x->dir[0] != '\0') {
		remove_all(x->fs, ".");
		rmdir(x->dir);
	}
	fsys_free(x->fs);
	arena_release(&x->a);
	free(x);
	return 0;
}

static void
put(struct fsys *fs, const char *path, const char *text)
{
	struct file *f;
	struct err e = ERR_INIT;

	assert_int_equal(fs->ops->create(fs, path, &f, &e), 0);
	assert_int_equal(fs->ops->write(f, text, strlen(text), &e), 0);
	assert_int_equal(fs->ops->close(f, &e), 0);
}

static void
expect(struct fix *x, struct fsys *fs, const char *path, const char *text)
{
	struct err e = ERR_INIT;
	struct sv s;

	if (file_read_all(fs, path, 1 << 24, &x->a, &s, &e) != 0)
		fail_msg("%s", e.msg);
	assert_int_equal(s.n, strlen(text));
	assert_memory_equal(s.p, text, s.n);
}

static bool
is_there(struct fsys *fs, const char *path)
{
	struct file_id id;

	return fs->ops->stat(fs, path, &id, NULL) == 0;
}

static void
reads_back_what_was_written(void **state)
{
	struct fix *x = *state;
	struct err e = ERR_INIT;
	struct file *f;
	uint64_t size;
	char out[5];

	put(x->fs, "a", "hello world");
	assert_int_equal(x->fs->ops->open_read(x->fs, "a", &f, &e), 0);
	assert_int_equal(x->fs->ops->size(f, &size, &e), 0);
	assert_int_equal(size, 11);
	assert_int_equal(x->fs->ops->pread(f, out, 5, 6, &e), 0);
	assert_memory_equal(out, "world", 5);
	assert_int_equal(x->fs->ops->pread(f, out, 0, 11, &e), 0);
	assert_int_equal(x->fs->ops->pread(f, out, 5, 7, &e), ERR_CORRUPT);
	assert_non_null(strstr(e.msg, "ends early"));
	assert_true(e.off >= 0);
	assert_int_equal(x->fs->ops->pread(f, out, 1, UINT64_MAX, &e), ERR_CORRUPT);
	assert_int_equal(x->fs->ops->close(f, &e), 0);
}

static void
small_and_large_writes_keep_their_order(void **state)
{
	struct fix *x = *state;
	struct err e = ERR_INIT;
	struct buf want = BUF_INIT;
	struct file *f;
	char *big = malloc(3 << 20);
	struct sv got;
	uint64_t size;

	for (size_t i = 0; i < 3 << 20; i++)
		big[i] = (char)(i * 7 + i / 1000);
	assert_int_equal(x->fs->ops->create(x->fs, "a", &f, &e), 0);
	for (size_t i = 0; i < 3000; i++) {
		/* Lengths around nothing, a buffer's size and above it. */
		size_t n = i % 1000 == 500 ? (3 << 20) - i : i % 1000 == 7 ? 1 << 20 : i % 800;

		assert_int_equal(x->fs->ops->write(f, big + i % 64, n - (n > 64 ? 64 : 0), &e), 0);
		buf_put(&want, big + i % 64, n - (n > 64 ? 64 : 0));
	}
	assert_int_equal(x->fs->ops->size(f, &size, &e), 0);
	assert_int_equal(size, want.n);
	assert_int_equal(x->fs->ops->sync(f, &e), 0);
	assert_int_equal(x->fs->ops->write(f, "end", 3, &e), 0);
	assert_int_equal(x->fs->ops->close(f, &e), 0);
	BUF_LIT(&want, "end");
	assert_int_equal(file_read_all(x->fs, "a", 1 << 30, &x->a, &got, &e), 0);
	assert_int_equal(got.n, want.n);
	assert_memory_equal(got.p, want.p, want.n);
	free(big);
	buf_release(&want);
}

static void
an_absent_file_is_unknown_and_named(void **state)
{
	struct fix *x = *state;
	struct err e = ERR_INIT;
	struct file_id id;
	struct file *f;
	char **names;
	size_t n;

	assert_int_equal(x->fs->ops->open_read(x->fs, "no/such", &f, &e), ERR_UNKNOWN);
	assert_non_null(strstr(e.msg, x->fs->root));
	assert_non_null(strstr(e.msg, "/no/such"));
	assert_int_equal(x->fs->ops->create(x->fs, "no/such", &f, &e), ERR_UNKNOWN);
	assert_int_equal(x->fs->ops->unlink(x->fs, "no", &e), ERR_UNKNOWN);
	assert_int_equal(x->fs->ops->rename(x->fs, "no", "b", &e), ERR_UNKNOWN);
	assert_int_equal(x->fs->ops->stat(x->fs, "no", &id, &e), ERR_UNKNOWN);
	assert_int_equal(x->fs->ops->list(x->fs, "no", &x->a, &names, &n, &e), ERR_UNKNOWN);
	assert_int_equal(x->fs->ops->sync_dir(x->fs, "no", &e), ERR_UNKNOWN);
}

/* Where directories are there once they are named. */
static void
an_absent_file_is_unknown(void **state)
{
	struct fix *x = *state;
	struct err e = ERR_INIT;
	struct file_id id;
	struct file *f;

	assert_int_equal(x->fs->ops->open_read(x->fs, "no/such", &f, &e), ERR_UNKNOWN);
	assert_non_null(strstr(e.msg, "nowhere/no/such"));
	assert_int_equal(x->fs->ops->unlink(x->fs, "no", &e), ERR_UNKNOWN);
	assert_int_equal(x->fs->ops->rename(x->fs, "no", "b", &e), ERR_UNKNOWN);
	assert_int_equal(x->fs->ops->stat(x->fs, "no", &id, &e), ERR_UNKNOWN);
	put(x->fs, "d/a", "1");
	assert_int_equal(x->fs->ops->rename(x->fs, "d/a", "b", &e), 0);
	assert_int_equal(x->fs->ops->stat(x->fs, "d/a", &id, &e), ERR_UNKNOWN);
	assert_int_equal(x->fs->ops->rmdir(x->fs, "d", &e), 0);
}

static void
lists_names_in_byte_order(void **state)
{
	struct fix *x = *state;
	char **names;
	size_t n;

	assert_int_equal(x->fs->ops->mkdir(x->fs, "d", NULL), 0);
	assert_int_equal(x->fs->ops->mkdir(x->fs, "d", NULL), 0);
	assert_int_equal(x->fs->ops->list(x->fs, "d", &x->a, &names, &n, NULL), 0);
	assert_int_equal(n, 0);
	put(x->fs, "d/b", "");
	put(x->fs, "d/a", "");
	put(x->fs, "d/B", "");
	put(x->fs, "d/.x", "");
	assert_int_equal(x->fs->ops->list(x->fs, "d", &x->a, &names, &n, NULL), 0);
	assert_int_equal(n, 4);
	assert_string_equal(names[0], ".x");
	assert_string_equal(names[1], "B");
	assert_string_equal(names[2], "a");
	assert_string_equal(names[3], "b");
	assert_true(x->fs->ops->rmdir(x->fs, "d", NULL) < 0);
}

static void
replacing_changes_the_file_id(void **state)
{
	struct fix *x = *state;
	struct err e = ERR_INIT;
	struct file_id a, b;

	assert_int_equal(file_replace(x->fs, ".", "c", SV("one"), &e), 0);
	assert_int_equal(x->fs->ops->stat(x->fs, "c", &a, &e), 0);
	assert_int_equal(a.size, 3);
	assert_int_equal(file_replace(x->fs, ".", "c", SV("two"), &e), 0);
	assert_int_equal(x->fs->ops->stat(x->fs, "c", &b, &e), 0);
	assert_true(a.inode != b.inode || a.mtime_ns != b.mtime_ns);
	expect(x, x->fs, "c", "two");
	assert_false(is_there(x->fs, "c.tmp"));
}

static void
a_new_name_is_of_nothing_before(void **state)
{
	struct fix *x = *state;
	struct err e = ERR_INIT;

	put(x->fs, "a", "1");
	put(x->fs, "b", "2");
	assert_int_equal(fsys_rename_new(x->fs, "a", "b", &e), ERR_BUSY);
	assert_non_null(strstr(e.msg, "b is there already"));
	expect(x, x->fs, "a", "1");
	expect(x, x->fs, "b", "2");
	assert_int_equal(fsys_rename_new(x->fs, "a", "c", &e), 0);
	expect(x, x->fs, "c", "1");
	assert_false(is_there(x->fs, "a"));
	assert_int_equal(fsys_rename_new(x->fs, "a", "d", &e), ERR_UNKNOWN);
}

static void
a_file_too_big_to_read_whole_is_refused(void **state)
{
	struct fix *x = *state;
	struct err e = ERR_INIT;
	struct sv s;

	put(x->fs, "a", "12345");
	assert_int_equal(file_read_all(x->fs, "a", 5, &x->a, &s, &e), 0);
	assert_int_equal(file_read_all(x->fs, "a", 4, &x->a, &s, &e), ERR_TOOBIG);
}

static void
one_lock_at_a_time_also_in_one_process(void **state)
{
	struct fix *x = *state;
	struct err e = ERR_INIT;
	struct file *a, *b;

	assert_int_equal(x->fs->ops->lock(x->fs, "LOCK", &a, &e), 0);
	assert_int_equal(x->fs->ops->lock(x->fs, "LOCK", &b, &e), ERR_BUSY);
	assert_int_equal(x->fs->ops->close(a, &e), 0);
	assert_int_equal(x->fs->ops->lock(x->fs, "LOCK", &b, &e), 0);
	assert_int_equal(x->fs->ops->close(b, &e), 0);
}

static void
an_open_file_outlives_its_name(void **state)
{
	struct fix *x = *state;
	struct file *f;
	char c;

	put(x->fs, "a", "z");
	assert_int_equal(x->fs->ops->open_read(x->fs, "a", &f, NULL), 0);
	assert_int_equal(x->fs->ops->unlink(x->fs, "a", NULL), 0);
	assert_int_equal(x->fs->ops->pread(f, &c, 1, 0, NULL), 0);
	assert_int_equal(c, 'z');
	assert_int_equal(x->fs->ops->close(f, NULL), 0);
}

/* ---- the real ones ---- */

static void
does_not_follow_links_out_of_the_root(void **state)
{
	struct fix *x = *state;
	char path[128];
	struct file *f;

	snprintf(path, sizeof path, "%s/link", x->dir);
	assert_int_equal(symlink("/etc/passwd", path), 0);
	assert_true(x->fs->ops->open_read(x->fs, "link", &f, NULL) < 0);
	assert_true(x->fs->ops->create(x->fs, "link", &f, NULL) < 0);
	snprintf(path, sizeof path, "%s/dir", x->dir);
	assert_int_equal(symlink("/tmp", path), 0);
	assert_true(x->fs->ops->create(x->fs, "dir/x", &f, NULL) < 0);
	assert_true(x->fs->ops->open_read(x->fs, "../etc/passwd", &f, NULL) < 0);
}

static void
refuses_what_is_no_regular_file(void **state)
{
	struct fix *x = *state;
	char path[128];
	struct file *f;
	struct err e = ERR_INIT;

	snprintf(path, sizeof path, "%s/fifo", x->dir);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(x->fs->ops->open_read(x->fs, "fifo", &f, &e), ERR_IO);
	assert_non_null(strstr(e.msg, "regular"));
}

static void
new_files_take_the_permissions_of_the_root(void **state)
{
	struct fix *x = *state;
	struct fsys *fs;
	char path[128];
	struct stat st;
	mode_t old = umask(0);

	assert_int_equal(chmod(x->dir, 0750), 0);
	assert_int_equal(file_real(x->dir, false, &fs, NULL), 0);
	put(fs, "a", "");
	assert_int_equal(fs->ops->mkdir(fs, "d", NULL), 0);
	fsys_free(fs);
	umask(old);
	snprintf(path, sizeof path, "%s/a", x->dir);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	snprintf(path, sizeof path, "%s/d", x->dir);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0750);
}

static void
makes_the_root_only_if_asked(void **state)
{
	struct fix *x = *state;
	char path[128];
	struct fsys *fs;
	struct stat st;
	struct err e = ERR_INIT;

	snprintf(path, sizeof path, "%s/new", x->dir);
	assert_int_equal(file_real(path, false, &fs, &e), ERR_UNKNOWN);
	assert_int_equal(file_real(path, true, &fs, &e), 0);
	fsys_free(fs);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	put(x->fs, "file", "");
	snprintf(path, sizeof path, "%s/file", x->dir);
	assert_true(file_real(path, true, &fs, &e) < 0);
}

static void
descriptors_are_closed_on_exec(void **state)
{
	struct fix *x = *state;
	struct file *a, *b, *c;
	size_t n = 0;

	put(x->fs, "a", "");
	assert_int_equal(x->fs->ops->open_read(x->fs, "a", &a, NULL), 0);
	assert_int_equal(x->fs->ops->create(x->fs, "b", &b, NULL), 0);
	assert_int_equal(x->fs->ops->lock(x->fs, "l", &c, NULL), 0);
	for (int fd = 3; fd < 64; fd++) {
		char link[64], name[256];
		ssize_t k;

		snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
		if ((k = readlink(link, name, sizeof name - 1)) < 0)
			continue;
		name[k] = '\0';
		if (strstr(name, x->dir) == NULL)
			continue;
		assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
		n++;
	}
	assert_int_equal(n, 4);
	(void)x->fs->ops->close(a, NULL);
	(void)x->fs->ops->close(b, NULL);
	(void)x->fs->ops->close(c, NULL);
}

static void
more_files_than_the_soft_limit_can_be_open(void **state)
{
	struct fix *x = *state;
	struct rlimit old, low;
	struct file *f[80];
	struct err e = ERR_INIT;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	if (old.rlim_max < 200)
		skip();
	put(x->fs, "a", "");
	low = (struct rlimit){ .rlim_cur = 40, .rlim_max = old.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	for (int i = 0; i < 80; i++)
		if (x->fs->ops->open_read(x->fs, "a", &f[i], &e) != 0)
			fail_msg("%d: %s", i, e.msg);
	for (int i = 0; i < 80; i++)
		(void)x->fs->ops->close(f[i], NULL);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
}

/* Spill files, logs and sockets do not go through here: what is idle must not take theirs. */
static void
files_that_nobody_reads_leave_descriptors_to_others(void **state)
{
	struct fix *x = *state;
	struct rlimit old, low;
	struct file *f[80];
	struct fsys *fs;
	int fd;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	if (old.rlim_max < 400)
		skip();
	put(x->fs, "a", "");
	low = (struct rlimit){ .rlim_cur = 40, .rlim_max = old.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	assert_int_equal(file_real(x->dir, false, &fs, NULL), 0);
	for (int i = 0; i < 80; i++) {
		assert_int_equal(fs->ops->open_read(fs, "a", &f[i], NULL), 0);
		assert_true((fd = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0);
		close(fd);
	}
	for (int i = 0; i < 80; i++)
		(void)fs->ops->close(f[i], NULL);
	fsys_free(fs);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
}

/* In a process of its own, which can't have its descriptors back: the exit status tells. */
static int
read_again(struct fix *x)
{
	struct rlimit few = { .rlim_cur = 40, .rlim_max = 40 };
	struct timespec times[2] = { { 0, UTIME_OMIT }, { 0, 0 } };
	static const char *const names[] = { "same", "copied", "touched", "other", "longer" };
	const struct fsys_ops *o = x->fs->ops;
	struct file *f[40];
	struct stat st;
	struct fsys *fs;
	char c;
	int bad = 0;

	if (setrlimit(RLIMIT_NOFILE, &few) != 0 || file_real(x->dir, false, &fs, NULL) != 0)
		return 100;
	for (size_t i = 0; i < 40; i++)
		bad += fs->ops->open_read(fs, i < 5 ? names[i] : "same", &f[i], NULL) != 0;
	/* Another inode with the bytes and the time, as a copy-up makes it. */
	bad += chdir(x->dir) != 0 || stat("copied", &st) != 0;
	times[1] = st.st_mtim;
	bad += file_replace(x->fs, ".", "copied", SV("x"), NULL) != 0 ||
	    utimensat(AT_FDCWD, "copied", times, 0) != 0;
	times[1] = (struct timespec){ .tv_sec = 1 };
	bad += utimensat(AT_FDCWD, "touched", times, 0) != 0;
	bad += file_replace(x->fs, ".", "other", SV("y"), NULL) != 0;
	bad += file_replace(x->fs, ".", "longer", SV("xx"), NULL) != 0;
	for (size_t i = 0; i < 5; i++)
		bad += (o->pread(f[i], &c, 1, 0, NULL) == 0) != (i < 3);
	return bad;
}

static void
a_file_is_the_same_by_its_inode_or_by_its_time(void **state)
{
	struct fix *x = *state;
	int status;
	pid_t pid;

	put(x->fs, "same", "x");
	put(x->fs, "copied", "x");
	put(x->fs, "touched", "x");
	put(x->fs, "other", "x");
	put(x->fs, "longer", "x");
	if ((pid = fork()) == 0)
		_exit(read_again(x));
	assert_true(pid > 0 && waitpid(pid, &status, 0) == pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* A name that only the process that opened it, as it was then, can resolve. */
static void
a_root_named_by_a_descriptor_is_in_place(void **state)
{
	struct fix *x = *state;
	struct fsys *fs;
	char name[64];
	int fd = open(x->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	assert_true(fd >= 0);
	snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
	assert_int_equal(file_real(name, false, &fs, NULL), 0);
	close(fd);
	assert_int_equal(fs->ops->in_place(fs, NULL), 0);
	fsys_free(fs);
}

static void
a_full_disk_is_no_space_and_sticks(void **state)
{
	struct fsys *fs;
	struct file *f;
	struct err e = ERR_INIT;

	(void)state;
	/* /dev/full takes what is buffered and refuses it when it is written out. */
	if (access("/dev/full", W_OK) != 0)
		skip();
	assert_int_equal(file_real("/dev", false, &fs, &e), 0);
	assert_int_equal(fs->ops->create(fs, "full", &f, &e), 0);
	assert_int_equal(fs->ops->write(f, "x", 1, &e), 0);
	assert_int_equal(fs->ops->sync(f, &e), ERR_NOSPC);
	assert_non_null(strstr(e.msg, "/dev/full"));
	assert_int_equal(fs->ops->write(f, "x", 1, &e), ERR_NOSPC);
	assert_int_equal(fs->ops->sync(f, &e), ERR_NOSPC);
	assert_int_equal(fs->ops->close(f, &e), ERR_NOSPC);
	assert_int_equal(fs->ops->create(fs, "full", &f, &e), 0);
	assert_int_equal(fs->ops->write(f, "x", 1, &e), 0);
	assert_int_equal(fs->ops->close(f, &e), ERR_NOSPC);
	fsys_free(fs);
}

/* ---- the crash model ---- */

static void
a_crash_loses_what_was_not_synced(void **state)
{
	struct fix *x = *state;
	struct fsys *after;

	put(x->fs, "a", "data");
	assert_int_equal(x->fs->ops->sync_dir(x->fs, ".", NULL), 0);
	/* The name is safe, the bytes are not: lost, kept, cut, garbage. */
	assert_int_equal(fsys_mem_crash_states(x->fs), 4);
	after = fsys_mem_crash(x->fs, 0);
	expect(x, after, "a", "");
	fsys_free(after);
	after = fsys_mem_crash(x->fs, 1);
	expect(x, after, "a", "data");
	fsys_free(after);
	after = fsys_mem_crash(x->fs, 2);
	expect(x, after, "a", "da");
	fsys_free(after);
	after = fsys_mem_crash(x->fs, 3);
	assert_int_equal(fsys_mem_get(after, "a").n, 4);
	assert_memory_not_equal(fsys_mem_get(after, "a").p, "data", 4);
	fsys_free(after);
}

static void
a_synced_file_may_still_lose_its_name(void **state)
{
	struct fix *x = *state;
	struct fsys *after;
	struct file *f;

	assert_int_equal(x->fs->ops->create(x->fs, "a", &f, NULL), 0);
	assert_int_equal(x->fs->ops->sync(f, NULL), 0);
	assert_int_equal(x->fs->ops->close(f, NULL), 0);
	assert_int_equal(fsys_mem_crash_states(x->fs), 2);
	after = fsys_mem_crash(x->fs, 0);
	assert_false(is_there(after, "a"));
	fsys_free(after);
	after = fsys_mem_crash(x->fs, 1);
	assert_true(is_there(after, "a"));
	fsys_free(after);
}

static void
file_replace_leaves_the_old_or_the_new(void **state)
{
	struct fix *x = *state;
	struct fsys *ff = fsys_fault(x->fs);
	unsigned seen_old = 0, seen_new = 0;

	assert_int_equal(file_replace(x->fs, ".", "c", SV("old"), NULL), 0);
	for (uint64_t nth = 1; nth < 20; nth++) {
		struct fsys *copy = fsys_mem_copy(x->fs), *cf = fsys_fault(copy);
		uint64_t n_states;

		fsys_fault_set(cf, &(struct fault_plan){ FAULT_WRITES, nth, 0, false, true });
		if (file_replace(cf, ".", "c", SV("new"), NULL) == 0) {
			assert_false(fsys_fault_struck(cf));
			assert_int_equal(fsys_mem_crash_states(copy), 1);
			nth = 20;
		}
		n_states = fsys_mem_crash_states(copy);
		assert_true(n_states <= 64);
		for (uint64_t s = 0; s < n_states; s++) {
			struct fsys *after = fsys_mem_crash(copy, s);
			struct sv c = fsys_mem_get(after, "c");

			assert_true(sv_is(c, "old") || sv_is(c, "new"));
			seen_old += sv_is(c, "old");
			seen_new += sv_is(c, "new");
			fsys_free(after);
		}
		fsys_free(cf);
		fsys_free(copy);
	}
	assert_true(seen_old > 3 && seen_new > 1);
	fsys_free(ff);
}

static void
faults_hit_the_chosen_call(void **state)
{
	struct fix *x = *state;
	struct fsys *fs = fsys_fault(x->fs);
	struct err e = ERR_INIT;
	struct file *f;

	fsys_fault_set(fs, &(struct fault_plan){ FAULT_BIT(FAULT_WRITE), 2, ERR_NOSPC, false, false });
	assert_int_equal(fs->ops->create(fs, "a", &f, &e), 0);
	assert_int_equal(fs->ops->write(f, "12", 2, &e), 0);
	assert_int_equal(fs->ops->write(f, "34", 2, &e), ERR_NOSPC);
	assert_int_equal(fs->ops->write(f, "56", 2, &e), ERR_NOSPC);	/* sticks */
	assert_int_equal(fs->ops->close(f, &e), ERR_NOSPC);
	assert_int_equal(fsys_fault_calls(fs), 3);
	expect(x, x->fs, "a", "123");
	assert_int_equal(fs->ops->create(fs, "b", &f, &e), 0);
	assert_int_equal(fs->ops->write(f, "12", 2, &e), 0);
	assert_int_equal(fs->ops->close(f, &e), 0);
	fsys_fault_set(fs, &(struct fault_plan){ FAULT_ALL, 2, ERR_IO, true, false });
	assert_int_equal(fs->ops->mkdir(fs, "d", &e), 0);
	assert_int_equal(fs->ops->mkdir(fs, "e", &e), ERR_IO);
	assert_int_equal(fs->ops->mkdir(fs, "f", &e), ERR_IO);
	fsys_free(fs);
	assert_int_equal(fsys_mem_open_handles(x->fs), 0);
}

static void
an_empty_root_has_no_names(void **state)
{
	struct fix *x = *state;
	char **names = NULL;
	size_t n = 7;

	assert_int_equal(x->fs->ops->list(x->fs, ".", &x->a, &names, &n, NULL), 0);
	assert_int_equal(n, 0);
	put(x->fs, "one", "1");
	assert_int_equal(x->fs->ops->unlink(x->fs, "one", NULL), 0);
	assert_int_equal(x->fs->ops->list(x->fs, ".", &x->a, &names, &n, NULL), 0);
	assert_int_equal(n, 0);
}

struct writer {
	struct fsys *fs;
	unsigned nth;
};

/* Its own files, and one that is replaced. */
static void *
write_many(void *arg)
{
	const struct writer *w = arg;
	char path[32], text[32], replaced[32];

	snprintf(replaced, sizeof replaced, "dir/of %u", w->nth);
	for (unsigned i = 0; i < 50; i++) {
		snprintf(path, sizeof path, "dir/%u.%u", w->nth, i);
		snprintf(text, sizeof text, "%u of %u", i, w->nth);
		put(w->fs, path, text);
		if (file_replace(w->fs, "dir", replaced, sv_cstr(text), NULL) != 0)
			return arg;
	}
	return NULL;
}

static void
nothing_is_lost_between_threads(void **state)
{
	struct fix *x = *state;
	struct writer w[4];
	pthread_t threads[4];
	void *failed;
	char path[32], text[32], **names;
	struct sv got;
	size_t n;

	for (unsigned i = 0; i < 4; i++) {
		w[i] = (struct writer){ x->fs, i };
		assert_int_equal(pthread_create(&threads[i], NULL, write_many, &w[i]), 0);
	}
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(pthread_join(threads[i], &failed), 0);
		assert_null(failed);
	}
	for (unsigned k = 0; k < 4; k++)
		for (unsigned i = 0; i < 50; i++) {
			snprintf(path, sizeof path, "dir/%u.%u", k, i);
			snprintf(text, sizeof text, "%u of %u", i, k);
			assert_int_equal(file_read_all(x->fs, path, 100, &x->a, &got, NULL), 0);
			assert_true(sv_is(got, text));
		}
	assert_int_equal(x->fs->ops->list(x->fs, "dir", &x->a, &names, &n, NULL), 0);
	assert_int_equal(n, 204);
}

#define REAL(f) { "real: " #f, f, setup_real, teardown, NULL }
#define MEM(f) { "mem: " #f, f, setup_mem, teardown, NULL }
#define OWN(f) { "own: " #f, f, setup_own, teardown, NULL }
#define ALL(f) REAL(f), MEM(f), OWN(f)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		ALL(reads_back_what_was_written),
		ALL(small_and_large_writes_keep_their_order),
		REAL(an_absent_file_is_unknown_and_named),
		MEM(an_absent_file_is_unknown_and_named),
		OWN(an_absent_file_is_unknown),
		ALL(lists_names_in_byte_order),
		ALL(replacing_changes_the_file_id),
		ALL(a_new_name_is_of_nothing_before),
		ALL(a_file_too_big_to_read_whole_is_refused),
		ALL(one_lock_at_a_time_also_in_one_process),
		ALL(an_open_file_outlives_its_name),
		ALL(an_empty_root_has_no_names),
		OWN(nothing_is_lost_between_threads),
		REAL(does_not_follow_links_out_of_the_root),
		REAL(refuses_what_is_no_regular_file),
		REAL(new_files_take_the_permissions_of_the_root),
		REAL(makes_the_root_only_if_asked),
		REAL(descriptors_are_closed_on_exec),
		REAL(more_files_than_the_soft_limit_can_be_open),
		REAL(files_that_nobody_reads_leave_descriptors_to_others),
		REAL(a_file_is_the_same_by_its_inode_or_by_its_time),
		REAL(a_root_named_by_a_descriptor_is_in_place),
		REAL(a_full_disk_is_no_space_and_sticks),
		MEM(a_crash_loses_what_was_not_synced),
		MEM(a_synced_file_may_still_lose_its_name),
		MEM(file_replace_leaves_the_old_or_the_new),
		MEM(faults_hit_the_chosen_call),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

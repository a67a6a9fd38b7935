/* SPDX-License-Identifier: ISC */
/* Unit tests of fs/fs_mountpoint: which mounts are ours, which mountpoints are refused. */
#include "fs/fs_i.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

static bool
ours(const char *line, const char *mountpoint)
{
	return mountinfo_is_ours(sv_cstr(line), sv_cstr(mountpoint));
}

static void
knows_a_mount_of_its_own(void **state)
{
	(void)state;
	assert_true(ours("42 27 0:39 / /mnt/traces rw,nosuid,nodev - fuse.spanfs /var/lib/spanfs "
	    "rw,user_id=0\n", "/mnt/traces"));
	assert_true(ours("42 27 0:39 / /mnt/t rw shared:7 master:1 - fuse.spanfs s rw", "/mnt/t"));
}

static void
leaves_other_filesystems_alone(void **state)
{
	(void)state;
	assert_false(ours("42 27 0:39 / /mnt/t rw - fuse.sshfs spanfs rw", "/mnt/t"));
	assert_false(ours("42 27 0:39 / /mnt/t rw - fuse spanfs rw", "/mnt/t"));
	assert_false(ours("42 27 0:39 / /mnt/t rw - fuse.spanfs2 s rw", "/mnt/t"));
	assert_false(ours("42 27 0:39 / /mnt/t2 rw - fuse.spanfs s rw", "/mnt/t"));
	assert_false(ours("42 27 0:39 / /mnt rw - fuse.spanfs s rw", "/mnt/t"));
}

static void
reads_escaped_mountpoints(void **state)
{
	(void)state;
	assert_true(ours("42 27 0:39 / /mnt/a\\040b\\134c rw - fuse.spanfs s rw", "/mnt/a b\\c"));
	assert_false(ours("42 27 0:39 / /mnt/a\\040b rw - fuse.spanfs s rw", "/mnt/a"));
}

static void
survives_malformed_lines(void **state)
{
	static const char *const lines[] = { "", " ", " - ", "1 2 3 4", "1 2 3 4 /m - ",
	    "1 2 3 4 /m", "1 2 3 4 /m\\0 - fuse.spanfs", "- - - - - - -", "1 2 3 4 \\" };

	(void)state;
	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
		assert_false(ours(lines[i], "/m"));
}

static void
refuses_mountpoints_that_cannot_be(void **state)
{
	char dir[] = "/tmp/test_mountpoint.XXXXXX", inner[64], file[64];
	struct err err = ERR_INIT;
	char *full = NULL;
	FILE *f;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(inner, sizeof inner, "%s/in", dir);
	snprintf(file, sizeof file, "%s/file", dir);
	assert_int_equal(mkdir(inner, 0700), 0);
	assert_non_null(f = fopen(file, "w"));
	fclose(f);

	assert_int_equal(mountpoint_prepare("/nonexistent/x", dir, &full, &err), ERR_UNKNOWN);
	assert_int_equal(mountpoint_prepare(file, "/usr", &full, &err), ERR_SYNTAX);
	assert_int_equal(mountpoint_prepare(inner, dir, &full, &err), ERR_SYNTAX);
	assert_non_null(strstr(err.msg, "inside the store"));
	assert_int_equal(mountpoint_prepare(dir, inner, &full, &err), ERR_SYNTAX);
	assert_int_equal(mountpoint_prepare(dir, dir, &full, &err), ERR_SYNTAX);
	assert_null(full);
	assert_int_equal(mountpoint_prepare(inner, "/usr", &full, &err), 0);
	assert_non_null(strstr(full, "/in"));
	free(full);
	unlink(file);
	rmdir(inner);
	rmdir(dir);
}

/* The store lies elsewhere, but what is mounted would hide the name that it goes by. */
static void
refuses_a_store_whose_name_it_would_hide(void **state)
{
	char dir[] = "/tmp/test_mountpoint.XXXXXX", at[64], store[64], name[64], hop[64];
	struct err err = ERR_INIT;
	char *full = NULL;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(at, sizeof at, "%s/at", dir);
	snprintf(store, sizeof store, "%s/store", dir);
	snprintf(name, sizeof name, "%s/at/name", dir);
	snprintf(hop, sizeof hop, "%s/hop", dir);
	assert_int_equal(mkdir(at, 0700) | mkdir(store, 0700), 0);
	assert_int_equal(symlink("../store", name) | symlink("at/name", hop), 0);
	assert_int_equal(mountpoint_prepare(at, name, &full, &err), ERR_SYNTAX);
	assert_non_null(strstr(err.msg, "would be hidden"));
	assert_non_null(strstr(err.msg, store));
	assert_int_equal(mountpoint_prepare(at, hop, &full, &err), ERR_SYNTAX);
	snprintf(name, sizeof name, "%s/at/../store", dir);
	assert_int_equal(mountpoint_prepare(at, name, &full, &err), 0);
	free(full);
	unlink(hop);
	assert_int_equal(symlink(store, hop), 0);
	assert_int_equal(mountpoint_prepare(at, hop, &full, &err), 0);
	free(full);
	snprintf(name, sizeof name, "%s/at/name", dir);
	unlink(name);
	unlink(hop);
	rmdir(at);
	rmdir(store);
	rmdir(dir);
}

/* Without a file to be had nothing is known of it, so it may be there. */
static void
what_can_not_be_told_may_be_there(void **state)
{
	struct rlimit had, none;
	bool is_there;

	(void)state;
	assert_false(mountpoint_is_there("/nonexistent/at/all"));
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &had), 0);
	none = (struct rlimit){ 0, had.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	is_there = mountpoint_is_there("/nonexistent/at/all");
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &had), 0);
	assert_true(is_there);
	assert_false(mountpoint_is_there("/nonexistent/at/all"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(knows_a_mount_of_its_own),
		cmocka_unit_test(leaves_other_filesystems_alone),
		cmocka_unit_test(reads_escaped_mountpoints),
		cmocka_unit_test(survives_malformed_lines),
		cmocka_unit_test(refuses_mountpoints_that_cannot_be),
		cmocka_unit_test(refuses_a_store_whose_name_it_would_hide),
		cmocka_unit_test(what_can_not_be_told_may_be_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

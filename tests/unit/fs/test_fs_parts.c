/* SPDX-License-Identifier: ISC */
/* Unit tests of what the mount does without a kernel: errno table, dying programs, nodes. */
#include "fs/fs_i.h"

#include <errno.h>
#include <setjmp.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- fs_reply ---- */

static void
every_error_code_has_an_errno(void **state)
{
	(void)state;
	assert_int_equal(errno_of(0), 0);
	assert_int_equal(errno_of(ERR_SYNTAX), EINVAL);
	assert_int_equal(errno_of(ERR_UNSUPPORTED), EINVAL);
	assert_int_equal(errno_of(ERR_UNKNOWN), ENOENT);
	assert_int_equal(errno_of(ERR_NAMETOOLONG), ENAMETOOLONG);
	assert_int_equal(errno_of(ERR_TOOBIG), E2BIG);
	assert_int_equal(errno_of(ERR_LIMIT), EFBIG);
	assert_int_equal(errno_of(ERR_TIMEOUT), ETIMEDOUT);
	assert_int_equal(errno_of(ERR_NOMEM), ENOMEM);
	assert_int_equal(errno_of(ERR_BUSY), EBUSY);
	assert_int_equal(errno_of(ERR_NOSPC), ENOSPC);
	assert_int_equal(errno_of(ERR_ACCESS), EACCES);
	assert_int_equal(errno_of(ERR_NODATA), ENODATA);
	for (int code = -1; code >= ERR_NODATA; code--)
		assert_int_not_equal(errno_of(code), 0);
	assert_int_equal(errno_of(-1000), EIO);
	assert_int_equal(errno_of(5), EIO);
}

static void
never_answers_with_harmful_numbers(void **state)
{
	static const int harmful[] = { ENOSYS, ENOTCONN, ECONNABORTED, ESTALE, EAGAIN, EINTR };

	(void)state;
	for (int code = 1; code >= -40; code--)
		for (size_t i = 0; i < sizeof harmful / sizeof *harmful; i++)
			assert_int_not_equal(errno_of(code), harmful[i]);
}

/* ---- fs_call ---- */

static struct sv
status_of(const char *sig_pnd, const char *shd_pnd, const char *blk, const char *ign,
    const char *cgt)
{
	static char text[512];

	snprintf(text, sizeof text, "Name:\tcat\nState:\tD (disk sleep)\nSigQ:\t1/1\n"
	    "SigPnd:\t%s\nShdPnd:\t%s\nSigBlk:\t%s\nSigIgn:\t%s\nSigCgt:\t%s\nCapInh:\t0\n",
	    sig_pnd, shd_pnd, blk, ign, cgt);
	return sv_cstr(text);
}

static bool
dying(const char *sig_pnd, const char *shd_pnd, const char *blk, const char *ign,
    const char *cgt)
{
	return status_is_dying(status_of(sig_pnd, shd_pnd, blk, ign, cgt));
}

#define NONE "0000000000000000"
#define INT "0000000000000002"		/* bit n - 1 */
#define KILL "0000000000000100"
#define ALRM "0000000000002000"
#define URG "0000000000400000"
#define TSTP "0000000000080000"
#define USR1 "0000000000000200"

static void
a_program_dies_of_what_it_does_not_catch(void **state)
{
	(void)state;
	assert_true(dying(NONE, ALRM, NONE, NONE, NONE));
	assert_true(dying(USR1, NONE, NONE, NONE, NONE));
	assert_false(dying(NONE, ALRM, NONE, NONE, ALRM));
	assert_false(dying(NONE, ALRM, NONE, ALRM, NONE));
	assert_false(dying(NONE, ALRM, ALRM, NONE, NONE));
	assert_false(dying(NONE, NONE, NONE, NONE, NONE));
}

static void
ctrl_c_counts_even_when_caught(void **state)
{
	(void)state;
	assert_true(dying(NONE, INT, NONE, NONE, INT));
	assert_true(dying(KILL, NONE, NONE, NONE, NONE));
	assert_false(dying(NONE, INT, NONE, INT, NONE));	/* nohup and the like */
}

static void
signals_without_effect_do_not_count(void **state)
{
	(void)state;
	assert_false(dying(NONE, URG, NONE, NONE, URG));
	assert_false(dying(NONE, URG, NONE, NONE, NONE));
	assert_false(dying(NONE, TSTP, NONE, NONE, NONE));
}

static void
who_follows_is_woken_by_what_it_catches(void **state)
{
	(void)state;
	assert_true(status_is_signalled(status_of(NONE, ALRM, NONE, NONE, ALRM)));
	assert_true(status_is_signalled(status_of(USR1, NONE, NONE, NONE, USR1)));
	assert_true(status_is_signalled(status_of(NONE, INT, NONE, NONE, NONE)));
	assert_false(status_is_signalled(status_of(NONE, ALRM, ALRM, NONE, ALRM)));
	assert_false(status_is_signalled(status_of(NONE, ALRM, NONE, ALRM, NONE)));
	assert_false(status_is_signalled(status_of(URG, TSTP, NONE, NONE, URG)));
	assert_false(status_is_signalled(SV("")));
}

static void
odd_status_texts_are_harmless(void **state)
{
	(void)state;
	assert_false(status_is_dying(SV("")));
	assert_false(status_is_dying(SV("\nSigPnd:")));
	assert_false(status_is_dying(SV("\nSigPnd:\tzzz\nShdPnd:")));
	assert_true(status_is_dying(SV("\nSigPnd:\tffffffffffffffffffffffff")));
}

static void
one_that_has_ended_is_told_by_its_state(void **state)
{
	(void)state;
	assert_true(status_is_over(SV("Name:\tcat\nUmask:\t0022\nState:\tZ (zombie)\n")));
	assert_true(status_is_over(SV("Name:\tcat\nState:\tX (dead)\n")));
	assert_false(status_is_over(SV("Name:\tZ\nState:\tS (sleeping)\n")));
	assert_false(status_is_over(SV("Name:\tcat\nState:\t")));
	assert_false(status_is_over(SV("")));
}

static void
a_process_that_is_gone_is_dying(void **state)
{
	(void)state;
	assert_false(process_is_dying(getpid()));
	assert_true(process_is_dying(0x7ffffff0));
	assert_true(process_is_dying(0));
}

/* ---- fs_followers ---- */

/* As many as are let in; those from *f on are used up. */
static unsigned
join_all(struct fs *fs, struct follower **f, uint32_t uid)
{
	unsigned n = 0;

	for (;; n++) {
		**f = (struct follower){ .who = { uid, 1 } };
		if (followers_join(fs, *f, NULL) == ERR_BUSY)
			return n;
		assert_true(n < 256);
		++*f;
	}
}

static void
nobody_takes_all_places_of_a_shared_mount(void **state)
{
	static struct follower v[2 * 256 + 1];
	struct follower *f = v;
	struct fs_opts opts = { .allow_other = true };
	struct fs fs = { .opts = &opts, .follow.watching = true };

	(void)state;
	followers_init(&fs);
	assert_int_equal(join_all(&fs, &f, 1000), 128);
	assert_int_equal(join_all(&fs, &f, 0), 64);
	assert_int_equal(join_all(&fs, &f, 1001), 32);
	for (uint32_t uid = 2000; join_all(&fs, &f, uid) != 0; uid++)
		;
	assert_int_equal(fs.follow.n_threads, 256);
	opts.allow_other = false;
	fs.follow.n_threads = 0;
	fs.follow.followers = NULL;
	assert_int_equal(join_all(&fs, &f, 1000), 256);
}

/* ---- fs_node ---- */

static int
make_nodes(void **state)
{
	static struct fs fs;
	struct err err = ERR_INIT;

	memset(&fs, 0, sizeof fs);
	pthread_mutex_init(&fs.files_lock, NULL);
	*state = &fs;
	return nodes_init(&fs, &err);
}

static int
drop_nodes(void **state)
{
	struct fs *fs = *state;

	nodes_release(fs);
	pthread_mutex_destroy(&fs->files_lock);
	return 0;
}

static void
one_name_has_one_node_while_it_is_known(void **state)
{
	struct fs *fs = *state;
	struct node *a, *b;

	assert_null(node_find(fs, fs->root, "service"));
	assert_non_null(a = node_enter(fs, fs->root, "service", NODE_LINK, NULL));
	assert_ptr_equal(node_find(fs, fs->root, "service"), a);
	assert_ptr_equal(node_enter(fs, fs->root, "service", NODE_LINK, NULL), a);
	assert_int_equal(a->n_lookup, 3);
	assert_non_null(b = node_enter(fs, fs->root, "status", NODE_LINK, NULL));
	assert_ptr_not_equal(a, b);
	assert_ptr_equal(node_of(fs, node_id(fs, a)), a);
	assert_int_equal(node_id(fs, fs->root), FUSE_ROOT_ID);
	node_forget(fs, a, 2);
	assert_ptr_equal(node_find(fs, fs->root, "service"), a);
	node_forget(fs, a, 2);
	assert_null(node_find(fs, fs->root, "service"));
	assert_int_equal(fs->nodes.n, 1);
}

static void
a_parent_outlives_its_children(void **state)
{
	struct fs *fs = *state;
	struct node *dir, *file;

	dir = node_enter(fs, fs->root, "shards", NODE_DIR, path_root());
	file = node_enter(fs, dir, "count", NODE_RESULT, NULL);
	node_forget(fs, dir, 1);
	assert_int_equal(fs->nodes.n, 2);
	assert_ptr_equal(node_dir_path(file), dir->path);
	node_ref(fs, file);
	node_forget(fs, file, 1);
	assert_int_equal(fs->nodes.n, 2);	/* an open handle */
	node_unref(fs, file);
	assert_int_equal(fs->nodes.n, 0);
}

static void
a_retired_node_makes_room_for_a_new_one(void **state)
{
	struct fs *fs = *state;
	struct node *old = node_enter(fs, fs->root, "count", NODE_RESULT, NULL), *fresh, *third;

	node_retire(fs, old);
	node_retire(fs, old);
	assert_null(node_find(fs, fs->root, "count"));
	fresh = node_enter(fs, fs->root, "count", NODE_RESULT, NULL);
	assert_ptr_not_equal(fresh, old);
	assert_int_equal(fresh->ino, old->ino);
	node_retire(fs, fresh);
	third = node_enter(fs, fs->root, "count", NODE_RESULT, NULL);
	assert_true(third != fresh && third != old);
	node_forget(fs, old, 1);
	assert_ptr_equal(node_find(fs, fs->root, "count"), third);
}

static void
inode_numbers_come_from_the_path(void **state)
{
	struct fs *fs = *state;
	struct node *dir, *dotted, *value, *again;
	uint64_t ino;

	dir = node_enter(fs, fs->root, "shards", NODE_DIR, path_root());
	dotted = node_enter(fs, dir, ".status", NODE_DIR, path_root());
	value = node_enter(fs, dotted, "error", NODE_DIR, path_root());
	assert_int_equal(dotted->ino, dir->ino);	/* walks see a loop */
	assert_int_not_equal(value->ino, dir->ino);
	assert_int_equal(value->ino, basis_ino(child_basis(dotted, "error", 5)));
	ino = value->ino;
	node_forget(fs, value, 1);
	again = node_enter(fs, dotted, "error", NODE_DIR, path_root());
	assert_int_equal(again->ino, ino);
	assert_true(basis_ino(0) > FUSE_ROOT_ID);
	assert_true(basis_ino(UINT64_MAX) <= INT64_MAX);
}

static void
holds_a_hundred_thousand_names(void **state)
{
	struct fs *fs = *state;
	char name[32];

	for (int i = 0; i < 100000; i++) {
		snprintf(name, sizeof name, "n%d", i);
		assert_non_null(node_enter(fs, fs->root, name, NODE_LINK, NULL));
	}
	assert_int_equal(fs->nodes.n, 100000);
	assert_true(fs->nodes.cap >= 65536);
	for (int i = 0; i < 100000; i += 2) {
		struct node *x;

		snprintf(name, sizeof name, "n%d", i);
		assert_non_null(x = node_find(fs, fs->root, name));
		node_forget(fs, x, 2);
	}
	assert_int_equal(fs->nodes.n, 50000);	/* the rest goes with the mount */
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_error_code_has_an_errno),
		cmocka_unit_test(never_answers_with_harmful_numbers),
		cmocka_unit_test(a_program_dies_of_what_it_does_not_catch),
		cmocka_unit_test(ctrl_c_counts_even_when_caught),
		cmocka_unit_test(signals_without_effect_do_not_count),
		cmocka_unit_test(who_follows_is_woken_by_what_it_catches),
		cmocka_unit_test(odd_status_texts_are_harmless),
		cmocka_unit_test(one_that_has_ended_is_told_by_its_state),
		cmocka_unit_test(a_process_that_is_gone_is_dying),
		cmocka_unit_test(nobody_takes_all_places_of_a_shared_mount),
#define T(f) cmocka_unit_test_setup_teardown(f, make_nodes, drop_nodes)
		T(one_name_has_one_node_while_it_is_known),
		T(a_parent_outlives_its_children),
		T(a_retired_node_makes_room_for_a_new_one),
		T(inode_numbers_come_from_the_path),
		T(holds_a_hundred_thousand_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

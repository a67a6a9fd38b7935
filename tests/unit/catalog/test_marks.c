/* SPDX-License-Identifier: ISC */
/* marks: names for commits: what a change leaves, in calm, in a crash and of damaged bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/hash.h"
#include "catalog/marks_i.h"
#include "lib/fsys_fault.h"
#include "lib/fsys_mem.h"

#define NIGHTLY SV("nightly")
#define FILE_NIGHTLY "marks/nightly.mark"

static struct mark
read_mark(struct fsys *fs, struct sv name)
{
	static struct arena a;
	struct err e = ERR_INIT;
	struct mark m = { 0 };

	arena_init(&a);
	if (mark_read(fs, name, &a, &m, &e) != 0)
		fail_msg("%s", e.msg);
	arena_release(&a);
	m.delivery.from = m.delivery.to = SV_EMPTY;
	return m;
}

static void
a_mark_stands_where_it_was_set(void **state)
{
	struct fsys *fs = fsys_mem();
	struct mark m;

	(void)state;
	assert_int_equal(mark_set(fs, NIGHTLY, 7, NULL), 0);
	m = read_mark(fs, NIGHTLY);
	assert_int_equal(m.generation, 7);
	assert_true(m.moved_ns != 0);
	assert_false(m.was_read);
	assert_int_equal(m.delivery.generation, 0);
	/* Back, too. */
	assert_int_equal(mark_set(fs, NIGHTLY, 0, NULL), 0);
	assert_int_equal(read_mark(fs, NIGHTLY).generation, 0);
	assert_int_equal(mark_delete(fs, NIGHTLY, NULL), 0);
	assert_int_equal(mark_delete(fs, NIGHTLY, NULL), ERR_UNKNOWN);
	assert_int_equal(fsys_mem_open_handles(fs), 0);
	fsys_free(fs);
}

static void
an_unknown_mark_is_told_with_what_was_meant(void **state)
{
	struct fsys *fs = fsys_mem();
	struct err e = ERR_INIT;
	struct arena a;
	struct mark m;

	(void)state;
	arena_init(&a);
	assert_int_equal(mark_read(fs, NIGHTLY, &a, &m, &e), ERR_UNKNOWN);
	assert_string_equal(e.msg, "no mark 'nightly' in the store");
	assert_int_equal(mark_set(fs, NIGHTLY, 1, NULL), 0);
	assert_int_equal(mark_read(fs, SV("nigthly"), &a, &m, &e), ERR_UNKNOWN);
	assert_non_null(strstr(e.msg, "did you mean 'nightly'?"));
	arena_release(&a);
	fsys_free(fs);
}

static void
only_names_of_files_are_names(void **state)
{
	static const char *const bad[] = { "", ".", "..", ".x", "-x", "_x", "a/b", "../x", "a b", "a\n",
		"\303\251", "a%b" };
	struct fsys *fs = fsys_mem();
	char longest[MARK_NAME_MAX + 2];

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		assert_false(mark_name_ok(sv_cstr(bad[i])));
		assert_int_equal(mark_set(fs, sv_cstr(bad[i]), 1, NULL), ERR_SYNTAX);
		assert_int_equal(mark_delete(fs, sv_cstr(bad[i]), NULL), ERR_SYNTAX);
	}
	memset(longest, 'x', sizeof longest);
	assert_int_equal(mark_set(fs, sv_new(longest, MARK_NAME_MAX + 1), 1, NULL), ERR_SYNTAX);
	assert_int_equal(mark_set(fs, sv_new(longest, MARK_NAME_MAX), 1, NULL), 0);
	assert_int_equal(mark_set(fs, SV("0.a-b_C"), 2, NULL), 0);
	assert_int_equal(read_mark(fs, SV("0.a-b_C")).generation, 2);
	fsys_free(fs);
}

static void
names_are_listed_in_order_and_nothing_else(void **state)
{
	struct fsys *fs = fsys_mem();
	struct sv *names;
	struct arena a;
	size_t n;

	(void)state;
	arena_init(&a);
	assert_int_equal(marks_list(fs, &a, &names, &n, NULL), 0);
	assert_int_equal(n, 0);
	assert_int_equal(mark_set(fs, SV("b"), 1, NULL), 0);
	assert_int_equal(mark_set(fs, SV("a"), 1, NULL), 0);
	assert_int_equal(mark_set(fs, SV("c.mark"), 1, NULL), 0);
	assert_int_equal(mark_set(fs, SV("a-b"), 1, NULL), 0);
	assert_int_equal(mark_set(fs, SV("a.n"), 1, NULL), 0);
	assert_true(fsys_mem_put(fs, "marks/a.mark.tmp", SV("x")));
	assert_true(fsys_mem_put(fs, "marks/.x.mark", SV("x")));
	assert_true(fsys_mem_put(fs, "marks/stray", SV("x")));
	assert_int_equal(marks_list(fs, &a, &names, &n, NULL), 0);
	assert_int_equal(n, 5);
	assert_true(sv_is(names[0], "a") && sv_is(names[1], "a-b") && sv_is(names[2], "a.n"));
	assert_true(sv_is(names[3], "b") && sv_is(names[4], "c.mark"));
	arena_release(&a);
	fsys_free(fs);
}

/* ---- moves ---- */

static void
commit_goes_to_the_least_complete_read(void **state)
{
	struct fsys *fs = fsys_mem();
	struct err e = ERR_INIT;
	uint64_t to;

	(void)state;
	assert_int_equal(mark_set(fs, NIGHTLY, 3, NULL), 0);
	assert_int_equal(mark_commit(fs, NIGHTLY, &to, &e), ERR_NODATA);
	/* Of no commit: alone it counts. */
	assert_int_equal(mark_note_read(fs, NIGHTLY, 3, 3, NULL), 0);
	assert_int_equal(read_mark(fs, NIGHTLY).read, 3);
	assert_int_equal(mark_note_read(fs, NIGHTLY, 3, 5, NULL), 0);
	assert_int_equal(mark_note_read(fs, NIGHTLY, 3, 6, NULL), 0);
	assert_int_equal(mark_note_read(fs, NIGHTLY, 3, 3, NULL), 0);
	/* It began elsewhere: of another mark of that name. */
	assert_int_equal(mark_note_read(fs, NIGHTLY, 2, 9, NULL), 0);
	assert_int_equal(mark_commit(fs, NIGHTLY, &to, &e), 0);
	/* The one that read less may be the one that reports. */
	assert_int_equal(to, 5);
	assert_int_equal(read_mark(fs, NIGHTLY).generation, 5);
	assert_int_equal(mark_commit(fs, NIGHTLY, &to, &e), ERR_NODATA);
	assert_int_equal(mark_note_read(fs, SV("other"), 0, 1, NULL), ERR_UNKNOWN);
	fsys_free(fs);
}

static void
a_move_starts_from_where_it_stands(void **state)
{
	struct fsys *fs = fsys_mem();
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(mark_move(fs, NIGHTLY, 0, 1, NULL), ERR_UNKNOWN);
	assert_int_equal(mark_set(fs, NIGHTLY, 3, NULL), 0);
	assert_int_equal(mark_move(fs, NIGHTLY, 2, 5, &e), ERR_BUSY);
	assert_int_equal(mark_move(fs, NIGHTLY, 3, 2, &e), ERR_BUSY);
	assert_int_equal(read_mark(fs, NIGHTLY).generation, 3);
	assert_int_equal(mark_move(fs, NIGHTLY, 3, 5, &e), 0);
	/* Twice is once. */
	assert_int_equal(mark_move(fs, NIGHTLY, 3, 5, &e), 0);
	assert_int_equal(read_mark(fs, NIGHTLY).generation, 5);
	fsys_free(fs);
}

static void
a_delivery_goes_with_the_move(void **state)
{
	const struct mark_delivery d = { 9, 1234, 77, SV("/srv/.x"), SV("/srv/x") };
	struct fsys *fs = fsys_mem();
	struct err e = ERR_INIT;
	struct arena a;
	struct mark m;
	uint64_t to;

	(void)state;
	arena_init(&a);
	assert_int_equal(mark_set(fs, NIGHTLY, 3, NULL), 0);
	assert_int_equal(mark_deliver(fs, NIGHTLY, 4, &d, &e), ERR_BUSY);
	assert_int_equal(mark_deliver(fs, NIGHTLY, 3, &d, &e), 0);
	assert_int_equal(mark_deliver(fs, NIGHTLY, 3, &d, &e), ERR_BUSY);
	/* A read changes nothing of it. */
	assert_int_equal(mark_note_read(fs, NIGHTLY, 3, 8, NULL), 0);
	assert_int_equal(mark_read(fs, NIGHTLY, &a, &m, &e), 0);
	assert_int_equal(m.generation, 3);
	assert_true(m.was_read && m.read == 8);
	assert_int_equal(m.delivery.generation, 9);
	assert_int_equal(m.delivery.inode, 1234);
	assert_int_equal(m.delivery.size, 77);
	assert_true(sv_is(m.delivery.from, "/srv/.x") && sv_is(m.delivery.to, "/srv/x"));
	/* Nobody else moves it away from there, not even to where it is to go. */
	assert_int_equal(mark_commit(fs, NIGHTLY, &to, &e), ERR_BUSY);
	assert_int_equal(mark_move(fs, NIGHTLY, 3, 8, &e), ERR_BUSY);
	assert_int_equal(mark_move(fs, NIGHTLY, 3, 9, &e), ERR_BUSY);
	assert_non_null(strstr(e.msg, "a delivery up to commit 9"));
	assert_int_equal(mark_delivered(fs, NIGHTLY, 3, 8, &e), ERR_BUSY);
	assert_int_equal(read_mark(fs, NIGHTLY).delivery.generation, 9);
	assert_int_equal(mark_delivered(fs, NIGHTLY, 3, 9, &e), 0);
	assert_int_equal(read_mark(fs, NIGHTLY).delivery.generation, 0);
	/* Nothing new came: it stays, and the delivery is done. */
	assert_int_equal(mark_deliver(fs, NIGHTLY, 9, &d, &e), 0);
	assert_int_equal(mark_delivered(fs, NIGHTLY, 9, 9, &e), 0);
	assert_int_equal(read_mark(fs, NIGHTLY).delivery.generation, 0);
	/* Set, it is forgotten. */
	assert_int_equal(mark_deliver(fs, NIGHTLY, 9, &d, &e), 0);
	assert_int_equal(mark_set(fs, NIGHTLY, 3, &e), 0);
	assert_int_equal(read_mark(fs, NIGHTLY).delivery.generation, 0);
	arena_release(&a);
	fsys_free(fs);
}

static void
a_job_has_its_mark_alone(void **state)
{
	struct fsys *fs = fsys_mem();
	struct file *one, *two;
	struct err e = ERR_INIT;
	struct file_id id;

	(void)state;
	assert_int_equal(mark_set(fs, NIGHTLY, 3, NULL), 0);
	assert_int_equal(mark_job_lock(fs, NIGHTLY, &one, &e), 0);
	assert_int_equal(mark_job_lock(fs, NIGHTLY, &two, &e), ERR_BUSY);
	/* It holds up nobody who moves the mark. */
	assert_int_equal(mark_set(fs, NIGHTLY, 4, NULL), 0);
	assert_int_equal(mark_delete(fs, NIGHTLY, &e), ERR_BUSY);
	assert_int_equal(fs->ops->close(one, NULL), 0);
	assert_int_equal(mark_job_lock(fs, NIGHTLY, &two, &e), 0);
	assert_int_equal(fs->ops->close(two, NULL), 0);
	/* Its lock goes with it. */
	assert_int_equal(mark_delete(fs, NIGHTLY, &e), 0);
	assert_int_equal(fs->ops->stat(fs, "marks/.nightly.job", &id, NULL), ERR_UNKNOWN);
	fsys_free(fs);
}

/* ---- crashes, faults, damage ---- */

/* Wherever a change fails or is killed, the mark is the old one or the new one, and works. */
static void
every_fault_leaves_the_old_or_the_new(void **state)
{
	(void)state;
	for (int kill = 0; kill < 2; kill++)
		for (uint64_t n = 1;; n++) {
			struct fsys *fs = fsys_mem(), *ff = fsys_fault(fs);
			struct fault_plan plan = { FAULT_WRITES, n, ERR_NOSPC, false, kill != 0 };
			uint64_t states, at;
			bool struck;
			int rc;

			assert_int_equal(mark_set(ff, NIGHTLY, 3, NULL), 0);
			fsys_fault_set(ff, &plan);
			rc = mark_move(ff, NIGHTLY, 3, 4, NULL);
			struck = fsys_fault_struck(ff);
			states = fsys_mem_crash_states(fs);
			for (uint64_t s = 0; s < states && s < 64; s++) {
				struct fsys *after = fsys_mem_crash(fs, s);

				at = read_mark(after, NIGHTLY).generation;
				assert_true(at == 3 || at == 4);
				assert_true(rc != 0 || at == 4);
				assert_int_equal(mark_set(after, NIGHTLY, 8, NULL), 0);
				assert_int_equal(read_mark(after, NIGHTLY).generation, 8);
				fsys_free(after);
			}
			assert_true(struck || rc == 0);
			fsys_free(ff);
			fsys_free(fs);
			if (!struck)
				break;
		}
}

static void
every_flipped_bit_and_every_cut_names_the_file(void **state)
{
	const struct mark_delivery d = { 9, 1234, 77, SV("/srv/.x"), SV("/srv/x") };
	struct fsys *fs = fsys_mem();
	struct buf b = BUF_INIT;
	struct arena a;
	struct mark m;

	(void)state;
	arena_init(&a);
	assert_int_equal(mark_set(fs, NIGHTLY, 3, NULL), 0);
	assert_int_equal(mark_deliver(fs, NIGHTLY, 3, &d, NULL), 0);
	buf_sv(&b, fsys_mem_get(fs, FILE_NIGHTLY));
	for (size_t i = 0; i < b.n * 8 + b.n; i++) {
		bool cut = i >= b.n * 8;
		struct err e = ERR_INIT;

		if (!cut)
			b.p[i / 8] ^= (char)(1 << i % 8);
		assert_true(fsys_mem_put(fs, FILE_NIGHTLY, cut ? sv_new(b.p, i - b.n * 8) : buf_view(&b)));
		assert_int_equal(mark_read(fs, NIGHTLY, &a, &m, &e), ERR_CORRUPT);
		assert_non_null(strstr(e.msg, FILE_NIGHTLY));
		if (!cut)
			b.p[i / 8] ^= (char)(1 << i % 8);
	}
	/* It can't be moved, but set anew. */
	assert_int_equal(mark_move(fs, NIGHTLY, 3, 4, NULL), ERR_CORRUPT);
	assert_int_equal(mark_set(fs, NIGHTLY, 4, NULL), 0);
	assert_int_equal(read_mark(fs, NIGHTLY).generation, 4);
	buf_release(&b);
	arena_release(&a);
	fsys_free(fs);
}

/* As a stranger with a checksum of his own would. */
static void
bad_content_under_a_good_checksum_is_found(void **state)
{
	struct mark m = { .generation = 3, .moved_ns = 5, .was_read = true, .read = 4,
		.delivery = { 9, 1234, 77, SV("/srv/.x"), SV("/srv/x") } };
	unsigned n_bad = 0;
	struct buf b = BUF_INIT;

	(void)state;
	mark_encode(&b, &m);
	assert_int_equal(mark_decode(buf_view(&b), "M", &m, NULL), 0);
	for (size_t i = 0; i < b.n - 8; i++)
		for (unsigned v = 0; v < 256; v++) {
			char old = b.p[i];
			struct err e = ERR_INIT;
			uint64_t h;
			int rc;

			b.p[i] = (char)v;
			h = hash64(b.p, b.n - 8);
			memcpy(b.p + b.n - 8, &h, 8);
			rc = mark_decode(buf_view(&b), "M", &m, &e);
			assert_true(rc == 0 || rc == ERR_CORRUPT || rc == ERR_VERSION);
			if (rc == 0 && m.delivery.generation != 0)
				assert_true(sv_starts(m.delivery.to, SV("/")));
			n_bad += rc != 0;
			b.p[i] = old;
		}
	assert_true(n_bad > 2000);
	buf_release(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_mark_stands_where_it_was_set),
		cmocka_unit_test(an_unknown_mark_is_told_with_what_was_meant),
		cmocka_unit_test(only_names_of_files_are_names),
		cmocka_unit_test(names_are_listed_in_order_and_nothing_else),
		cmocka_unit_test(commit_goes_to_the_least_complete_read),
		cmocka_unit_test(a_move_starts_from_where_it_stands),
		cmocka_unit_test(a_delivery_goes_with_the_move),
		cmocka_unit_test(a_job_has_its_mark_alone),
		cmocka_unit_test(every_fault_leaves_the_old_or_the_new),
		cmocka_unit_test(every_flipped_bit_and_every_cut_names_the_file),
		cmocka_unit_test(bad_content_under_a_good_checksum_is_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

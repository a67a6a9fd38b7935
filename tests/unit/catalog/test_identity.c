/* SPDX-License-Identifier: ISC */
/* identity: made once, whole or not at all, its owner's alone; and of damaged bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "catalog/catalog.h"
#include "catalog/identity.h"
#include "check/check.h"
#include "lib/fsys_fault.h"
#include "lib/fsys_mem.h"

#define FILE_ID "IDENTITY"

static struct catalog *
open_store(struct fsys *fs, bool create)
{
	struct catalog_options o = { .create = create, .fs = fs };
	struct err e = ERR_INIT;
	struct catalog *c = NULL;

	if (catalog_open("store", &o, &c, &e) != 0)
		fail_msg("%s", e.msg);
	return c;
}

static struct identity
identity_of(struct fsys *fs)
{
	struct err e = ERR_INIT;
	struct identity id;

	if (identity_read(fs, &id, &e) != 0)
		fail_msg("%s", e.msg);
	return id;
}

static bool
same(struct identity a, struct identity b)
{
	return memcmp(&a, &b, sizeof a) == 0;
}

static void
each_store_has_its_own(void **state)
{
	struct fsys *a = fsys_mem(), *b = fsys_mem();
	struct identity id;

	(void)state;
	catalog_close(open_store(a, true));
	catalog_close(open_store(b, true));
	id = identity_of(a);
	assert_false(same(id, identity_of(b)));
	assert_int_not_equal(memcmp(id.id, id.secret, sizeof id.id), 0);
	catalog_close(open_store(a, true));
	assert_true(same(id, identity_of(a)));
	fsys_free(a);
	fsys_free(b);
}

static void
a_writer_makes_what_is_missing_and_a_reader_does_not(void **state)
{
	struct fsys *fs = fsys_mem();
	struct catalog *c = open_store(fs, true);
	struct identity id;

	(void)state;
	assert_int_equal(fs->ops->unlink(fs, FILE_ID, NULL), 0);
	catalog_close(c);
	c = open_store(fs, false);
	assert_int_equal(identity_read(fs, &id, NULL), ERR_UNKNOWN);
	assert_int_equal(catalog_lock(c, NULL), 0);
	id = identity_of(fs);
	catalog_unlock(c);
	assert_int_equal(catalog_lock(c, NULL), 0);
	assert_true(same(id, identity_of(fs)));
	catalog_close(c);
	fsys_free(fs);
}

static void
write_bytes(struct fsys *fs, const char *p, size_t n)
{
	assert_int_equal(file_replace(fs, ".", FILE_ID, sv_new(p, n), NULL), 0);
}

static void
count_bad(void *arg, const char *file, int64_t off, const char *why)
{
	(void)off;
	(void)why;
	assert_string_equal(file, FILE_ID);
	++*(unsigned *)arg;
}

/* Found by check, and left as it is by who writes. */
static void
expect_damage(struct fsys *fs)
{
	struct catalog *c = open_store(fs, false);
	struct check_result res;
	struct identity id;
	unsigned n_bad = 0;

	assert_true(identity_read(fs, &id, NULL) != 0);
	assert_int_equal(catalog_check(c, count_bad, &n_bad, &res, NULL), 0);
	assert_int_equal(n_bad, 1);
	assert_int_equal(catalog_lock(c, NULL), 0);
	catalog_unlock(c);
	assert_true(identity_read(fs, &id, NULL) != 0);
	catalog_close(c);
}

static void
damage_is_told(void **state)
{
	struct fsys *fs = fsys_mem();
	struct arena a;
	struct sv bytes;
	char copy[80];

	(void)state;
	catalog_close(open_store(fs, true));
	arena_init(&a);
	assert_int_equal(file_read_all(fs, FILE_ID, 1000, &a, &bytes, NULL), 0);
	assert_int_equal(bytes.n, 72);
	for (size_t i = 0; i < 72; i++) {
		memcpy(copy, bytes.p, 72);
		copy[i] = (char)(copy[i] ^ 0x10);
		write_bytes(fs, copy, 72);
		expect_damage(fs);
		write_bytes(fs, bytes.p, i);
		expect_damage(fs);
	}
	memset(copy, 0, sizeof copy);
	memcpy(copy, bytes.p, 72);
	write_bytes(fs, copy, 73);
	expect_damage(fs);
	write_bytes(fs, copy, 72);
	(void)identity_of(fs);
	arena_release(&a);
	fsys_free(fs);
}

/* Whatever fails while the store is made: it is no store, or one with a whole identity. */
static void
a_store_is_made_with_it_or_not_at_all(void **state)
{
	unsigned failed = 0;

	(void)state;
	for (uint64_t nth = 1;; nth++) {
		struct fsys *mem = fsys_mem(), *fs = fsys_fault(mem);
		struct catalog_options o = { .create = true, .fs = fs };
		struct catalog *c;
		struct identity id;
		bool made, struck;

		fsys_fault_set(fs, &(struct fault_plan){ .kinds = FAULT_ALL, .nth = nth,
		    .code = ERR_IO });
		made = catalog_open("store", &o, &c, NULL) == 0;
		struck = fsys_fault_struck(fs);
		if (made)
			catalog_close(c);
		fsys_fault_set(fs, &(struct fault_plan){ 0 });
		failed += !made;
		o.create = true;
		assert_int_equal(catalog_open("store", &o, &c, NULL), 0);
		assert_int_equal(identity_read(mem, &id, NULL), 0);
		catalog_close(c);
		fsys_free(fs);
		fsys_free(mem);
		if (!struck)
			break;
	}
	assert_true(failed > 8);
}

static void
it_is_its_owners_alone(void **state)
{
	char dir[] = "/tmp/spanfs-identity-XXXXXX", path[64];
	struct catalog_options o = { .create = true };
	struct catalog *c;
	struct stat st;

	(void)state;
	assert_non_null(mkdtemp(dir));
	assert_int_equal(chmod(dir, 0755), 0);
	assert_int_equal(catalog_open(dir, &o, &c, NULL), 0);
	snprintf(path, sizeof path, "%s/" FILE_ID, dir);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(unlink(path), 0);
	/* What a crash left, with a mode of somebody's own. */
	snprintf(path, sizeof path, "%s/" FILE_ID ".tmp", dir);
	fclose(fopen(path, "w"));
	assert_int_equal(chmod(path, 0666), 0);
	assert_int_equal(identity_make(catalog_fsys(c), NULL), 0);
	snprintf(path, sizeof path, "%s/" FILE_ID, dir);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	catalog_close(c);
	snprintf(path, sizeof path, "rm -r %s", dir);
	assert_int_equal(system(path), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_store_has_its_own),
		cmocka_unit_test(a_writer_makes_what_is_missing_and_a_reader_does_not),
		cmocka_unit_test(damage_is_told),
		cmocka_unit_test(a_store_is_made_with_it_or_not_at_all),
		cmocka_unit_test(it_is_its_owners_alone),
	};

	return cmocka_run_group_tests_name("identity", tests, NULL, NULL);
}

/* SPDX-License-Identifier: ISC */
/* Unit tests of blob: buffers that it takes over, and what is read of it after that. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/blob.h"

static struct quota quota;

static void
take(struct blob *b, const char *text, size_t mem_max, const char **was)
{
	const struct blob_limits lim = { .mem_max = mem_max, .quota = &quota, .spill_max = 1000,
		.spill_dir = "/tmp" };
	struct err e = ERR_INIT;
	struct buf buf = BUF_INIT;

	buf_str(&buf, text);
	*was = buf.p;
	if (blob_take(b, &buf, &lim, &e) < 0)
		fail_msg("%s", e.msg);
	assert_int_equal(buf.n, 0);
	buf_str(&buf, "used again");
	assert_false(buf.oom);
	buf_release(&buf);
}

static void
reads_as(struct blob *b, const char *text)
{
	struct err e = ERR_INIT;
	char out[100];
	size_t got;

	assert_int_equal(blob_size(b), strlen(text));
	assert_int_equal(blob_read(b, 0, out, sizeof out, &got, &e), 0);
	assert_int_equal(got, strlen(text));
	assert_memory_equal(out, text, got);
}

static void
the_first_buffer_stays_where_it_is(void **state)
{
	const char *first, *second;
	struct blob b;

	(void)state;
	blob_init(&b);
	take(&b, "first ", 100, &first);
	assert_ptr_equal(b.mem.p, first);
	assert_int_equal(atomic_load(&quota.used), 6);
	reads_as(&b, "first ");
	take(&b, "second", 100, &second);
	reads_as(&b, "first second");
	assert_int_equal(atomic_load(&quota.used), 12);
	blob_release(&b);
	assert_int_equal(atomic_load(&quota.used), 0);
}

static void
what_memory_has_no_room_for_is_spilled(void **state)
{
	const char *was;
	struct blob b;

	(void)state;
	blob_init(&b);
	take(&b, "more than four", 4, &was);
	assert_true(blob_spilled(&b));
	take(&b, ", and more", 4, &was);
	reads_as(&b, "more than four, and more");
	blob_release(&b);
	assert_int_equal(atomic_load(&quota.used), 0);
	atomic_store(&quota.max, 3);
	blob_init(&b);
	take(&b, "more than three", 100, &was);
	assert_true(blob_spilled(&b));
	reads_as(&b, "more than three");
	blob_release(&b);
	atomic_store(&quota.max, 0);
}

static void
a_buffer_that_ran_out_of_memory_is_refused(void **state)
{
	const struct blob_limits lim = { .mem_max = 100, .spill_max = 100, .spill_dir = "/tmp" };
	struct buf buf = { .oom = true };
	struct err e = ERR_INIT;
	struct blob b;

	(void)state;
	blob_init(&b);
	assert_int_equal(blob_take(&b, &buf, &lim, &e), ERR_NOMEM);
	assert_int_equal(blob_size(&b), 0);
	blob_release(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_buffer_stays_where_it_is),
		cmocka_unit_test(what_memory_has_no_room_for_is_spilled),
		cmocka_unit_test(a_buffer_that_ran_out_of_memory_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: ISC */
/* Unit tests of base/log: lines, levels, what can't be forged, reopening. */
#include "base/log.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"

static char path[64];

static int
make_file(void **state)
{
	struct err err = ERR_INIT;
	int fd;

	(void)state;
	strcpy(path, "/tmp/test_log.XXXXXX");
	if ((fd = mkstemp(path)) < 0)
		return -1;
	close(fd);
	return log_open(LOG_TO_FILE, path, LOG_LV_INFO, &err);
}

static int
drop_file(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	unlink(path);
	return log_open(LOG_TO_STDERR, NULL, LOG_LV_INFO, &err);
}

static const char *
content(void)
{
	static char text[8192];
	FILE *f = fopen(path, "r");
	size_t n = f == NULL ? 0 : fread(text, 1, sizeof text - 1, f);

	text[n] = '\0';
	if (f != NULL)
		fclose(f);
	return text;
}

static void
writes_a_line_with_time_and_level(void **state)
{
	const char *text;

	(void)state;
	log_warn("disk %d%% full", 93);
	text = content();
	assert_non_null(strstr(text, "Z warning: disk 93% full\n"));
	assert_int_equal(text[4], '-');
	assert_int_equal(text[10], 'T');
}

static void
leaves_out_what_is_below_the_level(void **state)
{
	(void)state;
	log_debug("invisible");
	assert_string_equal(content(), "");
	log_level_set(LOG_LV_DEBUG);
	log_debug("visible");
	log_level_set(LOG_LV_ERROR);
	log_warn("too low");
	assert_non_null(strstr(content(), "debug: visible\n"));
	assert_null(strstr(content(), "too low"));
	log_level_set(LOG_LV_INFO);
}

static void
input_cannot_forge_a_line_or_reach_the_terminal(void **state)
{
	(void)state;
	log_info("%s", "a\nb\x1b[2J\x7f\xff \xe2\x80\xae \xc3\xa9");
	assert_non_null(strstr(content(),
	    "info: a\\x0ab\\x1b[2J\\x7f\\xff \\xe2\\x80\\xae \xc3\xa9\n"));
}

static void
a_long_message_stays_whole(void **state)
{
	struct buf b = BUF_INIT;

	(void)state;
	for (int i = 0; i < 3000; i++)
		buf_putc(&b, 'x');
	log_info("%s", buf_cstr(&b));
	assert_non_null(strstr(content(), buf_cstr(&b)));
	buf_release(&b);
}

static void
reopens_after_rotation(void **state)
{
	char old[80];

	(void)state;
	log_info("before");
	snprintf(old, sizeof old, "%s.1", path);
	assert_int_equal(rename(path, old), 0);
	log_info("still to the old one");
	assert_int_equal(log_reopen(), 0);
	log_info("after");
	assert_null(strstr(content(), "still"));
	assert_non_null(strstr(content(), "after"));
	unlink(old);
}

static void
a_file_that_cannot_be_opened_changes_nothing(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(log_open(LOG_TO_FILE, "/nonexistent/dir/log", LOG_LV_INFO, &err),
	    ERR_UNKNOWN);
	assert_non_null(strstr(err.msg, "/nonexistent/dir/log"));
	log_info("here");
	assert_non_null(strstr(content(), "here"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, make_file, drop_file)
		T(writes_a_line_with_time_and_level),
		T(leaves_out_what_is_below_the_level),
		T(input_cannot_forge_a_line_or_reach_the_terminal),
		T(a_long_message_stays_whole),
		T(reopens_after_rotation),
		T(a_file_that_cannot_be_opened_changes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

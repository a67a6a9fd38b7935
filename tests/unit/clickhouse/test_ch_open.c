/* SPDX-License-Identifier: ISC */
/* test_ch_open: the settings of [clickhouse] become a client, or an error that says where. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "clickhouse/ch_open.h"
#include "wire/ch_i.h"

#define URL "clickhouse.url=http://127.0.0.1:8123"

static int
open_with(const char *const *sets, size_t n, struct err *e)
{
	struct ch_client *c = NULL;
	struct ch_table t = { SV_EMPTY, SV_EMPTY };
	struct conf *conf = NULL;
	int rc = conf_load(NULL, sets, n, &conf, e);

	assert_int_equal(rc, 0);
	rc = ch_open_conf(conf, &c, &t, e);
	if (rc == 0)
		assert_true(sv_is(t.name, "otel_traces") && sv_is(t.database, n > 1 ? "otel" : ""));
	else
		assert_null(c);
	ch_client_free(c);
	conf_free(conf);
	return rc;
}

static void
defaults_need_only_an_url(void **state)
{
	const char *const sets[] = { URL, "clickhouse.database=otel" };
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(open_with(sets, 1, &e), 0);
	assert_int_equal(open_with(sets, 2, &e), 0);
}

static void
what_is_wrong_is_told_with_its_place(void **state)
{
	static const struct {
		const char *set, *words;
		int code;
	} cases[] = {
		{ "clickhouse.database=otel", "default: [clickhouse] url: not set", ERR_SYNTAX },
		{ "clickhouse.url=tcp://x:9000", "-o: [clickhouse] url: http://", ERR_SYNTAX },
		{ "clickhouse.url=http://u:p@x", "-o: [clickhouse] url: user and password", ERR_SYNTAX },
		{ "clickhouse.table=", "-o: [clickhouse] table: expected a name", ERR_SYNTAX },
		{ "clickhouse.password_file=pw", "-o: [clickhouse] password_file: expected an absolute",
		    ERR_SYNTAX },
		{ "clickhouse.password_file=/nowhere/pw", "-o: [clickhouse] password_file", ERR_UNKNOWN },
		{ "clickhouse.user=a\nb", "-o: [clickhouse] user: a control character", ERR_SYNTAX },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		bool url = i > 2;
		const char *const sets[] = { url ? URL : cases[i].set, cases[i].set };
		struct err e = ERR_INIT;

		assert_int_equal(open_with(sets, url ? 2 : 1, &e), cases[i].code);
		if (strncmp(e.msg, cases[i].words, strlen(cases[i].words)) != 0)
			fail_msg("%s: %s", cases[i].set, e.msg);
		assert_null(strstr(e.msg, "u:p"));
	}
}

static void
a_password_that_everybody_can_read_is_refused(void **state)
{
	char path[] = "/tmp/spanfs-pw.XXXXXX", set[128];
	const char *const sets[] = { URL, set };
	struct err e = ERR_INIT;
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0 && write(fd, "secret\n", 7) == 7);
	snprintf(set, sizeof set, "clickhouse.password_file=%s", path);
	assert_int_equal(fchmod(fd, 0644), 0);
	assert_int_equal(open_with(sets, 2, &e), ERR_ACCESS);
	assert_non_null(strstr(e.msg, "can be read by everybody"));
	close(fd);
	unlink(path);
}

static void
a_password_of_one_is_taken(void **state)
{
	char path[] = "/tmp/spanfs-pw.XXXXXX", set[128];
	const char *const sets[] = { URL, "clickhouse.database=otel", set };
	struct err e = ERR_INIT;
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0 && write(fd, "secret\n", 7) == 7);
	snprintf(set, sizeof set, "clickhouse.password_file=%s", path);
	assert_int_equal(open_with(sets, 3, &e), 0);
	close(fd);
	unlink(path);
}

static void
rows_are_compressed_where_that_pays(void **state)
{
	static const struct {
		const char *url, *word;
		enum ch_packing rows, batches;
	} cases[] = {
		{ "http://db1:8123", "auto", CH_PACK_ZSTD, CH_PACK_ZSTD },
		{ "https://10.0.0.127", "auto", CH_PACK_ZSTD, CH_PACK_ZSTD },
		{ "http://localhost.example:8123", "auto", CH_PACK_ZSTD, CH_PACK_ZSTD },
		{ "http://[fd00::1]:8123/", "auto", CH_PACK_ZSTD, CH_PACK_ZSTD },
		{ "http://127.0.0.1:8123", "auto", CH_PACK_NONE, CH_PACK_ZSTD },
		{ "https://localhost", "auto", CH_PACK_NONE, CH_PACK_ZSTD },
		{ "http://localhost:8123/", "auto", CH_PACK_NONE, CH_PACK_ZSTD },
		{ "http://localhost/", "auto", CH_PACK_NONE, CH_PACK_ZSTD },
		{ "http://[::1]:8123", "auto", CH_PACK_NONE, CH_PACK_ZSTD },
		{ "http://localhost:8123", "zstd", CH_PACK_ZSTD, CH_PACK_ZSTD },
		{ "http://localhost:8123", "gzip", CH_PACK_GZIP, CH_PACK_GZIP },
		{ "http://db1:8123", "gzip", CH_PACK_GZIP, CH_PACK_GZIP },
		{ "http://db1:8123", "none", CH_PACK_NONE, CH_PACK_NONE },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char url[96], word[64];
		const char *const sets[] = { url, word };
		struct conf *conf = NULL;
		struct ch_client *c;
		struct ch_table t;

		snprintf(url, sizeof url, "clickhouse.url=%s", cases[i].url);
		snprintf(word, sizeof word, "clickhouse.compression=%s", cases[i].word);
		assert_int_equal(conf_load(NULL, sets, 2, &conf, NULL), 0);
		assert_int_equal(ch_open_conf(conf, &c, &t, NULL), 0);
		if (c->packing != cases[i].rows || ch_open_packing(conf) != cases[i].batches)
			fail_msg("%s, %s: %d", cases[i].url, cases[i].word, (int)c->packing);
		ch_client_free(c);
		conf_free(conf);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults_need_only_an_url),
		cmocka_unit_test(what_is_wrong_is_told_with_its_place),
		cmocka_unit_test(a_password_that_everybody_can_read_is_refused),
		cmocka_unit_test(a_password_of_one_is_taken),
		cmocka_unit_test(rows_are_compressed_where_that_pays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

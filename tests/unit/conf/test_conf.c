/* SPDX-License-Identifier: ISC */
/* conf: the table, values and their errors, and that the documents agree with the table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "conf/conf.h"

static char path[] = "/tmp/spanfs-conf-XXXXXX";

static void
write_file(const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fwrite(text, 1, strlen(text), f);
	fclose(f);
}

/* Loads text; expects failure with `words` in the message. */
static void
refused(const char *text, const char *words)
{
	struct err err = ERR_INIT;
	struct conf *c = NULL;

	write_file(text);
	assert_int_equal(conf_load(path, NULL, 0, &c, &err), ERR_SYNTAX);
	if (strstr(err.msg, words) == NULL)
		fail_msg("'%s' lacks '%s'", err.msg, words);
}

static void
defaults_hold_without_a_file(void **state)
{
	struct err err = ERR_INIT;
	struct conf *c;

	(void)state;
	assert_int_equal(conf_load(NULL, NULL, 0, &c, &err), 0);
	assert_string_equal(conf_str(c, CONF_STORE_PATH), "/var/lib/spanfs");
	assert_int_equal(conf_u64(c, CONF_QUERY_TIMEOUT), 30000000000);
	assert_int_equal(conf_u64(c, CONF_QUERY_MEMORY), 1 << 30);
	assert_int_equal(conf_u64(c, CONF_MOUNT_STAT_BUDGET), 100000000);
	assert_true(conf_bool(c, CONF_BROWSE_STRICT_NAMES));
	assert_true(conf_double(c, CONF_COST_CPU_OPERATOR) == 0.0025);
	conf_free(c);
}

static void
file_and_command_line_are_stronger(void **state)
{
	const char *sets[] = { "query.timeout=5s", "result_cache.enabled=no" };
	struct err err = ERR_INIT;
	struct buf b = BUF_INIT;
	struct conf *c;

	(void)state;
	write_file("; comment\n[query]\ntimeout=1m\nthreads=3\n\n[mount]\nstat_budget=0\n");
	assert_int_equal(conf_load(path, sets, 2, &c, &err), 0);
	assert_int_equal(conf_u64(c, CONF_QUERY_TIMEOUT), 5000000000);
	assert_int_equal(conf_u64(c, CONF_QUERY_THREADS), 3);
	assert_int_equal(conf_u64(c, CONF_MOUNT_STAT_BUDGET), 0);
	assert_string_equal(conf_where(c, CONF_QUERY_TIMEOUT), "-o");
	assert_non_null(strstr(conf_where(c, CONF_QUERY_THREADS), ":4"));
	assert_string_equal(conf_where(c, CONF_QUERY_MEMORY), "default");
	assert_false(conf_bool(c, CONF_RESULT_CACHE_ENABLED));
	conf_print(&b, c);
	assert_non_null(strstr(buf_cstr(&b), "query.timeout=5s\t(-o)\n"));
	assert_non_null(strstr(buf_cstr(&b), ":4)\n"));
	assert_non_null(strstr(buf_cstr(&b), "query.memory=1GiB\t(default)\n"));
	buf_release(&b);
	conf_free(c);
}

static void
profile_sets_random_page_cost(void **state)
{
	const char *hdd[] = { "cost_model.hardware_profile=hdd" };
	const char *own[] = { "cost_model.hardware_profile=hdd",
		"cost_model.random_page_cost=2.5" };
	struct conf *c;

	(void)state;
	assert_int_equal(conf_load(NULL, hdd, 1, &c, NULL), 0);
	assert_true(conf_double(c, CONF_COST_RANDOM_PAGE) == 4.0);
	conf_free(c);
	assert_int_equal(conf_load(NULL, own, 2, &c, NULL), 0);
	assert_true(conf_double(c, CONF_COST_RANDOM_PAGE) == 2.5);
	conf_free(c);
}

static void
wrong_settings_are_refused_with_their_line(void **state)
{
	char longline[400];

	(void)state;
	refused("[query]\ntimout=1s\n", ":2: unknown key 'timout' in [query]");
	refused("[qery]\ntimeout=1s\n", ":2: unknown section [qery]");
	refused("[query]\ntimeout=1s\ntimeout=2s\n", "given before, at");
	refused("[query]\ntimeout=soon\n", "expected a duration");
	refused("[query]\ntimeout=5\n", "expected a duration");
	refused("[query]\nthreads=two\n", "expected a whole number");
	refused("[query]\nthreads=-1\n", "expected a whole number");
	refused("[query]\nthreads=100000\n", "from 0 to 1024");
	refused("[query]\nmemory=1 elephant\n", "expected a size");
	refused("[store]\nsync=maybe\n", "expected yes or no");
	refused("[store]\ncompression=lzma\n", "expected one of: none zstd");
	refused("[cost_model]\nseq_page_cost=cheap\n", "expected a number");
	refused("[cost_model]\nmulti_hop_penalty=0.5\n", "expected a number from 1");
	refused("[query\ntimeout=1s\n", "expected ']'");
	refused("[query]\n timeout=1s\n", ":2: indented line");
	refused("[query]\ntimeout\n", "expected key=value");
	refused("timeout=1s\n", "unknown section []");
	memset(longline, 'x', sizeof longline);
	memcpy(longline, "[log]\nfile=", 11);
	longline[398] = '\n';
	longline[399] = '\0';
	refused(longline, ":2: line longer than");
}

static void
bad_command_line_settings_are_refused(void **state)
{
	static const char *const bad[] = { "query.timeout", "timeout=5s", "query.nope=1",
		"nope.timeout=1s", "query.timeout=x", "=", "" };
	struct err err = ERR_INIT;
	struct conf *c;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_int_equal(conf_load(NULL, &bad[i], 1, &c, &err), ERR_SYNTAX);
	assert_int_equal(conf_load("/nonexistent/spanfs.ini", NULL, 0, &c, &err), ERR_UNKNOWN);
}

static char *
slurp(const char *name)
{
	char file[1024], *p = calloc(1, 1 << 20);
	FILE *f;

	snprintf(file, sizeof file, "%s/../%s", TESTDIR, name);
	f = fopen(file, "r");
	assert_non_null(f);
	assert_non_null(p);
	p[fread(p, 1, (1 << 20) - 1, f)] = '\0';
	fclose(f);
	return p;
}

static void
prices_are_sections_of_their_own(void **state)
{
	static const char *const sets[] = { "price gpt-4.1*.input=2.5", "price gpt-4.1*.output=10",
	    "price c.cached=1", "price c.cached=0.5" };
	static const char *const wrong[] = { "price x.inptu=1", "price x.input=-1", "price x.input=y",
	    "price .input=1", "price x=1" };
	struct err err = ERR_INIT;
	struct buf b = BUF_INIT;
	struct conf *c;

	(void)state;
	assert_int_equal(conf_load(NULL, sets, 4, &c, &err), 0);
	assert_int_equal(conf_n_prices(c), 2);
	assert_string_equal(conf_price(c, 0).model, "gpt-4.1*");
	assert_true(conf_price(c, 0).input == 2.5 && conf_price(c, 0).cached == 2.5);
	assert_true(conf_price(c, 0).output == 10 && conf_price(c, 1).cached == 0.5);
	conf_print(&b, c);
	assert_non_null(strstr(buf_cstr(&b), "price gpt-4.1*.input=2.5\t(-o)\n"));
	buf_release(&b);
	conf_free(c);
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		assert_int_equal(conf_load(NULL, &wrong[i], 1, &c, &err), ERR_SYNTAX);
}

static void
ini_file_is_the_table(void **state)
{
	char *ini = slurp("etc/spanfs.ini");
	struct buf b = BUF_INIT;

	(void)state;
	conf_print_ini(&b);
	assert_string_equal(buf_cstr(&b), ini);
	free(ini);
	buf_release(&b);
}

static void
manual_has_every_key_and_default(void **state)
{
	char *man = slurp("man/spanfs.ini.5"), want[256];

	(void)state;
	for (size_t i = 0; i < N_CONF_KEYS; i++) {
		snprintf(want, sizeof want, ".It Cm %s Ns = Ns %s\n%s", conf_table[i].name,
		    conf_table[i].def[0] ? conf_table[i].def : "\\&", conf_table[i].help);
		if (strstr(man, want) == NULL)
			fail_msg("man/spanfs.ini.5 lacks: %s", want);
	}
	free(man);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults_hold_without_a_file),
		cmocka_unit_test(file_and_command_line_are_stronger),
		cmocka_unit_test(profile_sets_random_page_cost),
		cmocka_unit_test(wrong_settings_are_refused_with_their_line),
		cmocka_unit_test(bad_command_line_settings_are_refused),
		cmocka_unit_test(prices_are_sections_of_their_own),
		cmocka_unit_test(ini_file_is_the_table),
		cmocka_unit_test(manual_has_every_key_and_default),
	};
	int fd = mkstemp(path), r;

	if (fd < 0)
		return 1;
	close(fd);
	r = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(path);
	return r;
}

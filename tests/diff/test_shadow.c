/* SPDX-License-Identifier: ISC */
/*
 * shadow: generated queries, answered as the mount answers them with [shadow] sample_rate=1:
 * each is run again with the plain plan in the background, and none may differ nor stay
 * undecided. 500 queries; 10,000 and more if SPANFS_DIFF_QUERIES asks for a long run, as they
 * are cheaper here than where each is answered in five ways.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "engine/engine_i.h"
#include "lib/store_vocab.h"

static struct store_rig rig;
static struct conf *conf;
static struct engine *en;
static struct arena words;
static struct vocab vocab;

static void
on_open(void *arg, int code, const void *data, size_t n)
{
	int *out = arg;

	(void)data;
	(void)n;
	__atomic_store_n(out, code, __ATOMIC_RELEASE);
}

/* Opens a result and waits; 1 if the path is refused before it runs. */
static int
open_result(const char *text)
{
	struct result *r;
	struct path *p;
	struct sv file;
	int code = 2, got;

	if (path_parse(sv_cstr(text), engine_known_file, &p, &file, NULL) < 0)
		return 1;
	got = engine_result(en, p, file, (struct requester){ 1, 1 }, &r, NULL);
	path_unref(p);
	if (got < 0)
		return 1;
	assert_int_equal(result_open(r, on_open, &code, NULL, NULL), 0);
	while ((got = __atomic_load_n(&code, __ATOMIC_ACQUIRE)) == 2)
		usleep(200);
	result_unref(r);
	return got;
}

static void
show(void)
{
	struct buf b = BUF_INIT;

	shadow_print(&en->shadow, &b);
	print_message("%.*s\n", (int)b.n, b.p);
	buf_release(&b);
}

static void
no_generated_query_differs(void **state)
{
	const char *env = getenv("SPANFS_DIFF_QUERIES");
	long n = env != NULL ? strtol(env, NULL, 10) : 500, ran = 0;
	struct shadow *s = &en->shadow;
	struct buf path = BUF_INIT;
	uint64_t seed = 20261122;

	(void)state;
	n = n > 1000 && n < 10000 ? 10000 : n;
	for (long i = 0; i < n; i++) {
		const char *file = vocab_file((size_t)i);

		path.n = 0;
		vocab.flags = vocab_file_flags(file);
		gen_path(&seed, &vocab, &path);
		if (path.n > 1)
			buf_putc(&path, '/');
		buf_str(&path, file);
		ran += open_result(buf_cstr(&path)) <= 0;
		if (i % 32 == 31)
			shadow_drain(&en->shadow);
	}
	shadow_drain(&en->shadow);
	show();
	assert_true(ran > n / 2);
	assert_int_equal(atomic_load(&s->different), 0);
	assert_int_equal(atomic_load(&s->dropped), 0);
	assert_int_equal(atomic_load(&s->undecided), 0);
	assert_int_equal(atomic_load(&s->same), atomic_load(&s->sampled));
	/* The same path twice is one result and one run. */
	assert_in_range(atomic_load(&s->same), (uint64_t)ran * 8 / 10, (uint64_t)ran);
	buf_release(&path);
}

static int
setup(void **state)
{
	const char *sets[] = { "query.threads=4", "shadow.sample_rate=1",
		"shadow.timeout=10m", "result_cache.ttl=1h" };
	struct err err = ERR_INIT;

	(void)state;
	store_rig_init(&rig, 12, 4000, 3, 3, 256);
	if (conf_load(NULL, sets, 4, &conf, &err) < 0 ||
	    engine_open(conf, rig.dir, false, &en, &err) < 0) {
		print_message("%s\n", err.msg);
		return -1;
	}
	arena_init(&words);
	store_vocab(en, &rig, &words, &vocab);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	engine_close(en);
	conf_free(conf);
	arena_release(&words);
	store_rig_release(&rig);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_generated_query_differs),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}

/* SPDX-License-Identifier: ISC */
/*
 * diff: thousands of generated queries, each answered in several ways that must agree to the
 * byte: the plain plan (no rule, one thread: every row of every shard put together and tested as
 * a row) is the oracle; against it all rules, each rule alone left out, batches of 1 and 7 rows,
 * one and several threads, cold and warm caches, by decisions that are remembered.
 * SPANFS_DIFF_QUERIES sets how many (500).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/engine_i.h"
#include "lib/store_vocab.h"

static struct store_rig rig;
static struct conf *conf;
static struct engine *en;
static struct arena words;
static struct vocab vocab;
static uint64_t all_rules;

static int
append(void *arg, const void *p, size_t n, struct err *e)
{
	(void)e;
	buf_put(arg, p, n);
	return 0;
}

struct way {
	const char *name;
	uint64_t rules_off;
	size_t batch_rows;
	unsigned threads;
	bool cold;
	bool remembered;	/* planned by the decision of a query of its template, if there is one */
};

/* The bytes of a file, or the code of its error. */
static int
answer(const char *path, const struct way *way, struct buf *out, struct run_info *info,
    struct err *e)
{
	struct sink sink = { append, NULL, out };
	struct request *r = NULL;
	struct path *p = NULL;
	struct sv file;
	int code;

	if (way->cold)
		chunkcache_drop(catalog_cache(en->catalog));
	out->n = 0;
	code = path_parse(sv_cstr(path), engine_known_file, &p, &file, e);
	if (code == 0)
		code = request_new(en, p, file, &r, e);
	if (code == 0) {
		r->rules_off = way->rules_off;
		r->batch_rows = way->batch_rows;
		r->threads = way->threads;
		r->decide_alone = !way->remembered;
		code = run_request(r, &sink, 0, NULL, info, e);
	}
	request_free(r);
	path_unref(p);
	return code;
}

static void
show(const char *title, const struct buf *b)
{
	print_message("%s (%zu bytes): %.*s\n", title, b->n, (int)(b->n < 1500 ? b->n : 1500),
	    b->p ? b->p : "");
}

static void
agree(const char *path, const struct way *plain, const struct way *way)
{
	static struct buf want, got;
	struct err ew = ERR_INIT, eg = ERR_INIT;
	struct run_info iw, ig;
	int cw = answer(path, plain, &want, &iw, &ew), cg = answer(path, way, &got, &ig, &eg);

	if (cw != cg)
		fail_msg("%s: plain gives %s (%s), %s gives %s (%s)", path, err_name(cw), ew.msg,
		    way->name, err_name(cg), eg.msg);
	if (cw < 0)
		return;
	if (want.n != got.n || (want.n != 0 && memcmp(want.p, got.p, want.n) != 0)) {
		show("plain", &want);
		show(way->name, &got);
		fail_msg("%s: plain and %s differ", path, way->name);
	}
}

static void
every_way_gives_the_same_bytes(void **state)
{
	const char *env = getenv("SPANFS_DIFF_QUERIES");
	long n = env != NULL ? strtol(env, NULL, 10) : 500;
	const struct way plain = { "plain", all_rules, 0, 1, false, false };
	struct buf path = BUF_INIT;
	uint64_t seed = 20261121;

	(void)state;
	for (long i = 0; i < n; i++) {
		const char *file = vocab_file((size_t)i);
		uint64_t off = (uint64_t)1 << (size_t)i % OPT_MAX_RULES;
		const struct way ways[] = {
			{ "all rules", 0, 0, 1, i % 10 == 0, true },
			{ "threads, decided", 0, 0, 4, false, true },
			{ "one rule off", off & all_rules, 0, 1, false, false },
			{ "small batches", 0, i % 2 ? 1 : 7, 1, false, false },
		};

		path.n = 0;
		vocab.flags = vocab_file_flags(file);
		gen_path(&seed, &vocab, &path);
		if (path.n > 1)
			buf_putc(&path, '/');
		buf_str(&path, file);
		for (size_t k = 0; k < sizeof ways / sizeof *ways; k++)
			if (k < 2 || (size_t)i % 3 == k % 3 || off <= all_rules)
				agree(buf_cstr(&path), &plain, &ways[k]);
	}
	print_message("%ld queries, each in up to 5 ways\n", n);
	/* The second way of a query at the latest is by the decision that the first one left. */
	assert_true(decisioncache_stats(en->decisions).hits >= (uint64_t)n * 9 / 10);
	buf_release(&path);
}

/* A query and its canonical path are one query. */
static void
canonical_paths_give_the_same_bytes(void **state)
{
	const struct way all = { "all rules", 0, 0, 1, false, false };
	struct buf path = BUF_INIT, canon = BUF_INIT, a = BUF_INIT, b = BUF_INIT;
	uint64_t seed = 7;

	(void)state;
	for (int i = 0; i < 200; i++) {
		struct err err = ERR_INIT;
		struct run_info info;

		path.n = 0;
		vocab.flags = GEN_PATH_ALL & ~GEN_PATH_SELECT;
		gen_path(&seed, &vocab, &path);
		if (path.n > 1)
			buf_putc(&path, '/');
		canon.n = path.n;
		buf_str(&path, "query");
		if (answer(buf_cstr(&path), &all, &canon, &info, &err) < 0)
			continue;
		canon.n--;
		if (canon.n > 1)
			buf_putc(&canon, '/');
		buf_str(&canon, "spans.jsonl");
		path.n -= 5;
		buf_str(&path, "spans.jsonl");
		assert_int_equal(answer(buf_cstr(&path), &all, &a, &info, &err),
		    answer(buf_cstr(&canon), &all, &b, &info, &err));
		if (a.n != b.n || (a.n != 0 && memcmp(a.p, b.p, a.n) != 0))
			fail_msg("%s and its canonical path %s differ", buf_cstr(&path),
			    buf_cstr(&canon));
	}
	buf_release(&path);
	buf_release(&canon);
	buf_release(&a);
	buf_release(&b);
}

static int
setup(void **state)
{
	const char *sets[] = { "query.threads=4" };
	struct err err = ERR_INIT;

	(void)state;
	store_rig_init(&rig, 11, 4000, 3, 3, 256);
	for (size_t i = 0; opt_rule_name(i) != NULL; i++)
		all_rules |= (uint64_t)1 << i;
	if (conf_load(NULL, sets, 1, &conf, &err) < 0 ||
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
		cmocka_unit_test(every_way_gives_the_same_bytes),
		cmocka_unit_test(canonical_paths_give_the_same_bytes),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}

/* SPDX-License-Identifier: ISC */
/*
 * diff: thousands of generated queries, each answered in several ways that must agree to the
 * byte: the plain plan (no rule, one thread: every row of every shard put together and tested as
 * a row) is the oracle; against it all rules, each rule alone left out, batches of 1 and 7 rows,
 * one and several threads, cold and warm caches, by decisions that are remembered, and by each
 * access path by force. How often each path was truly taken is counted, and a path that never
 * was fails the test; so is how often Bloom filters of values took shards out, and how often groups
 * were made of columns.
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
#include "lib/index_rig.h"
#include "lib/rounds.h"
#include "lib/store_vocab.h"
#include "lib/way.h"

static struct store_rig rig;
static struct conf *conf;
static struct engine *en;
static struct arena words;
static struct vocab vocab;
static uint64_t all_rules;

/* Queries that took a path by force; the last is that of single leaves' indexes. */
static unsigned taken[N_OPT_FORCES + 1];

/* Queries of which filters of values took out shards; and those that left some to be read. */
static unsigned sharp[2];

static void
count_sharp(const struct way *way, const struct plan *p, const struct run_info *info)
{
	bool yes = false;

	if (p == NULL || way->force != OPT_FORCE_NONE || way->rules_off != 0)
		return;
	for (size_t i = 0; i < p->scan.n_shards; i++)
		yes |= p->scan.shards[i].access == ACCESS_PRUNED &&
		    strcmp(p->scan.shards[i].why, "value not in the Bloom filter") == 0;
	sharp[0] += yes;
	sharp[1] += yes && info->profile.shards_opened != 0;
}

/* Groups of rows that were put together as spans, and of rows that were not. */
static unsigned grouped[2];

static void
count_grouped(const struct way *way, const struct plan *p, const struct run_info *info)
{
	if (p != NULL && p->output == ROW_GROUP && way->rules_off == 0 &&
	    info->profile.rows_matched != 0)
		grouped[info->profile.rows_fetched == 0]++;
}

static bool
reads_by(const struct plan *p, enum access access)
{
	for (size_t i = 0; i < p->scan.n_shards; i++)
		if (p->scan.shards[i].access == access)
			return true;
	return false;
}

static void
count_taken(const struct way *way, const struct plan *p, const struct profile *prof)
{
	bool yes = false;

	if (p == NULL || way->force == OPT_FORCE_NONE)
		return;
	switch (way->force) {
	case OPT_FORCE_FULL:
		yes = reads_by(p, ACCESS_FULL);
		break;
	case OPT_FORCE_ZONE:
		yes = reads_by(p, ACCESS_ZONE);
		break;
	case OPT_FORCE_SERVICE:
		yes = reads_by(p, ACCESS_SERVICE);
		break;
	case OPT_FORCE_TRACE:
		yes = reads_by(p, ACCESS_TRACE);
		break;
	case OPT_FORCE_INDEXES:
		yes = prof->index_lists > 0;
		break;
	case OPT_FORCE_TEXT:
		yes = prof->text_lists > 0;
		break;
	case OPT_FORCE_UNION:
	case OPT_FORCE_INTERSECTION:
		yes = prof->index_lists >= 2;
		break;
	case OPT_FORCE_COVERING:
		yes = reads_by(p, ACCESS_COVERING);
		break;
	case OPT_FORCE_LEVELS:	/* of a server: tests/clickhouse/test_ch_shadow.c */
	case OPT_FORCE_NONE:
		break;
	}
	if (way->force_leaves != 0)
		taken[N_OPT_FORCES] += prof->index_lists > 0;
	else
		taken[way->force] += yes;
}

static void
seen(void *arg, const struct way *way, const struct plan *p, const struct run_info *info)
{
	(void)arg;
	count_taken(way, p, &info->profile);
	count_sharp(way, p, info);
	count_grouped(way, p, info);
}

static int
answer(const char *path, const struct way *way, struct buf *out, struct err *e)
{
	return way_answer(en, path, way, out, seen, NULL, e);
}

static void
show(const char *title, const struct buf *b)
{
	print_message("%s (%zu bytes): %.*s\n", title, b->n, (int)(b->n < 1500 ? b->n : 1500),
	    b->p ? b->p : "");
}

/* What the plain plan gives. */
struct oracle {
	const char *path;
	struct buf bytes;
	int code;
	struct err err;
};

static void
ask_oracle(struct oracle *o, const char *path)
{
	const struct way plain = { .name = "plain", .rules_off = all_rules, .threads = 1 };

	o->path = path;
	o->err = (struct err)ERR_INIT;
	o->code = answer(path, &plain, &o->bytes, &o->err);
}

static void
agree(const struct oracle *o, const struct way *way)
{
	static struct buf got;
	struct err e = ERR_INIT;
	int code = answer(o->path, way, &got, &e);

	if (o->code != code)
		fail_msg("%s: plain gives %s (%s), %s gives %s (%s)", o->path,
		    err_name(o->code), o->err.msg, way->name, err_name(code), e.msg);
	if (code < 0)
		return;
	if (o->bytes.n != got.n || (got.n != 0 && memcmp(o->bytes.p, got.p, got.n) != 0)) {
		show("plain", &o->bytes);
		show(way->name, &got);
		fail_msg("%s: plain and %s differ", o->path, way->name);
	}
}

static const enum opt_force forces[] = { OPT_FORCE_FULL, OPT_FORCE_ZONE, OPT_FORCE_SERVICE,
	OPT_FORCE_TRACE, OPT_FORCE_INDEXES, OPT_FORCE_TEXT, OPT_FORCE_UNION,
	OPT_FORCE_INTERSECTION, OPT_FORCE_COVERING };
#define N_FORCES (sizeof forces / sizeof *forces)

/* In front of some queries: parts of texts that few values have. */
static const char *const texts[] = {
	"/where/span.text/contains/retry", "/where/span.text/re/%2E*again later.*",
	"/where/span.text/ends/7", "/where/text/contains/connection refused",
	"/where/span.text/re/(SELECT|insert).*refused,? again.*", "/text/retry please",
	"/any/where/span.text/contains/later,/where/event.note/contains/please/end",
	"/where/span.text/starts/table", "/where/span.text/contains/REFUSED",
	"/where/span.text/re/(?i).*LATER.*retry.*", "/where/span.text/contains/caf\xc3\xa9 x_y",
	"/any/where/span.text/re/%2E*api%2Fv2 http.*/where/span.user/starts/1/end",
	"/where/span.text/notcontains/to/where/span.text/contains/error", "/text/deadlock",
};

/*
 * In front of others: a user or several, by each name of the attribute. index_rig.h: those
 * below SOME_USERS are in two shards, those below ALL_USERS in one, others nowhere.
 */
#define FEW_SPANS 400
#define MANY_SPANS 1800
#define SOME_USERS (FEW_SPANS / 8)
#define ALL_USERS (MANY_SPANS / 8)

static void
put_user(struct buf *b, uint64_t id)
{
	buf_printf(b, "%08x-%04x", (unsigned)hash_u64(id), (unsigned)(id & 0xffff));
}

static void
put_lookup(struct buf *b, size_t i)
{
	static const char *const fields[] = { "span.user", "user" };
	uint64_t id = hash_u64(i) % (ALL_USERS + ALL_USERS / 3);
	size_t form = i % 5;

	if (form == 4)
		BUF_LIT(b, "/any/where/span.flag/eq/true");
	buf_printf(b, "/where/%s/%s/", fields[i / 5 % 2], form == 1 ? "in" : "eq");
	put_user(b, form == 2 ? id % SOME_USERS : id);
	if (form == 1) {
		buf_putc(b, ',');
		put_user(b, id / 3);
		BUF_LIT(b, ",nobody");
	} else if (form == 4)
		BUF_LIT(b, "/end");
}

static void
every_way_gives_the_same_bytes(void **state)
{
	const char *env = getenv("SPANFS_DIFF_QUERIES");
	long n = env != NULL ? strtol(env, NULL, 10) : 500;
	struct oracle o = { .bytes = BUF_INIT };
	struct buf path = BUF_INIT;
	uint64_t seed = 20261121;

	(void)state;
	for (long i = 0; i < n; i++) {
		const char *file = vocab_file((size_t)i);
		uint64_t off = (uint64_t)1 << (size_t)i % OPT_MAX_RULES;
		enum opt_force a = forces[(size_t)i % N_FORCES];
		enum opt_force b = i % 8 == 0 ? OPT_FORCE_TEXT :
		    forces[(size_t)(i / 3 * 5 + 3) % N_FORCES];
		const struct way ways[] = {
			{ .name = "all rules", .threads = 1, .cold = i % 10 == 0, .remembered = true },
			{ .name = "threads, decided", .threads = 4, .remembered = true },
			{ .name = "one rule off", .rules_off = off & all_rules, .threads = 1 },
			{ .name = "small batches", .batch_rows = i % 2 ? 1 : 7, .threads = 1 },
		};
		struct way forced[] = {
			{ .name = opt_force_name(a), .threads = 1, .force = a },
			{ .name = "path by force", .threads = 2, .force = b },
			{ .name = "one index", .threads = 1, .force = OPT_FORCE_ZONE,
			    .force_leaves = (uint64_t)1 << i % 4 },
		};

		path.n = 0;
		if (i % 4 == 0)
			buf_str(&path, texts[(size_t)i / 4 % (sizeof texts / sizeof *texts)]);
		else if (i % 4 == 2)
			put_lookup(&path, (size_t)i / 4);
		vocab.flags = vocab_file_flags(file);
		gen_path(&seed, &vocab, &path);
		if (path.n > 1 && path.p[path.n - 1] == '/')
			path.n--;
		if (path.n > 1)
			buf_putc(&path, '/');
		buf_str(&path, file);
		if (strstr(buf_cstr(&path), "/trace/") != NULL)
			forced[1].force = OPT_FORCE_TRACE;
		if (strcmp(file, "count") == 0)
			forced[0].force = OPT_FORCE_COVERING;
		ask_oracle(&o, buf_cstr(&path));
		for (size_t k = 0; k < sizeof ways / sizeof *ways; k++)
			if (k < 2 || (size_t)i % 3 == k % 3 || off <= all_rules)
				agree(&o, &ways[k]);
		for (size_t k = 0; k < sizeof forced / sizeof *forced; k++)
			agree(&o, &forced[k]);
	}
	print_message("%ld queries, each in up to 8 ways\n", n);
	print_message("one index taken %u times\n", taken[N_OPT_FORCES]);
	for (size_t k = 0; k < N_FORCES; k++)
		print_message("%s taken %u times\n", opt_force_name(forces[k]),
		    taken[forces[k]]);
	print_message("filters of values took out shards %u times, not all of them %u times\n",
	    sharp[0], sharp[1]);
	if (n >= 300) {
		assert_int_not_equal(sharp[0] - sharp[1], 0);
		assert_int_not_equal(sharp[1], 0);
		assert_int_not_equal(grouped[0], 0);
		assert_int_not_equal(grouped[1], 0);
	}
	for (size_t k = 0; k < N_FORCES && n >= 300; k++)
		assert_int_not_equal(taken[forces[k]], 0);
	if (n >= 300)
		assert_int_not_equal(taken[N_OPT_FORCES], 0);
	buf_release(&o.bytes);
	/* The second way of a query at the latest is by the decision that the first one left. */
	assert_true(decisioncache_stats(en->decisions).hits >= (uint64_t)n * 9 / 10);
	buf_release(&path);
}

/* A query and its canonical path are one query. */
static void
canonical_paths_give_the_same_bytes(void **state)
{
	const struct way all = { .name = "all rules", .threads = 1 };
	struct buf path = BUF_INIT, canon = BUF_INIT, a = BUF_INIT, b = BUF_INIT;
	uint64_t seed = 7;

	(void)state;
	for (int i = 0; i < (int)rounds_of(200); i++) {
		struct err err = ERR_INIT;
			int code, canon_code;

		path.n = 0;
		vocab.flags = GEN_PATH_ALL & ~GEN_PATH_SELECT;
		gen_path(&seed, &vocab, &path);
		if (path.n > 1)
			buf_putc(&path, '/');
		canon.n = path.n;
		buf_str(&path, "query");
		if (answer(buf_cstr(&path), &all, &canon, &err) < 0)
			continue;
		canon.n--;
		if (canon.n > 1)
			buf_putc(&canon, '/');
		buf_str(&canon, "spans.jsonl");
		path.n -= 5;
		buf_str(&path, "spans.jsonl");
		/* Its escapes may make a name too long for a path. */
		code = answer(buf_cstr(&path), &all, &a, &err);
		canon_code = answer(buf_cstr(&canon), &all, &b, &err);
		/* A service that nobody knows is refused once it stands in no group any more. */
		if (code == 0 && canon_code == ERR_UNKNOWN && a.n == 0)
			continue;
		if (code != canon_code)
			fail_msg("%s and its canonical path %s: %s", buf_cstr(&path),
			    buf_cstr(&canon), err.msg);
		if (a.n != b.n || (a.n != 0 && memcmp(a.p, b.p, a.n) != 0))
			fail_msg("%s and its canonical path %s differ", buf_cstr(&path),
			    buf_cstr(&canon));
	}
	buf_release(&path);
	buf_release(&canon);
	buf_release(&a);
	buf_release(&b);
}

/* Attributes that have indexes, which queries ask for about as often as for all others. */
static const char *const indexed[] = { "span.code", "code", "span.request", "request",
	"span.text", "text", "span.user", "user", "event.note", "span.flag" };
#define MORE_INDEXED 12
#define FULL_HOUR (STORE_RIG_START + UINT64_C(1000000000000))	/* of theirs: one shard */

static bool
is_indexed(struct sv field)
{
	for (size_t i = 0; i < sizeof indexed / sizeof *indexed; i++)
		if (sv_is(field, indexed[i]))
			return true;
	return false;
}

static void
ask_indexed(void)
{
	struct vocab_attr *v = arena_array(&words, vocab.n_attrs * (MORE_INDEXED + 1),
	    struct vocab_attr);
	size_t n = 0, n_found = 0;

	assert_non_null(v);
	for (size_t i = 0; i < vocab.n_attrs; i++) {
		bool more = is_indexed(vocab.attrs[i].field);

		n_found += more;
		for (size_t k = 0; k < (more ? MORE_INDEXED : 1); k++)
			v[n++] = vocab.attrs[i];
	}
	assert_true(n_found >= 5);
	vocab.attrs = v;
	vocab.n_attrs = n;
}

static int
setup(void **state)
{
	const char *sets[] = { "query.threads=4" };
	struct err err = ERR_INIT;
	struct span_batch b;

	(void)state;
	store_rig_init(&rig, 11, 3000, 3, 3, 256);
	span_batch_init(&b);
	index_spans(&b, MANY_SPANS, FULL_HOUR, 12);
	store_rig_add(&rig, &b, 256);
	span_batch_release(&b);
	span_batch_init(&b);
	index_spans(&b, FEW_SPANS, FULL_HOUR + NS_PER_HOUR, 13);
	store_rig_add(&rig, &b, 256);
	span_batch_release(&b);
	all_rules = way_all_rules();
	if (conf_load(NULL, sets, 1, &conf, &err) < 0 ||
	    engine_open(conf, rig.dir, false, &en, &err) < 0) {
		print_message("%s\n", err.msg);
		return -1;
	}
	arena_init(&words);
	store_vocab(en, &rig, &words, &vocab);
	ask_indexed();
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

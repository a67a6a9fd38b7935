/* SPDX-License-Identifier: ISC */
/*
 * Binding asks the store what a name means: whether `spans` is an attribute or the trace's
 * number of spans, and what stands behind the alias of a long value or field. Rare attributes
 * and failing allocations never make it another name: it is the right one, or there is an
 * error for want of memory. Links with --wrap: see tests/lib/fault_malloc.h.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/hash.h"
#include "base/limits.h"
#include "engine/engine_i.h"
#include "lib/fault_malloc.h"
#include "lib/span_rows.h"
#include "lib/store_rig.h"
#include "query/name.h"
#include "shard/shard_format.h"

#define KEYS (LIMIT_SHARD_COLUMNS + 50)
#define MOST 600	/* more allocations than a bind has */

static struct store_rig rig;
static char long_text[400];

static void
ok(int rc, const struct err *e)
{
	if (rc != 0)
		fail_msg("%s", e->msg);
}

static void *
must(void *p)
{
	assert_non_null(p);
	return p;
}

static void
put(struct span *s, const char *key, struct value v)
{
	s->attrs.v[s->attrs.n++] = (struct attr){ sv_cstr(key), v };
}

/* Two spans with more keys than a shard has columns; one of them has the rarest of all. */
static void
store_init(struct store_rig *r, const char *rare)
{
	struct span_batch b;

	span_batch_init(&b);
	store_rig_init(r, 1, 0, 1, 0, 64);
	for (unsigned k = 0; k < 2; k++) {
		struct span *s = must(span_batch_add(&b));

		*s = (struct span){ .trace_id = { 1, 1 }, .span_id = k + 1,
		    .start_ns = STORE_RIG_START, .end_ns = STORE_RIG_START + 1,
		    .name = SV("work"), .resource = resource_of(&b.arena, "web"),
		    .scope = must(arena_calloc(&b.arena, 1, sizeof(struct scope))) };
		s->attrs.v = must(arena_array(&b.arena, KEYS + 3, struct attr));
		put(s, "a_text", val_str(long_text));
		put(s, long_text, val_int(1));
		for (unsigned i = 0; i < KEYS; i++)
			put(s, must(arena_printf(&b.arena, "k%05u", i)), val_int(1));
		if (k == 0)
			put(s, rare, val_str("x"));
	}
	store_rig_add(r, &b, 64);
	span_batch_release(&b);
}

static struct engine *
engine_of(struct store_rig *r)
{
	const char *sets[] = { "query.threads=1", "browse.strict_names=no" };
	struct err e = ERR_INIT;
	struct engine *en;
	struct conf *conf;

	ok(conf_load(NULL, sets, 2, &conf, &e), &e);
	ok(engine_open(conf, r->dir, false, &en, &e), &e);
	return en;
}

static void
engine_gone(struct engine *en)
{
	struct conf *conf = (struct conf *)(uintptr_t)en->conf;

	engine_close(en);
	conf_free(conf);
}

/* The canonical path of a query in a fresh engine, the nth allocation failing; or the code. */
static int
bind_in(struct store_rig *r, const char *path, uint64_t nth, bool persist, struct buf *out)
{
	struct engine *en = engine_of(r);
	struct request *rq = NULL;
	struct err e = ERR_INIT;
	struct path *p;
	struct sv file;
	int rc;

	out->n = 0;
	ok(path_parse(sv_cstr(path), engine_known_file, &p, &file, &e), &e);
	fault_malloc_start(nth, persist);
	rc = request_new(en, p, file, &rq, &e);
	(void)fault_malloc_stop();
	if (rc == 0) {
		buf_sv(out, rq->query->canonical);
		request_free(rq);
	}
	path_unref(p);
	engine_gone(en);
	return rc;
}

static void
right_or_no_memory(const char *path, const char *canonical)
{
	struct buf got = BUF_INIT;
	size_t failed = 0;

	for (int persist = 0; persist < 2; persist++)
		for (uint64_t nth = 0; nth <= MOST; nth++) {
			int rc = bind_in(&rig, path, nth, persist, &got);

			failed += rc != 0;
			if (rc != 0 && rc != ERR_NOMEM)
				fail_msg("%s: %d (allocation %d)", path, rc, (int)nth);
			else if (rc == 0 && !sv_is(buf_view(&got), canonical))
				fail_msg("%s is %s (allocation %d)", path, buf_cstr(&got),
				    (int)nth);
			assert_true(rc == 0 || nth != 0);
		}
	assert_true(failed > 20);
	buf_release(&got);
}

static void
a_rare_attribute_is_meant_by_its_name(void **state)
{
	(void)state;
	right_or_no_memory("/where/spans/eq/x/count", "/where/spans/eq/x");
}

static void
a_key_of_files_is_a_field_where_no_span_has_it(void **state)
{
	(void)state;
	right_or_no_memory("/where/errors/eq/1/count", "/where/trace_errors/eq/1");
}

static void
aliases_are_found_or_memory_is_short(void **state)
{
	struct buf alias = BUF_INIT, path = BUF_INIT, want = BUF_INIT;

	(void)state;
	name_alias(&alias, sv_cstr(long_text));
	buf_printf(&path, "/where/%.*s/eq/1/count", SV_ARG(buf_view(&alias)));
	buf_printf(&want, "/where/%s/eq/1", long_text);
	right_or_no_memory(buf_cstr(&path), buf_cstr(&want));
	path.n = want.n = 0;
	buf_printf(&path, "/where/a_text/eq/%.*s/count", SV_ARG(buf_view(&alias)));
	buf_printf(&want, "/where/a_text/eq/%s", long_text);
	right_or_no_memory(buf_cstr(&path), buf_cstr(&want));
	buf_release(&alias);
	buf_release(&path);
	buf_release(&want);
}

/* How many entries there are; or the code. */
static int
list_in(const char *path, uint64_t nth, bool persist, size_t *n)
{
	struct engine *en = engine_of(&rig);
	struct err e = ERR_INIT;
	struct entry *v;
	struct arena a;
	struct path *p;
	struct sv file;
	int rc;

	arena_init(&a);
	ok(path_parse(sv_cstr(path), engine_known_file, &p, &file, &e), &e);
	fault_malloc_start(nth, persist);
	rc = engine_list(en, p, &a, &v, n, &e);
	(void)fault_malloc_stop();
	path_unref(p);
	arena_release(&a);
	engine_gone(en);
	return rc;
}

/* The prefix asks what `spans` is: without memory it is not passed over. */
static void
directories_are_whole_or_memory_is_short(void **state)
{
	static const char *const paths[] = { "/where/spans/eq/x", "/where/spans/eq/x/name",
	    "/where/spans/eq/x/service", "/where/spans/eq/x/on" };

	(void)state;
	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
		size_t all, n, failed = 0;

		assert_int_equal(list_in(paths[i], 0, false, &all), 0);
		assert_true(all > 0);
		for (int persist = 0; persist < 2; persist++)
			for (uint64_t nth = 1; nth <= MOST; nth++) {
				int rc = list_in(paths[i], nth, persist, &n);

				failed += rc != 0;
				if (rc == 0)
					assert_int_equal(n, all);
				else
					assert_int_equal(rc, ERR_NOMEM);
			}
		assert_true(failed > 20);
	}
}

/* ---- shards made before such keys had columns ---- */

/* Takes the feature bit out of a shard file. */
static void
make_old(const char *dir, const char *file)
{
	uint8_t root[24 + SHARD_HEADER_BYTES], hash[8];
	char path[400];
	uint64_t h;
	FILE *f;

	snprintf(path, sizeof path, "%s/%s", dir, file);
	f = must(fopen(path, "r+"));
	assert_int_equal(fread(root + 24, SHARD_HEADER_BYTES, 1, f), 1);
	assert_true((root[24 + 16] & SHARD_COMPAT_SHOWN) != 0);
	root[24 + 16] &= (uint8_t)~SHARD_COMPAT_SHOWN;
	h = hash64(root + 24, 24);
	memcpy(root + 24 + 24, &h, 8);
	assert_int_equal(fseek(f, -SHARD_TRAILER_BYTES, SEEK_END), 0);
	assert_int_equal(fread(root, 24, 1, f), 1);
	h = hash64(root, sizeof root);
	memcpy(hash, &h, 8);
	assert_int_equal(fseek(f, -SHARD_TRAILER_BYTES + 24, SEEK_END), 0);
	assert_int_equal(fwrite(hash, 8, 1, f), 1);
	assert_int_equal(fseek(f, 0, SEEK_SET), 0);
	assert_int_equal(fwrite(root + 24, SHARD_HEADER_BYTES, 1, f), 1);
	assert_int_equal(fclose(f), 0);
}

static bool
rest_has(struct store_rig *r, const char *key, bool old)
{
	struct catalog_options o = { .cache_bytes = 1 << 22 };
	const struct snapshot *snap;
	const struct stats *st;
	struct err e = ERR_INIT;
	struct catalog *c;
	struct arena a;
	bool has;

	arena_init(&a);
	ok(catalog_open(r->dir, &o, &c, &e), &e);
	ok(catalog_snapshot(c, &snap, &e), &e);
	assert_int_equal(snap->n_shards, 1);
	if (old)
		make_old(r->dir, snap->shards[0].file);
	ok(stats_load(snap, TIME_RANGE_ALL, NULL, &a, &st, &e), &e);
	assert_false(st->shards[0].all_keys);
	ok(catalog_rest_key(snap, st, sv_cstr(key), &has, &e), &e);
	snapshot_unref(snap);
	catalog_close(c);
	arena_release(&a);
	return has;
}

static void
old_shards_are_read(void **state)
{
	struct store_rig r;

	(void)state;
	store_init(&r, "zz_rare");
	assert_false(rest_has(&r, "zz_rare", false));
	assert_true(rest_has(&r, "zz_rare", true));
	assert_false(rest_has(&r, "zz_rarer", false));
	store_rig_release(&r);
}

static int
setup(void **state)
{
	(void)state;
	memset(long_text, 'j', sizeof long_text - 1);
	store_init(&rig, "spans");
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	store_rig_release(&rig);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_rare_attribute_is_meant_by_its_name),
		cmocka_unit_test(a_key_of_files_is_a_field_where_no_span_has_it),
		cmocka_unit_test(aliases_are_found_or_memory_is_short),
		cmocka_unit_test(directories_are_whole_or_memory_is_short),
		cmocka_unit_test(old_shards_are_read),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}

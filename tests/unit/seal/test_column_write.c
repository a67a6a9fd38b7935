/* SPDX-License-Identifier: ISC */
/* column_write: the encoding, presence and statistics that each kind of column gets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/hash.h"
#include "lib/fsys_mem.h"
#include "shard/chunk.h"
#include "shard/chunkcache.h"
#include "seal/memtable.h"

#define HOUR (3600 * UINT64_C(1000000000))
#define NOW (UINT64_C(490000) * HOUR)

struct table {
	struct span_batch batch;
	struct memtable *mt;
	struct fsys *fs;
	struct chunkcache *cache;
	struct shard *shard;
};

static void
table_begin(struct table *t, uint32_t n, uint32_t group_rows)
{
	struct shard_options opts = { .row_group_rows = group_rows, .compression_level = 1,
	    .top_values = 3 };
	struct err e = ERR_INIT;

	memset(t, 0, sizeof *t);
	span_batch_init(&t->batch);
	assert_int_equal(memtable_new(&opts, NOW, &t->mt, &e), 0);
	assert_int_equal(chunkcache_new(1 << 20, &t->cache, &e), 0);
	assert_non_null(t->fs = fsys_mem());
	for (uint32_t i = 0; i < n; i++) {
		struct span *s = span_batch_add(&t->batch);

		assert_non_null(s);
		*s = (struct span){ .trace_id = { 1, 1 + i / 10 }, .span_id = i + 1,
		    .start_ns = NOW + i, .name = SV("n") };
		s->resource = arena_new(&t->batch.arena, struct resource);
		s->scope = arena_new(&t->batch.arena, struct scope);
		s->attrs.v = arena_array(&t->batch.arena, 16, struct attr);
		assert_true(s->resource != NULL && s->scope != NULL && s->attrs.v != NULL);
	}
}

/* Row i gets it: rows are in order of start. */
static void
set(struct table *t, uint32_t i, struct sv key, struct value v)
{
	struct attrs *a = &t->batch.spans[i].attrs;

	assert_true(a->n < 16);
	a->v[a->n++] = (struct attr){ key, v };
}

static struct value
num(uint64_t v)
{
	return (struct value){ .type = VAL_INT, .i = (int64_t)v };
}

static struct value
text(struct sv s)
{
	return (struct value){ .type = VAL_STRING, .s = s };
}

static struct value
text_of(struct table *t, const char *what, uint64_t i)
{
	return text(sv_cstr(arena_printf(&t->batch.arena, "%s%llu", what,
	    (unsigned long long)i)));
}

static void
table_seal(struct table *t)
{
	struct shard_entry entry;
	struct err e = ERR_INIT;

	for (size_t i = 0; i < t->batch.n; i++) {
		attrs_normalize(&t->batch.spans[i].attrs);
		assert_int_equal(memtable_append(t->mt, &t->batch.spans[i], &e), 0);
	}
	if (memtable_seal(t->mt, 0, t->fs, "s", &entry, &e) != 0 ||
	    shard_open(t->fs, "s", t->cache, &t->shard, &e) != 0)
		fail_msg("%s", e.msg);
}

static void
table_end(struct table *t)
{
	shard_unref(t->shard);
	chunkcache_free(t->cache);
	memtable_free(t->mt);
	fsys_free(t->fs);
	span_batch_release(&t->batch);
}

static const struct column *
column(struct table *t, struct sv key)
{
	const struct column *c;

	assert_int_equal(shard_attr(t->shard, ATTR_SPAN, key, &c), 1);
	return c;
}

static void
check_chunk(struct table *t, struct sv key, enum chunk_encoding encoding,
    enum chunk_presence presence, uint32_t n_present)
{
	const struct chunk *c;
	struct err e = ERR_INIT;

	assert_int_equal(chunk_get(t->shard, column(t, key), 0, &c, &e), 0);
	assert_non_null(c);
	assert_int_equal(c->encoding, encoding);
	assert_int_equal(c->presence, presence);
	assert_int_equal(c->n_present, n_present);
	chunk_put(c);
}

static void
the_smallest_encoding_is_taken(void **state)
{
	struct table t;

	(void)state;
	table_begin(&t, 1000, 1000);
	for (uint32_t i = 0; i < 1000; i++) {
		set(&t, i, SV("const"), num(7));
		set(&t, i, SV("runs"), num(i / 100 * 1000));
		set(&t, i, SV("small"), num(hash_u64(i) % 200));
		set(&t, i, SV("wide"), num(hash_u64(i)));
		set(&t, i, SV("unique"), text_of(&t, "u", hash_u64(i)));
		set(&t, i, SV("few"), text_of(&t, "f", hash_u64(i) % 5));
		if (i % 100 == 0)
			set(&t, i, SV("rare"), num(i));
		if (i % 2 == 0)
			set(&t, i, SV("half"), (struct value){ .type = VAL_BOOL, .b = true });
	}
	table_seal(&t);
	check_chunk(&t, SV("const"), ENC_CONST, PRESENT_ALL, 1000);
	check_chunk(&t, SV("runs"), ENC_RLE, PRESENT_ALL, 1000);
	check_chunk(&t, SV("small"), ENC_PACK, PRESENT_ALL, 1000);
	check_chunk(&t, SV("wide"), ENC_RAW64, PRESENT_ALL, 1000);
	check_chunk(&t, SV("unique"), ENC_BYTES, PRESENT_ALL, 1000);
	check_chunk(&t, SV("few"), ENC_PACK, PRESENT_ALL, 1000);
	check_chunk(&t, SV("rare"), ENC_PACK, PRESENT_LIST, 10);
	check_chunk(&t, SV("half"), ENC_CONST, PRESENT_BITMAP, 500);
	assert_int_equal(column(&t, SV("unique"))->kind, COLUMN_BYTES);
	assert_int_equal(column(&t, SV("few"))->kind, COLUMN_DICT);
	table_end(&t);
}

static void
a_dictionary_is_in_byte_order(void **state)
{
	static const char *const want[] = { "", "\x01", "a", "a b", "ab", "abcdefgh", "abcdefgh\x01",
	    "abcdefghi", "b", "\xff" };
	const struct dict *d;
	struct err e = ERR_INIT;
	struct table t;

	(void)state;
	table_begin(&t, 600, 1000);
	for (uint32_t i = 0; i < 600; i++)
		set(&t, i, SV("k"), text(sv_cstr(want[hash_u64(i) % 10])));
	table_seal(&t);
	assert_int_equal(dict_get(t.shard, column(&t, SV("k")), &d, &e), 0);
	assert_int_equal(d->n, 10);
	for (uint32_t i = 0; i < 10; i++)
		assert_true(sv_is(dict_at(d, i), want[i]));
	dict_put(d);
	table_end(&t);
}

static void
chunks_without_values_are_left_out(void **state)
{
	struct table t;

	(void)state;
	table_begin(&t, 1000, 100);
	for (uint32_t i = 300; i < 400; i++)
		set(&t, i, SV("k"), num(i));
	table_seal(&t);
	for (uint32_t g = 0; g < 10; g++) {
		struct zone z = shard_zone(t.shard, column(&t, SV("k")), g);

		assert_int_equal(z.n_present, g == 3 ? 100 : 0);
		if (g == 3) {
			assert_true(z.min == value_image_i64(300));
			assert_true(z.max == value_image_i64(399));
		}
	}
	table_end(&t);
}

static void
top_values_are_the_most_frequent(void **state)
{
	const struct column *c;
	char big[200];
	struct table t;

	(void)state;
	memset(big, 'x', sizeof big);
	table_begin(&t, 1000, 1000);
	for (uint32_t i = 0; i < 1000; i++) {
		set(&t, i, SV("num"), num(i < 500 ? 1 : i < 800 ? 2 : i < 900 ? 3 : i));
		set(&t, i, SV("text"), i < 600 ? text(sv_new(big, sizeof big)) :
		    text_of(&t, "t", i % 200));
		set(&t, i, SV("unique"), num(i));
		if (i < 2)
			set(&t, i, SV("two"), text_of(&t, "t", i));
	}
	table_seal(&t);
	c = column(&t, SV("num"));
	assert_int_equal(c->n_distinct, 103);
	assert_true(c->has_range && c->min == value_image_i64(1) &&
	    c->max == value_image_i64(999));
	assert_int_equal(c->n_top, 3);
	for (int64_t i = 0; i < 3; i++)
		assert_true(c->top[i].val.type == VAL_INT && c->top[i].val.i == i + 1);
	assert_int_equal(c->top[0].n_rows, 500);
	assert_int_equal(c->top[2].n_rows, 100);
	c = column(&t, SV("text"));
	assert_int_equal(c->n_distinct, 201);
	assert_true(c->top[0].cut && c->top[0].val.s.n == SHARD_TOP_BYTES);
	assert_int_equal(c->top[0].n_rows, 600);
	assert_false(c->top[1].cut);
	assert_int_equal(c->top[1].n_rows, 2);
	/* Once each says nothing, unless it is all there is. */
	assert_int_equal(column(&t, SV("unique"))->n_top, 0);
	assert_int_equal(column(&t, SV("two"))->n_top, 2);
	table_end(&t);
}

static void
many_distinct_numbers_are_estimated(void **state)
{
	uint64_t n = 30000, got;
	struct table t;

	(void)state;
	table_begin(&t, (uint32_t)n * 2, 16384);
	for (uint32_t i = 0; i < n * 2; i++)
		set(&t, i, SV("k"), num(hash_u64(i % n)));
	table_seal(&t);
	got = column(&t, SV("k"))->n_distinct;
	assert_true(got > n * 97 / 100 && got < n * 103 / 100);
	table_end(&t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_smallest_encoding_is_taken),
		cmocka_unit_test(a_dictionary_is_in_byte_order),
		cmocka_unit_test(chunks_without_values_are_left_out),
		cmocka_unit_test(top_values_are_the_most_frequent),
		cmocka_unit_test(many_distinct_numbers_are_estimated),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: ISC */
/*
 * Tests of the Bloom filters of columns: each value of the spans is in its column's filter and
 * few others are; which columns have none; and damaged sections, with and without true
 * checksums.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/bloom.h"
#include "lib/index_rig.h"
#include "lib/rounds.h"
#include "check/check.h"
#include "catalog/catalog.h"
#include "shard/colbloom.h"
#include "shard/shard_i.h"

#define LEFT_OUT "not what the column's values say"

static void
ok(int rc, const struct err *e)
{
	if (rc != 0)
		fail_msg("%s (%s)", e->msg, err_name(rc));
}

static const struct column *
strings_of(const struct shard *s, enum attr_scope scope, struct sv key)
{
	const struct column *c;
	size_t n = shard_attr(s, scope, key, &c);

	for (size_t i = 0; i < n; i++)
		if (c[i].type == VAL_STRING)
			return &c[i];
	return NULL;
}

/* ---- what spans have is there ---- */

struct seen {
	struct shard *shard;
	size_t n_values, n_dict, n_bytes, n_events, n_links;
};

static void
value_is_there(struct seen *x, enum attr_scope scope, const struct attr *a)
{
	const struct column *c = strings_of(x->shard, scope, a->key);
	const struct colbloom *b;
	const uint8_t *bits;
	struct err e = ERR_INIT;
	size_t bytes;

	if (a->val.type != VAL_STRING || c == NULL)
		return;
	ok(colbloom_get(x->shard, c, &b, &e), &e);
	assert_int_equal(b != NULL, c->bloom_bytes != 0);
	if (b == NULL)
		return;
	bits = colbloom_bits(b, &bytes);
	assert_int_equal(bytes, c->bloom_bytes);
	assert_true(bytes >= 32 && bytes % 32 == 0);
	if (!bloom_may_have(bits, bytes, hash64(a->val.s.p, a->val.s.n)))
		fail_msg("%.*s: \"%.*s\" is left out", SV_ARG(a->key), SV_ARG(a->val.s));
	colbloom_put(b);
	x->n_values++;
	x->n_dict += c->kind == COLUMN_DICT;
	x->n_bytes += c->kind == COLUMN_BYTES;
	x->n_events += c->domain == DOMAIN_EVENT;
	x->n_links += c->domain == DOMAIN_LINK;
}

static void
all_are_there(struct seen *x, enum attr_scope scope, const struct attrs *a)
{
	for (uint32_t i = 0; i < a->n; i++)
		value_is_there(x, scope, &a->v[i]);
}

static void
every_value_is_in_its_column_s_filter(void **state)
{
	struct shard_rig rig;
	struct seen x = { 0 };

	(void)state;
	index_rig_init_notes(&rig, 3000, 1000, 100, 3);
	x.shard = rig.shard;
	for (size_t i = 0; i < rig.spans.n; i++) {
		const struct span *s = &rig.spans.spans[i];

		all_are_there(&x, ATTR_SPAN, &s->attrs);
		for (uint32_t k = 0; k < s->n_events; k++)
			all_are_there(&x, ATTR_EVENT, &s->events[k].attrs);
		for (uint32_t k = 0; k < s->n_links; k++)
			all_are_there(&x, ATTR_LINK, &s->links[k].attrs);
	}
	assert_true(x.n_dict > 1000 && x.n_bytes > 1000 && x.n_events > 500);
	rig_release(&rig);
}

static void
few_others_are_there(void **state)
{
	static const char *const keys[] = { "request", "text", "user" };
	struct shard_rig rig;
	struct err e = ERR_INIT;

	(void)state;
	index_rig_init(&rig, 6000, 2000, 100, 4);
	for (size_t k = 0; k < 3; k++) {
		const struct column *c = strings_of(rig.shard, ATTR_SPAN, sv_cstr(keys[k]));
		const struct colbloom *b;
		const uint8_t *bits;
		size_t bytes, n = 0;

		assert_non_null(c);
		ok(colbloom_get(rig.shard, c, &b, &e), &e);
		assert_non_null(b);
		bits = colbloom_bits(b, &bytes);
		/* About 10 bits a value. */
		assert_true(bytes <= c->n_distinct * 2 + 64);
		for (uint64_t i = 0; i < 10000; i++) {
			char text[32];
			int len = snprintf(text, sizeof text, "nobody-%llu", (unsigned long long)i);

			n += bloom_may_have(bits, bytes, hash64(text, (size_t)len));
		}
		assert_true(n < 300);
		colbloom_put(b);
	}
	rig_release(&rig);
}

/* ---- who has none ---- */

struct having {
	size_t n_few, n_numbers, n_filters, n_fixed;
};

static void
count_filters(struct having *h, size_t n_spans)
{
	const struct shard_info *info;
	struct shard_rig rig;

	index_rig_init_notes(&rig, n_spans, 1000, 100, 5);
	info = shard_info(rig.shard);
	for (size_t i = 0; i < info->n_columns; i++) {
		const struct column *c = &info->columns[i];
		bool strings = c->id == COL_ATTR && c->type == VAL_STRING;
		bool many = c->n_distinct > SHARD_TOP_VALUES;

		h->n_few += strings && !many;
		h->n_numbers += c->id == COL_ATTR && !strings && many;
		h->n_fixed += c->id != COL_ATTR && many;
		h->n_filters += c->bloom_bytes != 0;
		assert_int_equal(c->bloom_bytes != 0, strings && many);
	}
	assert_true(rig.shard->compat & SHARD_COMPAT_BLOOM);
	rig_release(&rig);
}

static void
few_values_and_numbers_have_none(void **state)
{
	struct having h = { 0 };

	(void)state;
	count_filters(&h, 3000);
	count_filters(&h, 100);
	assert_true(h.n_few > 0 && h.n_numbers > 0 && h.n_filters > 4 && h.n_fixed > 0);
}

static void
a_shard_without_a_budget_has_none(void **state)
{
	const struct shard_info *info;
	struct shard_rig rig;
	struct err e = ERR_INIT;

	(void)state;
	index_rig_init(&rig, 2000, 1000, 0, 6);
	info = shard_info(rig.shard);
	for (size_t i = 0; i < info->n_columns; i++) {
		const struct colbloom *b;

		ok(colbloom_get(rig.shard, &info->columns[i], &b, &e), &e);
		assert_null(b);
		colbloom_put(b);
		assert_int_equal(info->columns[i].bloom_bytes, 0);
	}
	assert_false(rig.shard->compat & SHARD_COMPAT_BLOOM);
	rig_release(&rig);
}

/* ---- damage ---- */

static void
a_flipped_byte_is_refused_with_its_place(void **state)
{
	const struct column *c;
	const struct colbloom *b;
	const struct section *sec;
	struct shard_rig rig;
	struct err e = ERR_INIT;

	(void)state;
	index_rig_init(&rig, 2000, 1000, 100, 7);
	c = strings_of(rig.shard, ATTR_SPAN, SV("user"));
	assert_non_null(c);
	sec = &rig.shard->sections[rig.shard->bloom_section[c->index]];
	for (uint32_t at = 0; at < sec->n_stored; at += sec->n_stored / 7 + 1) {
		rig.bytes.p[sec->off + at] ^= 0x10;
		assert_int_equal(colbloom_get(rig.shard, c, &b, &e), ERR_CORRUPT);
		assert_null(b);
		assert_true(e.off == (int64_t)sec->off);
		assert_non_null(strstr(e.msg, "Bloom filter"));
		rig.bytes.p[sec->off + at] ^= 0x10;
	}
	/* That it was refused is not remembered. */
	ok(colbloom_get(rig.shard, c, &b, &e), &e);
	assert_non_null(b);
	colbloom_put(b);
	rig_release(&rig);
}

static void
check_finds_values_that_are_left_out(void **state)
{
	struct index_flips f;

	(void)state;
	index_flips_init(&f, SECTION_COLUMN_BLOOM);
	f.every = rounds_step();
	index_flips_run(&f);
	assert_true(f.n_sections >= 3);
	/* Any bits are a filter; one more takes nothing away, one less leaves out a value. */
	assert_int_equal(f.n_refused, 0);
	assert_true(f.n_found > f.n_flips / 4);
	assert_true(f.n_found < f.n_flips);
	index_flips_release(&f);
}

static void
a_damaged_entry_is_refused_or_found(void **state)
{
	struct index_flips f;

	(void)state;
	index_flips_init(&f, SECTION_COLUMN_BLOOM);
	index_flips_footer(&f);
	assert_true(f.n_sections >= 3 && f.n_flips > f.n_sections * 60);
	assert_true(f.n_refused > f.n_flips * 3 / 4);
	assert_int_equal(f.n_found, f.n_flips);
	index_flips_release(&f);
}

struct report {
	const char *looked_for;
	unsigned n, n_such;
};

static void
on_bad(void *arg, const char *file, int64_t off, const char *why)
{
	struct report *r = arg;

	(void)file;
	assert_true(off > 0);
	r->n++;
	r->n_such += r->looked_for != NULL && strstr(why, r->looked_for) != NULL;
}

/* 0, or the code of the first filter that can't be read. */
static int
read_filters(struct sv file, struct report *r, struct err *e)
{
	struct chunkcache *cache;
	struct fsys_bytes fs;
	struct shard *s;
	uint64_t n;
	int rc;

	fsys_bytes_init(&fs);
	fsys_bytes_set(&fs, RIG_FILE, file);
	ok(chunkcache_new(1u << 20, &cache, e), e);
	ok(shard_open(&fs.fs, RIG_FILE, cache, &s, e), e);
	rc = index_walk(s, e);
	shard_unref(s);
	chunkcache_free(cache);
	ok(shard_check(&fs.fs, RIG_FILE, on_bad, r, &n, e), e);
	return rc;
}

/* Of the section that index_flips_cut takes. */
static size_t
first_bytes(const struct shard *s)
{
	for (uint32_t i = 0; i < s->n_sections; i++)
		if (s->sections[i].kind == SECTION_COLUMN_BLOOM)
			return s->sections[i].n_raw;
	fail();
	return 0;
}

static void
sizes_are_multiples_of_32(void **state)
{
	struct report r = { .looked_for = "no multiple of 32" };
	struct index_flips f;
	struct err e = ERR_INIT;
	size_t whole;

	(void)state;
	index_flips_init(&f, SECTION_COLUMN_BLOOM);
	whole = first_bytes(f.rig.shard);
	ok(read_filters(index_flips_cut(&f, whole, false), &r, &e), &e);
	assert_int_equal(r.n, 0);
	for (size_t less = 1; less < 32; less += 6) {
		r.n_such = 0;
		assert_int_equal(read_filters(index_flips_cut(&f, whole - less, false), &r, &e),
		    ERR_CORRUPT);
		assert_non_null(strstr(e.msg, r.looked_for));
		assert_int_equal(r.n_such, 1);
	}
	/* Of a right size, but not that of these values: read, and found by the check. */
	r = (struct report){ .looked_for = LEFT_OUT };
	ok(read_filters(index_flips_cut(&f, whole - 32, false), &r, &e), &e);
	assert_int_equal(r.n_such, 1);
	index_flips_release(&f);
}

static void
check_finds_an_empty_filter(void **state)
{
	struct report r = { .looked_for = LEFT_OUT };
	struct index_flips f;
	struct err e = ERR_INIT;

	(void)state;
	index_flips_init(&f, SECTION_COLUMN_BLOOM);
	ok(read_filters(index_flips_cut(&f, first_bytes(f.rig.shard), true), &r, &e), &e);
	assert_int_equal(r.n, 1);
	assert_int_equal(r.n_such, 1);
	index_flips_release(&f);
}

static void
readers_that_do_not_know_it_pass_it_over(void **state)
{
	struct report r = { 0 };
	struct index_flips f;
	struct err e = ERR_INIT;

	(void)state;
	index_flips_init(&f, SECTION_COLUMN_BLOOM);
	ok(read_filters(index_flips_unknown(&f, true), &r, &e), &e);
	assert_int_equal(r.n, 0);
	index_flips_release(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_value_is_in_its_column_s_filter),
		cmocka_unit_test(few_others_are_there),
		cmocka_unit_test(few_values_and_numbers_have_none),
		cmocka_unit_test(a_shard_without_a_budget_has_none),
		cmocka_unit_test(a_flipped_byte_is_refused_with_its_place),
		cmocka_unit_test(check_finds_values_that_are_left_out),
		cmocka_unit_test(a_damaged_entry_is_refused_or_found),
		cmocka_unit_test(sizes_are_multiples_of_32),
		cmocka_unit_test(check_finds_an_empty_filter),
		cmocka_unit_test(readers_that_do_not_know_it_pass_it_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

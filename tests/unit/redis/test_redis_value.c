/* SPDX-License-Identifier: ISC */
/* Unit tests of redis/redis_value: only what was sealed under a secret and a key is opened by them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/visible.h"
#include "redis/redis.h"
#include "redis/value_i.h"
#include "shard/codec.h"

#define MAX (1u << 20)

static const unsigned char secret[REDIS_SECRET_BYTES] = "thirty-two bytes of some secret";
static const unsigned char other_secret[REDIS_SECRET_BYTES] = "thirty-two bytes of some secreT";

static struct value_keys
keys(const char *key)
{
	return (struct value_keys){ secret, sv_cstr(key) };
}

static void
seal(const char *key, struct sv content, struct buf *out)
{
	struct value_keys k = keys(key);

	assert_int_equal(value_seal(&k, content, out, NULL), 0);
}

static int
open_as(const char *key, struct sv stored, struct buf *out)
{
	struct value_keys k = keys(key);

	out->n = 0;
	return value_open(&k, stored, MAX, out, NULL);
}

/* Some text of n bytes. */
static struct sv
text(struct buf *b, size_t n)
{
	for (size_t i = 0; b->n < n; i++)
		buf_printf(b, "line %zu of some text that is much like the others\n", i);
	b->n = n;
	return buf_view(b);
}

static void
what_was_sealed_is_opened(void **state)
{
	static const size_t sizes[] = { 0, 1, 47, 48, 100, 5000, 100000, MAX };

	(void)state;
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		struct buf b = BUF_INIT, v = BUF_INIT, out = BUF_INIT;
		struct sv content = text(&b, sizes[i]);

		seal("key", content, &v);
		assert_true(v.n <= content.n + VALUE_EXTRA_BYTES);
		assert_int_equal(open_as("key", buf_view(&v), &out), 0);
		assert_true(sv_eq(buf_view(&out), content));
		if (sizes[i] >= 5000)
			assert_true(v.n < content.n / 2);
		buf_release(&b);
		buf_release(&v);
		buf_release(&out);
	}
}

static void
what_is_opened_is_appended(void **state)
{
	struct value_keys k = keys("key");
	struct buf v = BUF_INIT, out = BUF_INIT;

	(void)state;
	seal("key", SV("content"), &v);
	buf_str(&out, "before ");
	assert_int_equal(value_open(&k, buf_view(&v), MAX, &out, NULL), 0);
	assert_true(sv_is(buf_view(&out), "before content"));
	buf_release(&v);
	buf_release(&out);
}

static void
each_flipped_bit_is_found(void **state)
{
	static const size_t sizes[] = { 0, 20, 3000 };

	(void)state;
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		struct buf b = BUF_INIT, v = BUF_INIT, out = BUF_INIT;

		seal("key", text(&b, sizes[i]), &v);
		for (size_t bit = 0; bit < 8 * v.n; bit++) {
			v.p[bit / 8] = (char)(v.p[bit / 8] ^ 1 << bit % 8);
			assert_int_equal(open_as("key", buf_view(&v), &out), ERR_CORRUPT);
			assert_int_equal(out.n, 0);
			v.p[bit / 8] = (char)(v.p[bit / 8] ^ 1 << bit % 8);
		}
		assert_int_equal(open_as("key", buf_view(&v), &out), 0);
		buf_release(&b);
		buf_release(&v);
		buf_release(&out);
	}
}

static void
each_cut_is_found(void **state)
{
	struct buf b = BUF_INIT, v = BUF_INIT, out = BUF_INIT;

	(void)state;
	seal("key", text(&b, 3000), &v);
	for (size_t n = 0; n < v.n; n++) {
		/* Of just that size, so that a read behind it is seen. */
		char *copy = malloc(n + 1);

		memcpy(copy, v.p, n);
		assert_int_equal(open_as("key", sv_new(copy, n), &out), ERR_CORRUPT);
		memcpy(copy, v.p + v.n - n, n);
		assert_int_equal(open_as("key", sv_new(copy, n), &out), ERR_CORRUPT);
		free(copy);
	}
	buf_putc(&v, 'x');
	assert_int_equal(open_as("key", buf_view(&v), &out), ERR_CORRUPT);
	buf_release(&b);
	buf_release(&v);
	buf_release(&out);
}

static void
a_value_is_of_its_key_alone(void **state)
{
	static const char *const others[] = { "", "k", "key ", "keY", "ke", "key2" };
	struct buf v = BUF_INIT, out = BUF_INIT;
	struct value_keys strange = { other_secret, SV("key") };

	(void)state;
	seal("key", SV("content"), &v);
	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		assert_int_equal(open_as(others[i], buf_view(&v), &out), ERR_CORRUPT);
	assert_int_equal(value_open(&strange, buf_view(&v), MAX, &out, NULL), ERR_CORRUPT);
	buf_release(&v);
	buf_release(&out);
}

static void
names_tell_keys_and_secrets_apart_and_nothing_else(void **state)
{
	struct value_keys a = keys("trace/1"), b = keys("trace/2"), c = { other_secret, SV("trace/1") };
	struct buf na = BUF_INIT, again = BUF_INIT, nb = BUF_INIT, nc = BUF_INIT;

	(void)state;
	assert_int_equal(value_name(&a, SV("p:"), &na, NULL), 0);
	assert_int_equal(value_name(&a, SV("p:"), &again, NULL), 0);
	assert_int_equal(value_name(&b, SV("p:"), &nb, NULL), 0);
	assert_int_equal(value_name(&c, SV("p:"), &nc, NULL), 0);
	assert_true(sv_eq(buf_view(&na), buf_view(&again)));
	assert_int_equal(na.n, 2 + 2 * VALUE_NAME_BYTES);
	assert_false(sv_eq(buf_view(&na), buf_view(&nb)));
	assert_false(sv_eq(buf_view(&na), buf_view(&nc)));
	assert_int_equal(sv_find(buf_view(&na), SV("trace")), -1);
	buf_release(&na);
	buf_release(&again);
	buf_release(&nb);
	buf_release(&nc);
}

/* One who has the secret: another program's fault, or an older one's. */
static void
reseal(struct buf *v, const char *key)
{
	unsigned char own[MAC_BYTES], mac[MAC_BYTES];
	struct buf b = BUF_INIT;

	buf_str(&b, "spanfs value");
	buf_putc(&b, '\0');
	buf_str(&b, key);
	assert_true(mac_make(secret, sizeof secret, buf_view(&b), own));
	assert_true(mac_make(own, sizeof own, sv_new(v->p, v->n - MAC_BYTES), mac));
	memcpy(v->p + v->n - MAC_BYTES, mac, sizeof mac);
	buf_release(&b);
}

/* The header with byte `at` changed, well sealed. */
static int
changed(size_t at, char to)
{
	struct buf b = BUF_INIT, v = BUF_INIT, out = BUF_INIT;
	int rc;

	seal("key", text(&b, 3000), &v);
	v.p[at] = to;
	reseal(&v, "key");
	rc = open_as("key", buf_view(&v), &out);
	assert_int_equal(out.n, rc == 0 ? 3000 : 0);
	buf_release(&b);
	buf_release(&v);
	buf_release(&out);
	return rc;
}

static void
a_header_that_lies_is_refused(void **state)
{
	(void)state;
	assert_int_equal(changed(0, 'S'), 0);
	assert_int_equal(changed(0, 's'), ERR_CORRUPT);
	assert_int_equal(changed(8, 2), ERR_CORRUPT);
	assert_int_equal(changed(12, 0), ERR_CORRUPT);	/* not as it is */
	assert_int_equal(changed(12, 2), ERR_CORRUPT);	/* no such codec */
	assert_int_equal(changed(16, 0), ERR_CORRUPT);	/* shorter than it is */
	assert_int_equal(changed(17, 127), ERR_CORRUPT);	/* longer */
	assert_int_equal(changed(23, 127), ERR_CORRUPT);	/* beyond all bounds */
	assert_int_equal(changed(24, 4), ERR_CORRUPT);	/* the key's length */
	assert_int_equal(changed(32, 0), ERR_CORRUPT);	/* the key's MAC */
}

/* 64 MiB in some kilobytes, and a header that says so, or that says less. */
static void
a_bomb_gives_no_more_than_is_allowed(void **state)
{
	size_t big = 64u << 20;
	char *zeros = calloc(1, big);
	struct buf v = BUF_INIT, out = BUF_INIT;
	uint64_t small = MAX;

	(void)state;
	seal("key", sv_new(zeros, big), &v);
	assert_true(v.n < big / 1000);
	assert_int_equal(open_as("key", buf_view(&v), &out), ERR_CORRUPT);
	assert_true(out.cap <= MAX);
	memcpy(v.p + 16, &small, 8);
	reseal(&v, "key");
	assert_int_equal(open_as("key", buf_view(&v), &out), ERR_CORRUPT);
	assert_true(out.cap <= 2 * MAX);
	buf_release(&v);
	buf_release(&out);
	free(zeros);
}

static void
urls_are_blanked(void **state)
{
	static const char *const cases[][2] = {
		{ "redis://host", "redis://host" },
		{ "redis://host:1/2", "redis://host:1/2" },
		{ "redis://:secret@host", "redis://:***@host" },
		{ "redis://me:secret@host:1", "redis://me:***@host:1" },
		{ "rediss://secret@host", "rediss://***@host" },
		{ "redis://me:sec@ret@host", "redis://me:***@host" },
		{ "redis://me:sec/r@t@host", "redis://me:***@host" },
		{ "unix:///run/a@b", "unix:///run/a@b" },
		{ "unix://:secret@/run/s", "unix://:***@/run/s" },
		{ "yes", "yes" }, { "", "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct buf b = BUF_INIT;

		visible_url(&b, sv_cstr(cases[i][0]));
		assert_string_equal(buf_cstr(&b), cases[i][1]);
		buf_release(&b);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_sealed_is_opened),
		cmocka_unit_test(what_is_opened_is_appended),
		cmocka_unit_test(each_flipped_bit_is_found),
		cmocka_unit_test(each_cut_is_found),
		cmocka_unit_test(a_value_is_of_its_key_alone),
		cmocka_unit_test(names_tell_keys_and_secrets_apart_and_nothing_else),
		cmocka_unit_test(a_header_that_lies_is_refused),
		cmocka_unit_test(a_bomb_gives_no_more_than_is_allowed),
		cmocka_unit_test(urls_are_blanked),
	};

	return cmocka_run_group_tests_name("redis_value", tests, NULL, NULL);
}

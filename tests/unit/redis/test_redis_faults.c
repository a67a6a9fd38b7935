/* SPDX-License-Identifier: ISC */
/*
 * Unit tests of redis behind a proxy that spoils replies: late, of another question, cut at every
 * byte, changed in every byte, without end, of every wrong kind. No get gives a wrong byte or takes
 * longer than the timeout, and afterwards all is as before.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "lib/redis_rig.h"
#include "redis/redis.h"

#define MS 1000000ull
#define TIMEOUT (200 * MS)
#define SLACK (900 * MS)
#define PATIENCE (20000 * MS)
#define TEXT "some text that is worth keeping, because it took a while to make"

static const unsigned char secret[REDIS_SECRET_BYTES] = "thirty-two bytes of some secret";

struct setting {
	struct redis_rig rig;
	struct redis_proxy proxy;
	struct redis *r;
};

static void
nap(void)
{
	struct timespec t = { 0, 500000 };

	nanosleep(&t, NULL);
}

static struct redis_counts
counts(struct redis *r)
{
	struct redis_counts c;

	redis_counts(r, &c);
	return c;
}

static void
put(struct redis *r, const char *key, const char *text)
{
	uint64_t end = clock_mono_ns() + PATIENCE;
	struct buf b = BUF_INIT;
	struct redis_counts c;

	buf_str(&b, text);
	redis_put(r, sv_cstr(key), &b);
	do {
		nap();
		c = counts(r);
		assert_true(clock_mono_ns() < end);
	} while (c.puts != c.written + c.dropped + c.too_large + c.refused);
}

static bool
has(struct redis *r, const char *key, const char *text)
{
	struct buf b = BUF_INIT;
	uint64_t begin = clock_mono_ns();
	int got = redis_get(r, sv_cstr(key), &b);

	assert_true(clock_mono_ns() - begin < TIMEOUT + SLACK);
	if (got)
		assert_true(sv_is(buf_view(&b), text));
	else
		assert_int_equal(b.n, 0);
	buf_release(&b);
	return got != 0;
}

/* Nothing is spoiled any more, and the breaker has found out. */
static void
heal(struct setting *t)
{
	uint64_t end = clock_mono_ns() + PATIENCE;

	redis_proxy_spoil(&t->proxy, SPOIL_NOT, 0, NULL);
	while (!has(t->r, "key", TEXT)) {
		assert_true(clock_mono_ns() < end);
		nap();
	}
}

static int
open_all(void **state)
{
	struct setting *t = calloc(1, sizeof *t);
	struct redis_options o = { .prefix = SV("t:"), .ttl_ns = 600000 * MS, .timeout_ns = TIMEOUT,
	    .max_value = 1 << 20, .secret = secret, .retry_ns = MS };

	redis_rig_open(&t->rig, NULL);
	redis_proxy_open(&t->proxy, &t->rig);
	o.url = sv_cstr(t->proxy.url);
	assert_int_equal(redis_new(&o, &t->r, NULL), 0);
	put(t->r, "key", TEXT);
	heal(t);
	*state = t;
	return 0;
}

static int
close_all(void **state)
{
	struct setting *t = *state;
	uint64_t begin = clock_mono_ns();

	redis_free(t->r);
	assert_true(clock_mono_ns() - begin < TIMEOUT + SLACK);
	redis_proxy_close(&t->proxy);
	redis_rig_close(&t->rig);
	free(t);
	return 0;
}

/* With the breaker's memory of failures gone, so that each case begins alike. */
static void
begin_anew(struct setting *t)
{
	struct redis_options o = { .prefix = SV("t:"), .ttl_ns = 600000 * MS, .timeout_ns = TIMEOUT,
	    .max_value = 1 << 20, .secret = secret, .retry_ns = MS };

	o.url = sv_cstr(t->proxy.url);
	redis_proxy_spoil(&t->proxy, SPOIL_NOT, 0, NULL);
	assert_int_equal(redis_set(t->r, &o, NULL), 0);
	heal(t);
}

/* One get over a connection that was good, and is spoiled from here on. */
static bool
spoiled(struct setting *t, enum spoil what, unsigned at, const char *text)
{
	begin_anew(t);
	redis_proxy_spoil(&t->proxy, what, at, text);
	return has(t->r, "key", TEXT);
}

static void
a_late_answer_is_nobodys(void **state)
{
	struct setting *t = *state;

	put(t->r, "other", "other text");
	begin_anew(t);
	redis_proxy_spoil(&t->proxy, SPOIL_LATE, 500, NULL);
	assert_false(has(t->r, "key", ""));
	redis_proxy_spoil(&t->proxy, SPOIL_NOT, 0, NULL);
	/* The answer to the first comes now, or has come. */
	for (unsigned i = 0; i < 1200; i++) {
		(void)has(t->r, "other", "other text");
		nap();
	}
	assert_true(has(t->r, "other", "other text"));
	assert_int_equal(counts(t->r).damaged, 0);
}

static void
answers_that_are_late_by_less_than_the_timeout_are_good(void **state)
{
	struct setting *t = *state;

	assert_true(spoiled(t, SPOIL_LATE, 1, NULL));
}

static void
answers_to_other_questions_are_not_taken(void **state)
{
	struct setting *t = *state;
	uint64_t damaged;
	unsigned found = 0;

	put(t->r, "a", "text of a");
	put(t->r, "b", "text of b");
	begin_anew(t);
	damaged = counts(t->r).damaged;
	redis_proxy_spoil(&t->proxy, SPOIL_SHIFT, 0, NULL);
	for (unsigned i = 0; i < 200; i++) {
		found += has(t->r, "a", "text of a");
		found += has(t->r, "b", "text of b");
	}
	assert_int_equal(found, 0);
	assert_true(counts(t->r).damaged > damaged || counts(t->r).failed > 0);
	heal(t);
}

static void
each_cut_is_a_miss(void **state)
{
	struct setting *t = *state;
	unsigned whole = 0, n;

	/* The reply has as many bytes as it takes to be found whole. */
	for (n = 0; whole == 0; n++) {
		whole += spoiled(t, SPOIL_CUT, n, NULL);
		assert_true(n < 1000);
	}
	assert_true(n > 100);
	for (unsigned at = 0; at < n - 1; at += 16)
		assert_false(spoiled(t, SPOIL_HANG, at, NULL));
	heal(t);
}

static void
each_changed_byte_is_a_miss(void **state)
{
	struct setting *t = *state;
	unsigned n;

	for (n = 0; n < 1000 && !spoiled(t, SPOIL_FLIP, n, NULL); n++)
		;
	assert_in_range(n, 100, 999);
	heal(t);
}

static void
a_slow_trickle_has_no_more_time(void **state)
{
	struct setting *t = *state;

	assert_false(spoiled(t, SPOIL_DRIP, 0, NULL));
	heal(t);
}

/* Of who gets several times, all that it waits is within one timeout. */
static void
several_gets_share_one_timeout(void **state)
{
	struct setting *t = *state;
	const struct sv key = SV("key");
	struct buf b = BUF_INIT;
	uint64_t waited = 0, skipped;
	bool found;

	begin_anew(t);
	assert_int_equal(redis_get_within(t->r, &key, 1, &b, &found, &waited), 1);
	assert_true(found && waited != 0);
	/* Two late ones, each of less than the timeout. */
	redis_proxy_spoil(&t->proxy, SPOIL_LATE, 150, NULL);
	waited = 0;
	(void)redis_get_within(t->r, &key, 1, &b, &found, &waited);
	assert_int_equal(redis_get_within(t->r, &key, 1, &b, &found, &waited), 0);
	assert_false(found);
	assert_true(waited >= TIMEOUT);
	/* It has waited enough, though the server is well. */
	begin_anew(t);
	skipped = counts(t->r).skipped;
	assert_int_equal(redis_get_within(t->r, &key, 1, &b, &found, &waited), 0);
	assert_int_equal(counts(t->r).skipped, skipped + 1);
	assert_string_equal(redis_state(t->r), "connected");
	buf_release(&b);
	heal(t);
}

/* A server that gave half in time is asked for more; one that gave nothing is left alone. */
static void
half_of_much_is_no_failure(void **state)
{
	const struct sv keys[] = { SV("none"), SV("key") };
	struct setting *t = *state;
	struct buf outs[] = { BUF_INIT, BUF_INIT };
	uint64_t opened, failed;
	bool found[2];

	begin_anew(t);
	opened = counts(t->r).opened;
	failed = counts(t->r).failed;
	/* The reply to the first is five bytes. */
	redis_proxy_spoil(&t->proxy, SPOIL_HANG, 10, NULL);
	assert_int_equal(redis_get_many(t->r, keys, 2, outs, found), 0);
	assert_int_equal(counts(t->r).failed, failed + 1);
	assert_int_equal(counts(t->r).opened, opened);
	assert_true(redis_usable(t->r));
	begin_anew(t);
	opened = counts(t->r).opened;
	redis_proxy_spoil(&t->proxy, SPOIL_HANG, 2, NULL);
	assert_int_equal(redis_get_many(t->r, keys, 2, outs, found), 0);
	assert_int_equal(counts(t->r).opened, opened + 1);
	heal(t);
}

static void
what_is_no_reply_is_a_miss(void **state)
{
	static const char *const texts[] = {
		"garbage", "\r\n", "$", "$\r\n", "$5\r\nabc\r\n", "$-2\r\n", "$9999999999999999999\r\n",
		"$9223372036854775807\r\nx", "$-9223372036854775808\r\n", "$abc\r\n", "+OK\r\n", "+\r\n",
		":1\r\n", ":99999999999999999999\r\n", "*0\r\n", "*-1\r\n", "*1\r\n$1\r\na\r\n",
		"*1000000000\r\n", "*2147483647\r\n", "*9223372036854775807\r\n",
		"*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n",
		"-ERR something with a secret\r\n", "-LOADING Redis is loading\r\n", "-\r\n",
		"-MOVED 1 127.0.0.1:1\r\n", "-WRONGTYPE x\r\n", "%1\r\n", "_\r\n", "#t\r\n", "(12\r\n",
		"$0\r\n\r\n", "$-1\r\n", "$-1\r\n$-1\r\n", "$0\r\n\r\n$0\r\n\r\n", "GET / HTTP/1.0\r\n\r\n",
	};
	struct setting *t = *state;
	struct buf b = BUF_INIT;

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		assert_false(spoiled(t, SPOIL_TEXT, 0, texts[i]));
	redis_print(t->r, &b);
	assert_int_equal(sv_find(buf_view(&b), SV("secret")), -1);
	buf_release(&b);
	heal(t);
}

static void
what_has_no_end_has_one(void **state)
{
	static const char *const texts[] = {
		"$900000000\r\n", "$100000\r\n", "$", "+", "-", ":", "*", "",
	};
	struct setting *t = *state;

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		assert_false(spoiled(t, SPOIL_ENDLESS, 0, texts[i]));
	heal(t);
}

/* From the first word on: no connection is ever good. */
static void
a_server_that_never_makes_sense_is_left_alone(void **state)
{
	struct setting *t = *state;
	struct redis_counts before, after;
	uint64_t begin;

	begin_anew(t);
	redis_proxy_spoil(&t->proxy, SPOIL_TEXT, 0, "-ERR no\r\n");
	before = counts(t->r);
	begin = clock_mono_ns();
	while (clock_mono_ns() - begin < 1000 * MS) {
		assert_false(has(t->r, "key", ""));
		nap();
	}
	after = counts(t->r);
	/* One get met it; the tries grow rare: 1, 2, 4, 8 ms and so on. */
	assert_int_equal(after.failed - before.failed, 1);
	assert_int_equal(after.opened - before.opened, 1);
	assert_in_range(after.probes - before.probes, 1, 11);
	assert_int_equal(after.gets - before.gets, 1 + after.skipped - before.skipped);
	heal(t);
}

/* Well-formed replies, none of which is what was put. */
static void
values_that_are_always_damaged_open_the_breaker(void **state)
{
	struct setting *t = *state;
	struct redis_counts before;
	uint64_t end = clock_mono_ns() + PATIENCE;

	begin_anew(t);
	before = counts(t->r);
	redis_proxy_spoil(&t->proxy, SPOIL_TEXT, 0, "$5\r\nwrong\r\n");
	while (counts(t->r).opened == before.opened) {
		assert_false(has(t->r, "key", ""));
		assert_true(clock_mono_ns() < end);
	}
	assert_int_equal(counts(t->r).damaged - before.damaged, 8);
	heal(t);
}

static void
puts_meet_the_same_and_nobody_waits(void **state)
{
	static const enum spoil kinds[] = { SPOIL_SILENT, SPOIL_LATE, SPOIL_SHIFT, SPOIL_CUT, SPOIL_HANG,
	    SPOIL_DRIP, SPOIL_FLIP, SPOIL_ENDLESS };
	struct setting *t = *state;

	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		uint64_t begin;

		begin_anew(t);
		redis_proxy_spoil(&t->proxy, kinds[i], 3, "$900000000\r\n");
		begin = clock_mono_ns();
		for (unsigned k = 0; k < 20; k++) {
			struct buf b = BUF_INIT;

			buf_str(&b, TEXT);
			redis_put(t->r, SV("key"), &b);
		}
		assert_true(clock_mono_ns() - begin < SLACK);
		for (unsigned k = 0; k < 20; k++)
			(void)has(t->r, "key", TEXT);
	}
	heal(t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_late_answer_is_nobodys, open_all, close_all),
		cmocka_unit_test_setup_teardown(answers_that_are_late_by_less_than_the_timeout_are_good,
		    open_all, close_all),
		cmocka_unit_test_setup_teardown(answers_to_other_questions_are_not_taken, open_all,
		    close_all),
		cmocka_unit_test_setup_teardown(each_cut_is_a_miss, open_all, close_all),
		cmocka_unit_test_setup_teardown(each_changed_byte_is_a_miss, open_all, close_all),
		cmocka_unit_test_setup_teardown(a_slow_trickle_has_no_more_time, open_all, close_all),
		cmocka_unit_test_setup_teardown(several_gets_share_one_timeout, open_all, close_all),
		cmocka_unit_test_setup_teardown(half_of_much_is_no_failure, open_all, close_all),
		cmocka_unit_test_setup_teardown(what_is_no_reply_is_a_miss, open_all, close_all),
		cmocka_unit_test_setup_teardown(what_has_no_end_has_one, open_all, close_all),
		cmocka_unit_test_setup_teardown(a_server_that_never_makes_sense_is_left_alone, open_all,
		    close_all),
		cmocka_unit_test_setup_teardown(values_that_are_always_damaged_open_the_breaker, open_all,
		    close_all),
		cmocka_unit_test_setup_teardown(puts_meet_the_same_and_nobody_waits, open_all, close_all),
	};

	return cmocka_run_group_tests_name("redis_faults", tests, NULL, NULL);
}

/* SPDX-License-Identifier: ISC */
/* near: which word is taken for a mistyped one, and that others are left alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/near.h"

static bool
near(const char *typed, const char *word)
{
	struct near x;

	near_init(&x, sv_cstr(typed));
	near_offer(&x, sv_cstr(word));
	return x.found.n != 0;
}

static void
slips_are_near(void **state)
{
	(void)state;
	assert_true(near("servce", "service"));
	assert_true(near("sevrice", "service"));
	assert_true(near("serviceee", "service"));
	assert_true(near("limt", "limit"));
	assert_true(near("sicne", "since"));
	assert_true(near("no", "not"));
	assert_false(near("lmt", "limit"));
	assert_false(near("checkout", "service"));
	assert_false(near("x", "on"));
	assert_false(near("", "on"));
	assert_false(near("on", ""));
	assert_false(near("abc", "x"));
}

static void
the_nearest_is_taken_and_of_equals_the_first_in_byte_order(void **state)
{
	struct near x;

	(void)state;
	near_init(&x, SV("payments"));
	near_offer(&x, SV("payment-2"));
	near_offer(&x, SV("paymentx"));
	near_offer(&x, SV("payment"));
	near_offer(&x, SV("paymenty"));
	assert_true(sv_is(x.found, "payment"));
}

static void
long_words_are_left_alone(void **state)
{
	char word[NEAR_MAX + 2];

	(void)state;
	memset(word, 'a', sizeof word);
	word[NEAR_MAX + 1] = '\0';
	assert_false(near(word, word));
	word[NEAR_MAX] = '\0';
	assert_true(near(word, word));
	word[0] = 'b';
	assert_true(near(word, word + 1));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(slips_are_near),
		cmocka_unit_test(the_nearest_is_taken_and_of_equals_the_first_in_byte_order),
		cmocka_unit_test(long_words_are_left_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

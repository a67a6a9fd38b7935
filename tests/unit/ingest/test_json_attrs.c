/* SPDX-License-Identifier: ISC */
/* Unit tests of json_attrs: attributes of objects of plain JSON values. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/limits.h"
#include "ingest/json_attrs.h"
#include "model/json.h"

/* As spans.jsonl shows them; or the error. */
static int
shown(struct sv text, struct buf *b)
{
	struct attrs v = { NULL, 0 };
	struct err e = ERR_INIT;
	struct arena a;
	int rc;

	arena_init(&a);
	if ((rc = attrs_of_json(text, &a, &v, &e)) == 0)
		json_attrs(b, &v);
	else
		assert_true(e.msg[0] != '\0');
	arena_release(&a);
	return rc;
}

static void
values_keep_their_types_and_nesting_becomes_dots(void **state)
{
	static const char *const cases[][2] = {
		{ "{}", "{}" },
		{ " { } ", "{}" },
		{ "{\"b\":1,\"a\":\"x\"}", "{\"a\":\"x\",\"b\":1}" },
		{ "{\"a\":{\"b\":{\"c\":true}},\"d\":1.5}", "{\"a.b.c\":true,\"d\":1.5}" },
		{ "{\"a\":{\"b\":1,\"c\":2},\"e\":3}", "{\"a.b\":1,\"a.c\":2,\"e\":3}" },
		{ "{\"n\":null,\"o\":{}}", "{}" },
		{ "{\"l\":[1,\"x\",false,[2]]}", "{\"l\":[1,\"x\",false,\"[2]\"]}" },
		{ "{\"l\":[{\"k\":1}]}", "{\"l\":[\"{\\\"k\\\":1}\"]}" },
		{ "{\"big\":9223372036854775807}", "{\"big\":9223372036854775807}" },
		{ "{\"s\":\"\\u00e9\\n\"}", "{\"s\":\"\xc3\xa9\\n\"}" },
		{ "{\"\":1}", "{\"\":1}" },
	};
	struct buf b = BUF_INIT;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		b.n = 0;
		assert_int_equal(shown(sv_cstr(cases[i][0]), &b), 0);
		assert_string_equal(buf_cstr(&b), cases[i][1]);
	}
	buf_release(&b);
}

static void
what_is_no_object_is_refused(void **state)
{
	static const char whole[] = "{\"a\":{\"b\":[1,{\"c\":null}]},\"d\":\"x\"}";
	static const char *const bad[] = { "", "[]", "1", "null", "{}x", "{\"a\"}", "{\"a\":}" };
	struct buf b = BUF_INIT, deep = BUF_INIT;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_int_equal(shown(sv_cstr(bad[i]), &b), ERR_CORRUPT);
	for (size_t n = 0; n + 1 < sizeof whole - 1; n++)
		assert_int_equal(shown(sv_new(whole, n), &b), ERR_CORRUPT);
	for (unsigned i = 0; i < LIMIT_VALUE_DEPTH + 2; i++)
		BUF_LIT(&deep, "{\"a\":");
	assert_int_equal(shown(buf_view(&deep), &b), ERR_TOOBIG);
	buf_release(&deep);
	buf_release(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_keep_their_types_and_nesting_becomes_dots),
		cmocka_unit_test(what_is_no_object_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

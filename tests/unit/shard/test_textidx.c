/* SPDX-License-Identifier: ISC */
/*
 * Tests of text indexes: what they leave out does not contain the text, whatever it is; they
 * leave out much; ids have none; and damaged sections, with true checksums.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/bitmap.h"
#include "lib/index_rig.h"
#include "shard/chunk.h"
#include "shard/textidx.h"
#include "shard/textidx_form.h"

static void
ok(int rc, const struct err *e)
{
	if (rc != 0)
		fail_msg("%s (%s)", e->msg, err_name(rc));
}

struct texts {
	struct shard_rig rig;
	const struct column *col;
	const struct dict *dict;
	const struct textidx *t;
	uint64_t *codes;
};

static void
texts_init(struct texts *x, size_t n, uint64_t seed)
{
	const struct column *c;
	struct err e = ERR_INIT;

	index_rig_init(&x->rig, n, 4096, 100, seed);
	assert_int_equal(shard_attr(x->rig.shard, ATTR_SPAN, SV("text"), &c), 1);
	assert_int_equal(c->kind, COLUMN_DICT);
	x->col = c;
	ok(dict_get(x->rig.shard, c, &x->dict, &e), &e);
	ok(textidx_get(x->rig.shard, c, &x->t, &e), &e);
	assert_non_null(x->t);
	assert_int_not_equal(c->text_bytes, 0);
	x->codes = calloc(BITMAP_WORDS(c->n_dict), sizeof *x->codes);
	assert_non_null(x->codes);
}

static void
texts_release(struct texts *x)
{
	free(x->codes);
	dict_put(x->dict);
	textidx_put(x->t);
	rig_release(&x->rig);
}

static bool
has_token(struct sv value, struct sv lower_token)
{
	struct buf b = BUF_INIT;
	struct sv token, rest;
	bool found = false;

	text_lower(&b, value);
	rest = buf_view(&b);
	while (!found && text_next_token(&rest, &token))
		found = sv_eq(token, lower_token);
	buf_release(&b);
	return found;
}

/* Every value that contains it is there; how many others, in *n_others. */
static bool
check_literal(struct texts *x, struct sv literal, uint32_t *n, uint32_t *n_others)
{
	memset(x->codes, 0xff, BITMAP_WORDS(x->col->n_dict) * 8);
	if (!textidx_candidates(x->t, literal, x->codes))
		return false;
	*n = *n_others = 0;
	for (uint32_t i = 0; i < x->dict->n; i++) {
		bool in = sv_find(dict_at(x->dict, i), literal) >= 0;

		if (in && !bitmap_get(x->codes, i))
			fail_msg("a value with \"%.*s\" is left out", SV_ARG(literal));
		*n += in;
		*n_others += !in && bitmap_get(x->codes, i);
	}
	for (size_t i = x->dict->n; i < BITMAP_WORDS(x->dict->n) * 64; i++)
		assert_false(bitmap_get(x->codes, i));
	return true;
}

static void
no_value_with_the_literal_is_left_out(void **state)
{
	uint32_t n, others, told = 0, sharp = 0;
	struct gen_span g;
	struct texts x;

	(void)state;
	texts_init(&x, 4000, 5);
	gen_span_init(&g, &(struct gen_span_options){ .seed = 9 });
	for (uint32_t i = 0; i < 1500; i++) {
		struct sv v = dict_at(x.dict, (uint32_t)gen_span_below(&g, x.dict->n));
		size_t from = gen_span_below(&g, v.n), len = 1 + gen_span_below(&g, 20);

		if (check_literal(&x, sv_sub(v, from, from + len), &n, &others)) {
			told++;
			sharp += others <= n + x.dict->n / 10;
		}
	}
	assert_true(told > 700);
	assert_true(sharp > told / 2);
	texts_release(&x);
}

static void
a_text_that_is_nowhere_has_no_candidates(void **state)
{
	uint32_t n, others;
	struct texts x;

	(void)state;
	texts_init(&x, 4000, 6);
	assert_true(check_literal(&x, SV("zzz"), &n, &others));
	assert_int_equal(n + others, 0);
	assert_true(check_literal(&x, SV("retried by nobody"), &n, &others));
	assert_int_equal(n, 0);
	/* The case of the text's letters is not looked at. */
	assert_true(textidx_candidates(x.t, SV("RETRY"), x.codes));
	assert_true(bitmap_any(x.codes, x.dict->n));
	texts_release(&x);
}

static void
what_it_can_not_tell_it_says(void **state)
{
	struct texts x;

	(void)state;
	texts_init(&x, 4000, 7);
	memset(x.codes, 0x5a, BITMAP_WORDS(x.col->n_dict) * 8);
	assert_false(textidx_candidates(x.t, SV(""), x.codes));
	assert_false(textidx_candidates(x.t, SV("de"), x.codes));
	assert_false(textidx_candidates(x.t, SV("4711"), x.codes));
	assert_false(textidx_token(x.t, SV("4711"), x.codes));
	assert_false(textidx_token(x.t, SV(""), x.codes));
	/* Nearly every value has it. */
	assert_false(textidx_token(x.t, SV("select"), x.codes));
	assert_int_equal(x.codes[0], UINT64_C(0x5a5a5a5a5a5a5a5a));
	texts_release(&x);
}

static void
no_value_with_the_token_is_left_out(void **state)
{
	static const char *const tokens[] = {
		"error", "http", "retry", "caf\xc3\xa9", "x_y", "dead", "please", "connection",
		"nobody", "lock",
	};
	uint32_t told = 0, in_all = 0;
	struct texts x;

	(void)state;
	texts_init(&x, 4000, 8);
	for (size_t k = 0; k < sizeof tokens / sizeof *tokens; k++) {
		if (!textidx_token(x.t, sv_cstr(tokens[k]), x.codes))
			continue;
		told++;
		for (uint32_t i = 0; i < x.dict->n; i++)
			if (has_token(dict_at(x.dict, i), sv_cstr(tokens[k]))) {
				in_all++;
				assert_true(bitmap_get(x.codes, i));
			}
	}
	assert_true(told >= 4);
	assert_true(in_all > 10);
	/* As a whole only: "dead" is in "deadlock". */
	assert_true(textidx_token(x.t, SV("dead"), x.codes));
	assert_false(bitmap_any(x.codes, x.dict->n));
	texts_release(&x);
}

static void
ids_have_no_text_index(void **state)
{
	const struct column *c;
	struct texts x;

	(void)state;
	texts_init(&x, 8000, 9);
	assert_int_equal(shard_attr(x.rig.shard, ATTR_SPAN, SV("user"), &c), 1);
	assert_true(c->n_dict >= 512);
	assert_int_equal(c->text_bytes, 0);
	texts_release(&x);
}

static void
finds_any_bit_of_the_sections_flipped(void **state)
{
	struct index_flips f;

	(void)state;
	index_flips_init(&f, SECTION_TEXT);
	index_flips_run(&f);
	assert_int_equal(f.n_sections, 1);
	assert_true(f.n_refused > f.n_flips / 4);
	index_flips_release(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_value_with_the_literal_is_left_out),
		cmocka_unit_test(a_text_that_is_nowhere_has_no_candidates),
		cmocka_unit_test(what_it_can_not_tell_it_says),
		cmocka_unit_test(no_value_with_the_token_is_left_out),
		cmocka_unit_test(ids_have_no_text_index),
		cmocka_unit_test(finds_any_bit_of_the_sections_flipped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

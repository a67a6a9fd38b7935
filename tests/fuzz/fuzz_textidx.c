/* SPDX-License-Identifier: ISC */
/*
 * fuzz_textidx: any bytes as a text index: refused with a place, or look-ups give codes that
 * there are. What is looked for are parts of the input itself, which it may well know.
 */
#include <stdlib.h>

#include "base/bitmap.h"
#include "lib/one_section.h"
#include "shard/textidx.h"
#include "shard/textidx_form.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

#define MOST_CODES (1u << 20)

static void
check(bool good)
{
	if (!good)
		abort();
}

static void
look_up(const struct textidx *t, struct sv s, uint32_t n_codes)
{
	static uint64_t codes[BITMAP_WORDS(MOST_CODES) + 1];
	size_t words = BITMAP_WORDS(n_codes);

	for (int how = 0; how < 2; how++) {
		codes[words] = 0;
		if (how == 0 ? textidx_candidates(t, s, codes) : textidx_token(t, s, codes))
			check(n_codes % 64 == 0 || codes[words - 1] >> n_codes % 64 == 0);
		check(codes[words] == 0);
	}
	(void)textidx_covers(t, s, n_codes - 1);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const struct textidx *t = NULL;
	struct err e = ERR_INIT;
	struct one_section x;
	struct sv all;

	if (!one_section_init(&x, SECTION_TEXT, data, n))
		return 0;
	all = sv_new(data, n);
	if (x.column.n_dict == 0) {
		one_section_release(&x);
		return 0;
	}
	if (textidx_get(&x.shard, &x.column, &t, &e) != 0)
		check(e.code == ERR_CORRUPT && e.off >= 0);
	for (size_t i = 0; t != NULL && i < n && i < 200; i++)
		look_up(t, sv_sub(all, i, i + 1 + i % 9), x.column.n_dict);
	if (t != NULL) {
		look_up(t, SV("deadlock"), x.column.n_dict);
		textidx_put(t);
	}
	one_section_release(&x);
	return 0;
}

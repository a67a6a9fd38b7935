/* SPDX-License-Identifier: ISC */
/* testdata: see testdata.h. */
#include "lib/testdata.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

void
testdata_read(struct buf *b, const char *name)
{
	const char *src = getenv("SRC");
	struct buf path = BUF_INIT;
	char chunk[4096];
	size_t n;
	FILE *f;

	buf_printf(&path, "%s/%s", src != NULL ? src : ".", name);
	assert_non_null(buf_cstr(&path));
	if ((f = fopen(path.p, "re")) == NULL)
		fail_msg("can't open %s: set SRC to the source tree", path.p);
	while ((n = fread(chunk, 1, sizeof chunk, f)) > 0)
		buf_put(b, chunk, n);
	assert_false(ferror(f));
	fclose(f);
	buf_release(&path);
	assert_false(b->oom);
}

/* "{TEXT}*N" at the start of s: its length, else 0. */
static size_t
repetition(struct sv s, struct sv *text, unsigned *times)
{
	int64_t close = s.n > 0 && s.p[0] == '{' ? sv_chr(s, '}') : -1;
	size_t i = (size_t)close + 2;

	if (close < 0 || i >= s.n || s.p[i - 1] != '*')
		return 0;
	*text = sv_sub(s, 1, (size_t)close);
	*times = 0;
	for (; i < s.n && s.p[i] >= '0' && s.p[i] <= '9'; i++)
		*times = *times * 10 + (unsigned)(s.p[i] - '0');
	return i;
}

void
testdata_expand(struct buf *b, struct sv s)
{
	while (s.n > 0) {
		struct sv text = SV_EMPTY;
		unsigned times = 0;
		size_t n = repetition(s, &text, &times);

		if (n == 0) {
			buf_putc(b, s.p[0]);
			n = 1;
		}
		for (unsigned i = 0; i < times; i++)
			buf_sv(b, text);
		s = sv_sub(s, n, s.n);
	}
	assert_false(b->oom);
}

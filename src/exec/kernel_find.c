/* SPDX-License-Identifier: ISC */
/*
 * kernel_find: a text in the values of a dictionary or a chunk. These lie one after the other,
 * so all are searched as one text, and a find is one only if it lies within a value: what
 * that costs a value is not more than a step to its end. With AVX2 two bytes of the needle,
 * the ones that text has least, are looked for at 32 places at once; elsewhere, and for long
 * needles, memmem does it, which takes linear time whatever the bytes.
 */
#include "kernel_i.h"

#define AVX2_NEEDLE 64

struct finder {
	struct sv needle;
	size_t a, b;		/* the rarest of its bytes, and the next */
	bool avx2;
};

/* How often bytes are met, about: what isn't named is rarest. */
static unsigned
commonness(char c)
{
	static const char order[] = "QZXJKVWYBGHUFDLMPCONTRIAES~;+%&()=,:/_0123456789"
	    "zqjxkvbwyfpghmucd. -lnrsioate";
	const char *p = c == '\0' ? NULL : strchr(order, c);

	return p == NULL ? 0 : (unsigned)(p - order) + 1;
}

static struct finder
finder_of(struct sv needle)
{
	struct finder f = { needle, 0, 1, false };

	f.avx2 = needle.n >= 2 && needle.n <= AVX2_NEEDLE && (cpu_features() & CPU_AVX2) != 0;
	if (!f.avx2)
		return f;
	for (size_t i = 1; i < needle.n; i++) {
		unsigned x = commonness(needle.p[i]);

		if (x < commonness(needle.p[f.a])) {
			f.b = f.a;
			f.a = i;
		} else if (f.b == f.a || x < commonness(needle.p[f.b]))
			f.b = i;
	}
	return f;
}

static const char *
find(const struct finder *f, const char *p, size_t n)
{
#if defined(__x86_64__)
	if (f->avx2)
		return find_avx2(p, n, f->needle, f->a, f->b);
#endif
	return n == 0 ? NULL : memmem(p, n, f->needle.p, f->needle.n);
}

void
values_find(struct sv needle, const char *bytes, const uint32_t *offs, size_t n,
    uint64_t *words)
{
	struct finder f = finder_of(needle);
	uint32_t at = offs[0];
	const char *p;
	size_t i = 0;

	while ((p = find(&f, bytes + at, offs[n] - at)) != NULL) {
		at = (uint32_t)(p - bytes);
		while (offs[i + 1] <= at)
			i++;
		if (offs[i + 1] - at < needle.n) {
			at++;		/* it ends in another value */
			continue;
		}
		bitmap_set(words, i);
		at = offs[i + 1];
	}
}

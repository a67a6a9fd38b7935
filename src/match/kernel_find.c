/* SPDX-License-Identifier: ISC */
/*
 * kernel_find: a text in the values of a dictionary or a chunk. These lie one after the other,
 * so all are searched as one text, and a find is one only if it lies within a value: what
 * that costs a value is not more than a step to its end. With AVX2 two bytes of the needle,
 * the ones that text has least, are looked for at 32 places at once; elsewhere, and for long
 * needles, memmem does it, which takes linear time whatever the bytes.
 *
 * Words are found the same way, in either case, and count where they begin and end as words
 * do; elsewhere value by value.
 */
#include "kernel_i.h"
#include "match/words.h"

#define AVX2_NEEDLE 64

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
finder_of(struct sv needle, bool fold)
{
	struct finder f = { .needle = needle, .fold = fold };

	f.avx2 = needle.n <= AVX2_NEEDLE && (cpu_features() & CPU_AVX2) != 0;
	if (!f.avx2)
		return f;
	f.b = needle.n > 1;
	for (size_t i = 1; i < needle.n; i++) {
		unsigned x = commonness(needle.p[i]);

		if (x < commonness(needle.p[f.a])) {
			f.b = f.a;
			f.a = i;
		} else if (x < commonness(needle.p[f.b]))
			f.b = i;
	}
	return f;
}

static const char *
find(const struct finder *f, const char *p, size_t n)
{
#if defined(__x86_64__)
	if (f->avx2)
		return find_avx2(f, p, n);
#endif
	return n == 0 ? NULL : memmem(p, n, f->needle.p, f->needle.n);
}

void
values_find(struct sv needle, const char *bytes, const uint32_t *offs, size_t n,
    uint64_t *words)
{
	struct finder f = finder_of(needle, false);
	uint32_t at = offs[0];
	const char *p;
	size_t i = 0;

	while ((p = find(&f, bytes + at, offs[n] - at)) != NULL) {
		at = (uint32_t)(p - bytes);
		while (offs[i + 1] <= at)
			i++;
		/* If it ends in another value, so does all that begins later in this one. */
		if (offs[i + 1] - at >= needle.n)
			bitmap_set(words, i);
		at = offs[i + 1];
	}
}

/* ---- words ---- */

static bool
is_word(struct sv s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!text_word_byte(s.p[i]))
			return false;
	return s.n != 0;
}

/* Has what begins at `at` of the value [from, to), n bytes in it, no word byte beside it? */
static bool
stands_alone(const char *bytes, uint32_t from, uint32_t to, uint32_t at, size_t n)
{
	return (at == from || !text_word_byte(bytes[at - 1])) &&
	    (to - at == n || !text_word_byte(bytes[at + n]));
}

void
values_find_word(struct sv word, const char *bytes, const uint32_t *offs, size_t n,
    uint64_t *words)
{
	struct finder f = finder_of(word, true);
	uint32_t at = offs[0];
	const char *p;
	size_t i = 0;

	for (; !f.avx2 && i < n; i++)
		if (text_has_word(sv_new(bytes + offs[i], offs[i + 1] - offs[i]), word))
			bitmap_set(words, i);
	if (!f.avx2 || !is_word(word))
		return;
	while ((p = find(&f, bytes + at, offs[n] - at)) != NULL) {
		at = (uint32_t)(p - bytes);
		while (offs[i + 1] <= at)
			i++;
		if (offs[i + 1] - at >= word.n) {
			if (!stands_alone(bytes, offs[i], offs[i + 1], at, word.n)) {
				at++;
				continue;
			}
			bitmap_set(words, i);
		}
		at = offs[i + 1];
	}
}

/* SPDX-License-Identifier: ISC */
/*
 * Unit tests of match/kernel_find: texts in many values at once against sv_find in each, words
 * against text_has_word, with and without AVX2. Few different bytes, so that finds, near finds and finds across the border
 * of two values are many; the bytes end at a page that must not be touched.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/hash.h"
#include "match/kernel.h"
#include "match/words.h"

#define VALUES 400
#define MOST 8192

struct values {
	char *map, *end;		/* of what may be touched */
	size_t page;
	const char *bytes;
	uint32_t offs[VALUES + 1];
	size_t n;
};

static int
setup(void **state)
{
	struct values *v = calloc(1, sizeof *v);

	assert_non_null(v);
	v->page = (size_t)sysconf(_SC_PAGESIZE);
	v->map = mmap(NULL, MOST + v->page, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true(v->map != MAP_FAILED);
	assert_int_equal(mprotect(v->map + MOST, v->page, PROT_NONE), 0);
	v->end = v->map + MOST;
	*state = v;
	return 0;
}

static int
teardown(void **state)
{
	struct values *v = *state;

	munmap(v->map, MOST + v->page);
	free(v);
	return 0;
}

/* n values of at most `longest` bytes out of `kinds` from `first` on, up to the border. */
static void
make_values(struct values *v, uint64_t seed, size_t n, size_t longest, unsigned kinds,
    unsigned first)
{
	uint32_t sum = 0;
	char *p;

	v->n = n;
	for (size_t i = 0; i < n; i++) {
		v->offs[i] = sum;
		sum += (uint32_t)(hash_u64(seed + i) % (longest + 1));
		if (sum > MOST)
			sum = MOST;
	}
	v->offs[n] = sum;
	v->bytes = p = v->end - sum;
	for (uint32_t i = 0; i < sum; i++)
		p[i] = (char)(first + hash_u64(~seed ^ i) % kinds);
}

static void
check(const struct values *v, struct sv needle)
{
	uint64_t words[VALUES / 64 + 2];

	for (int all = 0; all < 2; all++) {
		cpu_limit(all ? CPU_ALL : 0);
		memset(words, 0, sizeof words);
		values_find(needle, v->bytes, v->offs, v->n, words);
		for (size_t i = 0; i < sizeof words * 8; i++) {
			bool has = i < v->n && sv_find(sv_new(v->bytes + v->offs[i],
			    v->offs[i + 1] - v->offs[i]), needle) >= 0;

			if (bitmap_get(words, i) != has)
				fail_msg("value %zu of %zu, cpu %d", i, v->n, all);
		}
	}
	cpu_limit(CPU_ALL);
}

static void
check_word(const struct values *v, struct sv word)
{
	uint64_t words[VALUES / 64 + 2];

	for (int all = 0; all < 2; all++) {
		cpu_limit(all ? CPU_ALL : 0);
		memset(words, 0, sizeof words);
		values_find_word(word, v->bytes, v->offs, v->n, words);
		for (size_t i = 0; i < sizeof words * 8; i++) {
			bool has = i < v->n && text_has_word(sv_new(v->bytes + v->offs[i],
			    v->offs[i + 1] - v->offs[i]), word);

			if (bitmap_get(words, i) != has)
				fail_msg("word: value %zu of %zu, cpu %d", i, v->n, all);
		}
	}
	cpu_limit(CPU_ALL);
}

/* Bytes about the borders of letters, digits and what is neither. */
static void
words_are_found_as_text_has_word_finds_them(void **state)
{
	static const char some[] = "aAzZkK09_\xc3@`[{ -.", pieces[] = "aazk09_\xc3@`-A";
	struct values *v = *state;
	char word[100];

	for (uint64_t round = 0; round < 8000; round++) {
		uint64_t h = hash_u64(round);
		unsigned kinds = 1 + (unsigned)(h >> 8) % (sizeof some - 1);
		size_t n = h >> 16 & 7 ? 1 + (h >> 20) % 4 : 1 + (h >> 20) % 90;
		size_t good = round % 5 == 0 ? sizeof pieces - 1 : 1 + (h >> 50) % 8;
		char *p;

		make_values(v, round * 1000, h % (VALUES + 1), 1 + (h >> 32) % 60, 1, 'a');
		p = v->end - v->offs[v->n];
		for (uint32_t i = 0; i < v->offs[v->n]; i++)
			p[i] = some[hash_u64(~h + i) % kinds];
		for (size_t i = 0; i < n; i++)
			word[i] = pieces[hash_u64(h + i) % good];
		check_word(v, sv_new(word, n));
	}
}

/* Needles are made of the same bytes, or cut out of the text, maybe across values. */
static void
each_way_of_searching_finds_the_same(void **state)
{
	struct values *v = *state;
	char made[100];

	for (uint64_t round = 0; round < 8000; round++) {
		uint64_t h = hash_u64(round);
		unsigned kinds = 1 + (unsigned)(h >> 8) % 4, first = round % 3 == 0 ? 0xff :
		    round % 3 == 1 ? 0 : 'a';
		size_t n = h >> 16 & 3 ? 1 + (h >> 20) % 12 : 1 + (h >> 20) % 90, total;

		make_values(v, round * 1000, h % (VALUES + 1), 1 + (h >> 32) % 60, kinds, first);
		total = v->offs[v->n];
		if (round % 2 == 0 && total >= n) {
			check(v, sv_new(v->bytes + (h >> 40) % (total - n + 1), n));
			continue;
		}
		for (size_t i = 0; i < n; i++)
			made[i] = (char)(first + hash_u64(h + i) % kinds);
		check(v, sv_new(made, n));
	}
}

static void
texts_of_every_length_end_where_they_end(void **state)
{
	struct values *v = *state;

	for (size_t n = 1; n <= 100; n++)
		for (size_t len = n; len <= n + 70; len++) {
			char *p = v->end - len;

			memset(p, 'x', len);
			p[len - 1] = 'q';
			p[len - n] = 'z';
			v->bytes = p;
			v->n = 1;
			v->offs[0] = 0;
			v->offs[1] = (uint32_t)len;
			check(v, sv_new(p + len - n, n));
			check(v, sv_new(p, n));
			check(v, sv_new("xqz", 3));
			check(v, sv_new("qz", 2));
		}
}

static void
words_of_real_texts(void **state)
{
	static const char *const texts[] = { "SELECT * FROM orders WHERE id = ?", "", "deadlock",
		"Deadlock found when trying to get lock; try restarting transaction",
		"ERROR: deadlock detected", "dead", "lock", "deadlocdeadlock", "deadloc" };
	struct values *v = *state;
	uint32_t sum = 0;

	v->n = sizeof texts / sizeof *texts;
	v->bytes = v->map;
	for (size_t i = 0; i < v->n; i++) {
		v->offs[i] = sum;
		memcpy(v->map + sum, texts[i], strlen(texts[i]));
		sum += (uint32_t)strlen(texts[i]);
	}
	v->offs[v->n] = sum;
	check(v, SV("deadlock"));
	check(v, SV("eadlock"));
	check(v, SV("d"));
	check(v, SV("?"));
	check(v, SV("transaction"));
	check(v, SV("no such"));
	check_word(v, SV("deadlock"));
	check_word(v, SV("dead"));
	check_word(v, SV("select"));
	check_word(v, SV("id"));
	check_word(v, SV("found when"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(each_way_of_searching_finds_the_same, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(texts_of_every_length_end_where_they_end, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(words_are_found_as_text_has_word_finds_them, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(words_of_real_texts, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

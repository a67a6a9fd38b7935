/* SPDX-License-Identifier: ISC */
/*
 * json_copy and what stands on it, against the rule a byte at a time: each byte value at each
 * place of each length, with source and target against pages that may not be touched, so that
 * a read or write beyond either end stops the test; random text through json_string; ids and
 * times against the slow printers.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/hash.h"
#include "base/utf8.h"
#include "model/json.h"
#include "model/when.h"
#include "render/hex_i.h"
#include "render/render.h"
#include "model/json_copy_i.h"

#define MOST 130

typedef size_t copy_fn(char *dst, const char *src, size_t n);

/* A page between two that must not be touched. */
struct fence {
	char *map, *from, *to;
	size_t page;
};

static void
fence_init(struct fence *f)
{
	f->page = (size_t)sysconf(_SC_PAGESIZE);
	f->map = mmap(NULL, 3 * f->page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true(f->map != MAP_FAILED);
	f->from = f->map + f->page;
	f->to = f->from + f->page;
	assert_int_equal(mprotect(f->from, f->page, PROT_READ | PROT_WRITE), 0);
}

static void
fence_release(struct fence *f)
{
	assert_int_equal(munmap(f->map, 3 * f->page), 0);
}

/* The rule. */
static size_t
plain_length(const char *s, size_t n)
{
	size_t i = 0;

	while (i < n && (uint8_t)s[i] >= 0x20 && (uint8_t)s[i] < 0x80 && s[i] != '"' &&
	    s[i] != '\\')
		i++;
	return i;
}

static void
check_copy(copy_fn *copy, char *dst, const char *src, size_t n)
{
	size_t got;

	memset(dst, 0x55, n);
	got = copy(dst, src, n);
	if (got != plain_length(src, n) || memcmp(dst, src, got) != 0)
		fail_msg("%zu of %zu bytes", got, n);
}

/* One byte of any value at any place, strings that begin or end at a border. */
static void
sweep(copy_fn *copy)
{
	struct fence a, b;

	fence_init(&a);
	fence_init(&b);
	for (size_t n = 0; n <= MOST; n++) {
		char *src = n % 2 == 0 ? a.to - n : a.from, *dst = b.to - n;

		memset(src, 'x', n);
		check_copy(copy, dst, src, n);
		for (size_t at = 0; at < n; at++) {
			for (unsigned c = 0; c < 256; c++) {
				src[at] = (char)c;
				check_copy(copy, dst, src, n);
			}
			src[at] = 'x';
		}
		check_copy(copy, b.from, a.to - n, n);
	}
	fence_release(&a);
	fence_release(&b);
}

/* Any bytes, mostly plain, at any place. */
static void
scatter(copy_fn *copy)
{
	char src[MOST + 32], dst[MOST + 64];

	for (uint64_t i = 0; i < 200000; i++) {
		uint64_t h = hash_u64(i);
		size_t n = h % (MOST + 1), off = h >> 8 & 31, to = h >> 16 & 31;
		unsigned rare = 1u << (h >> 24 & 7);

		for (size_t k = 0; k < n; k++) {
			uint64_t x = hash_u64(h + k);

			src[off + k] = x >> 32 & (rare - 1) ? (char)(0x23 + x % 0x30) : (char)x;
		}
		check_copy(copy, dst + to, src + off, n);
	}
}

static void
each_byte_at_each_place(void **state)
{
	(void)state;
	sweep(json_copy);
	sweep(json_copy_words);
}

static void
any_bytes(void **state)
{
	(void)state;
	scatter(json_copy);
	scatter(json_copy_words);
}

/* ---- json_string ---- */

static void
slow_string(struct buf *b, const char *p, const char *end)
{
	static const char from[] = "\b\f\n\r\t\"\\", to[] = "bfnrt\"\\";

	buf_putc(b, '"');
	while (p < end) {
		size_t n = utf8_decode(p, end, NULL);
		const char *k = *p == '\0' ? NULL : strchr(from, *p);

		if (n == 0)
			buf_str(b, "\xef\xbf\xbd");
		else if (k != NULL)
			buf_printf(b, "\\%c", to[k - from]);
		else if ((uint8_t)*p < 0x20)
			buf_printf(b, "\\u%04x", *p);
		else
			buf_put(b, p, n);
		p += n == 0 ? 1 : n;
	}
	buf_putc(b, '"');
}

/* Pieces of which text is made: plain, to be escaped, wide, and broken. */
static const char *const pieces[] = {
	"a", "GET /api/cart", "session.id", "0123456789abcdef0123456789abcdef", "\"", "\\", "\n",
	"\x01", "\x1f", "\x7f", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\xff", "\xc3",
	"\xe2\x82", "\xed\xa0\x80", "\xc0\x80", "\xf4\x90\x80\x80", "\x80", " ",
};

static void
strings_as_a_byte_at_a_time(void **state)
{
	struct buf text = BUF_INIT, want = BUF_INIT, got = BUF_INIT;

	(void)state;
	for (uint64_t i = 0; i < 50000; i++) {
		text.n = want.n = 0;
		for (uint64_t k = 0, h = hash_u64(i), n = h % 12; k < n; k++)
			buf_str(&text, pieces[hash_u64(h + k) % (sizeof pieces / sizeof *pieces)]);
		slow_string(&want, text.p, text.p + text.n);
		/* Into a new buffer, so that the room is what was asked for. */
		buf_release(&got);
		json_string(&got, buf_view(&text));
		assert_false(got.oom);
		assert_int_equal(got.n, want.n);
		assert_memory_equal(got.p, want.p, want.n);
	}
	buf_release(&text);
	buf_release(&want);
	buf_release(&got);
}

/* ---- digits ---- */

static void
ids_and_times_as_the_slow_printers_have_them(void **state)
{
	struct buf want = BUF_INIT, got = BUF_INIT;
	struct day_cache day = { .valid = false };

	(void)state;
	for (uint64_t i = 0; i < 100000; i++) {
		uint64_t h = hash_u64(i), ns = h >> (h & 31);
		char words[16];

		want.n = got.n = 0;
		buf_printf(&want, "%016llx%016llx%016llx%016llx %llu ", (unsigned long long)ns,
		    (unsigned long long)ns, (unsigned long long)h, (unsigned long long)ns,
		    (unsigned long long)ns);
		when_print(&want, ns);
		put_span_id(&got, ns);
		hex16_words(words, ns);
		buf_put(&got, words, sizeof words);
		put_trace_id(&got, (struct trace_id){ h, ns });
		buf_putc(&got, ' ');
		buf_u64(&got, ns);
		buf_putc(&got, ' ');
		put_time(&got, &day, ns);
		assert_int_equal(got.n, want.n);
		assert_memory_equal(got.p, want.p, want.n);
	}
	buf_release(&want);
	buf_release(&got);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_byte_at_each_place),
		cmocka_unit_test(any_bytes),
		cmocka_unit_test(strings_as_a_byte_at_a_time),
		cmocka_unit_test(ids_and_times_as_the_slow_printers_have_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

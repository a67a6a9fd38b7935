/* SPDX-License-Identifier: ISC */
/*
 * Tests of reading damaged shards: cut at every length, with every byte flipped, and with false
 * contents under true checksums. Each must be an error with a place, never other spans.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/cursor.h"
#include "base/hash.h"
#include "lib/rounds.h"
#include "lib/shard_rig.h"
#include "check/check.h"
#include "catalog/catalog.h"
#include "shard/chunk.h"
#include "shard/codec.h"

struct good {
	struct shard_rig rig;
	char *copy;		/* exactly its bytes: sanitizers see a step past them */
	size_t n;
	uint64_t digest, n_rows;
};

static void
good_init(struct good *g, size_t n_spans, uint32_t group_rows, int level, uint64_t seed)
{
	struct err e = ERR_INIT;

	rig_init(&g->rig, n_spans, group_rows, level, seed);
	g->n = g->rig.bytes.n;
	g->copy = malloc(g->n);
	assert_non_null(g->copy);
	memcpy(g->copy, g->rig.bytes.p, g->n);
	assert_int_equal(rig_walk(sv_new(g->copy, g->n), &g->digest, &g->n_rows, &e), 0);
	assert_int_equal(g->n_rows, n_spans);
}

static void
good_release(struct good *g)
{
	free(g->copy);
	rig_release(&g->rig);
}

/* An error that names the file and has a place in it. */
static void
check_error(int rc, const struct err *e, size_t n, size_t at)
{
	if (rc != ERR_CORRUPT && rc != ERR_VERSION)
		fail_msg("byte %zu: code %d (%s)", at, rc, e->msg);
	if (strncmp(e->msg, RIG_FILE ": ", sizeof RIG_FILE + 1) != 0)
		fail_msg("byte %zu: \"%s\" does not name the file", at, e->msg);
	if (e->off < 0 || (uint64_t)e->off > n)
		fail_msg("byte %zu: \"%s\" is at %lld", at, e->msg, (long long)e->off);
}

static void
check_flip(struct good *g, size_t at, uint8_t bits)
{
	uint64_t digest = 0, n = 0;
	struct err e = ERR_INIT;
	int rc;

	g->copy[at] = (char)((uint8_t)g->copy[at] ^ bits);
	rc = rig_walk(sv_new(g->copy, g->n), &digest, &n, &e);
	g->copy[at] = (char)((uint8_t)g->copy[at] ^ bits);
	if (rc != 0)
		check_error(rc, &e, g->n, at);
	else if (digest != g->digest || n != g->n_rows)
		fail_msg("byte %zu flipped: other spans", at);
}

static void
refuses_a_shard_cut_anywhere(void **state)
{
	struct good g;

	(void)state;
	good_init(&g, 100, 64, 3, 21);
	for (size_t n = 0; n < g.n; n += rounds_step()) {
		char *cut = malloc(n + (n == 0));
		uint64_t digest, rows;
		struct err e = ERR_INIT;

		assert_non_null(cut);
		memcpy(cut, g.copy, n);
		check_error(rig_walk(sv_new(cut, n), &digest, &rows, &e), &e, n, n);
		free(cut);
	}
	good_release(&g);
}

static uint64_t
footer_off(const struct good *g)
{
	struct cursor c = cursor_new(g->copy + g->n - SHARD_TRAILER_BYTES, 8);

	return cursor_u64(&c);
}

static void
finds_any_byte_flipped_in_header_footer_and_trailer(void **state)
{
	struct good g;

	(void)state;
	good_init(&g, 100, 64, 3, 22);
	for (size_t at = 0; at < g.n; at += rounds_step()) {
		uint64_t digest, rows;
		struct err e = ERR_INIT;
		int rc;

		if (at >= SHARD_HEADER_BYTES && at < footer_off(&g))
			at = footer_off(&g);
		g.copy[at] = (char)((uint8_t)g.copy[at] ^ (1u << at % 8));
		rc = rig_walk(sv_new(g.copy, g.n), &digest, &rows, &e);
		g.copy[at] = (char)((uint8_t)g.copy[at] ^ (1u << at % 8));
		check_error(rc, &e, g.n, at);
	}
	good_release(&g);
}

static void
never_shows_other_spans_when_a_section_byte_is_flipped(void **state)
{
	struct good g;

	(void)state;
	good_init(&g, 90, 80, 3, 23);
	/* Every third byte, some with a sanitizer: some of every section. */
	for (size_t at = SHARD_HEADER_BYTES; at < footer_off(&g); at += 3 * rounds_step())
		check_flip(&g, at, (uint8_t)(1u << at % 8));
	good_release(&g);
}

/* ---- under true checksums ---- */

struct place {
	size_t off, n;		/* a section's stored bytes */
	size_t hash_at;		/* its checksum in the raw footer */
};

struct forge {
	struct good g;
	char *footer;		/* raw */
	size_t n_footer;
	struct place *places;
	size_t n_places;
	struct buf out;
};

static uint64_t
u32_of(const char *p)
{
	struct cursor c = cursor_new(p, 4);

	return cursor_u32(&c);
}

/* Where the checksum of a section stands in the footer: it occurs there once. */
static size_t
find_hash(const struct forge *f, const char *stored, size_t n)
{
	uint64_t h = hash64(stored, n);

	for (size_t i = 0; i + 8 <= f->n_footer; i++)
		if (memcmp(f->footer + i, &h, 8) == 0)
			return i;
	return 0;
}

/*
 * A shard without compression, its raw footer, and its sections: found by trying all lengths
 * from each place where one can begin.
 */
static void
forge_init(struct forge *f, size_t n_spans, uint32_t group_rows, uint64_t seed)
{
	const char *trailer;
	struct err e = ERR_INIT;
	size_t at = SHARD_HEADER_BYTES, end;

	good_init(&f->g, n_spans, group_rows, 0, seed);
	trailer = f->g.copy + f->g.n - SHARD_TRAILER_BYTES;
	f->n_footer = (size_t)u32_of(trailer + 12);
	f->footer = malloc(f->n_footer);
	f->places = calloc(f->g.n / 8, sizeof *f->places);
	assert_non_null(f->footer);
	assert_non_null(f->places);
	assert_int_equal(codec_decompress(CODEC_ZSTD, sv_new(f->g.copy + footer_off(&f->g),
	    (size_t)u32_of(trailer + 8)), f->footer, f->n_footer, &e), 0);
	f->n_places = 0;
	while (at < footer_off(&f->g)) {
		struct place p = { at, 0, 0 };

		for (end = at + 1; end <= footer_off(&f->g) && p.hash_at == 0; end++)
			if ((p.hash_at = find_hash(f, f->g.copy + at, end - at)) != 0)
				p.n = end - at;
		assert_int_not_equal(p.hash_at, 0);
		f->places[f->n_places++] = p;
		at = (p.off + p.n + 7) / 8 * 8;
	}
	buf_init(&f->out);
}

static void
forge_release(struct forge *f)
{
	free(f->footer);
	free(f->places);
	buf_release(&f->out);
	good_release(&f->g);
}

static void
put_u64(struct buf *b, uint64_t v)
{
	buf_put(b, &v, 8);
}

/* The file as it stands in copy and footer, with everything's checksum true. */
static struct sv
forge_file(struct forge *f)
{
	size_t off = footer_off(&f->g), stored;
	char root[24 + SHARD_HEADER_BYTES];
	struct buf *b = &f->out;
	uint32_t n;

	b->n = 0;
	buf_put(b, f->g.copy, off);
	assert_int_equal(codec_frame(b, sv_new(f->footer, f->n_footer), 1, NULL), 0);
	stored = b->n - off;
	put_u64(b, off);
	n = (uint32_t)stored;
	buf_put(b, &n, 4);
	n = (uint32_t)f->n_footer;
	buf_put(b, &n, 4);
	put_u64(b, hash64(b->p + off, stored));
	memcpy(root, b->p + b->n - 24, 24);
	memcpy(root + 24, b->p, SHARD_HEADER_BYTES);
	put_u64(b, hash64(root, sizeof root));
	BUF_LIT(b, SHARD_END_MAGIC);
	assert_false(b->oom);
	return buf_view(b);
}

static void
on_bad(void *arg, const char *file, int64_t off, const char *why)
{
	(void)file;
	(void)off;
	(void)why;
	++*(size_t *)arg;
}

/* Opens, walks and checks it: anything may be found, but it must come to an end. */
static void
survives(struct forge *f, size_t *n_errors, size_t *n_found)
{
	struct sv file = forge_file(f);
	char *copy = malloc(file.n);
	uint64_t digest, rows, n_spans;
	struct fsys_bytes fs;
	struct err e = ERR_INIT;
	size_t found = 0;
	int rc;

	assert_non_null(copy);
	memcpy(copy, file.p, file.n);
	rc = rig_walk(sv_new(copy, file.n), &digest, &rows, &e);
	if (rc != 0 && rc != ERR_NOMEM) {
		check_error(rc, &e, file.n, 0);
		++*n_errors;
	}
	fsys_bytes_init(&fs);
	fsys_bytes_set(&fs, RIG_FILE, sv_new(copy, file.n));
	rc = shard_check(&fs.fs, RIG_FILE, on_bad, &found, &n_spans, &e);
	assert_true(rc == 0 || rc == ERR_NOMEM);
	*n_found += found != 0;
	free(copy);
}

static uint8_t
spoil(char *p, uint32_t how)
{
	uint8_t old = (uint8_t)*p;
	static const uint8_t edge[] = { 0x00, 0xff, 0x7f, 0x80, 0x01 };

	*p = (char)(how < 5 ? edge[how] : old ^ (1u << how % 8));
	return old;
}

static void
survives_false_section_bytes_with_true_checksums(void **state)
{
	size_t n_errors = 0, n_found = 0, n = 0;
	struct forge f;

	(void)state;
	forge_init(&f, 24, 16, 24);
	for (size_t i = 0; i < f.n_places; i++) {
		const struct place *p = &f.places[i];
		size_t step = p->n > 200 ? p->n / 50 : 1;

		for (size_t at = 0; at < p->n; at += at < 72 ? rounds_step() : step * rounds_step()) {
			uint8_t old = spoil(f.g.copy + p->off + at, (uint32_t)(n++ % 13));
			uint64_t h = hash64(f.g.copy + p->off, p->n), was;

			memcpy(&was, f.footer + p->hash_at, 8);
			memcpy(f.footer + p->hash_at, &h, 8);
			survives(&f, &n_errors, &n_found);
			f.g.copy[p->off + at] = (char)old;
			memcpy(f.footer + p->hash_at, &was, 8);
		}
	}
	/* Some bytes are strings, where any byte is as good as another. */
	assert_true(n_errors > n / 4);
	assert_true(n_found > n / 2);
	forge_release(&f);
}

static void
survives_a_false_footer_with_true_checksums(void **state)
{
	size_t n_errors = 0, n_found = 0, n = 0;
	struct forge f;

	(void)state;
	forge_init(&f, 24, 16, 25);
	for (size_t at = 0; at < f.n_footer; at += rounds_step(), n++) {
		uint8_t old = spoil(f.footer + at, (uint32_t)(at % 13));

		survives(&f, &n_errors, &n_found);
		f.footer[at] = (char)old;
	}
	assert_true(n_errors > n / 4);
	assert_true(n_found > n / 2);
	forge_release(&f);
}

static void
survives_a_footer_cut_or_grown(void **state)
{
	size_t n_errors = 0, n_found = 0, full;
	struct forge f;

	(void)state;
	forge_init(&f, 30, 32, 26);
	full = f.n_footer;
	for (f.n_footer = 0; f.n_footer < full; f.n_footer += 1 + f.n_footer / 100)
		survives(&f, &n_errors, &n_found);
	assert_true(n_errors > 20);
	assert_int_equal(n_errors, n_found);
	forge_release(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_a_shard_cut_anywhere),
		cmocka_unit_test(finds_any_byte_flipped_in_header_footer_and_trailer),
		cmocka_unit_test(never_shows_other_spans_when_a_section_byte_is_flipped),
		cmocka_unit_test(survives_false_section_bytes_with_true_checksums),
		cmocka_unit_test(survives_a_false_footer_with_true_checksums),
		cmocka_unit_test(survives_a_footer_cut_or_grown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

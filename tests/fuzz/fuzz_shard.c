/* SPDX-License-Identifier: ISC */
/*
 * fuzz_shard: a shard from bytes. The input is either a shard file as it is, or begins with
 * "RAW0" and is taken apart: u32 rows of a row group, u32 bytes of the raw footer, the raw
 * footer, then the file's bytes from offset 32 on; a file with true checksums is made of
 * these, so that the fuzzer gets past them. Whatever opens is walked: every section, every
 * row, the deep check. A shard in which the check finds nothing must fetch without an error.
 */
#include <stdlib.h>
#include <string.h>

#include "base/bloom.h"
#include "base/cursor.h"
#include "base/hash.h"
#include "lib/fsys_bytes.h"
#include "check/check.h"
#include "catalog/catalog.h"
#include "shard/chunk.h"
#include "shard/codec.h"
#include "shard/colbloom.h"
#include "shard/fetch.h"

#define FETCH_BYTES ((size_t)64 << 20)
#define ROWS 512

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

/* ---- making the checksums true ---- */

static void
skip(struct cursor *c, unsigned n_varints)
{
	while (n_varints-- > 0)
		(void)cursor_varint(c);
}

/* Past rows, row groups and services; false if there is nothing sensible. */
static bool
skip_services(struct cursor *c)
{
	uint64_t n_groups, n, names;

	skip(c, 1);
	n_groups = cursor_varint(c);
	skip(c, 3);
	for (int i = 0; i < 3; i++)
		(void)cursor_u64(c);
	for (; n_groups > 0 && !c->bad; n_groups--)
		skip(c, 3);
	for (n = cursor_varint(c); n > 0 && !c->bad; n--) {
		(void)cursor_str(c);
		skip(c, 2);
		(void)cursor_u64(c);
		(void)cursor_u64(c);
		for (names = cursor_varint(c); names > 0 && !c->bad; names--)
			skip(c, 3);
	}
	return !c->bad;
}

static bool
skip_columns(struct cursor *c)
{
	struct value v;
	uint64_t n, tops;

	for (n = cursor_varint(c); n > 0 && !c->bad; n--) {
		(void)cursor_uint(c, 5);
		(void)cursor_str(c);
		skip(c, 2);
		if (cursor_u8(c) == 1) {
			(void)cursor_u64(c);
			(void)cursor_u64(c);
		}
		skip(c, 1);
		for (tops = cursor_varint(c); tops > 0 && !c->bad; tops--) {
			(void)cursor_u8(c);
			skip(c, 1);
			if (!value_unpack(c, &v))
				return false;
		}
	}
	return !c->bad;
}

/* Writes the true checksum of each section that lies in the file into the raw footer. */
static void
seal_sections(uint8_t *footer, size_t n_footer, struct sv file)
{
	struct cursor c = cursor_new(footer, n_footer);
	uint64_t n;

	if (!skip_services(&c) || !skip_columns(&c))
		return;
	for (n = cursor_varint(&c); n > 0 && !c.bad; n--) {
		uint8_t kind = cursor_u8(&c);
		uint64_t off, stored, hash;
		uint8_t *at;

		(void)cursor_u8(&c);
		skip(&c, 2);
		off = cursor_varint(&c);
		stored = cursor_varint(&c);
		skip(&c, 1);
		at = footer + cursor_off(&c);
		(void)cursor_u64(&c);
		if (!c.bad && off <= file.n && stored <= file.n - off) {
			hash = hash64(file.p + off, (size_t)stored);
			memcpy(at, &hash, sizeof hash);
		}
		if (kind == SECTION_CHUNK) {
			skip(&c, 1);
			(void)cursor_u64(&c);
			(void)cursor_u64(&c);
		}
	}
}

static void
put_u32(struct buf *b, uint32_t v)
{
	buf_put(b, &v, sizeof v);
}

static void
put_u64(struct buf *b, uint64_t v)
{
	buf_put(b, &v, sizeof v);
}

static void
build(struct buf *out, uint32_t group_rows, uint8_t *footer, size_t n_footer,
    const uint8_t *area, size_t n_area)
{
	char root[24 + SHARD_HEADER_BYTES];
	size_t off;

	BUF_LIT(out, SHARD_MAGIC);
	put_u32(out, SHARD_VERSION);
	put_u32(out, 0);
	put_u32(out, SHARD_COMPAT_KNOWN);
	put_u32(out, group_rows);
	if (out->oom)
		return;
	put_u64(out, hash64(out->p, 24));
	buf_put(out, area, n_area);
	off = out->n;
	if (out->oom)
		return;
	seal_sections(footer, n_footer, buf_view(out));
	if (codec_frame(out, sv_new(footer, n_footer), 1, NULL) != 0)
		return;
	put_u64(out, off);
	put_u32(out, (uint32_t)(out->n - 8 - off));
	put_u32(out, (uint32_t)n_footer);
	put_u64(out, hash64(out->p + off, out->n - 16 - off));
	if (out->oom)
		return;
	memcpy(root, out->p + out->n - 24, 24);
	memcpy(root + 24, out->p, SHARD_HEADER_BYTES);
	put_u64(out, hash64(root, sizeof root));
	BUF_LIT(out, SHARD_END_MAGIC);
}

/* ---- walking ---- */

static void
walk_chunk(const struct chunk *c)
{
	uint32_t rows[] = { 0, c->n_rows / 2, c->n_rows - 1 }, sel[3], ord[3], n;
	uint64_t v[3];

	n = chunk_select(c, rows + (c->n_rows < 3), c->n_rows < 3 ? 1 : 3, sel, ord);
	if (c->encoding == ENC_BYTES) {
		for (uint32_t i = 0; i < n; i++)
			(void)hash64(chunk_bytes_at(c, ord[i]).p, chunk_bytes_at(c, ord[i]).n);
		return;
	}
	chunk_gather(c, ord, n, v);
	for (uint32_t i = 0; i < n; i++)
		if (chunk_u64_at(c, ord[i]) != v[i] || chunk_row(c, ord[i]) != rows[sel[i] +
		    (c->n_rows < 3)])
			abort();
}

static void
walk_sections(struct shard *s)
{
	const struct shard_info *info = shard_info(s);

	for (size_t i = 0; i < info->n_columns; i++) {
		const struct column *col = &info->columns[i];
		const struct colbloom *bloom;
		const struct dict *d;

		if (col->kind == COLUMN_DICT && dict_get(s, col, &d, NULL) == 0) {
			uint32_t code;

			if (!dict_find(d, dict_at(d, d->n - 1), &code) || code != d->n - 1)
				abort();
			dict_put(d);
		}
		if (colbloom_get(s, col, &bloom, NULL) == 0 && bloom != NULL) {
			const uint8_t *bits;
			size_t bytes;

			bits = colbloom_bits(bloom, &bytes);
			if (bytes == 0 || bytes % 32 != 0 || bytes != col->bloom_bytes)
				abort();
			(void)bloom_may_have(bits, bytes, hash64("x", 1));
			colbloom_put(bloom);
		}
		for (uint32_t g = 0; g < info->n_row_groups && g < 64; g++) {
			const struct chunk *c;

			if (chunk_get(s, col, g, &c, NULL) == 0 && c != NULL) {
				walk_chunk(c);
				chunk_put(c);
			}
		}
	}
}

static uint64_t
look_at(const struct span *s)
{
	struct hash128 h = span_hash(s);

	return h.lo ^ h.hi;
}

static int
fetch_all(struct shard *s)
{
	uint32_t n = (uint32_t)shard_info(s)->n_rows, rows[ROWS];
	struct span *out = malloc(ROWS * sizeof *out);
	volatile uint64_t sink = 0;
	struct fetch *f = NULL;
	int rc = out == NULL ? ERR_NOMEM : fetch_new(&f, NULL);

	if (rc == 0)
		fetch_limit(f, FETCH_BYTES);
	for (uint32_t at = 0; at < n && at < 20 * ROWS && rc == 0; at += ROWS) {
		uint32_t k = n - at < ROWS ? n - at : ROWS;

		for (uint32_t i = 0; i < k; i++)
			rows[i] = n - 1 - at - i;
		if ((rc = fetch_rows(f, s, rows, k, NULL, out, NULL)) == 0)
			for (uint32_t i = 0; i < k; i++)
				sink ^= look_at(&out[i]);
		fetch_reset(f);
	}
	fetch_free(f);
	free(out);
	return rc;
}

static void
on_bad(void *arg, const char *file, int64_t off, const char *why)
{
	(void)file;
	(void)off;
	(void)why;
	++*(size_t *)arg;
}

static void
try(struct sv bytes)
{
	struct chunkcache *cache;
	struct fsys_bytes fs;
	struct shard *s;
	uint64_t n_spans;
	size_t found = 0;

	fsys_bytes_init(&fs);
	fsys_bytes_set(&fs, "shard", bytes);
	if (chunkcache_new(1u << 20, &cache, NULL) != 0)
		return;
	if (shard_open(&fs.fs, "shard", cache, &s, NULL) == 0) {
		int rc, checked;

		walk_sections(s);
		rc = fetch_all(s);
		checked = shard_check(&fs.fs, "shard", on_bad, &found, &n_spans, NULL);
		if (checked == 0 && found == 0 && rc != 0 && rc != ERR_NOMEM)
			abort();
		shard_unref(s);
	}
	chunkcache_free(cache);
	if (fs.n_open != 0)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct cursor c = cursor_new(data, n);
	struct buf out = BUF_INIT;
	uint32_t group_rows, n_footer;
	uint8_t *footer;

	if (n < 12 || memcmp(data, "RAW0", 4) != 0) {
		try(sv_new(data, n));
		return 0;
	}
	(void)cursor_u32(&c);
	group_rows = cursor_u32(&c);
	n_footer = cursor_u32(&c);
	if (n_footer > cursor_left(&c) || (footer = malloc((size_t)n_footer + 1)) == NULL)
		return 0;
	memcpy(footer, c.p, n_footer);
	build(&out, group_rows, footer, n_footer, c.p + n_footer, cursor_left(&c) - n_footer);
	if (!out.oom)
		try(buf_view(&out));
	buf_release(&out);
	free(footer);
	return 0;
}

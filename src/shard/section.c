/* SPDX-License-Identifier: ISC */
/*
 * section: the bytes of one section from file to memory: read, checked against its checksum,
 * decompressed to exactly the length that the footer says; and the way of an object made of
 * them through the chunk cache. What the bytes mean is for chunk, dict, traceids, tracerows
 * and tables.
 *
 * Bitmaps, lists and plain numbers are used in place, so this reader runs on little-endian
 * machines only.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/search.h"
#include "shard_i.h"
#include "shard/codec.h"

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "sections are used in place");

_Thread_local struct read_counters read_counters;

int
shard_bad(const struct shard *s, struct err *e, uint64_t off, const char *fmt, ...)
{
	char why[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof why, fmt, ap);
	va_end(ap);
	return err_set(e, ERR_CORRUPT, (int64_t)off, "%s: %s", s->info.file, why);
}

static void
section_name(const struct shard *s, const struct section *sec, char *buf, size_t n)
{
	static const char *const kind[] = {
		[SECTION_CHUNK] = "chunk", [SECTION_DICT] = "dictionary",
		[SECTION_RESOURCES] = "resources", [SECTION_SCOPES] = "scopes",
		[SECTION_TRACE_IDS] = "trace ids", [SECTION_TRACE_ROWS] = "trace rows",
		[SECTION_BLOOM] = "bloom filter", [SECTION_POSTINGS] = "postings",
		[SECTION_TEXT] = "text index", [SECTION_TRACE_SUMMARY] = "trace summary",
		[SECTION_STATS] = "statistics", [SECTION_COLUMN_BLOOM] = "Bloom filter",
		[SECTION_LENGTHS] = "lengths", [SECTION_LINE_TOTALS] = "totals of lengths",
	};
	char col[128];

	if (sec->kind > SECTION_LAST) {
		snprintf(buf, n, "section of kind %u", sec->kind);
		return;
	}
	if (sec->kind == SECTION_LENGTHS) {
		snprintf(buf, n, "lengths, row group %u", sec->row_group);
		return;
	}
	if (sec->column == NO_COLUMN) {
		snprintf(buf, n, "%s", kind[sec->kind]);
		return;
	}
	column_name(&s->info.columns[sec->column], col, sizeof col);
	if (sec->kind == SECTION_CHUNK)
		snprintf(buf, n, "chunk of %s, row group %u", col, sec->row_group);
	else
		snprintf(buf, n, "%s of %s", kind[sec->kind], col);
}

int
section_bad(const struct shard *s, const struct section *sec, struct err *e, int64_t at,
    const char *fmt, ...)
{
	char why[256], name[192];
	uint64_t off = sec->off;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof why, fmt, ap);
	va_end(ap);
	section_name(s, sec, name, sizeof name);
	if (at > 0 && sec->codec == CODEC_NONE && (uint64_t)at < sec->n_stored)
		off += (uint64_t)at;
	if (at >= 0)
		return shard_bad(s, e, off, "%s, byte %lld: %s", name, (long long)at, why);
	return shard_bad(s, e, off, "%s: %s", name, why);
}

/* Reads the stored bytes and checks them. */
static int
read_stored(struct shard *s, const struct section *sec, void *p, struct err *e)
{
	int rc = s->fs->ops->pread(s->file, p, sec->n_stored, sec->off, e);

	if (rc == ERR_CORRUPT)
		return section_bad(s, sec, e, -1, "the file ends within it");
	if (rc != 0)
		return rc;
	read_counters.n_reads++;
	read_counters.read_bytes += sec->n_stored;
	if (hash64(p, sec->n_stored) != sec->hash)
		return section_bad(s, sec, e, -1, "checksum does not match");
	return 0;
}

static int
read_packed(struct shard *s, const struct section *sec, void *out, struct err *e)
{
	char *stored = malloc(sec->n_stored);
	struct err why = ERR_INIT;
	int rc;

	if (stored == NULL)
		return err_nomem(e);
	if ((rc = read_stored(s, sec, stored, e)) == 0 && (rc = codec_decompress(sec->codec,
	    sv_new(stored, sec->n_stored), out, sec->n_raw, &why)) != 0)
		rc = rc == ERR_CORRUPT ? section_bad(s, sec, e, -1, "%s", why.msg) :
		    err_set(e, rc, why.off, "%s", why.msg);
	read_counters.unpacked_bytes += sec->n_raw;
	free(stored);
	return rc;
}

int
section_read(struct shard *s, const struct section *sec, size_t head, void **out,
    struct err *e)
{
	char *p = malloc(head + sec->n_raw + SECTION_SLACK);
	int rc;

	if (p == NULL)
		return err_nomem(e);
	memset(p, 0, head);
	memset(p + head + sec->n_raw, 0, SECTION_SLACK);
	if (sec->codec == CODEC_NONE)
		rc = read_stored(s, sec, p + head, e);
	else
		rc = read_packed(s, sec, p + head, e);
	if (rc != 0) {
		free(p);
		return rc;
	}
	read_counters.decoded_bytes += sec->n_raw;
	*out = p;
	return 0;
}

int
section_get(struct shard *s, const struct section *sec, section_make *make, void *arg,
    struct cached **out, struct err *e)
{
	struct cache_slot *slot = section_slot(s, sec);
	struct cached *v;
	size_t bytes;
	int rc;

	if ((v = cache_pin(slot)) != NULL || (v = cache_load_begin(s->cache, slot)) != NULL) {
		count_cached(sec);
		*out = v;
		return 0;
	}
	if ((rc = make(s, sec, arg, &v, &bytes, e)) == 0) {
		cache_fill(s->cache, slot, v, bytes);
		*out = v;
	}
	cache_load_end(s->cache, slot);
	return rc;
}

/* Of the row group's chunks, which are sorted by column. */
const struct section *
shard_chunk_section(const struct shard *s, uint32_t column, uint32_t row_group)
{
	uint32_t lo, hi;

	if (row_group >= s->info.n_row_groups || column >= s->info.n_columns)
		return NULL;
	lo = s->chunk_from[row_group];
	if (s->chunk_at != NULL) {
		uint32_t at = s->chunk_at[(size_t)row_group * s->info.n_columns + column];

		return at == 0 ? NULL : &s->sections[lo + at - 1];
	}
	hi = s->chunk_from[row_group + 1];
	LOWER_BOUND(lo, hi, i, s->sections[i].column < column);
	return lo < hi && s->sections[lo].column == column ? &s->sections[lo] : NULL;
}

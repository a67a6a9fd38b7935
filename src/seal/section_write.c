/* SPDX-License-Identifier: ISC */
/*
 * section_write: the bytes of a shard file, front to back. Sections are compressed straight
 * into the output buffer, which goes to the file a megabyte at a time; what the footer says
 * of them is noted on the way.
 */
#include "seal_i.h"

#include "base/hash.h"
#include "base/limits.h"
#include "shard/codec.h"

#define FLUSH_BYTES (1u << 20)

int
shard_file_flush(struct seal *s)
{
	int rc = buf_ok(&s->out, s->err);

	if (rc == 0 && s->out.n != 0)
		rc = s->fs->ops->write(s->file, s->out.p, s->out.n, s->err);
	s->out.n = 0;
	return rc;
}

int
shard_file_put(struct seal *s, const void *p, size_t n)
{
	buf_put(&s->out, p, n);
	s->off += n;
	return s->out.n >= FLUSH_BYTES || s->out.oom ? shard_file_flush(s) : 0;
}

/* Of what may come: the header is written first. */
static uint32_t
compat_features(const struct seal *s)
{
	const struct shard_options *o = &s->opts;
	uint32_t bits = SHARD_COMPAT_TRACES | SHARD_COMPAT_STATS | SHARD_COMPAT_SHOWN |
	    SHARD_COMPAT_LENGTHS | SHARD_COMPAT_TOTALS;

	if (s->part->ids.n_twins == 0)
		bits |= SHARD_COMPAT_SINGLE;
	if (o->index_budget != 0)
		bits |= SHARD_COMPAT_POSTINGS | SHARD_COMPAT_BLOOM |
		    (o->text_index ? SHARD_COMPAT_TEXT : 0);
	return bits;
}

int
shard_file_open(struct seal *s, const char *path)
{
	struct buf h = BUF_INIT;
	int rc;

	BUF_LIT(&h, SHARD_MAGIC);
	buf_u32le(&h, SHARD_VERSION);
	buf_u32le(&h, 0);
	buf_u32le(&h, compat_features(s));
	buf_u32le(&h, s->opts.row_group_rows);
	if ((rc = buf_ok(&h, s->err)) == 0) {
		buf_u64le(&h, hash64(h.p, h.n));
		rc = buf_ok(&h, s->err);
	}
	if (rc == 0) {
		memcpy(s->header, h.p, SHARD_HEADER_BYTES);
		rc = s->fs->ops->create(s->fs, path, &s->file, s->err);
	}
	buf_release(&h);
	return rc != 0 ? rc : shard_file_put(s, s->header, SHARD_HEADER_BYTES);
}

static void
note(struct seal *s, enum section_kind kind, enum section_codec codec, uint32_t column,
    uint32_t group, const struct chunk_zone *zone, struct sv stored, size_t n_raw)
{
	struct buf *b = &s->sections;

	buf_putc(b, (char)kind);
	buf_putc(b, (char)codec);
	buf_varint(b, column == NO_COLUMN ? 0 : (uint64_t)column + 1);
	buf_varint(b, group);
	buf_varint(b, s->off);
	buf_varint(b, stored.n);
	buf_varint(b, n_raw);
	buf_u64le(b, hash64(stored.p, stored.n));
	if (kind == SECTION_CHUNK) {
		buf_varint(b, zone->n_present);
		buf_u64le(b, zone->min);
		buf_u64le(b, zone->max);
	}
	s->n_sections++;
}

int
section_put(struct seal *s, enum section_kind kind, uint32_t column, uint32_t group,
    const struct chunk_zone *zone)
{
	static const char zero[8];
	size_t start = s->out.n;
	enum section_codec codec;
	struct sv stored;
	int rc;

	if ((rc = buf_ok(&s->raw, s->err)) != 0)
		return rc;
	if (s->raw.n > LIMIT_SECTION_BYTES)
		return err_set(s->err, ERR_TOOBIG, -1, "a section of %zu bytes", s->raw.n);
	if ((rc = codec_compress(&s->out, buf_view(&s->raw), s->opts.compression_level,
	    &codec, s->err)) != 0)
		return rc;
	stored = sv_new(s->out.p + start, s->out.n - start);
	note(s, kind, codec, column, group, zone, stored, s->raw.n);
	s->off += stored.n;
	return shard_file_put(s, zero, (0 - s->off) % 8);
}

int
section_put_stored(struct seal *s, const struct index_cand *c)
{
	static const char zero[8];
	int rc;

	note(s, c->kind, c->codec, c->column, 0, NULL, buf_view(&c->stored), c->n_raw);
	if ((rc = shard_file_put(s, c->stored.p, c->stored.n)) != 0)
		return rc;
	return shard_file_put(s, zero, (0 - s->off) % 8);
}

/* SPDX-License-Identifier: ISC */
/*
 * footer_write: the footer (rows, services with their span names, columns, sections) as one
 * zstd frame, and the trailer that finds and checks it. Columns and sections were noted while
 * they were written.
 */
#include "seal_i.h"

#include <stdlib.h>

#include "base/hash.h"
#include "base/limits.h"
#include "shard/codec.h"

struct name_count {
	uint32_t rows, errors;
};

struct times {
	uint64_t min, max;
};

static const struct mem_row *
row_at(const struct seal *s, uint32_t i)
{
	return &s->part->rows[s->ord.rows[i]];
}

static struct times
times_of(const struct seal *s, uint32_t from, uint32_t to)
{
	struct times t = { UINT64_MAX, 0 };

	for (uint32_t i = from; i < to; i++) {
		uint64_t start = row_at(s, i)->start_ns;

		if (start < t.min)
			t.min = start;
		if (start > t.max)
			t.max = start;
	}
	return t;
}

static int
code_cmp(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

/* One service; count is by name code, all zero before and after; used has room for all names. */
static void
put_service(struct seal *s, struct buf *b, const struct service_range *r,
    struct name_count *count, uint32_t *used)
{
	struct sv name = coldict_at(&s->mt->owners.services, r->service);
	struct times t = times_of(s, r->row_from, r->row_to);
	uint64_t errors = 0;
	uint32_t n = 0;

	for (uint32_t i = r->row_from; i < r->row_to; i++) {
		const struct mem_row *row = row_at(s, i);
		uint32_t code = s->name_code[row->name];
		bool error = mem_shape(s->part, row)->status == STATUS_ERROR;

		if (count[code].rows++ == 0)
			used[n++] = code;
		count[code].errors += error;
		errors += error;
	}
	qsort(used, n, sizeof *used, code_cmp);
	buf_varint(b, name.n);
	buf_sv(b, name);
	buf_varint(b, r->row_to - r->row_from);
	buf_varint(b, errors);
	buf_u64le(b, t.min);
	buf_u64le(b, t.max);
	buf_varint(b, n);
	for (uint32_t i = 0; i < n; i++) {
		struct name_count *c = &count[used[i]];

		buf_varint(b, used[i]);
		buf_varint(b, c->rows);
		buf_varint(b, c->errors);
		*c = (struct name_count){ 0, 0 };
	}
}

static int
put_services(struct seal *s, struct buf *b)
{
	uint32_t n = s->part->names.n;
	struct name_count *count = calloc(n, sizeof *count);
	uint32_t *used = malloc(n * sizeof *used);
	int rc = 0;

	if (count == NULL || used == NULL)
		rc = err_nomem(s->err);
	else {
		buf_varint(b, s->ord.n_services);
		for (uint32_t i = 0; i < s->ord.n_services; i++)
			put_service(s, b, &s->ord.services[i], count, used);
	}
	free(count);
	free(used);
	return rc;
}

static void
put_row_groups(const struct seal *s, struct buf *b)
{
	for (uint32_t g = 0; g < s->ord.n_groups; g++)
		for (int d = DOMAIN_SPAN; d <= DOMAIN_LINK; d++) {
			const uint32_t *from = s->ord.domain[d].group_from;

			buf_varint(b, from[g + 1] - from[g]);
		}
}

static int
put_footer(struct seal *s, struct buf *b, struct times t)
{
	int rc;

	buf_varint(b, s->ord.n_rows);
	buf_varint(b, s->ord.n_groups);
	buf_varint(b, s->part->n_events);
	buf_varint(b, s->part->n_links);
	buf_varint(b, s->part->ids.n_traces);
	buf_u64le(b, s->part->partition);
	buf_u64le(b, t.min);
	buf_u64le(b, t.max);
	put_row_groups(s, b);
	if ((rc = put_services(s, b)) != 0)
		return rc;
	buf_varint(b, s->n_columns);
	buf_sv(b, buf_view(&s->columns));
	buf_varint(b, s->n_sections);
	buf_sv(b, buf_view(&s->sections));
	if (s->columns.oom || s->sections.oom)
		return err_nomem(s->err);
	return buf_ok(b, s->err);
}

/* `stored` is the footer's frame, already put at `at`. */
static int
put_trailer(struct seal *s, uint64_t at, size_t stored, size_t raw, uint64_t hash)
{
	struct buf b = BUF_INIT;
	int rc;

	buf_u64le(&b, at);
	buf_u32le(&b, (uint32_t)stored);
	buf_u32le(&b, (uint32_t)raw);
	buf_u64le(&b, hash);
	/* The checksum covers the header behind these bytes; then it takes its place. */
	buf_put(&b, s->header, sizeof s->header);
	if ((rc = buf_ok(&b, s->err)) == 0) {
		hash = hash64(b.p, b.n);
		b.n -= sizeof s->header;
		buf_u64le(&b, hash);
		BUF_LIT(&b, SHARD_END_MAGIC);
		if ((rc = buf_ok(&b, s->err)) == 0)
			rc = shard_file_put(s, b.p, b.n);
	}
	buf_release(&b);
	return rc;
}

int
seal_footer(struct seal *s, uint64_t *min_start, uint64_t *max_start)
{
	struct times t = times_of(s, 0, s->ord.n_rows);
	uint64_t at = s->off, hash;
	struct buf raw = BUF_INIT;
	size_t start, stored;
	int rc;

	if ((rc = put_footer(s, &raw, t)) != 0)
		goto out;
	if (raw.n > LIMIT_SECTION_BYTES) {
		rc = err_set(s->err, ERR_TOOBIG, -1, "a footer of %zu bytes", raw.n);
		goto out;
	}
	start = s->out.n;
	if ((rc = codec_frame(&s->out, buf_view(&raw), s->opts.compression_level > 0 ?
	    s->opts.compression_level : 1, s->err)) != 0)
		goto out;
	stored = s->out.n - start;
	hash = hash64(s->out.p + start, stored);
	s->off += stored;
	*min_start = t.min;
	*max_start = t.max;
	rc = put_trailer(s, at, stored, raw.n, hash);
out:
	buf_release(&raw);
	return rc;
}

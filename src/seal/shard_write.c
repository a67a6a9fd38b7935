/* SPDX-License-Identifier: ISC */
/*
 * shard_write: a part of a memtable becomes a shard file (shard_format.h). The file is
 * written once from front to back: header, the sections column by column (a column's
 * dictionary, then its chunks), owners, trace tables and summaries, statistics, indexes, footer, trailer.
 *
 * The memtable is only read, so parts can be sealed by several threads at once. The file's
 * bytes depend on nothing but the spans and their order of arrival.
 */
#include "seal_i.h"

#include "base/bitmap.h"
#include "base/bloom.h"
#include "shard/enc.h"
#include "shard/shard.h"

static int
put_trace_ids(struct seal *s)
{
	uint8_t id[16];

	s->raw.n = 0;
	for (uint32_t i = 0; i < s->part->ids.n_traces; i++) {
		trace_id_to_bytes(s->part->ids.traces[s->ord.traces[i]], id);
		buf_put(&s->raw, id, sizeof id);
	}
	return section_put(s, SECTION_TRACE_IDS, NO_COLUMN, 0, NULL);
}

static int
put_trace_rows(struct seal *s)
{
	uint32_t n = s->part->ids.n_traces, bytes;

	s->raw.n = 0;
	buf_u64le(&s->raw, 0);
	for (uint32_t i = 0; i < n; i++)
		s->tmp[i] = s->ord.trace_ends[i];
	pack_encode_for(&s->raw, s->tmp, n);
	bytes = (uint32_t)(s->raw.n - 8);
	for (unsigned i = 0; i < 4 && !s->raw.oom; i++)
		s->raw.p[i] = (char)(bytes >> 8 * i);
	for (uint32_t i = 0; i < s->ord.n_rows; i++)
		s->tmp[i] = s->ord.trace_rows[i];
	pack_encode(&s->raw, s->tmp, s->ord.n_rows);
	return section_put(s, SECTION_TRACE_ROWS, NO_COLUMN, 0, NULL);
}

static int
put_bloom(struct seal *s)
{
	uint32_t n = s->part->ids.n_traces;
	size_t bytes = bloom_bytes(n);

	s->raw.n = 0;
	if (!buf_reserve(&s->raw, bytes))
		return err_nomem(s->err);
	memset(s->raw.p, 0, bytes);
	s->raw.n = bytes;
	for (uint32_t i = 0; i < n; i++)
		bloom_add((uint8_t *)s->raw.p, bytes, trace_id_hash(s->part->ids.traces[i]));
	return section_put(s, SECTION_BLOOM, NO_COLUMN, 0, NULL);
}

static int
seal_attrs(struct seal *s)
{
	int rc;

	for (uint32_t i = 0; i < s->n_attrs; i++)
		if ((rc = column_write_memcol(s, s->attrs[i])) != 0)
			return rc;
	return 0;
}

static int
make_scratch(struct seal *s)
{
	uint32_t n = s->ord.n_rows;

	for (int d = DOMAIN_EVENT; d <= DOMAIN_LINK; d++)
		if (s->ord.domain[d].n > n)
			n = s->ord.domain[d].n;
	s->present = arena_alloc(&s->mem, BITMAP_WORDS(n) * sizeof *s->present);
	s->slot = arena_alloc(&s->mem, n * sizeof *s->slot);
	s->vals = arena_alloc(&s->mem, n * sizeof *s->vals);
	s->tmp = arena_alloc(&s->mem, n * sizeof *s->tmp);
	s->stats.top = arena_array(&s->mem, s->opts.top_values, struct top);
	if (s->present == NULL || s->slot == NULL || s->vals == NULL || s->tmp == NULL ||
	    s->stats.top == NULL)
		return err_nomem(s->err);
	return 0;
}

static int
write_all(struct seal *s, uint64_t *min_start, uint64_t *max_start)
{
	int rc;

	if ((rc = cells_make(s)) != 0 || (rc = seal_fixed(s)) != 0 || (rc = seal_attrs(s)) != 0 ||
	    (rc = seal_owner_sections(s)) != 0 || (rc = put_trace_ids(s)) != 0 ||
	    (rc = put_trace_rows(s)) != 0 || (rc = put_bloom(s)) != 0 ||
	    (rc = seal_trace_summary(s)) != 0 || (rc = seal_stats(s)) != 0 ||
	    (rc = seal_indexes(s)) != 0 || (rc = seal_lengths(s)) != 0 ||
	    (rc = seal_footer(s, min_start, max_start)) != 0)
		return rc;
	return shard_file_flush(s);
}

static int
write_file(struct seal *s, const char *path, uint64_t *min_start, uint64_t *max_start)
{
	int rc = shard_file_open(s, path), closed;

	if (s->file == NULL)
		return rc;
	if (rc == 0)
		rc = write_all(s, min_start, max_start);
	if (rc == 0 && s->opts.sync)
		rc = s->fs->ops->sync(s->file, s->err);
	closed = s->fs->ops->close(s->file, rc == 0 ? s->err : NULL);
	if (rc == 0)
		rc = closed;
	if (rc != 0)
		(void)s->fs->ops->unlink(s->fs, path, NULL);
	return rc;
}

static void
seal_release(struct seal *s)
{
	seal_choose_release(s);
	seal_indexes_release(s);
	arena_release(&s->mem);
	buf_release(&s->out);
	buf_release(&s->sections);
	buf_release(&s->columns);
	buf_release(&s->raw);
	buf_release(&s->stats_buf);
	vec_release(&s->pairs);
	vec_release(&s->remap);
	vec_release(&s->counts);
	vec_release(&s->starts);
}

int
memtable_seal(const struct memtable *mt, size_t i, struct fsys *fs, const char *path,
    struct shard_entry *entry, struct err *e)
{
	struct seal s = {
		.mt = mt, .part = mt->parts[i], .opts = mt->opts, .fs = fs, .err = e,
	};
	uint64_t min_start = 0, max_start = 0;
	int rc;

	arena_init(&s.mem);
	if (row_order_make(&s.ord, mt, s.part, &s.mem) != 0)
		rc = err_nomem(e);
	else if ((rc = make_scratch(&s)) == 0 && (rc = seal_choose_columns(&s)) == 0)
		rc = write_file(&s, path, &min_start, &max_start);
	if (rc == 0) {
		entry->partition = s.part->partition;
		entry->n_rows = s.ord.n_rows;
		entry->n_bytes = s.off;
		entry->min_start = min_start;
		entry->max_start = max_start;
	}
	seal_release(&s);
	return rc;
}

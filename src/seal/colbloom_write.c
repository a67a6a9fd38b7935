/* SPDX-License-Identifier: ISC */
/*
 * colbloom_write: SECTION_COLUMN_BLOOM of the column that is being written. Its use is all
 * rows of the shard, where it lacks the value: next to postings it costs little and saves
 * more. Columns whose values the footer lists need none; numbers have ranges, and those of
 * many values are measures that nobody looks up.
 */
#include "seal_i.h"

#include "base/bloom.h"
#include "base/hash.h"

/* An empty filter in s->raw. */
static int
begin(struct seal *s, size_t bytes)
{
	static const uint8_t zeros[32];

	s->raw.n = 0;
	for (size_t i = 0; i < bytes && !s->raw.oom; i += sizeof zeros)
		buf_put(&s->raw, zeros, sizeof zeros);
	return buf_ok(&s->raw, s->err);
}

int
colbloom_make(struct seal *s, const struct column_desc *d, const struct coldict *dict)
{
	size_t bytes = bloom_bytes(dict->n);
	int rc;

	if (s->opts.index_budget == 0 || d->id != COL_ATTR || d->type != VAL_STRING ||
	    dict->n <= s->opts.top_values || !index_worth(s, s->ord.n_rows, (double)bytes))
		return 0;
	if ((rc = begin(s, bytes)) != 0)
		return rc;
	for (uint32_t i = 0; i < dict->n; i++) {
		struct sv v = coldict_at(dict, i);

		bloom_add((uint8_t *)s->raw.p, bytes, hash64(v.p, v.n));
	}
	return index_offer(s, SECTION_COLUMN_BLOOM, s->ord.n_rows);
}

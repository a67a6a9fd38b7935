/* SPDX-License-Identifier: ISC */
/*
 * fetch_ahead: the chunks of a row group that a fetch of everything will read, for threads
 * that would otherwise come to the same row group and wait for each other's chunks.
 */
#include "shard_i.h"
#include "shard/fetch.h"

static bool
is_empty(const struct shard *s, uint32_t section)
{
	return (atomic_load_explicit(&s->slots[section].pins, memory_order_relaxed) &
	    SLOT_EMPTY) != 0;
}

size_t
fetch_missing(const struct shard *s, uint32_t row_group, uint32_t *columns)
{
	size_t n = 0;

	for (uint32_t i = s->chunk_from[row_group]; i < s->chunk_from[row_group + 1]; i++)
		if (is_empty(s, i))
			columns[n++] = s->sections[i].column;
	return n;
}

void
fetch_load(struct shard *s, uint32_t column, uint32_t row_group)
{
	const struct column *col = &s->info.columns[column];
	const struct chunk *c = NULL;
	const struct dict *d = NULL;

	if (chunk_get(s, col, row_group, &c, NULL) == 0)
		chunk_put(c);
	if (col->kind == COLUMN_DICT && is_empty(s, s->dict_section[column]) &&
	    dict_get(s, col, &d, NULL) == 0)
		dict_put(d);
}

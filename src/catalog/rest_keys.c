/* SPDX-License-Identifier: ISC */
/*
 * rest_keys: whether a key stands among the attributes that share a shard's rest column. Shards
 * say in their header that keys which files show are not there; only those that don't are read.
 */
#include "catalog/catalog.h"
#include "shard/chunk.h"
#include "stats_i.h"

/* A row's packed map; it has been validated. */
static bool
map_has(struct sv map, struct sv key)
{
	struct cursor c = cursor_new(map.p, map.n);
	struct value v;
	struct sv k;

	while (value_map_next(&c, &k, &v))
		if (sv_eq(k, key))
			return true;
	return false;
}

static int
dict_has(struct shard *s, const struct column *c, struct sv key, bool *has, struct err *e)
{
	const struct dict *d;
	int rc = dict_get(s, c, &d, e);

	if (rc != 0)
		return rc;
	for (uint32_t i = 0; i < d->n && !*has; i++)
		*has = map_has(dict_at(d, i), key);
	dict_put(d);
	return 0;
}

static int
chunk_has(struct shard *s, const struct column *c, uint32_t row_group, struct sv key, bool *has,
    struct err *e)
{
	const struct chunk *ch;
	int rc = chunk_get(s, c, row_group, &ch, e);

	if (rc != 0 || ch == NULL)
		return rc;
	for (uint32_t i = 0; i < ch->n_present && !*has; i++)
		*has = map_has(chunk_bytes_at(ch, i), key);
	chunk_put(ch);
	return 0;
}

static int
shard_has(struct shard *s, struct sv key, bool *has, struct err *e)
{
	const struct column *c = shard_column(s, COL_REST);
	uint32_t n = shard_info(s)->n_row_groups;
	int rc = 0;

	if (c == NULL || shard_shows_keys(s))
		return 0;
	if (c->kind == COLUMN_DICT)
		return dict_has(s, c, key, has, e);
	for (uint32_t i = 0; i < n && rc == 0 && !*has; i++)
		rc = chunk_has(s, c, i, key, has, e);
	return rc;
}

int
catalog_rest_key(const struct snapshot *snap, const struct stats *st, struct sv key, bool *has,
    struct err *e)
{
	*has = false;
	for (size_t i = 0; i < st->n_shards && !*has; i++) {
		struct shard *s;
		int rc;

		if (st->shards[i].damaged || st->shards[i].all_keys)
			continue;
		if ((rc = snapshot_shard(snap, i, &s, e)) != 0) {
			if (!passed_over(rc))
				return rc;
			continue;
		}
		if ((rc = shard_has(s, key, has, e)) != 0)
			return rc;
	}
	return 0;
}

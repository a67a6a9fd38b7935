/* SPDX-License-Identifier: ISC */
/*
 * part_store: see parts/part_store.h. What is shared is how long it took, 8 bytes, little-endian, then
 * the part.
 */
#include "parts/part_store.h"

#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"

#define SHARED_VERSION 2	/* of what is shared: of the bytes of all kinds of parts, too */
#define HEAD_BYTES 8

/* False: what its shards are can't be told. */
static bool
shared_key(const struct part_store *s, const struct part_slot *x, struct hash128 *out)
{
	struct buf b = BUF_INIT;
	bool told = true;

	BUF_LIT(&b, PACKAGE_VERSION);
	buf_putc(&b, SHARED_VERSION);
	buf_put(&b, &x->key, sizeof x->key);
	for (size_t i = 0; i < x->n_shards && told; i++) {
		uint64_t hash = 0;

		told = snapshot_shard_hash(s->snap, x->shards[i].shard, &hash, NULL) == 0;
		buf_put(&b, &hash, sizeof hash);
	}
	told &= !b.oom;
	*out = hash128(b.p, b.n);
	buf_release(&b);
	return told;
}

/* ---- what others made ---- */

struct asking {
	size_t n, *of;			/* places of slots */
	struct hash128 *keys;
	struct buf *outs;
	bool *found;
};

static void
asking_release(struct asking *a)
{
	for (size_t i = 0; a->outs != NULL && i < a->n; i++)
		buf_release(&a->outs[i]);
	free(a->of);
	free(a->keys);
	free(a->outs);
	free(a->found);
}

static void
take_shared(const struct part_store *s, struct part_slot *x, struct sv bytes)
{
	struct cursor c = cursor_new(bytes.p, bytes.n);
	uint64_t cost_ns = cursor_u64(&c);

	if (c.bad)
		return;
	/* Even one that is not worth keeping serves once. */
	x->part = cached_part_new(sv_sub(bytes, HEAD_BYTES, bytes.n));
	x->shared = x->part != NULL;
	if (x->part != NULL)
		(void)partcache_add_part(s->cache, x->key, x->part, cost_ns);
}

static int
ask_shared(const struct part_store *s, struct part_slot *v, size_t n, struct err *e)
{
	struct asking a = { .of = calloc(n, sizeof *a.of), .keys = calloc(n, sizeof *a.keys),
		.outs = calloc(n, sizeof *a.outs), .found = calloc(n, sizeof *a.found) };
	int code = a.of == NULL || a.keys == NULL || a.outs == NULL || a.found == NULL ?
	    err_nomem(e) : 0;

	for (size_t i = 0; i < n && code == 0; i++)
		if (v[i].part == NULL && shared_key(s, &v[i], &a.keys[a.n]))
			a.of[a.n++] = i;
	if (code == 0 && a.n != 0)
		s->sharing.get(s->sharing.arg, a.keys, a.n, a.outs, a.found);
	for (size_t i = 0; i < a.n && code == 0; i++)
		if (a.found[i] && !a.outs[i].oom)
			take_shared(s, &v[a.of[i]], buf_view(&a.outs[i]));
	asking_release(&a);
	return code;
}

/* ---- both levels ---- */

int
part_store_find(const struct part_store *s, struct part_slot *v, size_t n, struct err *e)
{
	size_t missing = 0;

	for (size_t i = 0; i < n; i++) {
		v[i].part = partcache_get(s->cache, v[i].key);
		missing += v[i].part == NULL;
	}
	return missing == 0 || s->sharing.get == NULL ? 0 : ask_shared(s, v, n, e);
}

void
part_slots_release(struct part_slot *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		cached_part_put(v[i].part);
		v[i].part = NULL;
	}
}

static void
share(const struct part_store *s, const struct part_slot *x, struct sv bytes, uint64_t cost_ns)
{
	struct hash128 key;
	struct buf b = BUF_INIT;

	if (s->sharing.get == NULL || !shared_key(s, x, &key))
		return;
	for (size_t i = 0; i < HEAD_BYTES; i++)
		buf_putc(&b, (char)(cost_ns >> (8 * i) & 255));
	buf_sv(&b, bytes);
	if (!b.oom)
		s->sharing.put(s->sharing.arg, key, &b);
	buf_release(&b);
}

bool
part_store_keep(const struct part_store *s, const struct part_slot *x, struct sv bytes,
    uint64_t cost_ns)
{
	share(s, x, bytes, cost_ns);
	return partcache_add(s->cache, x->key, bytes, cost_ns);
}

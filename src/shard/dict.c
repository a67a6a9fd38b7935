/* SPDX-License-Identifier: ISC */
/*
 * dict: the dictionary of a column: its values in byte order, each once. Validated when it
 * enters the cache; the ends of the values are kept unpacked, since they are looked up singly.
 *
 * Where a value stood is remembered beside it, by the value's hash: a search goes to ten places and
 * more of the dictionary, none of which is in the processor's caches, and queries ask for the same
 * values again. What is remembered is no more than a hint: the value there is compared.
 */
#include <stdlib.h>

#include "base/hash.h"
#include "base/search.h"
#include "shard_i.h"

#define FOUND_SLOTS 8		/* a power of two */
#define FOUND_LEAST 16		/* values: fewer are found as soon */

struct dict_obj {
	struct cached cached;
	struct dict dict;
	_Atomic uint64_t found[FOUND_SLOTS];	/* the hash's high half, and a code */
	_Alignas(16) uint8_t raw[];
};

/* Every value is in order and what the column's type asks for. */
static int
check_values(const struct shard *s, const struct section *sec, const struct dict *d,
    struct err *e)
{
	const struct column *col = &s->info.columns[sec->column];
	const struct column_rule *r = column_rule(col->id);

	for (uint32_t i = 0; i < d->n; i++) {
		if (i > 0 && sv_cmp(dict_at(d, i - 1), dict_at(d, i)) >= 0)
			return section_bad(s, sec, e, -1, "value %u is not in order", i);
		if (!text_ok(r != NULL ? r->type : col->type, r != NULL ? r->exactly : 0,
		    dict_at(d, i)))
			return section_bad(s, sec, e, -1, "value %u is malformed", i);
	}
	return 0;
}

static int
take_dict(struct shard *s, const struct section *sec, struct dict_obj *o, size_t *bytes,
    struct err *e)
{
	struct err why = ERR_INIT;
	struct pack p;
	uint32_t head[2], *offs;

	if (sec->n_raw < sizeof head)
		return section_bad(s, sec, e, 0, "cut short");
	memcpy(head, o->raw, sizeof head);
	if (head[0] != s->info.columns[sec->column].n_dict)
		return section_bad(s, sec, e, 0, "number of values is not the footer's");
	if (head[1] % 8 != 0 || head[1] > sec->n_raw - sizeof head)
		return section_bad(s, sec, e, 4, "size of a pack");
	if (pack_open(&p, o->raw + sizeof head, head[1], &why) != 0)
		return section_bad(s, sec, e, 8 + (why.off > 0 ? why.off : 0), "%s", why.msg);
	if (p.n != head[0] || p.n_bytes != head[1])
		return section_bad(s, sec, e, 8, "pack of another size");
	*bytes = ((size_t)p.n + 1) * sizeof *offs;
	if ((offs = malloc(*bytes)) == NULL)
		return err_nomem(e);
	o->cached.extra = offs;
	if (load_ends(&p, sec->n_raw - sizeof head - head[1], offs) != 0)
		return section_bad(s, sec, e, 8, "ends of values");
	o->dict.n = p.n;
	o->dict.offs = offs;
	o->dict.bytes = (const char *)o->raw + sizeof head + head[1];
	return check_values(s, sec, &o->dict, e);
}

static int
make_dict(struct shard *s, const struct section *sec, void *arg, struct cached **out,
    size_t *bytes, struct err *e)
{
	struct dict_obj *o;
	size_t extra = 0;
	void *p;
	int rc;

	(void)arg;
	if ((rc = section_read(s, sec, offsetof(struct dict_obj, raw), &p, e)) != 0)
		return rc;
	o = p;
	if ((rc = take_dict(s, sec, o, &extra, e)) != 0) {
		cached_free(&o->cached);
		return rc;
	}
	o->dict.found = o->dict.n < FOUND_LEAST ? NULL : o->found;
	o->dict.pin = section_slot(s, sec);
	o->dict.shard = s;
	*out = &o->cached;
	*bytes = sizeof *o + sec->n_raw + SECTION_SLACK + extra;
	return 0;
}

int
dict_get(struct shard *s, const struct column *col, const struct dict **out, struct err *e)
{
	uint32_t i = s->dict_section[col->index];
	struct cached *v;
	int rc;

	if (i == NO_SECTION)
		return shard_bad(s, e, s->footer_off, "column without a dictionary");
	if ((rc = section_get(s, &s->sections[i], make_dict, NULL, &v, e)) != 0)
		return rc;
	*out = &((struct dict_obj *)(void *)v)->dict;
	return 0;
}

void
dict_put(const struct dict *d)
{
	if (d != NULL)
		cache_unpin(d->shard->cache, d->pin);
}

static bool
search(const struct dict *d, struct sv value, uint32_t *code)
{
	uint32_t at = 0;
	bool found;

	FIND_SORTED(at, d->n, i, sv_cmp(dict_at(d, i), value), found);
	*code = at;
	return found;
}

bool
dict_find(const struct dict *d, struct sv value, uint32_t *code)
{
	_Atomic uint64_t *slot;
	uint64_t hash, hint;

	if (d->found == NULL)
		return search(d, value, code);
	hash = hash64(value.p, value.n);
	slot = &d->found[hash % FOUND_SLOTS];
	hint = atomic_load_explicit(slot, memory_order_relaxed);
	*code = (uint32_t)hint;
	if ((hint ^ hash) >> 32 == 0 && *code < d->n && sv_eq(dict_at(d, *code), value))
		return true;
	if (!search(d, value, code))
		return false;
	atomic_store_explicit(slot, hash >> 32 << 32 | *code, memory_order_relaxed);
	return true;
}

/* SPDX-License-Identifier: ISC */
/*
 * owners: resources and scopes, interned once for the whole memtable: few, large, and each
 * owns many spans. Each is packed as its section stores it, and equal bytes are equal content.
 *
 * Packing costs a few hundred ns, so within one memtable_batch an object is known by its
 * address (a small direct-mapped cache); outside of one, addresses are not trusted, since an
 * arena may give the same one again.
 */
#include "memtable_i.h"

#include <stdlib.h>

#include "base/hash.h"

static struct owner_cache *
cache_of(struct owner_cache *cache, const void *owner)
{
	return &cache[hash_u64((uintptr_t)owner) % OWNER_CACHE];
}

static bool
known(const struct owners *o, const struct owner_cache *c, const void *owner)
{
	return o->epoch != 0 && c->owner == owner && c->epoch == o->epoch;
}

static void
pack_str(struct buf *b, struct sv s)
{
	buf_varint(b, s.n);
	buf_sv(b, s);
}

static void
pack_attrs(struct owners *o, const struct attrs *attrs)
{
	o->attrs.n = 0;
	for (uint32_t i = 0; i < attrs->n; i++)
		buf_attr(&o->attrs, &attrs->v[i]);
	pack_str(&o->packed, buf_view(&o->attrs));
}

static int
intern(struct owners *o, struct coldict *d, uint32_t *id, size_t *held)
{
	if (o->attrs.oom || o->packed.oom)
		return ERR_NOMEM;
	return coldict_put(d, buf_view(&o->packed), id, held);
}

int
owners_resource(struct owners *o, const struct resource *r, uint32_t *id, size_t *held)
{
	struct owner_cache *c = cache_of(o->rcache, r);
	uint32_t service;
	int rc;

	if (known(o, c, r)) {
		*id = c->id;
		return 0;
	}
	o->packed.n = 0;
	pack_str(&o->packed, r->schema_url);
	buf_varint(&o->packed, r->dropped_attrs);
	pack_attrs(o, &r->attrs);
	value_pack(&o->packed, &r->entity_refs);
	if ((rc = intern(o, &o->resources, id, held)) != 0 ||
	    (rc = coldict_put(&o->services, r->service, &service, held)) != 0 ||
	    (rc = mem_grow(&o->service_of, &o->service_cap, (size_t)*id + 1,
	    sizeof *o->service_of, held)) != 0)
		return rc;
	o->service_of[*id] = service;
	*c = (struct owner_cache){ r, o->epoch, *id };
	return 0;
}

int
owners_scope(struct owners *o, const struct scope *s, uint32_t *id, size_t *held)
{
	struct owner_cache *c = cache_of(o->scache, s);
	int rc;

	if (known(o, c, s)) {
		*id = c->id;
		return 0;
	}
	o->packed.n = 0;
	pack_str(&o->packed, s->name);
	pack_str(&o->packed, s->version);
	pack_str(&o->packed, s->schema_url);
	buf_varint(&o->packed, s->dropped_attrs);
	pack_attrs(o, &s->attrs);
	if ((rc = intern(o, &o->scopes, id, held)) != 0)
		return rc;
	*c = (struct owner_cache){ s, o->epoch, *id };
	return 0;
}

void
owners_release(struct owners *o)
{
	coldict_release(&o->resources);
	coldict_release(&o->scopes);
	coldict_release(&o->services);
	free(o->service_of);
	buf_release(&o->attrs);
	buf_release(&o->packed);
}

/* SPDX-License-Identifier: ISC */
/*
 * tables: a shard's resources, scopes and bloom filter: read and checked at first use, then
 * kept as long as the shard, outside the chunk cache: spans point into them. A table is made
 * by one thread, which holds no lock meanwhile, and published by one atomic store; readers take
 * no lock, and who wants a table that is being made waits for that one only.
 */
#include <stdlib.h>

#include "base/bitmap.h"
#include "base/hash.h"
#include "base/limits.h"
#include "shard_i.h"

struct parse {
	struct shard *s;
	const struct section *sec;
	struct table *t;
	struct cursor c;
	struct err *e;
};

static int
parse_bad(struct parse *p, const char *why)
{
	return section_bad(p->s, p->sec, p->e, (int64_t)cursor_off(&p->c), "%s", why);
}

/* A packed map, as attributes in the table's arena. */
static int
parse_attrs(struct parse *p, struct attrs *out)
{
	struct sv map = cursor_str(&p->c), key;
	struct cursor c = cursor_new(map.p, map.n);
	struct value val;
	uint32_t n = 0;

	if (p->c.bad || !value_check(VAL_MAP, map))
		return parse_bad(p, "malformed attributes");
	while (value_map_next(&c, &key, &val))
		n++;
	if ((out->v = arena_array(&p->t->arena, n, struct attr)) == NULL)
		return err_nomem(p->e);
	c = cursor_new(map.p, map.n);
	for (out->n = 0; out->n < n; out->n++)
		if (!value_map_next(&c, &out->v[out->n].key, &out->v[out->n].val))
			break;
	return 0;
}

static int
parse_dropped(struct parse *p, uint32_t *out)
{
	uint64_t v = cursor_varint(&p->c);

	if (p->c.bad || v > UINT32_MAX)
		return parse_bad(p, "dropped attributes");
	*out = (uint32_t)v;
	return 0;
}

static size_t
key_bit(struct sv key)
{
	return hash64(key.p, key.n) % TABLE_KEY_BITS;
}

static int
parse_resource(struct parse *p, struct resource *r)
{
	const struct value *service;
	int rc;

	r->schema_url = cursor_str(&p->c);
	if ((rc = parse_dropped(p, &r->dropped_attrs)) != 0 ||
	    (rc = parse_attrs(p, &r->attrs)) != 0)
		return rc;
	if (!value_unpack(&p->c, &r->entity_refs) ||
	    (r->entity_refs.type != VAL_EMPTY && (r->entity_refs.type != VAL_ARRAY ||
	    !value_check(VAL_ARRAY, r->entity_refs.s))))
		return parse_bad(p, "malformed entity references");
	for (uint32_t i = 0; i < r->attrs.n; i++)
		bitmap_set(p->t->keys, key_bit(r->attrs.v[i].key));
	service = attrs_find(&r->attrs, SV("service.name"));
	r->service = service != NULL && service->type == VAL_STRING ? service->s : SV_EMPTY;
	return 0;
}

static int
parse_scope(struct parse *p, struct scope *s)
{
	int rc;

	s->name = cursor_str(&p->c);
	s->version = cursor_str(&p->c);
	s->schema_url = cursor_str(&p->c);
	if ((rc = parse_dropped(p, &s->dropped_attrs)) != 0)
		return rc;
	return parse_attrs(p, &s->attrs);
}

/* A list of resources or scopes. */
static int
parse_list(struct parse *p)
{
	bool resources = p->sec->kind == SECTION_RESOURCES;
	size_t size = resources ? sizeof(struct resource) : sizeof(struct scope);
	uint64_t n = cursor_varint(&p->c);
	char *items;

	/* Each takes four bytes at least. */
	if (p->c.bad || n == 0 || n > LIMIT_SHARD_ROWS || n > cursor_left(&p->c) / 4)
		return parse_bad(p, "number of entries");
	if ((items = arena_calloc(&p->t->arena, (size_t)n, size)) == NULL)
		return err_nomem(p->e);
	p->t->items = items;
	p->t->n = (size_t)n;
	for (size_t i = 0; i < n; i++, items += size) {
		int rc = resources ? parse_resource(p, (void *)items) :
		    parse_scope(p, (void *)items);

		if (rc != 0)
			return rc;
	}
	return cursor_left(&p->c) == 0 ? 0 : parse_bad(p, "bytes are left");
}

static int
parse_bloom(struct parse *p)
{
	if (p->sec->n_raw % 32 != 0)
		return parse_bad(p, "size is no multiple of 32");
	p->t->items = p->c.p;
	p->t->n = p->sec->n_raw;
	return 0;
}

static void
table_free(struct table *t)
{
	arena_release(&t->arena);
	free(t->raw);
	free(t);
}

static int
table_make(struct shard *s, const struct section *sec, struct table **out, struct err *e)
{
	struct table *t = calloc(1, sizeof *t);
	struct parse p = { .s = s, .sec = sec, .t = t, .e = e };
	int rc;

	if (t == NULL)
		return err_nomem(e);
	arena_init(&t->arena);
	if ((rc = section_read(s, sec, 0, &t->raw, e)) == 0) {
		p.c = cursor_new(t->raw, sec->n_raw);
		rc = sec->kind == SECTION_BLOOM ? parse_bloom(&p) : parse_list(&p);
	}
	if (rc != 0) {
		table_free(t);
		return rc;
	}
	*out = t;
	return 0;
}

/* The table, or NULL: then it is for the caller to make. */
static struct table *
table_begin(struct shard *s, enum section_kind kind)
{
	unsigned bit = 1u << kind;
	struct table *t;

	pthread_mutex_lock(&s->lock);
	while ((t = atomic_load_explicit(&s->tables[kind], memory_order_acquire)) == NULL &&
	    (s->making & bit) != 0)
		pthread_cond_wait(&s->made, &s->lock);
	if (t == NULL)
		s->making |= bit;
	pthread_mutex_unlock(&s->lock);
	return t;
}

static void
table_end(struct shard *s, enum section_kind kind, struct table *t)
{
	pthread_mutex_lock(&s->lock);
	if (t != NULL)
		atomic_store_explicit(&s->tables[kind], t, memory_order_release);
	s->making &= ~(1u << kind);
	pthread_cond_broadcast(&s->made);
	pthread_mutex_unlock(&s->lock);
}

static int
table_get(struct shard *s, enum section_kind kind, const struct table **out, struct err *e)
{
	struct table *t = atomic_load_explicit(&s->tables[kind], memory_order_acquire);
	int rc = 0;

	if (t == NULL && (t = table_begin(s, kind)) == NULL) {
		rc = table_make(s, &s->sections[s->single[kind]], &t, e);
		table_end(s, kind, rc == 0 ? t : NULL);
	}
	if (rc == 0)
		*out = t;
	return rc;
}

void
tables_free(struct shard *s)
{
	for (size_t i = 0; i <= SECTION_BLOOM; i++) {
		struct table *t = atomic_load(&s->tables[i]);

		if (t != NULL)
			table_free(t);
	}
}

int
shard_resources(struct shard *s, const struct resource **out, size_t *n, struct err *e)
{
	const struct table *t;
	int rc = table_get(s, SECTION_RESOURCES, &t, e);

	if (rc == 0) {
		*out = t->items;
		*n = t->n;
	}
	return rc;
}

int
shard_resource_key(struct shard *s, struct sv key, struct err *e)
{
	const struct table *t;
	int rc = table_get(s, SECTION_RESOURCES, &t, e);
	const struct resource *r;

	if (rc != 0 || !bitmap_get(t->keys, key_bit(key)))
		return rc;
	r = t->items;
	for (size_t i = 0; i < t->n; i++)
		if (attrs_find(&r[i].attrs, key) != NULL)
			return 1;
	return 0;
}

int
shard_scopes(struct shard *s, const struct scope **out, size_t *n, struct err *e)
{
	const struct table *t;
	int rc = table_get(s, SECTION_SCOPES, &t, e);

	if (rc == 0) {
		*out = t->items;
		*n = t->n;
	}
	return rc;
}

int
shard_bloom(struct shard *s, const uint8_t **out, size_t *bytes, struct err *e)
{
	const struct table *t;
	int rc = table_get(s, SECTION_BLOOM, &t, e);

	if (rc == 0) {
		*out = t->items;
		*bytes = t->n;
	}
	return rc;
}

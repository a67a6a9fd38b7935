/* SPDX-License-Identifier: ISC */
/*
 * memcol: columns under construction: the rows that have a value, and numbers or codes of a
 * dictionary; and colset, the attribute columns of a part. A column is one key of one scope
 * with one value type. A part has at most MEM_COLUMNS of them: keys that come later share a
 * rest column, so that millions of keys cost no more than their bytes. The few keys that are
 * kept (column_is_kept) have columns beyond that.
 */
#include "memtable_i.h"

#include <stdlib.h>

#include "base/hash.h"

#define FIRST_SLOTS 32

/* Room for one more value in rows and *vals. */
static int
reserve(struct memcol *c, size_t *held)
{
	uint32_t cap = c->cap;
	int rc;

	if (c->n < c->cap)
		return 0;
	if (c->strings)
		rc = mem_grow(&c->codes, &cap, (size_t)c->n + 1, sizeof *c->codes, held);
	else
		rc = mem_grow(&c->nums, &cap, (size_t)c->n + 1, sizeof *c->nums, held);
	if (rc != 0)
		return rc;
	/* The same number of rows: cap is what both arrays hold. */
	return mem_grow(&c->rows, &c->cap, cap, sizeof *c->rows, held);
}

int
memcol_num(struct memcol *c, uint32_t row, uint64_t v, size_t *held)
{
	int rc = reserve(c, held);

	if (rc != 0)
		return rc;
	c->rows[c->n] = row;
	c->nums[c->n++] = v;
	return 0;
}

int
memcol_str(struct memcol *c, uint32_t row, struct sv s, size_t *held)
{
	uint32_t code;
	int rc;

	if ((rc = reserve(c, held)) != 0 || (rc = coldict_put(&c->dict, s, &code, held)) != 0)
		return rc;
	c->rows[c->n] = row;
	c->codes[c->n++] = code;
	return 0;
}

int
memcol_value(struct memcol *c, uint32_t row, const struct value *v, size_t *held)
{
	switch (v->type) {
	case VAL_EMPTY:
		return memcol_num(c, row, 0, held);
	case VAL_BOOL:
		return memcol_num(c, row, v->b, held);
	case VAL_INT:
		return memcol_num(c, row, value_image_i64(v->i), held);
	case VAL_DOUBLE:
		return memcol_num(c, row, value_image_double(v->d), held);
	case VAL_STRING:
	case VAL_BYTES:
	case VAL_ARRAY:
	case VAL_MAP:
		break;
	}
	return memcol_str(c, row, v->s, held);
}

void
memcol_release(struct memcol *c)
{
	free(c->rows);
	free(c->nums);
	free(c->codes);
	coldict_release(&c->dict);
}

int
memcol_cmp(const struct memcol *a, const struct memcol *b)
{
	int c = (a->scope > b->scope) - (a->scope < b->scope);

	if (c == 0)
		c = sv_cmp(a->key, b->key);
	return c != 0 ? c : (a->type > b->type) - (a->type < b->type);
}

static uint32_t
column_hash(enum attr_scope scope, struct sv key, enum value_type type)
{
	return (uint32_t)hash_u64(hash_seeded(key.p, key.n) + scope * VAL_TYPES + type);
}

static int
grow_slots(struct colset *s, size_t *held)
{
	uint32_t n = s->n_slots == 0 ? FIRST_SLOTS : s->n_slots * 2;
	uint32_t *slots = calloc(n, sizeof *slots);

	if (slots == NULL)
		return ERR_NOMEM;
	for (uint32_t i = 0; i < s->n; i++) {
		uint32_t j = s->v[i].hash & (n - 1);

		while (slots[j] != 0)
			j = (j + 1) & (n - 1);
		slots[j] = i + 1;
	}
	free(s->slots);
	*held += (n - s->n_slots) * sizeof *slots;
	s->slots = slots;
	s->n_slots = n;
	return 0;
}

static int
add_column(struct colset *s, enum attr_scope scope, struct sv key, enum value_type type,
    uint32_t hash, size_t *held)
{
	struct sv copy;
	int rc;

	if ((rc = mem_grow(&s->v, &s->cap, (size_t)s->n + 1, sizeof *s->v, held)) != 0)
		return rc;
	copy = arena_sv(&s->keys, key);
	if (copy.p == NULL)
		return ERR_NOMEM;
	*held += key.n;
	s->v[s->n++] = (struct memcol){
		.id = COL_ATTR, .scope = scope, .type = type, .hash = hash, .key = copy,
		.domain = scope == ATTR_SPAN ? DOMAIN_SPAN :
		    scope == ATTR_EVENT ? DOMAIN_EVENT : DOMAIN_LINK,
		.strings = value_is_bytes(type),
	};
	return 0;
}

bool
column_is_kept(enum attr_scope scope, struct sv key)
{
	struct field meant;

	return scope == ATTR_SPAN && field_of_key(key, &meant);
}

int
colset_find(struct colset *s, enum attr_scope scope, struct sv key, enum value_type type,
    uint32_t *out, size_t *held)
{
	uint32_t hash = column_hash(scope, key, type), i;
	int rc;

	if (s->n * 2 >= s->n_slots && (rc = grow_slots(s, held)) != 0)
		return rc;
	for (i = hash & (s->n_slots - 1); s->slots[i] != 0; i = (i + 1) & (s->n_slots - 1)) {
		uint32_t at = s->slots[i] - 1;

		if (s->v[at].hash == hash && memcol_is(&s->v[at], scope, key, type)) {
			*out = at;
			return 0;
		}
	}
	if (s->n >= MEM_COLUMNS && !column_is_kept(scope, key)) {
		*out = COL_NONE;
		return 0;
	}
	if ((rc = add_column(s, scope, key, type, hash, held)) != 0)
		return rc;
	s->slots[i] = s->n;
	*out = s->n - 1;
	return 0;
}

void
colset_release(struct colset *s)
{
	for (uint32_t i = 0; i < s->n; i++)
		memcol_release(&s->v[i]);
	free(s->v);
	free(s->slots);
	arena_release(&s->keys);
}

/* SPDX-License-Identifier: ISC */
/*
 * owners_write: resources and scopes of a shard: those that its rows use, numbered in row
 * order. They are packed already: their sections are copies.
 */
#include "seal_i.h"

#include <stdlib.h>

/*
 * Numbers the owners of all rows into s->vals; *list, in the arena, maps back. `all` is how
 * many the memtable has: the calloced map costs only what is touched of it.
 */
static int
number_owners(struct seal *s, uint32_t all, bool scopes, uint32_t **list, uint32_t *n_list)
{
	uint32_t *number = calloc(all, sizeof *number), n = 0;

	*list = arena_alloc(&s->mem, (all < s->ord.n_rows ? all : s->ord.n_rows) * sizeof **list);
	if (number == NULL || *list == NULL) {
		free(number);
		return err_nomem(s->err);
	}
	for (uint32_t i = 0; i < s->ord.n_rows; i++) {
		const struct mem_shape *shape = mem_shape(s->part,
		    &s->part->rows[s->ord.rows[i]]);
		uint32_t id = scopes ? shape->scope : shape->resource;

		if (number[id] == 0) {
			(*list)[n] = id;
			number[id] = ++n;
		}
		s->vals[i] = number[id] - 1;
	}
	free(number);
	*n_list = n;
	return 0;
}

int
seal_owners(struct seal *s)
{
	struct column_desc d = { .id = COL_RESOURCE, .type = VAL_INT };
	const struct owners *o = &s->mt->owners;
	int rc;

	if ((rc = number_owners(s, o->resources.n, false, &s->resources, &s->n_resources)) != 0 ||
	    (rc = column_write_numbers(s, &d, s->ord.n_rows, true)) != 0 ||
	    (rc = number_owners(s, o->scopes.n, true, &s->scopes, &s->n_scopes)) != 0)
		return rc;
	d.id = COL_SCOPE;
	return column_write_numbers(s, &d, s->ord.n_rows, true);
}

static int
owner_section(struct seal *s, enum section_kind kind, const struct coldict *d,
    const uint32_t *list, uint32_t n)
{
	s->raw.n = 0;
	buf_varint(&s->raw, n);
	for (uint32_t i = 0; i < n; i++)
		buf_sv(&s->raw, coldict_at(d, list[i]));
	return section_put(s, kind, NO_COLUMN, 0, NULL);
}

int
seal_owner_sections(struct seal *s)
{
	const struct owners *o = &s->mt->owners;
	int rc = owner_section(s, SECTION_RESOURCES, &o->resources, s->resources,
	    s->n_resources);

	if (rc != 0)
		return rc;
	return owner_section(s, SECTION_SCOPES, &o->scopes, s->scopes, s->n_scopes);
}

/* SPDX-License-Identifier: ISC */
/* span_write: the fixed columns of spans, from rows in order: ids, parents, times, name. */
#include "seal_i.h"

#include "base/bitmap.h"

static const struct mem_row *
row_at(const struct seal *s, uint32_t i)
{
	return &s->part->rows[s->ord.rows[i]];
}

static uint64_t
field_of(const struct seal *s, enum column_id id, const struct mem_row *r)
{
	switch (id) {
	case COL_TRACE:
		return s->ord.trace_rank[r->trace];
	case COL_SPAN_ID:
		return r->span_id;
	case COL_START:
		return r->start_ns;
	case COL_DURATION:
		return value_image_i64((int64_t)r->duration_ns);
	case COL_KIND:
		return value_image_i64(mem_shape(s->part, r)->kind);
	case COL_STATUS:
		return value_image_i64(mem_shape(s->part, r)->status);
	default:
		return 0;
	}
}

static int
write_field(struct seal *s, enum column_id id)
{
	struct column_desc d = { .id = id, .type = VAL_INT };

	for (uint32_t i = 0; i < s->ord.n_rows; i++)
		s->vals[i] = field_of(s, id, row_at(s, i));
	return column_write_numbers(s, &d, s->ord.n_rows, true);
}

static int
write_parents(struct seal *s)
{
	struct column_desc d = { .id = COL_PARENT, .type = VAL_INT };
	uint32_t n = s->ord.n_rows, n_away = 0, row;
	int rc;

	for (uint32_t i = 0; i < n; i++) {
		const struct mem_row *r = row_at(s, i);

		s->vals[i] = 0;
		if (r->parent_id == 0)
			continue;
		row = idset_span(&s->part->ids, s->part->rows, r->trace, r->parent_id);
		s->vals[i] = row == NO_ROW ? 1 :
		    (uint64_t)s->ord.nth[s->ord.domain[DOMAIN_SPAN].rank[row]] + 2;
		if (row != NO_ROW)
			s->n_children[s->ord.domain[DOMAIN_SPAN].rank[row]]++;
	}
	bitmap_zero(s->present, n);
	for (uint32_t i = 0; i < n; i++)
		if (s->vals[i] == 1)
			bitmap_set(s->present, i);
	if ((rc = column_write_numbers(s, &d, n, true)) != 0)
		return rc;
	for (uint32_t i = 0; i < n; i++)
		if (bitmap_get(s->present, i))
			s->vals[n_away++] = row_at(s, i)->parent_id;
	d.id = COL_PARENT_ID;
	return n_away == 0 ? 0 : column_write_numbers(s, &d, n_away, n_away == n);
}

/* Leaves s->name_code: the memtable's code of a name to the dictionary's. */
static int
write_names(struct seal *s)
{
	struct column_desc d = { .id = COL_NAME, .type = VAL_STRING };
	uint32_t n = s->part->names.n;
	int rc;

	for (uint32_t i = 0; i < s->ord.n_rows; i++)
		s->vals[i] = row_at(s, i)->name;
	if ((rc = column_write_strings(s, &d, &s->part->names, s->ord.n_rows, true, false)) != 0)
		return rc;
	if ((s->name_code = arena_alloc(&s->mem, n * sizeof *s->name_code)) == NULL)
		return err_nomem(s->err);
	memcpy(s->name_code, s->remap.v, n * sizeof *s->name_code);
	return 0;
}

static int
write_flags(struct seal *s)
{
	struct column_desc d = { .id = COL_FLAGS, .type = VAL_INT };

	for (uint32_t i = 0; i < s->ord.n_rows; i++)
		s->vals[i] = mem_shape(s->part, row_at(s, i))->flags;
	return column_write_nonzero(s, &d);
}

static int
write_sparse(struct seal *s, enum column_id from, enum column_id to)
{
	int rc;

	for (enum column_id id = from; id <= to; id++) {
		const struct memcol *c = seal_fixed_col(s, id);

		if (c != NULL && (rc = column_write_memcol(s, c)) != 0)
			return rc;
	}
	return 0;
}

/* In the order of their ids, which the footer keeps. */
int
seal_fixed(struct seal *s)
{
	static const enum column_id times[] = { COL_START, COL_DURATION, COL_KIND, COL_STATUS };
	int rc;

	if ((rc = write_field(s, COL_TRACE)) != 0 || (rc = write_field(s, COL_SPAN_ID)) != 0 ||
	    (rc = write_parents(s)) != 0)
		return rc;
	for (size_t i = 0; i < sizeof times / sizeof *times; i++)
		if ((rc = write_field(s, times[i])) != 0)
			return rc;
	if ((rc = write_names(s)) != 0 ||
	    (rc = write_sparse(s, COL_STATUS_MESSAGE, COL_TRACE_STATE)) != 0 ||
	    (rc = write_flags(s)) != 0 || (rc = seal_owners(s)) != 0)
		return rc;
	return write_sparse(s, COL_DROPPED_ATTRS, COL_LINK_REST);
}

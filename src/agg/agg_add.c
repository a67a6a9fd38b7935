/* SPDX-License-Identifier: ISC */
/* agg_add: spans into a table, and one table into another. */
#include "agg_i.h"
#include "model/usage.h"

static int
add_span(struct agg_table *t, enum agg_side side, const struct span_row *row, struct err *e)
{
	const struct field_row r = field_row_of(row);
	int code = 0;

	slots_clear(t);
	for (size_t i = 0; code == 0 && i < t->n_slots; i++)
		code = slot_add_span(&t->slots[i], &r, &t->item, e);
	return code < 0 ? code : table_add_item(t, side, row->span->start_ns,
	    row->span->status == STATUS_ERROR, e);
}

/* It has tokens and no price, or a parent has, whose cost is asked for. */
static bool
is_unpriced(const struct agg_table *t, const struct span_row *row)
{
	if (t->has_cost && usage_unpriced(row->span, t->prices))
		return true;
	for (uint32_t i = 0; t->has_parent_cost && i < row->n_parents; i++)
		if (usage_unpriced(row->parents[i].span, t->prices))
			return true;
	return false;
}

int
agg_add(struct agg_table *t, enum agg_side side, const struct span_row *rows, size_t n,
    struct err *e)
{
	int code = 0;

	for (size_t i = 0; code == 0 && i < n; i++) {
		uint64_t start = rows[i].span->start_ns;

		if (side == SIDE_NOW) {
			t->first_ns = start < t->first_ns ? start : t->first_ns;
			t->last_ns = start > t->last_ns ? start : t->last_ns;
			t->n_items++;
			t->n_unpriced += is_unpriced(t, &rows[i]);
		}
		code = t->g->per_trace ? trace_items_add(t, side, &rows[i], e) :
		    add_span(t, side, &rows[i], e);
	}
	return code;
}

int
agg_merge(struct agg_table *t, struct agg_table *from, struct err *e)
{
	int code = table_take_holds(t, from, e);

	if (code == 0)
		code = trace_items_merge(t, from, e);
	t->has_given |= from->has_given;	/* first: such groups don't go to a file on the way */
	for (size_t i = 0; code == 0 && i < from->n_groups; i++)
		code = table_merge_group(t, from, from->groups[i], e);
	t->mem.inexact |= from->mem.inexact;
	t->spilled |= from->spilled;
	t->first_ns = from->first_ns < t->first_ns ? from->first_ns : t->first_ns;
	t->last_ns = from->last_ns > t->last_ns ? from->last_ns : t->last_ns;
	t->n_items += from->n_items;
	t->n_unpriced += from->n_unpriced;
	t->mem.n_decoded += from->mem.n_decoded;
	return code;
}

/* SPDX-License-Identifier: ISC */
/* agg_finish: the end of a table: its groups, in memory or not, become rows in order. */
#include "agg_i.h"

/* Everything is one group, of nothing too. */
static int
need_single(struct agg_table *t, struct err *e)
{
	if (t->g->n_keys != 0 || t->g->has_bucket || t->n_groups != 0)
		return 0;
	return table_need_group(t, e);
}

int
agg_finish(struct agg_table *t, struct err *e)
{
	int code = trace_items_end(t, e);
	bool spilled = code == 0 && table_must_spill(t);

	if (code == 0 && !spilled)
		code = need_single(t, e);
	if (code == 0)
		code = cells_begin(t, e);
	t->top = t->opt.keep != 0 && t->opt.keep < t->n_groups;
	if (code == 0)
		code = spilled ? table_end_spilled(t, e) : table_take_groups(t, e);
	if (code == 0 && t->g->fill != FILL_NONE)
		code = rows_fill(t, e);
	if (code < 0)
		return code;
	return t->runs != NULL ? row_runs_end(t, e) : rows_sort(t, e);
}

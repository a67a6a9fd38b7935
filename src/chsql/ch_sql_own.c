/* SPDX-License-Identifier: ISC */
/*
 * ch_sql_own: bare names of groups that only spans have. A bare name is a span's attribute, and its
 * resource's where the span has none; so both maps are read, each whole. Where no resource of the range
 * has any of the names, the spans' map is enough: that is asked before, which reads nothing where the bloom
 * filters of the resources' keys say so, and little where there is one. Should one come in between, the
 * statement itself tells of it: then all is in doubt.
 */
#include "chsql/ch_sql_groups.h"

#include "ch_sql_i.h"
#include "rowbinary/ch_rows.h"

static bool
has_bare(const struct pred *p)
{
	if (p->kind == PRED_LEAF)
		return p->field.scope == FIELD_BARE;
	for (size_t i = 0; i < p->n_kids; i++)
		if (has_bare(p->kids[i]))
			return true;
	return false;
}

/* The field at i of keys and figures; NULL: there are no more. */
static const struct field *
field_at(const struct grouping *g, const struct agg_given_want *want, size_t i)
{
	if (i < g->n_keys)
		return &g->keys[i];
	i -= g->n_keys;
	return i < want->n_fields ? want->fields[i].field : NULL;
}

/* A filter with bare names has parts of its own; what a service is called other columns tell. */
bool
own_can(const struct writer *w, const struct pred *filter, const struct grouping *g,
    const struct agg_given_want *want)
{
	const struct field *f;
	bool any = false;

	if (g->per_trace || g->distinct || w->hex || w->s->json || !w_have(w, CHC_RESOURCE) || has_bare(filter))
		return false;
	for (size_t i = 0; (f = field_at(g, want, i)) != NULL; i++) {
		if (f->scope == FIELD_BARE && !in_map(w->s, f))
			return false;
		any = any || f->scope == FIELD_BARE;
	}
	return any;
}

/* How many resources have one of the names, one at most. */
static void
others_write(struct writer *w, const struct ch_select *q, const struct grouping *g, const struct agg_given_want *want)
{
	static const struct pred all = { .kind = PRED_TRUE };
	struct ch_select range = *q;
	const struct field *f;
	const char *before = " (";

	range.filter = &all;
	W(w, "FROM (SELECT 1 FROM ");
	w_table(w, q->schema->table);
	where_write(w, &range);
	/* The range stands in PREWHERE, or begins the WHERE. */
	if (q->schema->prewhere || (q->range.from == 0 && q->range.to > INT64_MAX && !q->has_times))
		W(w, " WHERE");
	else
		W(w, " AND");
	for (size_t i = 0; (f = field_at(g, want, i)) != NULL; i++) {
		struct place at;

		if (f->scope != FIELD_BARE)
			continue;
		at = place_of(w, CHC_RESOURCE, f->key, false);
		buf_str(&w->b, before);
		before = " OR ";
		place_guard(w, &at);
	}
	W(w, ") LIMIT 1)");
}

void
own_doubt(struct writer *w, const struct ch_select *q, const struct grouping *g,
    const struct agg_given_want *want, const char *before, bool *any)
{
	doubt_begin(w, before, any);
	W(w, "(SELECT count() ");
	others_write(w, q, g, want);
	W(w, ") != 0");
}

int
ch_sql_others(const struct ch_select *q, const struct agg_table *t, struct arena *a, struct ch_sql *out,
    struct err *e)
{
	struct writer w = { .b = BUF_INIT, .params = VEC_INIT, .a = a, .s = q->schema, .hex = q->hex, .exact = true };
	const struct grouping *g = agg_grouping(t);
	struct agg_given_want want;

	memset(out, 0, sizeof *out);
	if (!agg_takes_given(t, &want) || !own_can(&w, q->filter, g, &want))
		return err_set(e, ERR_UNSUPPORTED, -1, "no names that a resource may have");
	W(&w, "SELECT count(), toUInt8(1) AS " CH_END " ");
	others_write(&w, q, g, &want);
	return w_finish(&w, out, e);
}

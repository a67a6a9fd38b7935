/* SPDX-License-Identifier: ISC */
/*
 * path_names: see query/path_names.h. A segment is read as a step reads it: the clause is built
 * once more of the arguments so far, without an environment, and its meaning says what it
 * names. Aliases of long names are left to binding, which finds them or says that they are
 * unknown.
 */
#include "query/path_names.h"

#include "model/contrast_column.h"

#include "clause_i.h"
#include "name_i.h"
#include "path_i.h"
#include "query_i.h"

const struct path *
path_parent(const struct path *p)
{
	return p->parent;
}

/* The arguments of the clause that ends with p, or stops there; the node of its keyword. */
static const struct path *
take_args(const struct path *p, struct clause *c)
{
	unsigned n = p->state == PATH_ARG ? p->arg : p->kw->n_args;

	c->kw = p->kw;
	c->n_args = n;
	for (; n > 0; n--, p = p->parent)
		c->args[n - 1] = p->seg;
	return p;
}

static bool
is_alias(struct sv text)
{
	uint64_t hi, lo;

	return name_is_alias(text, &hi, &lo);
}

static int
take_services(struct clause *c, const struct pred *leaf, struct path_names *out, struct err *e)
{
	struct sv *v = arena_array(c->arena, leaf->n_lits, struct sv);

	if (v == NULL)
		return err_nomem(e);
	for (size_t i = 0; i < leaf->n_lits; i++) {
		v[i] = leaf->lits[i].text;
		if (is_alias(v[i]))
			return 0;
	}
	out->services = v;
	out->n_services = leaf->n_lits;
	return 0;
}

/* Drops what is named if one of the fields is. */
static void
skip_aliases(struct path_names *out)
{
	for (size_t i = 0; i < out->n_fields; i++)
		if (is_alias(out->typed[i]))
			out->n_fields = 0;
}

/*
 * Of what may be fields or aggregates: an aggregate names its field, and one of no field is
 * known; then nothing is to be looked up.
 */
static int
add_name(struct clause *c, struct path_names *out, struct field *fields, struct sv *typed,
    const struct field *f, struct sv name, struct sv raw, bool *known, struct err *e)
{
	struct aggregate a;
	int code;

	if (aggregate_named(raw)) {
		if ((code = clause_aggregate(c, raw, &a, e)) < 0)
			return code;
		*known |= !agg_has_field(&a);
		f = &a.field;
		name = a.typed;
	}
	fields[out->n_fields] = *f;
	typed[out->n_fields++] = name;
	return 0;
}

static int
take_sort(struct clause *c, struct path_names *out, struct err *e)
{
	size_t n = c->query->n_sort;
	struct field *fields = arena_array(c->arena, n, struct field);
	struct sv *typed = arena_array(c->arena, n, struct sv);
	bool known = false;
	int code;

	if (fields == NULL || typed == NULL)
		return err_nomem(e);
	for (size_t i = 0; i < n; i++) {
		const struct sort_item *k = &c->query->sort[i];
		enum contrast_column column;

		out->compares |= contrast_column_parse(k->typed, &column);
		if ((code = add_name(c, out, fields, typed, &k->by.field, k->typed, k->raw, &known,
		    e)) < 0)
			return code;
	}
	out->fields = fields;
	out->typed = typed;
	out->sorts = out->columns = true;
	if (known)
		out->n_fields = 0;
	return 0;
}

static int
take_select(struct clause *c, struct path_names *out, struct err *e)
{
	const struct query *q = c->query;
	struct field *fields = arena_array(c->arena, q->n_select, struct field);
	struct sv *typed = arena_array(c->arena, q->n_select, struct sv);
	bool known = false;
	int code;

	if (fields == NULL || typed == NULL)
		return err_nomem(e);
	for (size_t i = 0; i < q->n_select; i++)
		if ((code = add_name(c, out, fields, typed, &q->select[i], q->select_typed[i],
		    q->select_raw[i], &known, e)) < 0)
			return code;
	out->fields = fields;
	out->typed = typed;
	out->columns = true;
	if (known)
		out->n_fields = 0;
	return 0;
}

static int
take_aggs(struct clause *c, struct path_names *out, struct err *e)
{
	const struct grouping *g = &c->query->groups;
	struct field *fields = arena_array(c->arena, g->n_aggs, struct field);
	struct sv *typed = arena_array(c->arena, g->n_aggs, struct sv);

	if (fields == NULL || typed == NULL)
		return err_nomem(e);
	for (size_t i = 0; i < g->n_aggs; i++) {
		if (!agg_has_field(&g->aggs[i]))
			return 0;
		fields[i] = g->aggs[i].field;
		typed[i] = g->aggs[i].typed;
	}
	out->fields = fields;
	out->typed = typed;
	out->n_fields = g->n_aggs;
	return 0;
}

/* The field that is the first argument of where and has. */
static int
take_field(struct clause *c, struct path_names *out, struct err *e)
{
	struct field *f = arena_new(c->arena, struct field);
	struct sv *typed = arena_new(c->arena, struct sv);

	if (f == NULL || typed == NULL)
		return err_nomem(e);
	out->fields = f;
	out->typed = typed;
	out->n_fields = 1;
	return clause_field(c, c->args[0], f, typed, e);
}

static int
take_names(struct clause *c, struct path_names *out, struct err *e)
{
	int code;

	if (c->kw->build == build_has || (c->kw->build == build_where && c->n_args == 1))
		return take_field(c, out, e);
	if (c->n_args < c->kw->n_args)
		return 0;
	if ((code = clause_build(c, e)) < 0)
		return code;
	if (c->pred != NULL && pred_names_services(c->pred))
		return take_services(c, c->pred, out, e);
	if (c->kw->build == build_mark)
		out->mark = c->query->mark;
	if (c->kw->build == build_sort)
		return take_sort(c, out, e);
	if (c->kw->build == build_select)
		return take_select(c, out, e);
	if (c->kw->build == build_agg)
		return take_aggs(c, out, e);
	if (c->kw->build == build_group || c->kw->build == build_distinct) {
		out->fields = c->query->groups.keys;
		out->typed = c->query->groups.keys_typed;
		out->n_fields = c->query->groups.n_keys;
	}
	return 0;
}

int
path_last_names(const struct path *p, struct arena *a, struct path_names *out, struct err *e)
{
	struct query q = { .limit = UINT64_MAX };
	struct clause c = { .arena = a, .query = &q };
	struct path_names none = { .off = p->n_bytes - p->seg.n };
	const struct path *at;
	int code;

	*out = none;
	if (p->parent == NULL || p->depth > 0 || p->kw->n_args == 0)
		return 0;
	at = take_args(p, &c);
	/* Right after its keyword nothing is named yet. */
	if (c.n_args == 0 || at->parent->after_not)
		return 0;
	if ((code = take_names(&c, out, e)) == 0)
		skip_aliases(out);
	return code;
}

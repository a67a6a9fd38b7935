/* SPDX-License-Identifier: ISC */
/*
 * path_names: see query/path_names.h. A segment is read as a step reads it: the clause is built
 * once more of the arguments so far, without an environment, and its meaning says what it
 * names. Aliases of long names are left to binding, which finds them or says that they are
 * unknown.
 */
#include "query/path_names.h"

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

static int
take_sort(struct clause *c, struct path_names *out, struct err *e)
{
	size_t n = c->query->n_sort;
	struct field *fields = arena_array(c->arena, n, struct field);
	struct sv *typed = arena_array(c->arena, n, struct sv);

	if (fields == NULL || typed == NULL)
		return err_nomem(e);
	for (size_t i = 0; i < n; i++) {
		fields[i] = c->query->sort[i].field;
		typed[i] = c->query->sort[i].typed;
	}
	out->fields = fields;
	out->typed = typed;
	out->n_fields = n;
	out->sorts = true;
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
	if (c->kw->build == build_sort)
		return take_sort(c, out, e);
	if (c->kw->build == build_select) {
		out->fields = c->query->select;
		out->typed = c->query->select_typed;
		out->n_fields = c->query->n_select;
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

	*out = none;
	if (p->parent == NULL || p->depth > 0 || p->kw->n_args == 0)
		return 0;
	at = take_args(p, &c);
	/* Right after its keyword nothing is named yet. */
	if (c.n_args == 0 || at->parent->after_not)
		return 0;
	return take_names(&c, out, e);
}

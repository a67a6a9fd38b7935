/* SPDX-License-Identifier: ISC */
/*
 * clause_group: the meaning of the clauses that make rows groups: group, bucket, agg, fill,
 * having, per, versus, distinct. Each sets its part of query->groups; what they say of each
 * other, and what sort and select name, bind_group.c sees.
 */
#include "base/limits.h"
#include "clause_i.h"
#include "name_i.h"

/* The words before the field's, still encoded. */
static struct sv
cut_name(struct sv *text)
{
	struct sv name = *text;
	int64_t colon = sv_chr(*text, ':');

	if (colon < 0) {
		*text = SV_EMPTY;
		return name;
	}
	name.n = (size_t)colon;
	*text = sv_sub(*text, (size_t)colon + 1, text->n);
	return name;
}

bool
aggregate_named(struct sv text)
{
	bool field = sv_chr(text, ':') >= 0;
	struct sv name = cut_name(&text);
	struct aggregate a;

	return agg_parse_name(name, &a) && agg_has_field(&a) == field;
}

static int
no_aggregate(struct sv text, struct err *e)
{
	struct buf names = BUF_INIT;
	struct quoted q;
	int code;

	agg_print_names(&names);
	if ((code = buf_ok(&names, e)) == 0)
		code = err_set(e, ERR_SYNTAX, 0, "expected an aggregate (%.*s), got '%s'",
		    SV_ARG(buf_view(&names)), quote(&q, text));
	buf_release(&names);
	return code;
}

int
clause_aggregate(struct clause *c, struct sv text, struct aggregate *a, struct err *e)
{
	struct sv rest = text, name = cut_name(&rest), word;
	bool field = name.n < text.n;
	int code;

	if (name.n == 0)
		return no_aggregate(text, e);
	if ((code = name_decode(c->arena, name, &word, e)) < 0)
		return code;
	if (!agg_parse_name(word, a))
		return no_aggregate(text, e);
	if (agg_has_field(a) != field)
		return err_set(e, ERR_SYNTAX, field ? (int64_t)name.n : 0, field ?
		    "%.*s has no field" : "%.*s needs a field: %.*s:duration", SV_ARG(word),
		    SV_ARG(word));
	if (!field)
		return 0;
	if ((code = clause_field(c, rest, &a->field, &a->typed, e)) < 0) {
		if (e != NULL && e->off >= 0)
			e->off += (int64_t)name.n + 1;
		return code;
	}
	if (a->kind == AGG_SUM && agg_type(a) == FT_TIME)
		return err_set(e, ERR_UNSUPPORTED, 0, "a sum of times has no meaning");
	return 0;
}

static int
in_item(struct clause *c, struct sv item, int code, struct err *e)
{
	if (e != NULL && e->off >= 0)
		e->off += item.p - c->args[0].p;
	return code;
}

static bool
has_key(const struct field *v, const struct sv *typed, size_t n, const struct field *f,
    struct sv name)
{
	for (size_t i = 0; i < n; i++)
		if (field_eq(&v[i], f) &&
		    sv_eq(field_column(&v[i], typed[i]), field_column(f, name)))
			return true;
	return false;
}

int
build_group(struct clause *c, struct err *e)
{
	struct grouping *g = &c->query->groups;
	struct field *keys, f;
	struct sv *items, *typed, name;
	size_t n, kept = 0;
	int code = name_split(c->arena, c->args[0], &items, &n, e);

	if (code < 0)
		return code;
	keys = arena_array(c->arena, n, struct field);
	typed = arena_array(c->arena, n, struct sv);
	if (keys == NULL || typed == NULL)
		return err_nomem(e);
	for (size_t i = 0; i < n; i++) {
		if ((code = clause_field(c, items[i], &f, &name, e)) < 0)
			return in_item(c, items[i], code, e);
		if (has_key(keys, typed, kept, &f, name))
			continue;
		typed[kept] = name;
		keys[kept++] = f;
	}
	g->keys = keys;
	g->keys_typed = typed;
	g->n_keys = kept;
	c->query->n_groups++;
	c->query->by_groups = true;
	return 0;
}

int
build_distinct(struct clause *c, struct err *e)
{
	int code = build_group(c, e);

	if (code < 0)
		return code;
	if (sv_chr(c->args[0], ',') >= 0)
		return err_set(e, ERR_SYNTAX, sv_chr(c->args[0], ','),
		    "expected one field; group/F,F has several");
	c->query->groups.distinct = true;
	return 0;
}

int
build_agg(struct clause *c, struct err *e)
{
	struct grouping *g = &c->query->groups;
	struct aggregate *aggs;
	struct sv *items;
	size_t n, kept = 0, k;
	int code = name_split(c->arena, c->args[0], &items, &n, e);

	if (code < 0)
		return code;
	if ((aggs = arena_array(c->arena, n, struct aggregate)) == NULL)
		return err_nomem(e);
	for (size_t i = 0; i < n; i++) {
		if ((code = clause_aggregate(c, items[i], &aggs[kept], e)) < 0)
			return in_item(c, items[i], code, e);
		for (k = 0; k < kept && !agg_same_column(&aggs[k], &aggs[kept]); k++)
			continue;
		kept += k == kept;
	}
	g->aggs = aggs;
	g->n_aggs = g->n_shown = kept;
	c->query->has_agg = true;
	c->query->by_groups = true;
	return 0;
}

static int
expected(struct clause *c, const char *what, struct err *e)
{
	struct quoted q;

	return err_set(e, ERR_SYNTAX, 0, "expected %s, got '%s'", what, quote(&q, c->args[0]));
}

int
build_bucket(struct clause *c, struct err *e)
{
	struct grouping *g = &c->query->groups;
	struct sv word;
	int code = name_decode(c->arena, c->args[0], &word, e);

	if (code < 0)
		return code;
	if (!step_parse(word, &g->step))
		return expected(c, "a duration above 0 (5m, 1h), day, week, month or auto", e);
	g->has_bucket = true;
	c->query->by_groups = true;
	return 0;
}

int
build_fill(struct clause *c, struct err *e)
{
	struct sv word;
	int code = name_decode(c->arena, c->args[0], &word, e);

	if (code < 0)
		return code;
	c->query->has_fill = true;
	return fill_parse(word, &c->query->groups.fill) ? 0 :
	    expected(c, "none, zero, null or previous", e);
}

int
build_per(struct clause *c, struct err *e)
{
	struct sv word;
	int code = name_decode(c->arena, c->args[0], &word, e);

	if (code < 0)
		return code;
	c->query->groups.per_trace = true;
	return sv_is(word, "trace") ? 0 : expected(c, "trace", e);
}

int
build_versus(struct clause *c, struct err *e)
{
	struct grouping *g = &c->query->groups;
	struct sv word;
	int code = name_decode(c->arena, c->args[0], &word, e);

	if (code < 0)
		return code;
	g->versus = true;
	g->versus_previous = sv_is(word, "previous");
	if (!g->versus_previous && (!duration_parse(word, &g->versus_ns) || g->versus_ns == 0))
		return expected(c, "a duration above 0 (1d, 7d) or previous", e);
	return 0;
}

/* What a value of the aggregate is compared as: a field of that type. */
static struct field
stand_in(const struct aggregate *a, struct sv text)
{
	switch (agg_type(a)) {
	case FT_DURATION:
		return (struct field){ .scope = FIELD_INTRINSIC, .intrinsic = IN_DURATION };
	case FT_TIME:
		return (struct field){ .scope = FIELD_INTRINSIC, .intrinsic = IN_START };
	default:
		return (struct field){ .scope = FIELD_BARE, .key = text };
	}
}

static int
only_numbers(struct clause *c, const struct pred *p, const struct aggregate *a, struct err *e)
{
	struct field meant;
	struct quoted q;

	/* What a key of the files is, and so which values it takes, only binding knows. */
	if (c->env == NULL && agg_has_field(a) && a->field.scope == FIELD_BARE &&
	    field_of_key(a->field.key, &meant))
		return 0;
	for (size_t i = 0; agg_type(a) == FT_STRING && i < p->n_lits; i++)
		if (!p->lits[i].is_int && !p->lits[i].is_double)
			return err_set(e, ERR_SYNTAX, 0, "expected a number, got '%s'",
			    quote(&q, c->args[2]));
	return 0;
}

int
build_having(struct clause *c, struct err *e)
{
	struct grouping *g = &c->query->groups;
	struct having *h = arena_array(c->arena, g->n_having + 1, struct having);
	const struct pred *p = NULL;
	struct aggregate a;
	struct field f;
	int code;

	if (h == NULL)
		return err_nomem(e);
	c->at = 0;
	if ((code = clause_aggregate(c, c->args[0], &a, e)) < 0)
		return code;
	if (a.kind == AGG_HIST)
		return err_set(e, ERR_UNSUPPORTED, 0, "a histogram can't be compared");
	if (c->n_args < 2)
		return 0;
	f = stand_in(&a, c->args[0]);
	if ((code = clause_condition(c, &f, &p, e)) < 0 || p == NULL ||
	    (code = only_numbers(c, p, &a, e)) < 0)
		return code;
	for (size_t i = 0; i < g->n_having; i++)
		h[i] = g->having[i];
	h[g->n_having++] = (struct having){ a, p->op, p->lits, p->n_lits };
	g->having = h;
	c->query->has_having = true;
	return 0;
}

/* SPDX-License-Identifier: ISC */
/*
 * clause_filter: the meaning of filter clauses: each becomes one leaf of a predicate. Leaves
 * are canonical: lists sorted without doubles, a list of one is the plain operator, and
 * where/resource.service.name/eq is the service, if its value is a text.
 */
#include <stdlib.h>

#include "base/limits.h"
#include "clause_i.h"
#include "name_i.h"

int
clause_build(struct clause *c, struct err *e)
{
	int code = c->kw->build(c, e);

	return code < 0 ? err_ctx(e, code, "%s", c->kw->name) : 0;
}

/* A bare name that is a key of the files and no attribute of the store; of a parent, too. */
static int
forgive_key(struct clause *c, struct field *f, struct err *e)
{
	const struct query_env *env = c->env;
	struct field meant;
	bool has = false;
	int code;

	if (f->scope == FIELD_PARENT) {
		meant = field_inner(f);
		if ((code = forgive_key(c, &meant, e)) == 0)
			*f = field_of_parent(&meant);
		return code;
	}
	if (f->scope != FIELD_BARE || env == NULL || !field_of_key(f->key, &meant))
		return 0;
	if (env->has_attr != NULL &&
	    (code = env->has_attr(env->attr_arg, f->key, &has, e)) < 0)
		return code;
	if (has)
		return 0;
	c->plain_ns = intrinsics[meant.intrinsic].type == FT_DURATION;
	*f = meant;
	return 0;
}

/* The long name behind an alias. Without an environment the alias is taken on trust. */
static int
field_alias(struct clause *c, struct sv text, uint64_t hi, uint64_t lo, struct sv *name,
    struct err *e)
{
	const struct query_env *env = c->env;
	int code;

	*name = text;
	if (env == NULL)
		return 0;
	*name = SV_EMPTY;
	if (env->field_alias != NULL &&
	    (code = env->field_alias(env->alias_arg, c->arena, hi, lo, name, e)) < 0)
		return code;
	if (name->n == 0)
		return err_set(e, ERR_UNKNOWN, 0, "no field has the long name '%.*s'",
		    SV_ARG(text));
	return 0;
}

/* Of the span itself, or of its parent. */
static bool
field_is(const struct field *f, enum intrinsic i)
{
	return f->intrinsic == i && (f->scope == FIELD_PARENT ? f->inner : f->scope) ==
	    FIELD_INTRINSIC;
}

/* A parent's field is one of its own, one step up. */
static int
check_parent(const struct field *f, struct err *e)
{
	if (f->scope != FIELD_PARENT)
		return 0;
	if (f->inner == FIELD_PARENT)
		return err_set(e, ERR_UNSUPPORTED, 0, "parent: is one step up, and stands once");
	if (field_is(f, IN_BUCKET))
		return err_set(e, ERR_UNSUPPORTED, 0, "bucket is a field of groups, not of spans");
	return 0;
}

int
clause_column(struct clause *c, struct sv text, struct field *f, struct sv *typed,
    struct err *e)
{
	uint64_t hi, lo;
	struct sv name;
	int code = name_is_alias(text, &hi, &lo) ? field_alias(c, text, hi, lo, &name, e) :
	    name_decode(c->arena, text, &name, e);

	if (code < 0)
		return code;
	if (!field_parse(name, f))
		return err_set(e, ERR_SYNTAX, 0, "expected a field, got an empty name");
	if (typed != NULL)
		*typed = name;
	if ((code = check_parent(f, e)) < 0)
		return code;
	if (field_is(f, IN_COST) && c->env != NULL)
		f->prices = c->env->prices;
	return forgive_key(c, f, e);
}

int
clause_field(struct clause *c, struct sv text, struct field *f, struct sv *typed,
    struct err *e)
{
	int code = clause_column(c, text, f, typed, e);

	if (code == 0 && f->scope == FIELD_INTRINSIC && intrinsics[f->intrinsic].of == OF_GROUP)
		return err_set(e, ERR_UNSUPPORTED, 0, "%s is a field of groups, not of spans",
		    intrinsics[f->intrinsic].name);
	return code;
}

/* Of where and has. */
static int
clause_own_field(struct clause *c, struct sv text, struct field *f, struct err *e)
{
	int code = clause_field(c, text, f, NULL, e);

	if (code == 0 && f->scope == FIELD_PARENT)
		return err_set(e, ERR_UNSUPPORTED, 0, "a field of the parent is a key or a measure "
		    "of groups (group, agg) or a sort key, and no filter looks at it");
	return code;
}

static struct field
intrinsic_field(enum intrinsic i)
{
	return (struct field){ .scope = FIELD_INTRINSIC, .intrinsic = i };
}

/*
 * A resource whose service.name is empty or no text has no service, so only of other texts are
 * the two one: a value that reads as a number or boolean finds those as well.
 */
static bool
only_text(const struct literal *lits, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (lits[i].text.n == 0 || lits[i].is_int || lits[i].is_double ||
		    lits[i].is_bool)
			return false;
	return true;
}

static int
make_leaf(struct clause *c, enum pred_op op, const struct field *f,
    const struct literal *lits, size_t n, struct err *e)
{
	struct field field = *f;

	if ((op == OP_EQ || op == OP_IN) && f->scope == FIELD_RESOURCE &&
	    sv_is(f->key, "service.name") && only_text(lits, n))
		field = intrinsic_field(IN_SERVICE);
	c->pred = pred_leaf(c->arena, op, field, lits, n);
	return c->pred == NULL ? err_nomem(e) : 0;
}

static int
by_text(const void *a, const void *b)
{
	const struct literal *x = a, *y = b;

	return sv_cmp(x->text, y->text);
}

static size_t
sort_literals(struct literal *l, size_t n)
{
	size_t kept = 0;

	qsort(l, n, sizeof *l, by_text);
	for (size_t i = 0; i < n; i++)
		if (kept == 0 || !sv_eq(l[kept - 1].text, l[i].text))
			l[kept++] = l[i];
	return kept;
}

static int
check_between(const struct clause *c, struct sv text, const struct field *f,
    const struct literal *lits, size_t n, struct err *e)
{
	struct field meant;
	struct quoted q;

	if (n != 2)
		return err_set(e, ERR_SYNTAX, 0,
		    "between: expected two values (LO,HI), got '%s'", quote(&q, text));
	/* What a key of the files is, and so which values it takes, only binding knows. */
	if (c->env == NULL && f->scope == FIELD_BARE && field_of_key(f->key, &meant))
		return 0;
	return literal_check_between(f, lits, e);
}

/* A list of values of the field; op is IN, NOTIN or BETWEEN. */
static int
build_values(struct clause *c, enum pred_op op, const struct field *f, struct sv text,
    struct err *e)
{
	struct literal *lits;
	struct sv *items;
	size_t n;
	int code = name_split(c->arena, text, &items, &n, e);

	if (code < 0)
		return code;
	if ((lits = arena_array(c->arena, n, struct literal)) == NULL)
		return err_nomem(e);
	for (size_t i = 0; i < n; i++) {
		if ((code = literal_parse(c, f, op, items[i], &lits[i], e)) < 0) {
			if (e != NULL && e->off >= 0)
				e->off += items[i].p - text.p;
			return code;
		}
	}
	if (op == OP_BETWEEN) {
		if ((code = check_between(c, text, f, lits, n, e)) < 0)
			return code;
	} else if ((n = sort_literals(lits, n)) == 1)
		op = op == OP_IN ? OP_EQ : OP_NE;
	return make_leaf(c, op, f, lits, n, e);
}

static int
build_value(struct clause *c, enum pred_op op, const struct field *f, struct sv text,
    struct err *e)
{
	struct literal *lit = arena_new(c->arena, struct literal);
	int code;

	if (lit == NULL)
		return err_nomem(e);
	if (op == OP_IN || op == OP_NOTIN || op == OP_BETWEEN)
		return build_values(c, op, f, text, e);
	if ((code = literal_parse(c, f, op, text, lit, e)) < 0)
		return code;
	return make_leaf(c, op, f, lit, 1, e);
}

static const char *
ops_wanted(const struct field *f)
{
	if (op_suits(OP_LT, f) && op_suits(OP_RE, f))
		return "eq ne lt le gt ge in notin contains notcontains starts ends re nre "
		    "between";
	return op_suits(OP_LT, f) ? "eq ne lt le gt ge in notin between" :
	    "eq ne in notin contains notcontains starts ends re nre";
}

static int
parse_op(struct clause *c, struct sv text, const struct field *f, enum pred_op *op,
    struct err *e)
{
	struct quoted q;
	struct sv word;
	int code = name_decode(c->arena, text, &word, e);

	if (code < 0)
		return code;
	if (pred_op_parse(word, op) && op_suits(*op, f))
		return 0;
	return err_set(e, ERR_SYNTAX, 0, "expected an operator (%s), got '%s'",
	    ops_wanted(f), quote(&q, text));
}

int
build_list(struct clause *c, struct err *e)
{
	struct field f = intrinsic_field(c->kw->intrinsic);

	return build_values(c, OP_IN, &f, c->args[0], e);
}

int
build_duration(struct clause *c, struct err *e)
{
	struct field f = intrinsic_field(c->kw->intrinsic);
	enum pred_op op;
	int code = parse_op(c, c->args[0], &f, &op, e);

	if (code < 0 || c->n_args < 2)
		return code;
	return build_value(c, op, &f, c->args[1], e);
}

int
build_where(struct clause *c, struct err *e)
{
	enum pred_op op;
	struct field f;
	int code;

	c->at = 0;
	if ((code = clause_own_field(c, c->args[0], &f, e)) < 0 || c->n_args < 2)
		return code;
	c->at = 1;
	if ((code = parse_op(c, c->args[1], &f, &op, e)) < 0 || c->n_args < 3)
		return code;
	c->at = 2;
	return build_value(c, op, &f, c->args[2], e);
}

int
clause_condition(struct clause *c, const struct field *f, const struct pred **out, struct err *e)
{
	static const char want[] = "expected an operator (eq ne lt le gt ge in notin between), got '%s'";
	enum pred_op op;
	struct quoted q;
	struct sv word;
	int code;

	c->at = 1;
	if ((code = name_decode(c->arena, c->args[1], &word, e)) < 0)
		return code;
	if (!pred_op_parse(word, &op))
		return err_set(e, ERR_SYNTAX, 0, want, quote(&q, c->args[1]));
	if (op_on_text(op) || !op_suits(op, f))
		return err_set(e, ERR_UNSUPPORTED, 0, want, pred_op_name(op));
	if (c->n_args < 3)
		return 0;
	c->at = 2;
	code = build_value(c, op, f, c->args[2], e);
	*out = c->pred;
	c->pred = NULL;		/* it is no filter */
	return code;
}

int
build_has(struct clause *c, struct err *e)
{
	struct field f;
	int code = clause_own_field(c, c->args[0], &f, e);

	return code < 0 ? code : make_leaf(c, OP_HAS, &f, NULL, 0, e);
}

int
build_root(struct clause *c, struct err *e)
{
	struct field f = intrinsic_field(IN_PARENT_SPAN_ID);
	int code = make_leaf(c, OP_HAS, &f, NULL, 0, e);

	if (code == 0 && (c->pred = pred_not(c->arena, c->pred)) == NULL)
		code = err_nomem(e);
	return code;
}

/* The next word of *s, taken off; empty at the end. */
static struct sv
next_word(struct sv *s)
{
	size_t from = 0, to;

	while (from < s->n && !text_word_byte(s->p[from]))
		from++;
	to = from;
	while (to < s->n && text_word_byte(s->p[to]))
		to++;
	*s = sv_new(s->p + to, s->n - to);
	return sv_new(s->p - (to - from), to - from);
}

static size_t
count_words(struct sv s)
{
	size_t n = 0;

	while (next_word(&s).n > 0)
		n++;
	return n;
}

int
build_text(struct clause *c, struct err *e)
{
	struct literal *lits;
	struct sv text, word;
	size_t n = 0, count;
	struct field none = { .scope = FIELD_BARE };
	int code = name_decode(c->arena, c->args[0], &text, e);

	if (code < 0)
		return code;
	if ((count = count_words(text)) == 0)
		return err_set(e, ERR_SYNTAX, 0,
		    "expected words: runs of letters, digits or '_'");
	if (count > LIMIT_LIST_ITEMS)
		return err_set(e, ERR_TOOBIG, 0, "%zu words; the limit is %d", count,
		    LIMIT_LIST_ITEMS);
	if ((lits = arena_array(c->arena, count, struct literal)) == NULL)
		return err_nomem(e);
	if ((code = lower_text(c->arena, &text, e)) < 0)
		return code;
	while ((word = next_word(&text)).n > 0)
		lits[n++] = literal_of(word);
	n = sort_literals(lits, n);
	return make_leaf(c, OP_TEXT, &none, lits, n, e);
}

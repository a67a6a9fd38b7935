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

int
clause_field(struct clause *c, struct sv text, struct field *f, struct err *e)
{
	struct sv name;
	int code = name_decode(c->arena, text, &name, e);

	if (code < 0)
		return code;
	if (!field_parse(name, f))
		return err_set(e, ERR_SYNTAX, 0, "expected a field, got an empty name");
	if (f->scope == FIELD_INTRINSIC && intrinsics[f->intrinsic].of == OF_GROUP)
		return err_set(e, ERR_UNSUPPORTED, 0, "%s is a field of groups, not of spans",
		    intrinsics[f->intrinsic].name);
	return 0;
}

static struct field
intrinsic_field(enum intrinsic i)
{
	return (struct field){ .scope = FIELD_INTRINSIC, .intrinsic = i };
}

/*
 * resource.service.name is the service where they must be the same: the service of a span whose
 * resource has no such text is empty, and numbers equal values that are no texts.
 */
static bool
means_service(enum pred_op op, const struct field *f, const struct literal *lits, size_t n)
{
	if ((op != OP_EQ && op != OP_IN) || f->scope != FIELD_RESOURCE ||
	    !sv_is(f->key, "service.name"))
		return false;
	for (size_t i = 0; i < n; i++)
		if (lits[i].text.n == 0 || lits[i].is_int || lits[i].is_double || lits[i].is_bool)
			return false;
	return true;
}

static int
make_leaf(struct clause *c, enum pred_op op, const struct field *f,
    const struct literal *lits, size_t n, struct err *e)
{
	struct field field = *f;

	if (means_service(op, f, lits, n))
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
check_between(struct sv text, const struct field *f, const struct literal *lits, size_t n,
    struct err *e)
{
	struct quoted q;

	if (n != 2)
		return err_set(e, ERR_SYNTAX, 0,
		    "between: expected two values (LO,HI), got '%s'", quote(&q, text));
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
		if ((code = check_between(text, f, lits, n, e)) < 0)
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
	int code = clause_field(c, c->args[0], &f, e);

	if (code < 0 || c->n_args < 2)
		return code;
	if ((code = parse_op(c, c->args[1], &f, &op, e)) < 0 || c->n_args < 3)
		return code;
	return build_value(c, op, &f, c->args[2], e);
}

int
build_has(struct clause *c, struct err *e)
{
	struct field f;
	int code = clause_field(c, c->args[0], &f, e);

	return code < 0 ? code : make_leaf(c, OP_HAS, &f, NULL, 0, e);
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

static int
lower_text(struct arena *a, struct sv *text, struct err *e)
{
	char *p = arena_alloc(a, text->n);

	if (p == NULL)
		return err_nomem(e);
	for (size_t i = 0; i < text->n; i++) {
		char ch = text->p[i];

		p[i] = ch >= 'A' && ch <= 'Z' ? (char)(ch | 0x20) : ch;
	}
	*text = sv_new(p, text->n);
	return 0;
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

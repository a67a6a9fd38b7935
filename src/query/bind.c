/* SPDX-License-Identifier: ISC */
/*
 * bind: from a path's tree to the query it means, with the clock and the aliases of the
 * environment. Everything that does not depend on the order of clauses is put into one
 * order here: the predicates of a group are flattened, sorted by their canonical text and
 * freed of doubles, a group of one is that one, and a double negation is gone. So equal
 * questions have equal queries.
 */
#include <stdlib.h>

#include "ast_i.h"
#include "base/limits.h"
#include "clause_i.h"
#include "group_i.h"
#include "query_i.h"
#include "query_range_i.h"

struct binder {
	struct arena *arena;
	const struct query_env *env;
	struct query *q;
	struct range_offs offs;
	const struct pred **plain;	/* clauses outside every group and not negated */
	size_t n_plain;
	struct group_offs group_offs;
	bool relative;
};

static int bind_group(struct binder *, const struct ast *, const struct pred **, struct err *);

/* A predicate with its place in the canonical order. */
struct ranked {
	const struct pred *pred;
	unsigned rank;
	struct sv text;
};

static int
by_rank(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;

	if (x->rank != y->rank)
		return x->rank < y->rank ? -1 : 1;
	return sv_cmp(x->text, y->text);
}

static int
rank_kids(struct arena *a, const struct pred *p, struct ranked *r, struct err *e)
{
	struct buf b = BUF_INIT;
	int code = 0;

	for (size_t i = 0; code == 0 && i < p->n_kids; i++) {
		b.n = 0;
		pred_path_print(&b, p->kids[i]);
		r[i] = (struct ranked){ p->kids[i], pred_rank(p->kids[i]),
		    arena_sv(a, buf_view(&b)) };
		if (b.oom || r[i].text.p == NULL)
			code = err_nomem(e);
	}
	buf_release(&b);
	return code;
}

/* A junction of `kids` in canonical form. */
static int
junction(struct arena *a, enum pred_kind kind, const struct pred **kids, size_t n,
    const struct pred **out, struct err *e)
{
	const struct pred *(*join)(struct arena *, const struct pred *const *, size_t) =
	    kind == PRED_AND ? pred_and : pred_or;
	const struct pred *p = join(a, kids, n), **kept;
	struct ranked *r;
	size_t n_kept = 0;
	int code;

	if (p == NULL)
		return err_nomem(e);
	*out = p;
	if (p->kind != kind)
		return 0;
	r = arena_array(a, p->n_kids, struct ranked);
	kept = arena_array(a, p->n_kids, const struct pred *);
	if (r == NULL || kept == NULL)
		return err_nomem(e);
	if ((code = rank_kids(a, p, r, e)) < 0)
		return code;
	qsort(r, p->n_kids, sizeof *r, by_rank);
	for (size_t i = 0; i < p->n_kids; i++)
		if (i == 0 || !sv_eq(r[i - 1].text, r[i].text))
			kept[n_kept++] = r[i].pred;
	*out = join(a, kept, n_kept);
	return *out == NULL ? err_nomem(e) : 0;
}

static int
bind_clause(struct binder *b, const struct ast *n, const struct pred **out, struct err *e)
{
	struct clause c = { .arena = b->arena, .env = b->env, .kw = n->kw,
	    .n_args = n->kw->n_args, .query = b->q };
	int code;

	memcpy(c.args, n->args, sizeof c.args);
	c.at = c.n_args > 0 ? c.n_args - 1 : 0;
	if ((code = clause_build(&c, e)) < 0) {
		if (e != NULL && e->off >= 0)
			e->off += (int64_t)n->arg_off[c.at];
		return code;
	}
	b->relative |= c.relative;
	*out = c.pred;
	return 0;
}

static void
note_group_off(struct group_offs *o, const struct ast *n)
{
	static const struct {
		int (*build)(struct clause *, struct err *);
		size_t at;
	} places[] = {
		{ build_group, offsetof(struct group_offs, group) },
		{ build_agg, offsetof(struct group_offs, agg) },
		{ build_fill, offsetof(struct group_offs, fill) },
		{ build_having, offsetof(struct group_offs, having) },
		{ build_per, offsetof(struct group_offs, per) },
		{ build_versus, offsetof(struct group_offs, versus) },
		{ build_distinct, offsetof(struct group_offs, distinct) },
		{ build_sort, offsetof(struct group_offs, sort) },
		{ build_select, offsetof(struct group_offs, select) },
	};

	for (size_t i = 0; i < sizeof places / sizeof *places; i++)
		if (n->kw->build == places[i].build)
			memcpy((char *)o + places[i].at, &n->arg_off[0], sizeof n->arg_off[0]);
}

static void
note_off(struct binder *b, const struct ast *n)
{
	if (n->kw->build == build_since)
		b->offs.since = n->arg_off[0];
	else if (n->kw->build == build_until)
		b->offs.until = n->arg_off[0];
	else if (n->kw->build == build_on || n->kw->build == build_shards)
		b->offs.on = n->arg_off[n->kw->n_args - 1];
	else
		note_group_off(&b->group_offs, n);
}

static int
bind_kid(struct binder *b, const struct ast *k, const struct pred **out, struct err *e)
{
	int code;

	if (!keyword_opens(k->kw))
		return bind_clause(b, k, out, e);
	if ((code = bind_group(b, k, out, e)) < 0 || k->kw->class != KC_COMPARE)
		return code;
	b->q->compare = *out;
	b->group_offs.compare = k->off;
	*out = NULL;
	return 0;
}

/* NOT of p; of a NOT its kid. */
static int
negate(struct arena *a, const struct pred **p, struct err *e)
{
	*p = (*p)->kind == PRED_NOT ? (*p)->kids[0] : pred_not(a, *p);
	return *p == NULL ? err_nomem(e) : 0;
}

bool
pred_names_services(const struct pred *p)
{
	return p->kind == PRED_LEAF && (p->op == OP_EQ || p->op == OP_IN) &&
	    p->field.scope == FIELD_INTRINSIC && p->field.intrinsic == IN_SERVICE;
}

bool
pred_names(const struct pred *p)
{
	return pred_names_services(p) || (p->kind == PRED_LEAF && p->op != OP_TEXT &&
	    p->field.scope != FIELD_INTRINSIC);
}

/* A clause outside every group, and not negated. */
static void
note_plain(struct binder *b, const struct pred *p)
{
	b->plain[b->n_plain++] = p;
	if (pred_names_services(p))
		b->q->services[b->q->n_services++] = p;
}

/* The kids of a group or the whole path; recursion is bounded by LIMIT_NESTING. */
static int
bind_group(struct binder *b, const struct ast *group, const struct pred **out,
    struct err *e)
{
	bool any = group->kw != NULL && group->kw->class == KC_ANY;
	const struct pred **kids = arena_array(b->arena, group->n_kids + 1,
	    const struct pred *);
	size_t n = 0;

	if (kids == NULL)
		return err_nomem(e);
	for (const struct ast *k = group->kids; k != NULL; k = k->next) {
		const struct pred *p = NULL;
		int code = bind_kid(b, k, &p, e);

		if (code < 0)
			return code;
		note_off(b, k);
		if (p == NULL)
			continue;
		if (group->kw == NULL && !k->negated && !keyword_opens(k->kw))
			note_plain(b, p);
		if (k->negated && (code = negate(b->arena, &p, e)) < 0)
			return code;
		kids[n++] = p;
	}
	return junction(b->arena, any ? PRED_OR : PRED_AND, kids, n, out, e);
}

/* Each as its clause: the junction has kept one of equal ones, whichever. */
static int
is_plain(const struct binder *b, const struct pred *p, bool *plain, struct err *e)
{
	struct buf text = BUF_INIT, other = BUF_INIT;
	int code;

	*plain = false;
	pred_path_print(&text, p);
	for (size_t i = 0; i < b->n_plain && !*plain; i++) {
		other.n = 0;
		pred_path_print(&other, b->plain[i]);
		*plain = sv_eq(buf_view(&text), buf_view(&other));
	}
	code = text.oom || other.oom ? err_nomem(e) : 0;
	buf_release(&text);
	buf_release(&other);
	return code;
}

/* q->grouped. */
static int
take_grouped(const struct binder *b, struct err *e)
{
	const struct pred *f = b->q->filter;
	size_t n = f->kind == PRED_AND ? f->n_kids : 1;
	int code;

	if ((b->q->grouped = arena_array(b->arena, n, const struct pred *)) == NULL)
		return err_nomem(e);
	for (size_t i = 0; i < n; i++) {
		const struct pred *k = f->kind == PRED_AND ? f->kids[i] : f;
		bool plain;

		if (!pred_names(k))
			continue;
		if ((code = is_plain(b, k, &plain, e)) < 0)
			return code;
		if (!plain)
			b->q->grouped[b->q->n_grouped++] = k;
	}
	return 0;
}

/* Values behind aliases can make a path that no step would take. */
static int
take_canonical(struct query *q, struct arena *a, struct err *e)
{
	struct buf b = BUF_INIT;
	int code;

	query_print(&b, q);
	q->canonical = arena_sv(a, buf_view(&b));
	code = b.oom || q->canonical.p == NULL ? err_nomem(e) : 0;
	if (code == 0 && b.n > LIMIT_PATH_BYTES)
		code = err_set(e, ERR_NAMETOOLONG, 0,
		    "the canonical path is longer than %d bytes", LIMIT_PATH_BYTES);
	buf_release(&b);
	return code;
}

int
query_bind(const struct path *path, const struct query_env *env, struct arena *a,
    const struct query **out, struct err *e)
{
	struct query *q = arena_new(a, struct query);
	struct binder b = { .arena = a, .env = env, .q = q };
	const struct ast *tree;
	int code;

	if (q == NULL ||
	    (b.plain = arena_array(a, LIMIT_CLAUSES, const struct pred *)) == NULL ||
	    (q->services = arena_array(a, LIMIT_CLAUSES, const struct pred *)) == NULL)
		return err_nomem(e);
	q->limit = UINT64_MAX;
	if ((code = ast_parse(path, a, &tree, e)) < 0 ||
	    (code = bind_group(&b, tree, &q->filter, e)) < 0 ||
	    (code = take_grouped(&b, e)) < 0 ||
	    (code = query_range(q, &b.offs, env->now, &q->range, e)) < 0 ||
	    (code = bind_groups(q, &b.group_offs, env, a, e)) < 0 ||
	    (code = take_canonical(q, a, e)) < 0)
		return code;
	q->relative = b.relative || q->groups.versus;
	q->now = q->relative ? env->now : 0;
	*out = q;
	return 0;
}

/* What a key as typed is in files of traces. */
static bool
trace_key(struct sv typed, struct field *f)
{
	bool start = sv_is(typed, "start");

	if (!start && !sv_is(typed, "duration_ns"))
		return false;
	if (f->scope != FIELD_INTRINSIC)
		return false;
	f->intrinsic = start ? IN_TRACE_START : IN_TRACE_DURATION;
	return true;
}

const struct query *
query_of_traces(const struct query *q, struct arena *a)
{
	struct query *t = arena_new(a, struct query);
	struct sort_item *sort = arena_array(a, q->n_sort + 1, struct sort_item);
	struct field *select = arena_array(a, q->n_select + 1, struct field);
	bool other = false;

	if (t == NULL || sort == NULL || select == NULL)
		return NULL;
	for (size_t i = 0; i < q->n_sort; i++) {
		sort[i] = q->sort[i];
		other |= trace_key(sort[i].typed, &sort[i].by.field);
	}
	for (size_t i = 0; i < q->n_select; i++) {
		select[i] = q->select[i];
		other |= trace_key(q->select_typed[i], &select[i]);
	}
	*t = *q;
	t->sort = sort;
	t->select = select;
	return other ? t : q;
}

size_t
query_top_services(const struct query *q, const struct literal **lits)
{
	if (q->n_services == 0)
		return 0;
	*lits = q->services[0]->lits;
	return q->services[0]->n_lits;
}

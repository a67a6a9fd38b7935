/* SPDX-License-Identifier: ISC */
/*
 * path: the grammar, one segment at a time, see query/path.h. A path is a chain of nodes that
 * share their parents; all a node needs to judge the next segment it carries itself
 * (path_i.h), so a step costs what its segment costs. Nodes are immutable; the reference
 * counts are atomic, so threads may share them.
 *
 * A clause's arguments are checked by building its meaning (clause_i.h) without a clock or a
 * catalog and throwing it away; when the clause is complete its canonical text is measured
 * too, so that a path that steps has a canonical path that steps.
 */
#include "query/path.h"

#include <stdlib.h>

#include "base/limits.h"
#include "clause_i.h"
#include "name_i.h"
#include "path_i.h"
#include "query_i.h"

struct path *
path_root(void)
{
	struct path *p = calloc(1, sizeof *p);

	if (p != NULL) {
		atomic_init(&p->refs, 1);
		p->state = PATH_CLAUSE;
	}
	return p;
}

struct path *
path_ref(struct path *p)
{
	atomic_fetch_add_explicit(&p->refs, 1, memory_order_relaxed);
	return p;
}

void
path_unref(struct path *p)
{
	/* A loop: a path may have thousands of segments. */
	while (p != NULL &&
	    atomic_fetch_sub_explicit(&p->refs, 1, memory_order_acq_rel) == 1) {
		struct path *parent = p->parent;

		free(p);
		p = parent;
	}
}

/* A child that starts as a copy of its parent's state. */
static int
node_new(struct path *parent, const struct keyword *kw, struct sv seg, struct sv field,
    struct path **out, struct err *e)
{
	struct path *p;

	if (parent->n_bytes + 1 + seg.n > LIMIT_PATH_BYTES)
		return err_set(e, ERR_NAMETOOLONG, 0,
		    "the path is longer than %d bytes", LIMIT_PATH_BYTES);
	if ((p = malloc(sizeof *p + seg.n + field.n)) == NULL)
		return err_nomem(e);
	*p = (struct path){ .parent = path_ref(parent), .kw = kw };
	atomic_init(&p->refs, 1);
	p->state = parent->state;
	p->depth = parent->depth;
	p->n_clauses = parent->n_clauses;
	p->n_segs = parent->n_segs + 1;
	p->once = parent->once;
	p->after_not = parent->after_not;
	p->group_empty = parent->group_empty;
	p->n_bytes = parent->n_bytes + 1 + seg.n;
	p->n_canonical = parent->n_canonical;
	memcpy(p->text, seg.p, seg.n);
	p->seg = sv_new(p->text, seg.n);
	if (field.n != 0)
		memcpy(p->text + seg.n, field.p, field.n);
	p->field = sv_new(p->text + seg.n, field.n);
	*out = p;
	return 0;
}

/* True if a slash that was meant to be of a value may have ended it: "name/GET /cart". */
static bool
after_text(const struct path *p)
{
	return p->kw != NULL && (p->kw->build == build_list || p->kw->build == build_where ||
	    p->kw->build == build_text) && p->kw->args[p->kw->n_args - 1] != ARG_KINDS &&
	    p->kw->args[p->kw->n_args - 1] != ARG_STATUSES;
}

static int
unknown_keyword(const struct path *p, struct sv word, struct err *e)
{
	const char *near = keyword_suggest(word);
	struct quoted q;

	if (near == NULL && after_text(p))
		return err_set(e, ERR_UNKNOWN, 0, "unknown keyword '%s'; in a value a slash is "
		    "written %%2F", quote(&q, word));
	if (near != NULL)
		return err_set(e, ERR_UNKNOWN, 0,
		    "unknown keyword '%s'; did you mean '%s'?", quote(&q, word), near);
	return err_set(e, ERR_UNKNOWN, 0, "unknown keyword '%s'", quote(&q, word));
}

static int
add_canonical(struct path *p, size_t n, struct err *e)
{
	p->n_canonical += n;
	if (p->n_canonical <= LIMIT_PATH_BYTES)
		return 0;
	return err_set(e, ERR_NAMETOOLONG, 0, "the canonical path is longer than %d bytes",
	    LIMIT_PATH_BYTES);
}

static void
begin_clause(struct path *p, const struct keyword *kw)
{
	p->state = kw->n_args > 0 ? PATH_ARG : PATH_CLAUSE;
	p->after_not = kw->class == KC_NOT;
	p->group_empty = false;
	switch (kw->class) {
	case KC_COMPARE:
		p->once |= path_once_bits(kw);
		/* FALLTHROUGH */
	case KC_ANY:
	case KC_ALL:
		p->depth++;
		p->group_empty = true;
		break;
	case KC_END:
		p->depth--;
		return;
	case KC_NOT:
		/* It is one clause with the one that follows. */
		p->group_empty = p->parent->group_empty;
		return;
	case KC_SHARDS:
		p->in_shards = true;
		p->once |= path_once_bits(keyword_find(SV("on")));
		break;
	default:
		if (path_at_top(kw) && kw->build != build_expect)
			p->once |= path_once_bits(kw);
		break;
	}
	p->n_clauses++;
}

static int
step_keyword(struct path *p, struct sv seg, struct path **out, struct err *e)
{
	struct sv word = seg.p[0] == '.' ? sv_new(seg.p + 1, seg.n - 1) : seg;
	const struct keyword *kw = keyword_find(word);
	const char *misplaced;
	struct path *child;
	int code;

	/* shards is a real directory of the root, so it has no dotted spelling. */
	if (kw == NULL && p->parent == NULL && sv_is(seg, keyword_shards.name))
		kw = &keyword_shards;
	if (kw == NULL)
		return unknown_keyword(p, word, e);
	if (kw->class == KC_LATER)
		return err_set(e, ERR_UNSUPPORTED, 0, "%s is not supported yet", kw->name);
	if ((misplaced = path_out_of_place(p, kw)) != NULL)
		return err_set(e, ERR_SYNTAX, 0, "'%s' %s", kw->name, misplaced);
	if ((code = path_over_limit(p, kw, e)) < 0 ||
	    (code = node_new(p, kw, word, SV_EMPTY, &child, e)) < 0)
		return code;
	begin_clause(child, kw);
	if (kw->n_args == 0 && (code = add_canonical(child, word.n + 1, e)) < 0) {
		path_unref(child);
		return code;
	}
	*out = child;
	return 0;
}

const char *
path_link(const struct path *p)
{
	enum arg_kind kind;

	if (p->state == PATH_CLAUSE)
		return ".";
	if (p->arg == 0 || p->kw->class == KC_SHARDS)
		return NULL;
	kind = p->kw->args[p->arg];
	return kind == ARG_OPS || kind == ARG_DURATION_OPS ? "." : ".=";
}

/* The arguments given so far, with `last` as the one at p->arg. */
static void
collect_args(const struct path *p, struct sv last, struct clause *c)
{
	const struct path *n = p;

	c->kw = p->kw;
	c->n_args = p->arg + 1;
	c->args[p->arg] = last;
	for (unsigned i = p->arg; i-- > 0; n = n->parent)
		c->args[i] = n->seg;
}

static int
check_segments(struct sv text, struct err *e)
{
	struct sv seg;

	while (sv_cut(&text, '/', &seg))
		if (seg.n > LIMIT_SEGMENT_BYTES)
			return err_set(e, ERR_NAMETOOLONG, 0,
			    "its canonical form has %zu bytes; the limit is %d", seg.n,
			    LIMIT_SEGMENT_BYTES);
	return 0;
}

/*
 * The length of a complete clause's canonical text, if each segment of it fits. Values are
 * looked at in full first: canonical text may have aliases in their place.
 */
static int
measure(const struct query *q, size_t *n, struct err *e)
{
	struct buf b = BUF_INIT;
	int code = 0;

	if (q->filter->kind == PRED_LEAF) {
		pred_values_print(&b, q->filter, false);
		if ((code = buf_ok(&b, e)) == 0)
			code = check_segments(buf_view(&b), e);
		b.n = 0;
	}
	if (code == 0) {
		query_print(&b, q);
		if ((code = buf_ok(&b, e)) == 0)
			code = check_segments(buf_view(&b), e);
		*n = b.n;
	}
	buf_release(&b);
	return code;
}

/* Of a field's segment: an alias stays one, since only the catalog knows the name. */
static int
field_text(struct sv text, struct arena *a, struct sv *field, struct err *e)
{
	uint64_t hi, lo;

	if (!name_is_alias(text, &hi, &lo))
		return name_decode(a, text, field, e);
	*field = text;
	return 0;
}

/*
 * Checks argument p->arg. *field gets the decoded field name of where's first argument (in
 * the arena), *n_canonical the canonical length if this completes the clause.
 */
static int
check_arg(const struct path *p, struct sv text, struct arena *a, struct sv *field,
    size_t *n_canonical, struct err *e)
{
	static const struct pred everything = { .kind = PRED_TRUE };
	struct query q = { .filter = &everything, .limit = UINT64_MAX };
	struct clause c = { .arena = a, .query = &q };
	int code;

	collect_args(p, text, &c);
	if ((code = clause_build(&c, e)) < 0)
		return code;
	if (c.n_args < p->kw->n_args)
		return p->kw->args[0] == ARG_FIELDS ? field_text(text, a, field, e) : 0;
	if (c.pred != NULL)
		q.filter = c.pred;
	if ((code = measure(&q, n_canonical, e)) < 0)
		return err_ctx(e, code, "%s", p->kw->name);
	return 0;
}

/* How much of an argument is the spelling of a link. */
static size_t
link_bytes(const struct path *p, struct sv seg)
{
	struct sv link = path_link(p) == NULL ? SV_EMPTY : sv_cstr(path_link(p));

	return link.n > 0 && sv_starts(seg, link) ? link.n : 0;
}

/* A value that would read as the spelling of a link when it is printed: its dot is escaped. */
static int
escape_dot(const struct path *p, struct arena *a, struct sv *text, struct err *e)
{
	char *s;

	if (link_bytes(p, *text) == 0)
		return 0;
	if ((s = arena_alloc(a, text->n + 2)) == NULL)
		return err_nomem(e);
	memcpy(s, "%2E", 3);
	memcpy(s + 3, text->p + 1, text->n - 1);
	*text = sv_new(s, text->n + 2);
	return 0;
}

static int
step_arg(struct path *p, struct sv seg, struct path **out, struct err *e)
{
	size_t dot = link_bytes(p, seg), n_canonical = 0;
	struct sv text = sv_new(seg.p + dot, seg.n - dot), field = SV_EMPTY;
	struct path *child = NULL;
	struct arena a;
	int code;

	arena_init(&a);
	code = check_arg(p, text, &a, &field, &n_canonical, e);
	if (code < 0 && e != NULL && e->off >= 0)
		e->off += (int64_t)dot;
	if (code == 0 && dot > 0)
		code = escape_dot(p, &a, &text, e);
	if (code == 0)
		code = node_new(p, p->kw, text, field, &child, e);
	arena_release(&a);
	if (code < 0)
		return code;
	child->in_shards = p->kw->class == KC_SHARDS;
	child->arg = p->arg + 1;
	if (p->kw->build == build_expect && p->arg == 0 &&
	    (code = path_mark_expect(child, text, e)) < 0) {
		path_unref(child);
		return code;
	}
	if (child->arg == p->kw->n_args) {
		child->arg = 0;
		child->state = PATH_CLAUSE;
		if ((code = add_canonical(child, n_canonical, e)) < 0) {
			path_unref(child);
			return code;
		}
	}
	*out = child;
	return 0;
}

int
path_step(struct path *p, struct sv seg, struct path **out, struct err *e)
{
	if (seg.n == 0)
		return err_set(e, ERR_SYNTAX, 0, "an empty segment");
	if (seg.n > LIMIT_SEGMENT_BYTES)
		return err_set(e, ERR_NAMETOOLONG, 0,
		    "a segment of %zu bytes; the limit is %d", seg.n, LIMIT_SEGMENT_BYTES);
	if (sv_is(seg, ".") || sv_is(seg, ".."))
		return err_set(e, ERR_SYNTAX, 0,
		    "'.' and '..' are no values: a leading dot is written %%2E");
	if (sv_chr(seg, '/') >= 0)
		return err_set(e, ERR_SYNTAX, sv_chr(seg, '/'),
		    "a segment can't hold '/': write %%2F");
	return p->state == PATH_CLAUSE ? step_keyword(p, seg, out, e) :
	    step_arg(p, seg, out, e);
}

/*
 * True if the last segment is a file here. Where an argument is awaited nearly everything is
 * a value ("service/count" is a service); only what can't be one is a file there: "~%more",
 * and info.json among the shards.
 */
static bool
stands_for_file(const struct path *p, struct sv seg, bool (*known_file)(struct sv))
{
	if (p->state == PATH_ARG && !sv_is(seg, "~%more") && p->kw->class != KC_SHARDS)
		return false;
	return known_file != NULL && known_file(seg);
}

int
path_parse(struct sv text, bool (*known_file)(struct sv), struct path **out,
    struct sv *file, struct err *e)
{
	struct sv rest = text, seg, found = SV_EMPTY;
	struct path *p, *child;
	int code;

	if (text.n > LIMIT_PATH_BYTES)
		return err_set(e, ERR_NAMETOOLONG, 0,
		    "a path of %zu bytes; the limit is %d", text.n, LIMIT_PATH_BYTES);
	if ((p = path_root()) == NULL)
		return err_nomem(e);
	while ((seg = path_next_segment(&rest)).n > 0) {
		if (rest.n == 0 && stands_for_file(p, seg, known_file)) {
			found = seg;
			break;
		}
		if ((code = path_step(p, seg, &child, e)) < 0) {
			if (e != NULL && e->off >= 0)
				e->off += seg.p - text.p;
			path_unref(p);
			return code;
		}
		path_unref(p);
		p = child;
	}
	*out = p;
	*file = found;
	return 0;
}

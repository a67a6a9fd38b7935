/* SPDX-License-Identifier: ISC */
/*
 * clause_page: the meaning of the clauses that stand once: time (since, until, on, the shard
 * directory and mark), page (sort, limit, offset, select) and expect. Each sets its part of the query.
 * Times are kept as typed here; query_bind makes the range of them.
 */
#include "clause_i.h"
#include "model/mark.h"
#include "name_i.h"

static int
parse_time(struct clause *c, struct when *w, struct err *e)
{
	struct quoted q;
	struct sv text;
	int code = name_decode(c->arena, c->args[0], &text, e);

	if (code < 0)
		return code;
	if (!when_parse(text, w))
		return err_set(e, ERR_SYNTAX, 0, "expected %s, got '%s'",
		    when_expected(text), quote(&q, c->args[0]));
	c->relative |= w->kind != WHEN_ABSOLUTE;
	return 0;
}

int
build_since(struct clause *c, struct err *e)
{
	c->query->has_since = true;
	return parse_time(c, &c->query->since, e);
}

int
build_until(struct clause *c, struct err *e)
{
	c->query->has_until = true;
	return parse_time(c, &c->query->until, e);
}

int
build_on(struct clause *c, struct err *e)
{
	struct query *q = c->query;
	struct quoted quoted;
	struct sv text;
	int code = name_decode(c->arena, c->args[0], &text, e);

	if (code < 0)
		return code;
	if (!when_parse_on(text, &q->on, &q->on_length_ns))
		return err_set(e, ERR_SYNTAX, 0,
		    "expected a day (2026-11-20), an hour (2026-11-20T14), today or "
		    "yesterday, got '%s'", quote(&quoted, c->args[0]));
	q->has_on = true;
	c->relative |= q->on.kind != WHEN_ABSOLUTE;
	return 0;
}

/*
 * A mark's name is that of a file, so it needs no encoding; nor does it ever need one, since what
 * would is none. Where it stands the environment says.
 */
int
build_mark(struct clause *c, struct err *e)
{
	struct query *q = c->query;
	struct quoted quoted;
	int code = name_decode(c->arena, c->args[0], &q->mark, e);

	if (code < 0)
		return code;
	if (!mark_name_ok(q->mark))
		return err_set(e, ERR_SYNTAX, 0, "expected the name of a mark: up to %d letters, "
		    "digits, '-', '_' or '.', a letter or digit first; got '%s'", MARK_NAME_MAX,
		    quote(&quoted, c->args[0]));
	q->has_mark = true;
	if (c->env == NULL)
		return 0;
	if (c->env->mark == NULL)
		return err_set(e, ERR_UNKNOWN, 0, "no mark '%s'", quote(&quoted, c->args[0]));
	if ((code = c->env->mark(c->env->mark_arg, q->mark, &q->after, e)) < 0 && e != NULL)
		e->off = code == ERR_UNKNOWN ? 0 : -1;
	return code;
}

/* shards/2026-11-20/14 is on/2026-11-20T14. */
int
build_shards(struct clause *c, struct err *e)
{
	struct query *q = c->query;
	struct quoted quoted;
	uint64_t length, hour;

	if (!when_parse_on(c->args[0], &q->on, &length) || c->args[0].n != 10 ||
	    q->on.kind != WHEN_ABSOLUTE)
		return err_set(e, ERR_SYNTAX, 0, "expected a day (2026-11-20), got '%s'",
		    quote(&quoted, c->args[0]));
	if (c->n_args < 2)
		return 0;
	if (c->args[1].n != 2 || !sv_u64(c->args[1], &hour) || hour > 23)
		return err_set(e, ERR_SYNTAX, 0, "expected an hour (00 to 23), got '%s'",
		    quote(&quoted, c->args[1]));
	q->on.ns += hour * NS_PER_HOUR;
	q->on_length_ns = NS_PER_HOUR;
	q->shard_partition = true;
	return 0;
}

static int
parse_count(struct clause *c, struct sv arg, uint64_t *out, struct err *e)
{
	struct quoted q;
	struct sv text;
	int code = name_decode(c->arena, arg, &text, e);

	if (code < 0)
		return code;
	if (!sv_u64(text, out))
		return err_set(e, ERR_SYNTAX, 0, "expected a whole number, got '%s'",
		    quote(&q, arg));
	return 0;
}

int
build_limit(struct clause *c, struct err *e)
{
	uint64_t max = c->env != NULL ? c->env->max_rows : 0;
	int code = parse_count(c, c->args[0], &c->query->limit, e);

	if (code < 0)
		return code;
	if (max != 0 && c->query->limit > max)
		return err_set(e, ERR_SYNTAX, 0, "%llu rows; [query] max_rows is %llu",
		    (unsigned long long)c->query->limit, (unsigned long long)max);
	c->query->has_limit = true;
	return 0;
}

int
build_offset(struct clause *c, struct err *e)
{
	return parse_count(c, c->args[0], &c->query->offset, e);
}

/* "duration:desc": cuts a final raw ":asc" or ":desc" off. */
static bool
cut_direction(struct sv *key)
{
	if (sv_ends(*key, SV(":desc"))) {
		key->n -= strlen(":desc");
		return true;
	}
	if (sv_ends(*key, SV(":asc")))
		key->n -= strlen(":asc");
	return false;
}

/* What it names of groups, if rows are groups, binding tells. */
static int
add_sort_key(struct clause *c, struct sort_item *keys, size_t *n, struct sv item,
    struct err *e)
{
	struct sort_item k = { .by.desc = cut_direction(&item), .raw = item };
	int code;

	if (item.n == 0)
		return err_set(e, ERR_SYNTAX, 0, "expected a field before the direction");
	if ((code = clause_column(c, item, &k.by.field, &k.typed, e)) < 0)
		return code;
	k.off = (size_t)(item.p - c->args[0].p);
	/* A key that stands already decides nothing more. */
	for (size_t i = 0; i < *n; i++)
		if (field_eq(&keys[i].by.field, &k.by.field))
			return 0;
	keys[(*n)++] = k;
	return 0;
}

int
build_sort(struct clause *c, struct err *e)
{
	struct sort_item *keys;
	struct sv *items;
	size_t n, n_keys = 0;
	int code = name_split(c->arena, c->args[0], &items, &n, e);

	if (code < 0)
		return code;
	if ((keys = arena_array(c->arena, n, struct sort_item)) == NULL)
		return err_nomem(e);
	for (size_t i = 0; i < n; i++) {
		if ((code = add_sort_key(c, keys, &n_keys, items[i], e)) < 0) {
			if (e != NULL && e->off >= 0)
				e->off += items[i].p - c->args[0].p;
			return code;
		}
	}
	c->query->sort = keys;
	c->query->n_sort = n_keys;
	return 0;
}

/* Two names of one field are two columns, unless both columns have one name. */
static bool
has_column(const struct field *v, const struct sv *typed, size_t n, const struct field *f,
    struct sv name)
{
	for (size_t i = 0; i < n; i++)
		if (field_eq(&v[i], f) &&
		    sv_eq(field_column(&v[i], typed[i]), field_column(f, name)))
			return true;
	return false;
}

int
build_select(struct clause *c, struct err *e)
{
	struct field *fields, f;
	struct sv *items, *typed, *raw, name;
	size_t n, kept = 0;
	int code = name_split(c->arena, c->args[0], &items, &n, e);

	if (code < 0)
		return code;
	fields = arena_array(c->arena, n, struct field);
	typed = arena_array(c->arena, n, struct sv);
	raw = arena_array(c->arena, n, struct sv);
	if (fields == NULL || typed == NULL || raw == NULL)
		return err_nomem(e);
	for (size_t i = 0; i < n; i++) {
		if ((code = clause_column(c, items[i], &f, &name, e)) < 0) {
			if (e != NULL && e->off >= 0)
				e->off += items[i].p - c->args[0].p;
			return code;
		}
		if (has_column(fields, typed, kept, &f, name))
			continue;
		typed[kept] = name;
		raw[kept] = items[i];
		fields[kept++] = f;
	}
	c->query->select = fields;
	c->query->select_typed = typed;
	c->query->select_raw = raw;
	c->query->n_select = kept;
	return 0;
}

/* expect/rows/N, expect/fresh/D */
int
build_expect(struct clause *c, struct err *e)
{
	struct query *q = c->query;
	bool rows = sv_is(c->args[0], "rows");
	struct quoted quoted;
	struct sv text;
	int code;

	if (!rows && !sv_is(c->args[0], "fresh"))
		return err_set(e, ERR_SYNTAX, 0, "expected rows or fresh, got '%s'",
		    quote(&quoted, c->args[0]));
	if (c->n_args < 2)
		return 0;
	if (rows) {
		q->has_expect_rows = true;
		return parse_count(c, c->args[1], &q->expect_rows, e);
	}
	if ((code = name_decode(c->arena, c->args[1], &text, e)) < 0)
		return code;
	if (!duration_parse(text, &q->expect_fresh_ns))
		return err_set(e, ERR_SYNTAX, 0,
		    "expected a duration with a unit (15m, 1h30m), got '%s'",
		    quote(&quoted, c->args[1]));
	q->has_expect_fresh = true;
	c->relative = true;
	return 0;
}

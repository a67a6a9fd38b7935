/* SPDX-License-Identifier: ISC */
/*
 * names: [browse] strict_names: refuses the services and fields that the store has never seen,
 * and says what was probably meant; and marks that are not there, strict or not. Which there are:
 * known.c. A program that asks one question pays for the footers of its own range only, as long
 * as these have what it names.
 */
#include <strings.h>

#include "base/near.h"
#include "engine_i.h"
#include "query/path_names.h"

/* ---- what is there ---- */

static bool
world_has(const struct world *w, const struct path_names *n)
{
	for (size_t i = 0; i < n->n_services; i++)
		if (w->services_open || map_get(&w->services, n->services[i]) != NULL)
			return true;
	for (size_t i = 0; i < n->n_fields; i++)
		if (world_has_field(w, &n->fields[i]))
			return true;
	return false;
}

static bool
shard_has_field(const struct shard_stats *s, struct field f)
{
	size_t n;

	if (f.scope == FIELD_PARENT)
		f = field_inner(&f);
	if (f.scope == FIELD_INTRINSIC)
		return true;
	if (f.scope != FIELD_BARE)
		return stats_columns(s, &f, &n) != NULL && n > 0;
	f.scope = FIELD_SPAN;
	if (shard_has_field(s, f))
		return true;
	f.scope = FIELD_RESOURCE;
	return shard_has_field(s, f);
}

/* In the shards that are loaded for this query. */
static bool
stats_have(const struct stats *st, const struct path_names *n)
{
	for (size_t i = 0; i < st->n_shards; i++) {
		for (size_t k = 0; k < n->n_services; k++)
			if (shard_has_service(&st->shards[i], n->services[k]))
				return true;
		for (size_t k = 0; k < n->n_fields; k++)
			if (shard_has_field(&st->shards[i], n->fields[k]))
				return true;
	}
	return false;
}

/* ---- what was meant ---- */

static int
no_such(const char *what, struct sv name, struct sv meant, size_t off, struct err *e)
{
	if (meant.n == 0)
		return err_set(e, ERR_UNKNOWN, (int64_t)off, "no %s '%.*s' in the store", what,
		    SV_ARG(name));
	return err_set(e, ERR_UNKNOWN, (int64_t)off,
	    "no %s '%.*s' in the store; did you mean '%.*s'?", what, SV_ARG(name),
	    SV_ARG(meant));
}

static int
unknown_service(const struct world *w, struct sv name, size_t off, struct err *e)
{
	const struct map_slot *s;
	struct near x;

	near_init(&x, name);
	for (size_t i = 0; (s = map_next(&w->services, &i)) != NULL;)
		near_offer(&x, sv_new(s->key, s->len));
	return no_such("service", name, x.found, off, e);
}

static bool
is_known_text(const struct world *w, struct sv text)
{
	struct field f;

	return field_parse(text, &f) && world_has_field(w, &f);
}

/* "-duration" and "duration:DESC" of sort: the field alone. */
static bool
cut_direction(struct sv *text, const char **direction)
{
	size_t colon = text->n;
	struct sv tail;

	*direction = ":desc";
	if (text->n > 1 && (text->p[0] == '-' || text->p[0] == '+')) {
		if (text->p[0] == '+')
			*direction = "";
		*text = sv_sub(*text, 1, text->n);
		return true;
	}
	while (colon > 0 && text->p[colon - 1] != ':')
		colon--;
	if (colon < 2)
		return false;
	tail = sv_sub(*text, colon, text->n);
	if (tail.n == 3 && strncasecmp(tail.p, "asc", 3) == 0)
		*direction = "";
	else if (tail.n != 4 || strncasecmp(tail.p, "desc", 4) != 0)
		return false;
	*text = sv_sub(*text, 0, colon - 1);
	return true;
}

/* A field that is there under another scope: "span.kind" is kind, "exception.type" an event's. */
static bool
other_scope(const struct world *w, const struct field *f, struct buf *out)
{
	static const enum field_scope scopes[] = {
		FIELD_SPAN, FIELD_RESOURCE, FIELD_EVENT, FIELD_LINK, FIELD_SCOPE
	};
	struct field meant;

	for (unsigned i = 0; i < N_INTRINSICS; i++)
		if (f->scope != FIELD_BARE && sv_is(f->key, intrinsics[i].name)) {
			buf_str(out, intrinsics[i].name);
			return true;
		}
	for (size_t i = 0; i < sizeof scopes / sizeof *scopes; i++)
		if (scopes[i] != f->scope && world_has_key(w, scopes[i], f->key)) {
			meant = (struct field){ .scope = scopes[i], .key = f->key };
			field_print(out, &meant);
			return true;
		}
	return false;
}

/* The nearest name, as people type it; of spans' and resources' attributes that is the key. */
static void
nearest_field(const struct world *w, struct sv typed, struct buf *out)
{
	const struct map_slot *s;
	struct near x;

	near_init(&x, typed);
	for (unsigned i = 0; i < N_INTRINSICS; i++)
		if (intrinsics[i].of != OF_GROUP)
			near_offer(&x, sv_cstr(intrinsics[i].name));
	for (size_t i = 0; (s = map_next(&w->fields, &i)) != NULL;) {
		struct sv text = sv_new(s->key, s->len);
		struct field f;

		near_offer(&x, text);
		if (field_parse(text, &f) &&
		    (f.scope == FIELD_SPAN || f.scope == FIELD_RESOURCE))
			near_offer(&x, f.key);
	}
	buf_sv(out, x.found);
}

static int
unknown_field(const struct world *w, const struct path_names *n, struct err *e)
{
	const struct field *f = &n->fields[0];
	struct sv typed = n->typed[0], bare = typed;
	struct buf meant = BUF_INIT;
	const char *direction;
	int code;

	if (n->sorts && cut_direction(&bare, &direction) && is_known_text(w, bare)) {
		buf_sv(&meant, bare);
		buf_str(&meant, direction);
	} else if (f->scope != FIELD_INTRINSIC && !other_scope(w, f, &meant))
		nearest_field(w, typed, &meant);
	if (meant.oom)
		code = err_nomem(e);
	else
		code = no_such("field", typed, buf_view(&meant), n->off, e);
	buf_release(&meant);
	return code;
}

static int
refuse(const struct world *w, const struct path_names *n, struct err *e)
{
	return n->n_services > 0 ? unknown_service(w, n->services[0], n->off, e) :
	    unknown_field(w, n, e);
}

/* ---- paths ---- */

static bool
are_strict(struct engine *en)
{
	return conf_bool(en->conf, CONF_BROWSE_STRICT_NAMES);
}

/* loaded: statistics that may do; or NULL. */
static int
check_segment(struct world *w, stats_fn *loaded, void *arg,
    const struct path_names *n, struct err *e)
{
	const struct stats *some;
	int code;

	if (n->n_services == 0 && n->n_fields == 0)
		return 0;
	for (size_t i = 0; i < n->n_services; i++)
		if (snapshot_has_service(w->snap, n->services[i]))
			return 0;
	if (loaded != NULL && !atomic_load_explicit(&w->named, memory_order_acquire)) {
		if ((code = loaded(arg, &some, e)) < 0)
			return code;
		if (stats_have(some, n))
			return 0;
	}
	if ((code = world_names(w, e)) < 0)
		return code;
	return world_has(w, n) ? 0 : refuse(w, n, e);
}

/* A mark that is not there leaves the query without a meaning, strict or not. */
static int
check_mark(struct engine *en, const struct path_names *n, struct err *e)
{
	struct query_mark m;
	int code;

	if (n->mark.n == 0 || (code = engine_mark(en, n->mark, &m, e)) == 0)
		return 0;
	if (code == ERR_UNKNOWN && e != NULL)
		e->off = (int64_t)n->off;
	return code;
}

static int
first_unknown(struct world *w, const struct path *p, bool strict, stats_fn *loaded, void *arg,
    struct err *e)
{
	bool grouped = path_view(p).grouped;	/* wherever in the path that stands */
	struct path_names n;
	struct err first = ERR_INIT;
	struct arena a;
	int code = 0;

	arena_init(&a);
	/* From the end to the beginning: the first that is unknown is the last one found. */
	for (; p != NULL; p = path_parent(p)) {
		struct err why = ERR_INIT;
		int c = path_last_names(p, &a, &n, &why);

		if (c == 0 && loaded == NULL)
			c = check_mark(w->engine, &n, &why);
		if (c == 0 && strict && !(grouped && n.columns))
			c = check_segment(w, loaded, arg, &n, &why);
		if (c < 0) {
			code = c;
			first = why;
		}
		arena_reset(&a);
	}
	arena_release(&a);
	if (code < 0 && e != NULL)
		*e = first;
	return code;
}

int
names_check(struct engine *en, struct world *w, const struct path *p, stats_fn *loaded,
    void *arg, struct err *e)
{
	bool strict = are_strict(en);

	/* With statistics comes a query, whose marks were found. */
	return strict || loaded == NULL ? first_unknown(w, p, strict, loaded, arg, e) : 0;
}

static bool
is_aggregate(struct sv typed)
{
	int64_t colon = sv_chr(typed, ':');
	struct aggregate a;

	return agg_parse_name(colon < 0 ? typed : sv_sub(typed, 0, (size_t)colon), &a) &&
	    agg_has_field(&a) == (colon >= 0);
}

/* One item of sort or select. *aggregate: the first that is one, and no field of the store. */
static bool
is_column(const struct world *w, const struct field *f, struct sv typed, struct sv *aggregate)
{
	if (world_has_field(w, f))
		return true;
	if (aggregate->n == 0 && is_aggregate(typed))
		*aggregate = typed;
	return false;
}

static int
no_group(struct sv aggregate, struct err *e)
{
	return err_set(e, ERR_UNKNOWN, -1, "no field '%.*s' in the store; as an aggregate it needs "
	    "group, bucket or agg", SV_ARG(aggregate));
}

static bool
has_aggregate(const struct query *q)
{
	for (size_t i = 0; i < q->n_sort; i++)
		if (is_aggregate(q->sort[i].typed))
			return true;
	for (size_t i = 0; i < q->n_select; i++)
		if (is_aggregate(q->select_typed[i]))
			return true;
	return false;
}

int
names_check_columns(struct engine *en, struct world *w, const struct query *q, struct err *e)
{
	struct sv sort = SV_EMPTY, select = SV_EMPTY;
	bool sorts = false, selects = false;
	int code;

	if (q->by_groups || q->compare != NULL || en->source != NULL || !are_strict(en) ||
	    !has_aggregate(q))
		return 0;
	if ((code = world_names(w, e)) < 0)
		return code;
	for (size_t i = 0; i < q->n_sort; i++)
		sorts |= is_column(w, &q->sort[i].by.field, q->sort[i].typed, &sort);
	for (size_t i = 0; i < q->n_select; i++)
		selects |= is_column(w, &q->select[i], q->select_typed[i], &select);
	if (!sorts && sort.n != 0)
		return no_group(sort, e);
	return !selects && select.n != 0 ? no_group(select, e) : 0;
}

void
names_missing(struct engine *en, struct world *w, const struct path *p, struct buf *out)
{
	struct err why = ERR_INIT;

	if (!are_strict(en) && first_unknown(w, p, true, NULL, NULL, &why) == ERR_UNKNOWN)
		buf_str(out, why.msg);
}

/* Only of what is known already: a lookup waits for nothing. */
static int
check_step_strict(struct engine *en, const struct path *p, const struct path_names *n,
    struct err *e)
{
	struct world *w;
	int code = 0;

	if ((n->n_services == 0 && n->n_fields == 0) || !are_strict(en) ||
	    engine_world(en, &w, NULL) < 0)
		return 0;
	if (atomic_load_explicit(&w->named, memory_order_acquire) && !n->compares &&
	    !(path_view(p).grouped && n->columns) && !world_has(w, n))
		code = refuse(w, n, e);
	world_unref(w);
	return code;
}

int
engine_check_step(struct engine *en, const struct path *p, struct err *e)
{
	struct path_names n;
	struct arena a;
	int code;

	arena_init(&a);
	if ((code = path_last_names(p, &a, &n, e)) == 0 && (code = check_mark(en, &n, e)) == 0)
		code = check_step_strict(en, p, &n, e);
	arena_release(&a);
	return code;
}

/* SPDX-License-Identifier: ISC */
/*
 * listing: what `ls` shows: at a clause boundary the result files and, as links, the keywords
 * that may follow; at an argument its values (listing_values.c), or what groups have. The path
 * is bound once and the catalog asked once, however many files may stand there.
 */
#include <stdlib.h>

#include "base/clock.h"
#include "base/limits.h"
#include "engine_i.h"
#include "query/name.h"

#define DIR_MTIME_NS UINT64_C(100000000)	/* that a directory's time may be late */

static void
add_keyword(void *arg, const char *keyword)
{
	list_add(arg, sv_cstr(keyword), ENTRY_LINK);
}

static int
by_name(const void *a, const void *b)
{
	return sv_cmp(((const struct entry *)a)->name, ((const struct entry *)b)->name);
}

static void
list_own_files(struct list *l, enum file_place place)
{
	const char *name;

	for (size_t i = 0; (name = file_at(place, i)) != NULL; i++)
		list_add(l, sv_cstr(name), ENTRY_FILE);
}

/* Files that would be refused here (a tree of many traces, `select` with otlp.jsonl) are not shown. */
static void
list_files(struct list *l, const struct query *q)
{
	const struct query *traces = query_of_traces(q, l->a);
	const struct format *f;

	l->oom |= traces == NULL;
	for (size_t i = 0; !l->oom && (f = format_at(i)) != NULL; i++)
		if (check_format(f->rows == ROW_TRACE ? traces : q, f, NULL) == 0)
			list_add(l, sv_cstr(f->file), ENTRY_FILE);
	list_own_files(l, PLACE_QUERY);
}

/* Fields that can't be typed here are not shown. */
static void
drop_refused(struct list *l, const struct path *path)
{
	struct path *p = (struct path *)(uintptr_t)path, *child;
	size_t kept = 0;

	for (size_t i = 0; i < l->v.n; i++) {
		if (path_step(p, l->v.v[i].name, &child, NULL) < 0)
			continue;
		path_unref(child);
		l->v.v[kept++] = l->v.v[i];
	}
	l->total -= l->v.n - kept;
	l->v.n = kept;
}

/*
 * Fields of the parent span, where they may stand: keys of groups and of sort. Those of a trace are
 * the same of both; an attribute is shown as a bare name.
 */
static void
list_parents(struct list *l, const struct path_view *v, enum entry_kind kind)
{
	size_t n = l->v.n;
	struct buf text = BUF_INIT;

	if (strcmp(v->keyword, "group") != 0 && strcmp(v->keyword, "distinct") != 0 &&
	    strcmp(v->keyword, "sort") != 0)
		return;
	for (size_t i = 0; i < n; i++) {
		struct sv typed, name;
		struct field f;

		if (name_decode(l->a, l->v.v[i].name, &typed, NULL) < 0 ||
		    !field_parse(typed, &f) || field_needs_trace(&f) ||
		    (f.scope != FIELD_INTRINSIC && f.scope != FIELD_BARE))
			continue;
		text.n = 0;
		BUF_LIT(&text, "parent:");
		buf_sv(&text, typed);
		name = arena_sv(l->a, buf_view(&text));
		l->oom |= text.oom || name.p == NULL;
		if (l->oom)
			break;
		list_add_values(l, &name, 1, kind);
		l->total++;
	}
	buf_release(&text);
}

static int
list_fields(struct list *l, struct engine *en, struct world *w, const struct path *path,
    const struct path_view *v, enum entry_kind kind, struct err *e)
{
	int code;

	list_intrinsics(l, kind);
	code = list_values(l, en, w, path, v, kind, e);
	if (code < 0)
		return code;
	list_parents(l, v, kind);
	drop_refused(l, path);
	return 0;
}

static void
add_aggregate(struct list *l, const struct aggregate *a, enum entry_kind kind)
{
	struct buf name = BUF_INIT;

	aggregate_name(&name, a);
	if (name.n <= LIMIT_ITEM_LISTED)
		list_add(l, buf_view(&name), kind);
	l->oom |= name.oom;
	buf_release(&name);
}

/* Each aggregate of a field that makes sense for it: of texts only how many there are. */
static void
add_aggregates_of(struct list *l, const struct field *f, struct sv typed, enum entry_kind kind)
{
	enum field_type t = field_type(f);
	bool number = t == FT_ATTR || t == FT_INT || t == FT_DURATION || t == FT_TIME;
	struct aggregate a;
	const char *name;
	bool has_field;

	for (size_t i = 0; (name = agg_example(i, &has_field)) != NULL; i++) {
		if (!has_field)
			continue;
		(void)agg_parse_name(sv_cstr(name), &a);
		a.field = *f;
		a.typed = typed;
		if (a.kind == AGG_DISTINCT || (number && !(t == FT_TIME && a.kind == AGG_SUM)))
			add_aggregate(l, &a, kind);
	}
}

/* What agg/ lists: those of no field, then those of every field that is listed. */
static int
list_aggregates(struct list *l, struct engine *en, struct world *w, const struct path *path,
    const struct path_view *v, enum entry_kind kind, struct err *e)
{
	struct list fields = { .a = l->a };
	struct aggregate a;
	const char *name;
	size_t n_of_fields = 0;
	bool has_field;
	int code;

	for (size_t i = 0; (name = agg_example(i, &has_field)) != NULL; i++) {
		n_of_fields += has_field;
		if (!has_field) {
			(void)agg_parse_name(sv_cstr(name), &a);
			add_aggregate(l, &a, kind);
		}
	}
	list_intrinsics(&fields, kind);
	code = list_values(&fields, en, w, path, v, kind, e);
	for (size_t i = 0; code == 0 && i < fields.v.n; i++) {
		struct sv typed;
		struct field f;

		if (name_decode(l->a, fields.v.v[i].name, &typed, NULL) == 0 &&
		    field_parse(typed, &f))
			add_aggregates_of(l, &f, typed, kind);
	}
	/* Of an attribute there are all of them. */
	l->total = l->v.n;
	if (fields.cut)
		l->total += (fields.total - fields.v.n) * n_of_fields;
	l->cut = fields.cut;
	l->oom |= fields.oom;
	vec_release(&fields.v);
	return code;
}

/* Those that are asked for already. */
static void
list_asked(struct list *l, const struct query *q, enum entry_kind kind)
{
	for (size_t i = 0; i < q->groups.n_aggs; i++)
		if (q->groups.aggs[i].kind != AGG_HIST)
			add_aggregate(l, &q->groups.aggs[i], kind);
	l->total = l->v.n;
}

/* Of sort and select under groups: their columns. */
static void
list_columns(struct list *l, const struct query *q, enum entry_kind kind)
{
	const struct grouping *g = &q->groups;

	if (g->has_bucket)
		list_add(l, SV("bucket"), kind);
	list_add_values(l, g->keys_typed, g->n_keys, kind);
	for (size_t i = 0; i < g->n_aggs; i++)
		add_aggregate(l, &g->aggs[i], kind);
	l->total = l->v.n;
}

/* Of sort under compare. */
static void
list_contrast(struct list *l, enum entry_kind kind)
{
	for (unsigned i = 0; i < N_CONTRAST_COLUMNS; i++)
		list_add(l, sv_cstr(contrast_column_name((enum contrast_column)i)), kind);
	l->total = l->v.n;
}

/* Of what groups have, if the path so far says so: 1; 0: list what stands in every path. */
static int
list_of_groups(struct list *l, struct engine *en, struct world *w, const struct path *path,
    const struct path_view *v, enum entry_kind kind, struct err *e)
{
	bool having = strcmp(v->keyword, "having") == 0;
	const struct query *q = NULL;
	int code;

	if (!having && strcmp(v->keyword, "sort") != 0 && strcmp(v->keyword, "select") != 0)
		return 0;
	if ((code = bind_prefix(en, w, path, l->a, &q, e)) < 0)
		return code;
	if (q != NULL && q->compare != NULL && !having) {
		list_contrast(l, kind);
		return 1;
	}
	if (q == NULL || !q->by_groups || (having && q->groups.n_aggs == 0))
		return 0;
	if (having)
		list_asked(l, q, kind);
	else
		list_columns(l, q, kind);
	return 1;
}

static int
list_argument(struct list *l, struct engine *en, struct world *w, const struct path *path,
    const struct path_view *v, struct err *e)
{
	enum entry_kind kind = v->arg == 0 ? ENTRY_DIR : ENTRY_LINK;
	const char *const *words;
	int code;

	switch (v->arg_kind) {
	case ARG_SHARD_DAYS:
	case ARG_SHARD_HOURS:
		return list_hours(l, en, w, v, e);
	case ARG_FIELDS:
		if ((code = list_of_groups(l, en, w, path, v, kind, e)) != 0)
			return code < 0 ? code : 0;
		return list_fields(l, en, w, path, v, kind, e);
	case ARG_AGGS:
		if ((code = list_of_groups(l, en, w, path, v, kind, e)) != 0)
			return code < 0 ? code : 0;
		return list_aggregates(l, en, w, path, v, kind, e);
	case ARG_VALUES:
		return list_values(l, en, w, path, v, kind, e);
	case ARG_DAYS:
		return list_days(l, en, w, path, e);
	case ARG_MARKS:
		return list_marks(l, en, e);
	case ARG_WORDS:
		return 0;
	default:
		l->total = path_examples(path, &words);
		for (size_t i = 0; i < l->total; i++)
			list_add(l, sv_cstr(words[i]), kind);
		return 0;
	}
}

static int
list_clause(struct list *l, struct engine *en, struct world *w, const struct path *path,
    const struct path_view *v, struct err *e)
{
	const struct query *q = NULL;
	int code;

	/* As at the root, files of a partition resolve, but a walk is not led into them. */
	if (v->complete && !v->is_root && !v->in_shards &&
	    (code = bind_prefix(en, w, path, l->a, &q, e)) < 0)
		return code;
	if (q != NULL)
		list_files(l, q);
	if (v->in_shards && v->shard_hour.n != 0)
		list_own_files(l, PLACE_SHARD);
	path_keywords(path, add_keyword, l);
	return 0;
}

/* In byte order, without doubles; what says that there is more comes last whatever it is. */
static int
finish(struct list *l, struct entry **out, size_t *n, struct err *e)
{
	size_t k = 0;

	if (l->v.n != 0)
		qsort(l->v.v, l->v.n, sizeof *l->v.v, by_name);
	if (l->oom || (*out = arena_array(l->a, l->v.n + 1, struct entry)) == NULL)
		return err_nomem(e);
	for (size_t i = 0; i < l->v.n; i++)
		if (k == 0 || !sv_eq((*out)[k - 1].name, l->v.v[i].name))
			(*out)[k++] = l->v.v[i];
	if (l->cut)
		(*out)[k++] = (struct entry){ sv_cstr(file_at(PLACE_VALUES, 0)),
		    ENTRY_FILE };
	*n = k;
	return 0;
}

static void
say_total(struct buf *b, const struct list *l, size_t shown)
{
	buf_printf(b, "%zu of %s%llu values are listed, %s; any value can be typed. "
	    "[browse] values_max sets how many.\n", shown, l->most ? "at most " : "",
	    (unsigned long long)l->total, l->which != NULL ? l->which : "the most frequent");
}

int
list_with_total(struct engine *en, const struct path *path, struct arena *a,
    struct entry **out, size_t *n, struct buf *words, struct err *e)
{
	struct path_view v = path_view(path);
	struct list l = { .a = a };
	struct world *w = NULL;
	int code;

	if ((code = engine_world(en, &w, e)) < 0)
		return code;
	if ((code = names_check(en, w, path, NULL, NULL, e)) == 0 && v.state == PATH_ARG)
		code = list_argument(&l, en, w, path, &v, e);
	else if (code == 0)
		code = list_clause(&l, en, w, path, &v, e);
	world_unref(w);
	if (code == 0)
		code = finish(&l, out, n, e);
	if (code == 0 && words != NULL && l.cut)
		say_total(words, &l, *n - 1);
	vec_release(&l.v);
	return code;
}

int
engine_list(struct engine *en, const struct path *path, struct arena *a,
    struct entry **out, size_t *n, struct err *e)
{
	return list_with_total(en, path, a, out, n, NULL, e);
}

uint64_t
engine_dir_mtime(struct engine *en, const struct path *path)
{
	uint64_t now = clock_mono_ns(), t;
	struct world *w;

	(void)path;
	/* Every lookup asks, and the store is three calls of the system away. */
	if (now - atomic_load(&en->dir_mtime_at_ns) < DIR_MTIME_NS)
		return atomic_load(&en->dir_mtime_ns);
	if (engine_world(en, &w, NULL) < 0)
		return 0;
	t = w->snap->n_shards == 0 ? w->snap->commit_ns : w->snap->max_start;
	world_unref(w);
	atomic_store(&en->dir_mtime_ns, t);
	atomic_store(&en->dir_mtime_at_ns, now);
	return t;
}

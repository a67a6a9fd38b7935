/* SPDX-License-Identifier: ISC */
/*
 * listing: what `ls` shows: at a clause boundary the result files and, as links, the keywords
 * that may follow; at an argument its values, from the catalog, never from a query.
 */
#include <stdlib.h>

#include "base/limits.h"
#include "base/vec.h"
#include "engine_i.h"
#include "query/name.h"

struct list {
	struct arena *a;
	VEC(struct entry) v;
	bool oom;
};

static void
add(struct list *l, struct sv name, enum entry_kind kind)
{
	struct entry x = { arena_sv(l->a, name), kind };

	if (x.name.p == NULL || !vec_push(&l->v, x))
		l->oom = true;
}

static void
add_keyword(void *arg, const char *keyword)
{
	add(arg, sv_cstr(keyword), ENTRY_LINK);
}

static int
by_name(const void *a, const void *b)
{
	return sv_cmp(((const struct entry *)a)->name, ((const struct entry *)b)->name);
}

/* Files that would be refused here (a tree of many traces, `select` with otlp.jsonl) are not shown. */
static bool
may_stand(struct engine *en, const struct path *path, struct sv file)
{
	struct request *r;

	if (request_new(en, (struct path *)(uintptr_t)path, file, &r, NULL) < 0)
		return false;
	request_free(r);
	return true;
}

static void
list_files(struct list *l, struct engine *en, const struct path *path)
{
	static const char *const extra[] = { "plan", "plan.json", "profile.json", "query" };
	const struct format *f;

	for (size_t i = 0; (f = format_at(i)) != NULL; i++)
		if (may_stand(en, path, sv_cstr(f->file)))
			add(l, sv_cstr(f->file), ENTRY_FILE);
	for (size_t i = 0; i < sizeof extra / sizeof *extra; i++)
		if (may_stand(en, path, sv_cstr(extra[i])))
			add(l, sv_cstr(extra[i]), ENTRY_FILE);
}

/* Values as names: encoded, over-long ones by their alias. Arguments after the first are links. */
static void
add_values(struct list *l, const struct sv *v, size_t n, enum entry_kind kind)
{
	struct buf name = BUF_INIT;

	for (size_t i = 0; i < n; i++) {
		name.n = 0;
		name_encode(&name, v[i]);
		if (name.n > LIMIT_ITEM_LISTED) {
			name.n = 0;
			name_alias(&name, v[i]);
		}
		add(l, buf_view(&name), kind);
	}
	l->oom |= name.oom;
	buf_release(&name);
}

static int
list_values(struct list *l, struct engine *en, struct world *w, const struct path *path,
    const struct path_view *v, enum entry_kind kind, uint64_t *total, struct err *e)
{
	struct values_request rq = {
		.field = v->field,
		.range = TIME_RANGE_ALL,
		.max = conf_u64(en->conf, CONF_BROWSE_VALUES_MAX),
	};
	const struct query *q = bind_prefix(en, w, path, l->a);
	struct values_result rs = { NULL, 0, 0 };
	const struct literal *lits;
	const struct stats *st;
	struct sv *names;
	int code;

	if (q != NULL) {
		rq.range = q->range;
		rq.n_services = query_top_services(q, &lits);
		if ((names = arena_array(l->a, rq.n_services + 1, struct sv)) == NULL)
			return err_nomem(e);
		for (size_t i = 0; i < rq.n_services; i++)
			names[i] = lits[i].text;
		rq.services = names;
	}
	/* Footers are read by all threads; what follows finds them read. */
	if ((code = world_stats(en, w, rq.range, l->a, &st, e)) < 0)
		return code;
	if (v->arg_kind == ARG_FIELDS)
		code = catalog_fields(w->snap, rq.range, rq.max, l->a, &rs, e);
	else
		code = catalog_values(w->snap, &rq, l->a, &rs, e);
	if (code < 0)
		return code;
	add_values(l, rs.values, rs.n, kind);
	*total = rs.n_total;
	if (rs.n_total > rs.n)
		add(l, SV("%more"), ENTRY_FILE);
	return 0;
}

static void
list_intrinsics(struct list *l, enum entry_kind kind)
{
	for (size_t i = 0; i < N_INTRINSICS; i++)
		if (intrinsics[i].of != OF_GROUP)
			add(l, sv_cstr(intrinsics[i].name), kind);
}

/* Partitions: days, or the hours of a day. */
static void
list_shards(struct list *l, const struct snapshot *snap, const struct path_view *v)
{
	bool hours = v->arg_kind == ARG_SHARD_HOURS;
	struct buf day = BUF_INIT, name = BUF_INIT;

	for (size_t i = 0; i < snap->n_shards; i++) {
		uint64_t p = snap->shards[i].partition;

		if (p == PARTITION_OUTSIDE)
			continue;
		day.n = name.n = 0;
		when_print_day(&day, p);
		if (hours) {
			if (!sv_eq(buf_view(&day), v->shard_day))
				continue;
			buf_printf(&name, "%02u", (unsigned)(p / NS_PER_HOUR % 24));
		} else
			buf_sv(&name, buf_view(&day));
		if (l->v.n == 0 || !sv_eq(l->v.v[l->v.n - 1].name, buf_view(&name)))
			add(l, buf_view(&name), ENTRY_DIR);
	}
	l->oom |= day.oom || name.oom;
	buf_release(&day);
	buf_release(&name);
}

static int
list_argument(struct list *l, struct engine *en, struct world *w, const struct path *path,
    const struct path_view *v, uint64_t *total, struct err *e)
{
	enum entry_kind kind = v->arg == 0 ? ENTRY_DIR : ENTRY_LINK;
	const char *const *words;
	size_t n;

	switch (v->arg_kind) {
	case ARG_SHARD_DAYS:
	case ARG_SHARD_HOURS:
		list_shards(l, w->snap, v);
		return 0;
	case ARG_FIELDS:
		list_intrinsics(l, kind);
		return list_values(l, en, w, path, v, kind, total, e);
	case ARG_VALUES:
		return list_values(l, en, w, path, v, kind, total, e);
	case ARG_WORDS:
		return 0;
	default:
		n = path_examples(path, &words);
		for (size_t i = 0; i < n; i++)
			add(l, sv_cstr(words[i]), kind);
		*total = n;
		return 0;
	}
}

int
list_with_total(struct engine *en, const struct path *path, struct arena *a,
    struct entry **out, size_t *n, uint64_t *total, struct err *e)
{
	struct path_view v = path_view(path);
	struct list l = { .a = a };
	struct world *w = NULL;
	int code = 0;

	*total = 0;
	if (v.state == PATH_ARG) {
		if ((code = engine_world(en, &w, e)) < 0)
			return code;
		code = list_argument(&l, en, w, path, &v, total, e);
	} else {
		/* As at the root, files of a partition resolve, but a walk is not led into them. */
		if (v.complete && !v.is_root && !v.in_shards)
			list_files(&l, en, path);
		if (v.in_shards && v.shard_hour.n != 0)
			add(&l, SV("info.json"), ENTRY_FILE);
		path_keywords(path, add_keyword, &l);
	}
	world_unref(w);
	if (code == 0 && l.oom)
		code = err_nomem(e);
	if (code == 0) {
		if (l.v.n != 0)
			qsort(l.v.v, l.v.n, sizeof *l.v.v, by_name);
		*n = 0;
		*out = arena_array(a, l.v.n + 1, struct entry);
		if (*out == NULL)
			code = err_nomem(e);
		for (size_t i = 0; code == 0 && i < l.v.n; i++)
			if (*n == 0 || !sv_eq((*out)[*n - 1].name, l.v.v[i].name))
				(*out)[(*n)++] = l.v.v[i];
	}
	vec_release(&l.v);
	return code;
}

int
engine_list(struct engine *en, const struct path *path, struct arena *a,
    struct entry **out, size_t *n, struct err *e)
{
	uint64_t total;

	return list_with_total(en, path, a, out, n, &total, e);
}

uint64_t
engine_dir_mtime(struct engine *en, const struct path *path)
{
	struct world *w;
	uint64_t t;

	(void)path;
	if (engine_world(en, &w, NULL) < 0)
		return 0;
	t = w->snap->n_shards == 0 ? w->snap->commit_ns : w->snap->max_start;
	world_unref(w);
	return t;
}

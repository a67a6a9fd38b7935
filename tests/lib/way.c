/* SPDX-License-Identifier: ISC */
/* way: see way.h. */
#include "lib/way.h"

#define ALL ((uint64_t)0xffffffff)	/* more bits than there are rules */

const struct way way_table[] = {
	{ .name = "plain", .rules_off = ALL, .threads = 1 },
	{ .name = "all rules", .threads = 1 },
	{ .name = "full", .threads = 1, .force = OPT_FORCE_FULL },
	{ .name = "zone", .threads = 1, .force = OPT_FORCE_ZONE },
	{ .name = "service", .threads = 1, .force = OPT_FORCE_SERVICE },
	{ .name = "trace", .threads = 1, .force = OPT_FORCE_TRACE },
	{ .name = "indexes", .threads = 1, .force = OPT_FORCE_INDEXES },
	{ .name = "text", .threads = 1, .force = OPT_FORCE_TEXT },
	{ .name = "union", .threads = 1, .force = OPT_FORCE_UNION },
	{ .name = "intersection", .threads = 1, .force = OPT_FORCE_INTERSECTION },
	{ .name = "covering", .threads = 1, .force = OPT_FORCE_COVERING },
	{ .name = "first index", .threads = 1, .force = OPT_FORCE_ZONE, .force_leaves = 1 },
};
const size_t n_ways = sizeof way_table / sizeof *way_table;

uint64_t
way_all_rules(void)
{
	uint64_t all = 0;

	for (size_t i = 0; opt_rule_name(i) != NULL; i++)
		all |= (uint64_t)1 << i;
	return all;
}

static int
append(void *arg, const void *p, size_t n, struct err *e)
{
	(void)e;
	buf_put(arg, p, n);
	return 0;
}

static bool
by_parents(const struct plan *p)
{
	for (size_t i = 0; i < p->order.n_keys; i++)
		if (p->order.keys[i].field.scope == FIELD_PARENT)
			return true;
	return false;
}

/* What is told before the bytes are made, against the bytes. */
static int
size_agrees(struct request *r, uint64_t bytes, uint64_t rows, struct err *e)
{
	struct run_info info;
	uint64_t size = 0;
	int code = run_size(r, 0, NULL, &info, &size, e);

	if (code < 0)
		return code;
	/* No row is put together for it, but the parents by which rows are sorted. */
	if (code == 0 && size == bytes && info.n_rows == rows &&
	    (info.profile.rows_fetched == 0 || !r->plan->filter.pushdown ||
	    by_parents(r->plan)))
		return 0;
	return err_set(e, ERR_CORRUPT, -1, "%s: %llu bytes of %llu rows; lengths say %llu of "
	    "%llu", code > 0 ? "not told" : "wrong size", (unsigned long long)bytes,
	    (unsigned long long)rows, (unsigned long long)size,
	    (unsigned long long)info.n_rows);
}

int
way_answer(struct engine *en, const char *path, const struct way *way, struct buf *out,
    way_seen *seen, void *arg, struct err *e)
{
	struct sink sink = { .put = append, .arg = out };
	struct request *r = NULL;
	struct path *p = NULL;
	struct run_info info;
	struct sv file;
	int code;

	if (way->cold)
		chunkcache_drop(catalog_cache(en->catalog));
	out->n = 0;
	code = path_parse(sv_cstr(path), engine_known_file, &p, &file, e);
	if (code == 0)
		code = request_new(en, p, file, &r, e);
	if (code == 0) {
		r->rules_off = way->rules_off & way_all_rules();
		r->batch_rows = way->batch_rows;
		r->threads = way->threads;
		r->decide_alone = !way->remembered;
		r->force = way->force;
		r->force_leaves = way->force_leaves;
		code = run_request(r, &sink, 0, NULL, &info, e);
		if (code == 0 && request_measured(r))
			code = size_agrees(r, out->n, info.n_rows, e);
		if (code == 0 && seen != NULL)
			seen(arg, way, r->plan, &info);
	}
	request_free(r);
	path_unref(p);
	return code;
}

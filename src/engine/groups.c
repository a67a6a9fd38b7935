/* SPDX-License-Identifier: ISC */
/*
 * groups: requests whose rows are groups (request_groups.c): a run puts the spans of the plan into a table (src/agg), those of
 * versus by a second plan, and of an open range that `auto` looks at the first and last span
 * by two more.
 */
#include <stdlib.h>

#include "base/clock.h"
#include "engine_i.h"
#include "parts/contrast_parts.h"
#include "parts/group_parts.h"

/* Of [query] memory what groups of shards may take apart. */
#define PARTS_SHARE 8

/* ---- runs ---- */

struct spans_run {
	struct request *r;
	const struct exec_env *env;
	const struct sink *sink;
	struct agg_table *table;
	struct contrast *contrast;	/* of compare, in place of a table */
	enum agg_side side;
	struct profile *prof;
	uint64_t seen;			/* start of the last span, of a probe */
	bool any;
};

static int
take_batch(struct spans_run *x, const struct batch *b, struct err *e)
{
	if (x->contrast != NULL)
		return err_set(e, ERR_UNSUPPORTED, -1, "compare has no rows of spans");
	if (x->table != NULL)
		return agg_add(x->table, x->side, b->spans, b->n, e);
	x->any = true;
	x->seen = b->spans[b->n - 1].span->start_ns;
	return 0;
}

static struct group_parts_ask
ask_parts(const struct request *r, const struct part_store *store, struct agg_table *t,
    enum agg_side side, size_t memory)
{
	return (struct group_parts_ask){
		.store = store, .plan = r->plan, .filter = r->query->filter,
		.settings = r->prices->hash,
		.table = t, .side = side, .least_cost = r->engine->parts_least_cost,
		.slice_spans = r->engine->slice_spans, .moves = r->query->relative,
		.memory = memory / PARTS_SHARE,
	};
}

static int
run_plan(void *arg, const struct plan *plan, const struct exec_parts *parts, struct err *e)
{
	struct spans_run *x = arg;
	struct exec_env env = *x->env;
	struct exec *ex;
	struct batch b;
	int code;

	env.groups = x->table;
	env.contrast = x->contrast;
	env.side = x->side;
	env.parts = parts;
	if ((code = exec_open(plan, &env, &ex, e)) < 0)
		return code;
	while ((code = exec_next(ex, &b, e)) == 0) {
		if ((code = take_batch(x, &b, e)) < 0)
			break;
		if (x->sink->step != NULL &&
		    (code = x->sink->step(x->sink->arg, exec_profile(ex), e)) < 0)
			break;
	}
	profile_sum(x->prof, exec_profile(ex));
	exec_close(ex);
	return code < 0 ? code : 0;
}

static int
run_contrast_plan(void *arg, const struct plan *plan, struct contrast *into, struct err *e)
{
	struct spans_run x = *(const struct spans_run *)arg;

	x.contrast = into;
	return run_plan(&x, plan, NULL, e);
}

static int
run_contrast(struct spans_run *x, const struct request *r, const struct part_store *store,
    struct err *e)
{
	const struct contrast_parts_host host = { run_contrast_plan, x };
	const struct contrast_parts_ask ask = { store, r->plan, r->query->filter, r->query->compare,
		r->prices->hash, x->contrast, r->engine->parts_least_cost };
	struct parts_told told = { 0 };
	int code = contrast_parts_run(&ask, &host, &told, e);

	profile_parts(x->prof, &told);
	return code;
}

/* The spans of a request that is planned or can be. */
static int
run_spans(struct spans_run *x, struct request *r, struct profile *prof, struct err *e)
{
	const struct group_parts_host host = { run_plan, x };
	const struct part_store store = request_part_store(r);
	struct parts_told told = { 0 };
	struct group_parts_ask ask;
	int code;

	r->deadline_mono_ns = x->env->deadline_mono_ns;
	r->cancel = x->env->cancel;
	code = request_plan(r, e);
	r->cancel = NULL;
	if (code < 0)
		return code;
	x->prof = prof;
	if (!request_uses_parts(x->r) || (x->table == NULL && x->contrast == NULL))
		return run_plan(x, r->plan, NULL, e);
	if (x->contrast != NULL)
		return run_contrast(x, r, &store, e);
	ask = ask_parts(r, &store, x->table, x->side, x->env->memory);
	code = group_parts_run(&ask, &host, &told, e);
	profile_parts(prof, &told);
	return code;
}

/* The same request for other spans. */
static int
run_other(struct spans_run *x, const struct query *q, struct profile *prof, struct err *e)
{
	struct request *r;
	int code = request_part(x->r, q, &r, e);

	if (code < 0)
		return code;
	r->as_spans = x->table == NULL;
	code = run_spans(x, r, prof, e);
	request_free(r);
	return code;
}

/* The start of the newest or oldest span that is selected; false in *any: there is none. */
static int
probe(struct spans_run *x, bool newest, uint64_t *start, bool *any, struct profile *prof,
    struct err *e)
{
	static const struct sort_item by_start = {
		.by.field = { .scope = FIELD_INTRINSIC, .intrinsic = IN_START },
		.typed = SV("start"),
	};
	struct query q = *x->r->query;
	struct spans_run look = { .r = x->r, .env = x->env, .sink = x->sink };
	int code;

	q.sort = &by_start;
	q.n_sort = newest ? 0 : 1;
	q.has_limit = true;
	q.limit = 1;
	if ((code = run_other(&look, &q, prof, e)) < 0)
		return code;
	*start = look.seen;
	*any = look.any;
	return 0;
}

static bool
begin_open(const struct query *q)
{
	return !q->has_since && !q->has_on && !q->shard_partition;
}

static bool
end_open(const struct query *q)
{
	return !q->has_until && !q->has_on && !q->shard_partition && !q->groups.versus;
}

static bool
is_exact(const struct request *r)
{
	return conf_u64(r->engine->conf, CONF_QUERY_AGGREGATES) == AGGREGATES_EXACT;
}

/* Rows up to the end of the page. */
static uint64_t
rows_wanted(uint64_t limit, uint64_t offset)
{
	return limit > UINT64_MAX - offset ? UINT64_MAX : limit + offset;
}

/* Of groups; filled rows are all made first. */
static uint64_t
rows_kept(const struct query *q)
{
	return q->groups.fill != FILL_NONE ? UINT64_MAX : rows_wanted(q->limit, q->offset);
}

static uint64_t
shift_of(const struct query *q, struct time_range r)
{
	return q->groups.versus_previous ? r.to - r.from : q->groups.versus_ns;
}

/* What the table is told; `auto` looks at the range, of an open one at the spans. */
static int
take_options(struct spans_run *x, struct agg_options *o, struct profile *prof, struct err *e)
{
	const struct query *q = x->r->groups;
	struct time_range length = x->r->query->range;
	bool first = true, last = true;
	int code = 0;

	*o = (struct agg_options){
		.groups = &q->groups, .range = x->r->query->range,
		.open_begin = begin_open(q), .open_end = end_open(q),
		.keep = rows_kept(q),
		.memory = x->env->memory, .quota = x->env->quota,
		.spill_dir = conf_str(x->r->engine->conf, CONF_MOUNT_SPILL_DIR),
		.spill_max = conf_u64(x->r->engine->conf, CONF_MOUNT_SPILL_MAX),
		.spill_from = conf_u64(x->r->engine->conf, CONF_QUERY_GROUP_MEMORY),
		.exact = x->r->exact || is_exact(x->r),
		.deadline_mono_ns = x->env->deadline_mono_ns, .cancel = x->env->cancel,
		.pool = x->env->pool, .threads = x->env->threads,
	};
	if (q->groups.versus)
		o->shift = shift_of(q, o->range);
	if (q->groups.has_bucket && q->groups.step.kind == STEP_AUTO) {
		if (o->open_begin)
			code = probe(x, false, &length.from, &first, prof, e);
		if (code == 0 && o->open_end)
			code = probe(x, true, &length.to, &last, prof, e);
	}
	o->step = step_of_range(q->groups.step, first && last && length.to > length.from ?
	    length.to - length.from : 0);
	return code;
}

static struct time_range
earlier(struct time_range r, uint64_t by)
{
	struct time_range before = { r.from > by ? r.from - by : 0, r.to > by ? r.to - by : 0 };

	return before;
}

int
groups_collect(struct request *r, const struct exec_env *env, const struct sink *sink,
    struct agg_table **out, struct profile *prof, struct err *e)
{
	struct spans_run x = { .r = r, .env = env, .sink = sink, .side = SIDE_NOW };
	struct agg_options opt;
	struct query before;
	int code;

	if ((code = take_options(&x, &opt, prof, e)) < 0 ||
	    (code = agg_table_new(&opt, &x.table, e)) < 0)
		return code;
	code = run_spans(&x, r, prof, e);
	if (code == 0 && opt.shift != 0) {
		before = *r->query;
		before.range = earlier(before.range, opt.shift);
		x.side = SIDE_BEFORE;
		if (!time_range_empty(before.range))
			code = run_other(&x, &before, prof, e);
	}
	if (code == 0)
		code = agg_finish(x.table, e);
	if (code < 0) {
		agg_table_free(x.table);
		return code;
	}
	prof->plan_ns = r->plan_ns;
	prof->spilled_bytes += agg_spilled_bytes(x.table);
	*out = x.table;
	return 0;
}

/* ---- compare ---- */

int
contrast_collect(struct request *r, const struct exec_env *env, const struct sink *sink,
    struct contrast **out, struct profile *prof, struct err *e)
{
	const struct contrast_options opt = { .memory = env->memory, .quota = env->quota,
	    .deadline_mono_ns = env->deadline_mono_ns, .cancel = env->cancel };
	struct spans_run x = { .r = r, .env = env, .sink = sink };
	const struct query *q = r->compared;
	int code;

	if ((code = contrast_new(&opt, &x.contrast, e)) < 0)
		return code;
	if ((code = run_spans(&x, r, prof, e)) == 0)
		code = contrast_finish(x.contrast, q->compare_sort, q->n_sort,
		    rows_wanted(q->has_limit ? q->limit : CONTRAST_ROWS, q->offset), e);
	if (code < 0) {
		contrast_free(x.contrast);
		return code;
	}
	prof->plan_ns = r->plan_ns;
	*out = x.contrast;
	return 0;
}

/* ---- rows ---- */

void
groups_page(const struct query *q, const struct agg_table *t, size_t *from, size_t *n)
{
	size_t rows = agg_n_rows(t);

	*from = q->offset < rows ? (size_t)q->offset : rows;
	*n = rows - *from < q->limit ? rows - *from : (size_t)q->limit;
}

int
groups_batch(struct agg_table *t, const struct group_column *columns, size_t n_columns,
    size_t from, size_t n, struct arena *a, struct batch *b, struct err *e)
{
	struct group_rows *rows = arena_new(a, struct group_rows);
	struct group_cell *cells = arena_array(a, n * n_columns + 1, struct group_cell);
	int code;

	if (rows == NULL || cells == NULL)
		return err_nomem(e);
	if ((code = agg_cells(t, from, n, cells, e)) < 0)
		return code;
	*rows = (struct group_rows){ .columns = columns, .n_columns = n_columns, .cells = cells };
	*b = (struct batch){ .kind = ROW_GROUP, .n = n, .groups = rows };
	return 0;
}

/* ---- EXPLAIN ---- */

struct agg_table *
groups_table(const struct request *r)
{
	const struct query *q = r->groups;
	struct agg_options o = { .groups = &q->groups, .range = r->query->range,
		.memory = SIZE_MAX };
	struct agg_table *t;

	if (q->groups.has_bucket && q->groups.step.kind == STEP_AUTO &&
	    (begin_open(q) || end_open(q)))
		return NULL;
	if (q->groups.versus)
		o.shift = shift_of(q, o.range);
	o.step = step_of_range(q->groups.step, o.range.to - o.range.from);
	return agg_table_new(&o, &t, NULL) < 0 ? NULL : t;
}

/* Of how many shards groups are there, of how many that are worth it; 0: that can't be told. */
static size_t
count_parts(const struct request *r, size_t *of)
{
	const struct part_store store = request_part_store(r);
	struct group_parts_ask ask;
	struct agg_table *t;
	size_t there = 0;

	if (!request_uses_parts(r) || (t = groups_table(r)) == NULL)
		return 0;
	ask = ask_parts(r, &store, t, SIDE_NOW, 0);
	if (group_parts_count(&ask, &there, of, NULL) < 0)
		there = 0;
	agg_table_free(t);
	return there;
}

/* Bytes of groups in memory, past which they are spilled. */
static uint64_t
spill_from(const struct request *r)
{
	uint64_t memory = conf_u64(r->engine->conf, CONF_QUERY_MEMORY);
	uint64_t from = conf_u64(r->engine->conf, CONF_QUERY_GROUP_MEMORY);

	return from != 0 && from < memory - memory / 8 ? from : memory - memory / 8;
}

void
groups_explain(struct buf *b, const struct request *r)
{
	struct buf text = BUF_INIT;
	size_t there, of;

	query_print_groups(&text, r->groups);
	BUF_LIT(b, "aggregate ");
	buf_sv(b, sv_sub(buf_view(&text), 1, text.n));
	BUF_LIT(b, ": hash table of groups, exact");
	if (agg_can_shrink(&r->groups->groups) && !is_exact(r))
		BUF_LIT(b, " unless memory gets short");
	buf_printf(b, "; past %llu bytes groups go to [mount] spill_dir",
	    (unsigned long long)spill_from(r));
	if (r->groups->groups.per_trace)
		BUF_LIT(b, "; spans by trace first, then traces");
	if (r->groups->groups.versus)
		BUF_LIT(b, "; the earlier range by a second plan of the same form");
	if (rows_kept(r->groups) != UINT64_MAX)
		buf_printf(b, "; the first %llu by a bounded heap",
		    (unsigned long long)rows_kept(r->groups));
	if ((there = count_parts(r, &of)) != 0)
		buf_printf(b, "; of %zu of %zu shards from an earlier answer", there, of);
	buf_putc(b, '\n');
	b->oom |= text.oom;
	buf_release(&text);
}

void
groups_explain_json(struct buf *b, const struct request *r)
{
	struct buf text = BUF_INIT;
	size_t there, of;

	query_print_groups(&text, r->groups);
	BUF_LIT(b, ",\"aggregate\":{\"clauses\":");
	json_string(b, buf_view(&text));
	buf_printf(b, ",\"method\":\"hash\",\"levels\":%d,\"runs\":%d,\"exact\":true,"
	    "\"sketch_if_short\":%s", r->groups->groups.per_trace ? 2 : 1,
	    r->groups->groups.versus ? 2 : 1,
	    agg_can_shrink(&r->groups->groups) && !is_exact(r) ? "true" : "false");
	buf_printf(b, ",\"spill_from\":%llu", (unsigned long long)spill_from(r));
	if (rows_kept(r->groups) != UINT64_MAX)
		buf_printf(b, ",\"first\":%llu", (unsigned long long)rows_kept(r->groups));
	if ((there = count_parts(r, &of)) != 0)
		buf_printf(b, ",\"parts\":{\"there\":%zu,\"of\":%zu}", there, of);
	buf_putc(b, '}');
	b->oom |= text.oom;
	buf_release(&text);
}

/* SPDX-License-Identifier: ISC */
/*
 * run_size: how many bytes run_request will give, before it makes any: of a spans.jsonl by the
 * lengths of lines that shards keep; without a plan, and no shard opened, where the manifest has all
 * that is asked for. What a run finds out at its end, and is for open to tell,
 * is found out here too: whether there are as many rows as the path expects, or too many.
 */
#include "engine_i.h"
#include "render/span_line.h"

bool
request_measured(const struct request *r)
{
	return r->kind == FILE_FORMAT && r->groups == NULL && r->format->measured &&
	    r->query->n_select == 0 && r->engine->source == NULL;
}

void
run_exec_env(const struct request *r, uint64_t deadline, const atomic_bool *cancel,
    struct exec_env *env)
{
	const struct conf *c = r->engine->conf;

	*env = (struct exec_env){
		.snapshot = r->world->snap,
		.deadline_mono_ns = deadline,
		.memory = r->memory != 0 ? r->memory : conf_u64(c, CONF_QUERY_MEMORY),
		.quota = &r->engine->quota,
		.spill_dir = conf_str(c, CONF_MOUNT_SPILL_DIR),
		.spill_max = conf_u64(c, CONF_MOUNT_SPILL_MAX),
		.progress = r->progress,
		.max_rows = r->kind == FILE_FORMAT && r->format->pages ? 0 :
		    r->max_rows,
		.cancel = cancel,
		.pool = r->engine->workers,
		.threads = r->threads != 0 ? r->threads : r->engine->threads,
		.batch_rows = r->batch_rows,
		.source = r->engine->source,
		.source_arg = r->engine->source_arg,
		.comment = buf_view(&r->canonical),
	};
}

int
run_size(struct request *r, uint64_t deadline, const atomic_bool *cancel, struct run_info *info,
    uint64_t *size, struct err *e)
{
	struct exec_size n;
	struct exec_env env;
	int code;

	*info = (struct run_info){ 0 };
	if ((code = expect_fresh(r, e)) < 0)
		return code;
	r->deadline_mono_ns = deadline;
	r->cancel = cancel;
	code = request_plan(r, e);
	r->cancel = NULL;
	if (code < 0)
		return code;
	run_exec_env(r, deadline, cancel, &env);
	if ((code = exec_size(r->plan, &env, SPAN_LINE_VERSION, &n, &info->profile, e)) != 0)
		return code;
	/* Rows that won't all fit in memory to be sorted: that is for open to tell, not for read. */
	if (request_keeps_rows(r) && env.memory != 0 && n.rows > env.memory / (2 * REF_BYTES))
		return 1;
	info->n_rows = n.rows;
	*size = n.bytes;
	return expect_rows(r, n.rows, e);
}

/* ---- without a plan ---- */

#define LOOK_SHARDS 256		/* between two looks at the cancel flag */

static bool
is_asked_for(const struct stats_need *need, struct sv service)
{
	for (size_t i = 0; i < need->n_services; i++)
		if (sv_eq(need->services[i], service))
			return true;
	return need->n_services == 0;
}

/* 0: they start apart from the range; 1: within; -1: across. */
static int
place_in(struct time_range r, const struct service_lines *s)
{
	bool to_the_end = r.to == WHEN_MAX;

	if (s->max_start < r.from || (s->min_start >= r.to && !to_the_end))
		return 0;
	return s->min_start >= r.from && (s->max_start < r.to || to_the_end) ? 1 : -1;
}

/* False: of one that is asked for something is not told, or it lies across the range. */
static bool
add_shard(const struct request *r, size_t shard, struct exec_size *n)
{
	size_t n_services = snapshot_lines(r->world->snap, shard, SPAN_LINE_VERSION);

	for (size_t i = 0; i < n_services; i++) {
		struct service_lines s = snapshot_lines_at(r->world->snap, shard, i);

		int place = is_asked_for(&r->need, s.service) ? place_in(r->need.range, &s) : 0;

		if (place < 0 || (place > 0 && (s.bytes == 0 || s.bytes > INT64_MAX - n->bytes)))
			return false;
		if (place == 0)
			continue;
		n->rows += s.n_rows;
		n->bytes += s.bytes;
	}
	return n_services != 0;
}

/* All of them are handed out, in some order of which no more has to be known. */
static bool
in_one_page(const struct request *r, uint64_t rows)
{
	const struct query *q = r->query;

	return q->n_sort == 0 && q->offset == 0 && (!q->has_limit || rows <= q->limit) &&
	    (r->max_rows == 0 || rows <= r->max_rows);
}

static bool
are_there(const struct request *r, const atomic_bool *cancel)
{
	for (size_t i = 0; i < r->selected.n; i++)
		if ((i % LOOK_SHARDS == 0 && atomic_load(cancel)) ||
		    snapshot_shard_there(r->world->snap, r->selected.shards[i], NULL) != 0)
			return false;
	return true;
}

bool
request_size(struct request *r, const atomic_bool *cancel, uint64_t *rows, uint64_t *bytes)
{
	struct exec_size n = { 0 };

	if (request_select(r, NULL) < 0 || !r->need.whole)
		return false;
	for (size_t i = 0; i < r->selected.n; i++)
		if (!add_shard(r, r->selected.shards[i], &n))
			return false;
	*rows = n.rows;
	*bytes = n.bytes;
	return in_one_page(r, n.rows) && expect_fresh(r, NULL) == 0 &&
	    expect_rows(r, n.rows, NULL) == 0 && are_there(r, cancel);
}

/* ---- what the path expects ---- */

/* The store's newest span, the partition of those that are far away left out. */
int
expect_fresh(const struct request *r, struct err *e)
{
	const struct query *q = r->query;
	struct ch_span_times t;
	struct buf text = BUF_INIT;
	int code;

	if (!q->has_expect_fresh || r->kind != FILE_FORMAT)
		return 0;
	if ((code = world_times(r->world, &t, e)) < 0)
		return code;
	if (t.any && (t.last_ns >= q->now || q->now - t.last_ns < q->expect_fresh_ns))
		return 0;
	BUF_LIT(&text, "expected a span newer than ");
	duration_print(&text, q->expect_fresh_ns);
	if (!t.any)
		BUF_LIT(&text, "; the store is empty");
	else {
		BUF_LIT(&text, "; the newest in the store is ");
		duration_print_short(&text, q->now - t.last_ns);
		BUF_LIT(&text, " old: ");
		when_print(&text, t.last_ns);
	}
	if ((code = buf_ok(&text, e)) == 0)
		code = err_set(e, ERR_NODATA, -1, "%.*s", SV_ARG(buf_view(&text)));
	buf_release(&text);
	return code;
}

int
expect_rows(const struct request *r, uint64_t n, struct err *e)
{
	const struct query *q = r->query;
	bool count;

	if (!q->has_expect_rows || r->kind != FILE_FORMAT || n >= q->expect_rows)
		return 0;
	count = r->format->rows == ROW_COUNT;
	return err_set(e, ERR_NODATA, -1, count ? "expected a count of %llu at least; it is %llu" :
	    "expected %llu rows at least; there are %llu", (unsigned long long)q->expect_rows,
	    (unsigned long long)n);
}

/* SPDX-License-Identifier: ISC */
/*
 * run_size: how many bytes run_request will give, before it makes any: of a spans.jsonl by the
 * lengths of lines that shards keep. What a run finds out at its end, and is for open to tell,
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

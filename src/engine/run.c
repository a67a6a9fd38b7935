/* SPDX-License-Identifier: ISC */
/*
 * run: a request, executed and formatted, into a sink. The one place where batches become
 * bytes; results (for the mount) and engine_query (for spanctl) both come through here, so
 * that they give the same bytes.
 */
#include <stdlib.h>

#include "base/clock.h"
#include "run_i.h"

/* ---- what the path expects ---- */

static uint64_t
rows_of(const struct running *x)
{
	bool count = x->r->kind == FILE_FORMAT && x->r->format->rows == ROW_COUNT;

	return count ? x->count : x->info->n_rows;
}

/* The rows of a format that pages, which the execution does not see. */
static int
count_pages(struct running *x, const struct formatter *f, struct err *e)
{
	uint64_t max = x->r->max_rows;

	x->info->n_rows = formatter_rows(f);
	if (max == 0 || x->info->n_rows <= max)
		return 0;
	return err_set(e, ERR_LIMIT, -1, "over the limit of %llu rows ([query] max_rows)",
	    (unsigned long long)max);
}

/* ---- rows of spans ---- */

static int
run_format(struct running *x, uint64_t deadline, const atomic_bool *cancel, struct err *e)
{
	const struct query *q = x->r->query;
	struct format_options fo = { .select = q->select, .select_typed = q->select_typed,
		.n_select = q->n_select, .offset = x->r->offset, .limit = x->r->limit };
	struct formatter *f;
	int code;

	if ((code = expect_fresh(x->r, e)) < 0)
		return code;
	if (x->r->groups != NULL || x->r->compared != NULL) {
		code = x->r->groups != NULL ? run_groups(x, deadline, cancel, e) :
		    run_compare(x, deadline, cancel, e);
		x->info->n_shown = rows_of(x);
		return code < 0 ? code : expect_rows(x->r, x->info->n_shown, e);
	}
	if ((code = formatter_new(x->r->format, &fo, &f, e)) < 0)
		return code;
	x->options = &fo;
	x->shares = true;
	if ((code = formatter_begin(f, &x->out, e)) == 0 &&
	    (code = run_rows(x, f, deadline, cancel, e)) == 0)
		code = formatter_end(f, &x->out, e);
	if (code == 0 && x->r->format->pages)
		code = count_pages(x, f, e);
	x->info->n_shown = rows_of(x);
	if (code == 0)
		code = expect_rows(x->r, x->info->n_shown, e);
	share_free(x->share);
	formatter_free(f);
	return code;
}

static void
put_json_u64(struct buf *b, const char *key, uint64_t v)
{
	buf_printf(b, ",\"%s\":%llu", key, (unsigned long long)v);
}

static int
drop_bytes(void *arg, const void *p, size_t n, struct err *e)
{
	(void)arg;
	(void)p;
	(void)n;
	(void)e;
	return 0;
}

/* The rows are formatted as the reader would get them, and dropped. */
static int
run_profile(struct running *x, uint64_t deadline, const atomic_bool *cancel, struct err *e)
{
	const struct sink *to = x->sink;
	struct sink drop = { .put = drop_bytes, .step = to->step, .arg = to->arg };
	const char *level = request_kept_at(x->r);
	uint64_t t0 = clock_mono_ns(), total;
	int code;

	x->sink = &drop;
	code = run_format(x, deadline, cancel, e);
	if (code == 0)
		code = run_flush(x, e);
	x->sink = to;
	x->out.n = 0;
	if (code < 0)
		return code;
	total = clock_mono_ns() - t0;
	profile_json(&x->out, x->r, x->info, x->format_ns, total, level);
	x->info->n_bytes = 0;
	return 0;
}

static int
run_explain(struct running *x, struct err *e)
{
	struct request *r = x->r;
	int code;

	explain_look(r);
	if ((code = request_plan(r, e)) < 0)
		return code;
	if (r->kind == FILE_PLAN) {
		explain_request(&x->out, r);
		return 0;
	}
	plan_explain_json(&x->out, r->plan, r->stats, buf_view(&r->canonical));
	if (!x->out.oom)
		x->out.n -= 2;	/* "}\n" */
	request_explain_decision_json(r, &x->out);
	if (r->groups != NULL)
		groups_explain_json(&x->out, r);
	explain_server(&x->out, r, true);
	BUF_LIT(&x->out, "}\n");
	return 0;
}

/* The partition named by shards/DAY/HH. */
static int
run_info(struct running *x, struct err *e)
{
	const struct snapshot *snap = x->r->world->snap;
	uint64_t files = 0, bytes = 0, spans = 0, min = UINT64_MAX, max = 0;
	struct path_view v = path_view(x->r->path);
	struct buf *b = &x->out, hour = BUF_INIT, name = BUF_INIT;
	int code;

	if (x->r->engine->server != NULL)
		return engine_server_info(x->r->engine, v.shard_day, v.shard_hour, &x->out, e);
	buf_printf(&name, "%.*sT%.*s", SV_ARG(v.shard_day), SV_ARG(v.shard_hour));
	for (size_t i = 0; i < snap->n_shards; i++) {
		const struct shard_entry *s = &snap->shards[i];

		hour.n = 0;
		if (s->partition == PARTITION_OUTSIDE)
			continue;
		when_print_hour(&hour, s->partition);
		if (!sv_eq(buf_view(&hour), buf_view(&name)))
			continue;
		files++;
		bytes += s->n_bytes;
		spans += s->n_rows;
		min = s->min_start < min ? s->min_start : min;
		max = s->max_start > max ? s->max_start : max;
	}
	BUF_LIT(b, "{\"partition\":");
	json_string(b, buf_view(&name));
	put_json_u64(b, "files", files);
	put_json_u64(b, "bytes", bytes);
	put_json_u64(b, "spans", spans);
	if (files != 0) {
		BUF_LIT(b, ",\"min_start\":\"");
		when_print(b, min);
		BUF_LIT(b, "\",\"max_start\":\"");
		when_print(b, max);
		BUF_LIT(b, "\"");
	}
	buf_printf(b, ",\"indexes\":{\"trace\":%llu,\"bloom\":%llu,\"zone\":%llu}}\n",
	    (unsigned long long)files, (unsigned long long)files, (unsigned long long)files);
	code = hour.oom || name.oom ? err_nomem(e) : 0;
	buf_release(&hour);
	buf_release(&name);
	return code;
}

static int
run_more(struct running *x, struct err *e)
{
	struct entry *v;
	struct arena a;
	size_t n;
	int code;

	arena_init(&a);
	code = list_with_total(x->r->engine, x->r->path, &a, &v, &n, &x->out, e);
	if (code == 0 && x->out.n == 0)
		BUF_LIT(&x->out, "All values are listed.\n");
	arena_release(&a);
	return code;
}

static int
produce(struct running *x, uint64_t deadline, const atomic_bool *cancel, struct err *e)
{
	switch (x->r->kind) {
	case FILE_FORMAT:
	case FILE_FOLLOW:
		return run_format(x, deadline, cancel, e);
	case FILE_PROFILE:
		return run_profile(x, deadline, cancel, e);
	case FILE_PLAN:
	case FILE_PLAN_JSON:
		return run_explain(x, e);
	case FILE_QUERY:
		buf_sv(&x->out, buf_view(&x->r->canonical));
		BUF_LIT(&x->out, "\n");
		return 0;
	case FILE_INFO:
		return run_info(x, e);
	case FILE_MORE:
		return run_more(x, e);
	}
	return err_set(e, ERR_UNSUPPORTED, -1, "no such file");
}

int
run_request(struct request *r, const struct sink *sink, uint64_t deadline,
    const atomic_bool *cancel, struct run_info *info, struct err *e)
{
	struct running x = { .r = r, .sink = sink, .info = info };
	int code;

	*info = (struct run_info){ 0 };
	buf_init(&x.out);
	code = produce(&x, deadline, cancel, e);
	if (code == 0)
		code = run_flush(&x, e);
	info->complete = code == 0;
	buf_release(&x.out);
	return code;
}

/* ---- a query that has ended is told to all who watch queries, and to the costs ---- */

void
ended_count(const struct request *r, struct buf *path, struct outcome *o)
{
	request_print_path(r, path);
	o->path = path->oom ? SV_EMPTY : buf_view(path);
	o->query = buf_view(&r->canonical);
	o->plan = r->plan;
	o->stats = r->stats;
	o->has_rows = r->kind == FILE_FORMAT || r->kind == FILE_PROFILE;
	o->decision = request_decision(r);
	o->plan_ns = r->plan_ns;
	counters_query(&r->engine->counters, o);
}

void
ended_note(struct engine *en, const struct outcome *o)
{
	uint64_t slow = conf_u64(en->conf, CONF_LOG_SLOW_QUERY);

	if (!o->has_rows)
		return;
	costs_note(en, o);
	querylog_add(&en->querylog, o);
	if (slow != 0 && o->duration_ns >= slow) {
		atomic_fetch_add(&en->counters.slow, 1);
		slowlog_add(&en->slowlog, o);
	}
}

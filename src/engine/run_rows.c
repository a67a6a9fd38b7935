/* SPDX-License-Identifier: ISC */
/*
 * run_rows: a request's rows that are no groups, as bytes: the plan's batches through a formatter;
 * or, hour by hour, what earlier answers gave (parts/row_parts.h) and the rest by parts of the plan.
 */
#include "base/clock.h"
#include "parts/count_parts.h"
#include "parts/row_parts.h"
#include "render/span_line.h"
#include "run_i.h"

#define EXPECT_BYTES ((size_t)64 << 10)

/*
 * Formatters side by side, where that is possible: made for the first batch that is worth it, since
 * most answers have none.
 */
static int
make_share(struct running *x, const struct batch *b, struct err *e)
{
	struct exec_env env;

	if (!x->shares || x->share != NULL || !share_worth(b))
		return 0;
	x->shares = false;
	run_exec_env(x->r, 0, NULL, &env);
	return share_new(x->r->format, x->options, env.pool, env.threads, env.memory, &x->share, e);
}

/* A batch that is shared is some MiB: whoever cancels does not wait for all of it. */
static int
put_shared(void *arg, const void *p, size_t n, struct err *e)
{
	const struct running *x = arg;

	if (x->cancel != NULL && atomic_load_explicit(x->cancel, memory_order_relaxed))
		return err_set(e, ERR_CANCELLED, -1, "cancelled");
	return x->sink->put(x->sink->arg, p, n, e);
}

static int
format_batch(struct running *x, struct formatter *f, const struct batch *b, struct err *e)
{
	int code;

	if (run_held(x))
		return formatter_batch(f, b, &x->out, e);
	if ((code = make_share(x, b, e)) < 0)
		return code;
	if (x->share == NULL || !share_worth(b))
		return formatter_batch(f, b, &x->out, e);
	if ((code = run_flush(x, e)) < 0)
		return code;
	return share_batch(x->share, b, put_shared, x, &x->info->n_bytes, e);
}

/* What formatters hold is memory of the query; where that is short, one has to do. */
static int
count_memory(struct running *x, struct exec *ex, const struct formatter *f, struct err *e)
{
	size_t own = formatter_memory(f);

	if (x->share != NULL) {
		if (exec_reader_holds(ex, own + share_memory(x->share), NULL) == 0)
			return 0;
		share_free(x->share);
		x->share = NULL;
	}
	return exec_reader_holds(ex, own, e);
}

/* Rows that the reader had no use for count as all others do. */
static void
note_passed(struct running *x, const struct exec *ex)
{
	struct exec_size passed = exec_passed(ex);

	x->info->passed = passed.bytes;
	x->info->n_rows += passed.rows;
}

static int
drain(struct running *x, struct exec *ex, struct formatter *f, struct err *e)
{
	bool first = true;
	struct batch b;
	int code;

	for (; (code = exec_next(ex, &b, e)) == 0; first = false) {
		uint64_t t0 = clock_mono_ns();

		if (first)
			note_passed(x, ex);
		x->info->n_rows += b.n;
		if (b.kind == ROW_COUNT)
			x->count = b.count;
		/* Of parts of spans nobody knows whether the rest is equal, too. */
		if (b.kind == ROW_SPAN && x->r->engine->server != NULL && x->r->plan->fetch.projection.all)
			repeats_add(&x->repeats, b.spans, b.n);
		code = format_batch(x, f, &b, e);
		x->format_ns += clock_mono_ns() - t0;
		if (code < 0 || (code = count_memory(x, ex, f, e)) < 0)
			return code;
		/* The first rows go out at once: somebody may be waiting for them. */
		if ((x->out.n >= FLUSH_BYTES || x->info->n_bytes == 0) && !run_held(x) &&
		    (code = run_flush(x, e)) < 0)
			return code;
		if (x->sink->step != NULL &&
		    (code = x->sink->step(x->sink->arg, exec_profile(ex), e)) < 0)
			return code;
		exec_batch_most(ex, share_rows(x->share));
		exec_renew_deadline(ex);
	}
	if (code > 0 && first)
		note_passed(x, ex);
	return code < 0 ? code : 0;
}

/* A plan at work: the request's, or a part of it. */
struct plan_run {
	struct running *x;
	struct formatter *f;
	uint64_t deadline;
	const atomic_bool *cancel;
};

/* Room for what is expected of a small answer, which would grow into it step by step. */
static void
expect_bytes(struct running *x, const struct plan *plan)
{
	double most = plan->est_bytes * 1.25;

	if (x->out.cap == 0 && most > 0)
		(void)buf_reserve(&x->out, most < EXPECT_BYTES ? (size_t)most + 1 : EXPECT_BYTES);
}

static int
run_plan(const struct plan_run *p, const struct plan *plan, struct err *e)
{
	struct exec *ex = NULL;
	struct exec_env env;
	int code;

	p->x->cancel = p->cancel;
	expect_bytes(p->x, plan);
	run_exec_env(p->x->r, p->deadline, p->cancel, &env);
	env.pass.to = p->x->r->pass_to;
	env.pass.version = SPAN_LINE_VERSION;
	if ((code = exec_open(plan, &env, &ex, e)) < 0)
		return code;
	code = drain(p->x, ex, p->f, e);
	profile_sum(&p->x->info->profile, exec_profile(ex));
	exec_close(ex);
	return code;
}

/* ---- rows that were there (parts/row_parts.h) ---- */

/* Of an hour's rows so many bytes are kept at most. */
#define PART_BYTES (1u << 20)

/* What goes to the reader is copied on the way. */
struct tee {
	const struct sink *to;
	struct buf *copy;
	bool whole;
};

static int
tee_put(void *arg, const void *p, size_t n, struct err *e)
{
	struct tee *t = arg;

	t->whole = t->whole && t->copy->n + n <= PART_BYTES;
	if (t->whole)
		buf_put(t->copy, p, n);
	return t->to->put(t->to->arg, p, n, e);
}

static int
tee_step(void *arg, const struct profile *prof, struct err *e)
{
	struct tee *t = arg;

	return t->to->step != NULL ? t->to->step(t->to->arg, prof, e) : 0;
}

static int
run_kept(const struct plan_run *p, const struct plan *plan, struct buf *kept, uint64_t *n_rows,
    struct err *e)
{
	struct running *x = p->x;
	struct tee tee = { x->sink, kept, true };
	const struct sink sink = { .put = tee_put, .step = tee_step, .arg = &tee };
	uint64_t before = x->info->n_rows;
	int code;

	if ((code = run_flush(x, e)) < 0)
		return code;
	x->sink = &sink;
	code = run_plan(p, plan, e);
	if (code == 0)
		code = run_flush(x, e);
	x->sink = tee.to;
	*n_rows = x->info->n_rows - before;
	return code < 0 ? code : tee.whole;
}

static int
run_part(void *arg, const struct plan *plan, struct buf *kept, uint64_t *n_rows, struct err *e)
{
	const struct plan_run *p = arg;

	return kept != NULL ? run_kept(p, plan, kept, n_rows, e) : run_plan(p, plan, e);
}

static int
put_part(void *arg, struct sv bytes, uint64_t n_rows, struct err *e)
{
	const struct plan_run *p = arg;
	struct running *x = p->x;
	int code = run_flush(x, e);

	if (code < 0)
		return code;
	x->info->n_rows += n_rows;
	buf_sv(&x->out, bytes);
	if ((code = run_flush(x, e)) == 0 && x->sink->step != NULL)
		code = x->sink->step(x->sink->arg, &x->info->profile, e);
	return code;
}

/*
 * What of the bytes a filter doesn't say. Larger results are read as they are made, with a bound on
 * rows it counts all of them, and what is expected is held back.
 */
static bool
ask_rows(const struct request *r, const struct part_store *store, struct buf *form,
    struct row_parts_ask *a)
{
	const struct query *q = r->query;

	if (r->pass_to != 0 || !request_uses_parts(r) || r->format == NULL || !r->format->rows_apart ||
	    r->groups != NULL || r->compared != NULL || q->has_expect_rows ||
	    r->max_rows != 0 ||
	    r->plan->est_bytes >= (double)r->engine->size_ahead)
		return false;
	buf_str(form, r->format->file);
	buf_printf(form, " %llu", (unsigned long long)r->prices->hash);
	for (size_t i = 0; i < q->n_select; i++) {
		buf_putc(form, '\0');
		field_print(form, &q->select[i]);
		buf_putc(form, '\0');
		buf_sv(form, q->select_typed[i]);
	}
	*a = (struct row_parts_ask){ .store = store, .plan = r->plan, .filter = q->filter,
		.form = buf_view(form), .least_cost = r->engine->parts_least_cost };
	return !form->oom;
}

/* ---- a count of which some was there (parts/count_parts.h) ---- */

static int
run_count(void *arg, const struct plan *plan, atomic_ullong *counts, uint64_t *n, struct err *e)
{
	const struct plan_run *p = arg;
	struct running *x = p->x;
	struct exec_env env;
	struct exec *ex;
	struct batch b;
	int code;

	run_exec_env(x->r, p->deadline, p->cancel, &env);
	env.counts = counts;
	if ((code = exec_open(plan, &env, &ex, e)) < 0)
		return code;
	while ((code = exec_next(ex, &b, e)) == 0)
		*n += b.count;
	profile_sum(&x->info->profile, exec_profile(ex));
	exec_close(ex);
	return code < 0 ? code : 0;
}

static bool
ask_count(const struct request *r, const struct part_store *store, struct count_parts_ask *a)
{
	*a = (struct count_parts_ask){ store, r->plan, r->query->filter,
		r->prices->hash, r->engine->parts_least_cost };
	return request_uses_parts(r) && r->format != NULL && r->format->rows == ROW_COUNT &&
	    r->groups == NULL && r->compared == NULL;
}

static int
put_count(struct plan_run *p, const struct count_parts_ask *a, struct parts_told *told,
    struct err *e)
{
	const struct count_parts_host host = { run_count, p };
	uint64_t n, skip = p->x->r->plan->page.offset;
	struct batch b = { .kind = ROW_COUNT, .n = 1 };
	int code;

	if ((code = count_parts_run(a, &host, told, &n, e)) < 0)
		return code;
	b.count = p->x->count = n > skip ? n - skip : 0;
	p->x->info->n_rows = 1;
	return formatter_batch(p->f, &b, &p->x->out, e);
}

size_t
counts_parts_there(const struct request *r, size_t *of)
{
	struct part_store store = request_part_store(r);
	struct count_parts_ask a;
	size_t there = 0;

	if (ask_count(r, &store, &a) && count_parts_count(&a, &there, of, NULL) < 0)
		there = 0;
	return there;
}

size_t
rows_parts_there(const struct request *r, size_t *of)
{
	struct part_store store = request_part_store(r);
	struct row_parts_ask a;
	struct buf form = BUF_INIT;
	size_t there = 0;

	if (ask_rows(r, &store, &form, &a) && row_parts_count(&a, &there, of, NULL) < 0)
		there = 0;
	buf_release(&form);
	return there;
}

/* They are counted as they stand elsewhere, too: none are left out here. */
static int
put_repeats(const struct running *x, struct err *e)
{
	struct buf *b = &x->r->note;

	buf_u64(b, x->repeats.n);
	buf_str(b, x->repeats.n == 1 ? " row repeats" : " rows repeat");
	BUF_LIT(b, " a span that the table has already; every row is shown, and counted in count and groups");
	return buf_ok(b, e);
}

int
run_rows(struct running *x, struct formatter *f, uint64_t deadline,
    const atomic_bool *cancel, struct err *e)
{
	struct plan_run p = { x, f, deadline, cancel };
	const struct row_parts_host host = { put_part, run_part, &p };
	const struct part_store store = request_part_store(x->r);
	struct parts_told told = { 0 };
	struct count_parts_ask counted;
	struct row_parts_ask a;
	struct buf form = BUF_INIT;
	size_t there, of = 0, counts = 0;
	int code;

	x->r->note.n = 0;
	x->r->deadline_mono_ns = deadline;
	x->r->cancel = cancel;
	code = request_plan(x->r, e);
	x->r->cancel = NULL;
	if (code == 0 && ask_rows(x->r, &store, &form, &a))
		code = row_parts_count(&a, &there, &of, e);
	if (code == 0 && ask_count(x->r, &store, &counted))
		code = count_parts_count(&counted, &there, &counts, e);
	if (code == 0 && counts != 0)
		code = put_count(&p, &counted, &told, e);
	else if (code == 0)
		code = of != 0 ? row_parts_run(&a, &host, &told, e) : run_plan(&p, x->r->plan, e);
	if (code == 0 && x->repeats.n != 0)
		code = put_repeats(x, e);
	profile_parts(&x->info->profile, &told);
	x->info->profile.plan_ns = x->r->plan_ns;
	buf_release(&form);
	return code;
}

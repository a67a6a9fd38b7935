/* SPDX-License-Identifier: ISC */
/*
 * op_fetch: refs into the rows of a batch. Spans are put together a window at a time, from
 * which batches are cut: one batch at first, then up to WINDOW_ROWS, since in a result sorted
 * by anything but time neighbours lie far apart and each window visits every row group again.
 *
 * The refs of a window are sorted by shard and row, doubles (the events of one span) fetched
 * once, each shard's rows at once. A large window is cut into runs that threads take in turn,
 * each with a fetch of its own. What a run costs is its rows and, more than these where they
 * lie scattered, the row groups that they are in: each has its chunks to read.
 */
#include "exec_i.h"

#include <stdlib.h>

#include "base/clock.h"

#define GROUP_WEIGHT 32		/* a visit to a row group, in rows */
#define RUN_LEAST 256		/* weight worth a thread */
#define RUNS_PER_THREAD 4
#define AHEAD_GROUPS 4
#define WINDOW_ROWS 16384
#define WINDOW_GROUPS 512	/* row groups that a window may pin, beside those of a usual batch */

struct fetching {
	struct exec *ex;
	struct fetcher *f;
	struct want *wants;		/* by shard and row */
	uint32_t *rows;			/* different ones, as the spans */
	struct run *runs;
	struct run_out *outs;
	size_t n_runs;
	struct projection proj;
};

/* Rows of one shard, fetched by one thread. */
struct run {
	uint32_t shard, from, to;	/* in rows */
	uint32_t weight;
	uint64_t group_to;		/* the end of the row group that its last row is in */
};

/* What came of it. */
struct run_out {
	struct profile prof;
	struct err err;
	int code;
};

static uint32_t
group_of(const struct exec *ex, const struct want *w)
{
	return w->row / ex->source.ops->near(&ex->source, w->shard);
}

/* The row after those of its row group. */
static uint64_t
group_end(const struct exec *ex, const struct want *w)
{
	uint32_t near = ex->source.ops->near(&ex->source, w->shard);

	return ((uint64_t)w->row / near + 1) * near;
}

static size_t
weigh(const struct exec *ex, const struct want *v, size_t n)
{
	uint64_t end = 0;
	size_t sum = n;

	for (size_t i = 0; i < n; i++) {
		if (i > 0 && v[i].shard == v[i - 1].shard && v[i].row < end)
			continue;
		end = group_end(ex, &v[i]);
		sum += GROUP_WEIGHT;
	}
	return sum;
}

static struct run *
run_new(struct fetching *f, uint32_t shard, uint32_t row)
{
	struct run *r = &f->runs[f->n_runs++];

	*r = (struct run){ .shard = shard, .from = row, .to = row };
	return r;
}

/* Different rows, cut into runs of one shard and about `most` of weight. */
static void
list_rows(struct fetching *f, size_t n, size_t most)
{
	struct run *last = NULL;
	uint32_t m = 0;

	for (size_t i = 0; i < n; i++) {
		struct want *w = &f->wants[i];

		if (i > 0 && w[-1].shard == w->shard && w[-1].row == w->row) {
			w->span = m - 1;
			continue;
		}
		if (last == NULL || last->shard != w->shard || last->weight >= most)
			last = run_new(f, w->shard, m);
		last->weight++;
		if (w->row >= last->group_to) {
			last->weight += GROUP_WEIGHT;
			last->group_to = group_end(f->ex, w);
		}
		last->to++;
		w->span = m;
		f->rows[m++] = w->row;
	}
}

/* ---- a fetch for each thread at work ---- */

static int
fetch_take(struct fetcher *f, struct fetch **out, struct err *e)
{
	int rc;

	pthread_mutex_lock(&f->lock);
	*out = f->n_fetches == 0 ? NULL : f->fetches[--f->n_fetches];
	pthread_mutex_unlock(&f->lock);
	if (*out != NULL)
		return 0;
	if ((rc = fetch_new(out, e)) == 0 && f->ex->local == NULL && f->ex->env.memory != 0)
		fetch_limit(*out, f->ex->env.memory);
	return rc;
}

/* There are never more than threads. */
static void
fetch_give(struct fetcher *f, struct fetch *idle)
{
	pthread_mutex_lock(&f->lock);
	f->fetches[f->n_fetches++] = idle;
	pthread_mutex_unlock(&f->lock);
}

static void
fetch_run(void *arg, size_t i)
{
	struct fetching *f = arg;
	struct exec *ex = f->ex;
	const struct run *r = &f->runs[i];
	struct run_out *out = &f->outs[i];
	struct reads before = reads_begin(ex);
	struct fetch *fetch;

	/* Not the whole of a message's room: clearing that of all runs shows in small queries. */
	out->prof = (struct profile){ 0 };
	out->err.code = 0;
	out->err.off = -1;
	out->err.msg[0] = '\0';
	if ((out->code = fetch_take(f->f, &fetch, &out->err)) == 0) {
		out->code = ex->source.ops->rows(&ex->source, fetch, r->shard, f->rows + r->from,
		    r->to - r->from, &f->proj, f->f->spans + r->from, &out->err);
		fetch_give(f->f, fetch);
		out->prof.rows_fetched += r->to - r->from;
	}
	reads_end(&before, &out->prof);
}

/* Whole rows of so few row groups that threads would meet in one: their chunks come first. */
static void
chunks_first(const struct fetching *f, size_t n)
{
	struct near_rows groups[AHEAD_GROUPS];
	size_t m = 0;

	for (size_t i = 0; i < n; i++) {
		const struct want *w = &f->wants[i];
		struct near_rows g = { w->shard, group_of(f->ex, w) };

		if (m > 0 && groups[m - 1].part == g.part && groups[m - 1].no == g.no)
			continue;
		if (m == AHEAD_GROUPS)
			return;
		groups[m++] = g;
	}
	f->ex->source.ops->ahead(&f->ex->source, &f->f->window, groups, m);
}

static int
run_all(struct fetching *f, bool wake, struct err *e)
{
	struct exec *ex = f->ex;
	int rc = 0;

	if ((f->outs = arena_alloc(&f->f->window, f->n_runs * sizeof *f->outs)) == NULL)
		return err_nomem(e);
	pool_each(ex->env.pool, wake ? ex->threads : 1, f->n_runs, fetch_run, f);
	for (size_t i = 0; i < f->n_runs; i++) {
		profile_add(&ex->prof, &f->outs[i].prof);
		if (rc == 0 && (rc = f->outs[i].code) < 0 && e != NULL)
			*e = f->outs[i].err;
	}
	return rc;
}

static int
spans_room(struct fetcher *f, size_t n, struct err *e)
{
	struct span *s;
	uint32_t *of;

	if (n <= f->spans_cap)
		return 0;
	if ((s = realloc(f->spans, n * sizeof *s)) != NULL)
		f->spans = s;
	if ((of = realloc(f->span_of, n * sizeof *of)) != NULL)
		f->span_of = of;
	if (s == NULL || of == NULL)
		return err_nomem(e);
	f->spans_cap = n;
	return 0;
}

static int
fetch_spans(struct fetcher *x, struct want *wants, size_t n, struct err *e)
{
	struct exec *ex = x->ex;
	struct fetching f = { .ex = ex, .f = x, .proj = ex->plan->fetch.projection };
	struct want *tmp = arena_alloc(&x->window, n * sizeof *tmp);
	size_t weight, most = SIZE_MAX;
	bool wake;
	int rc;

	f.proj.events |= ex->plan->output == ROW_EVENT || ex->plan->output == ROW_SCORE;
	f.proj.links |= ex->plan->output == ROW_LINK;
	/* All of it is written, as far as it is used: cleared it would be touched twice. */
	f.rows = arena_alloc(&x->window, n * sizeof *f.rows);
	f.runs = arena_alloc(&x->window, n * sizeof *f.runs);
	if (f.rows == NULL || f.runs == NULL || tmp == NULL)
		return err_nomem(e);
	f.wants = wants = wants_sort(wants, tmp, n);
	weight = weigh(ex, wants, n);
	wake = ex->threads > 1 && weight >= 2 * RUN_LEAST;
	if (wake)
		most = weight / (ex->threads * RUNS_PER_THREAD);
	list_rows(&f, n, most < RUN_LEAST ? RUN_LEAST : most);
	if ((rc = spans_room(x, n, e)) < 0)
		return rc;
	for (size_t i = 0; i < n; i++)
		x->span_of[wants[i].pos] = wants[i].span;
	x->n_spans = wants[n - 1].span + 1;
	if (wake && f.proj.all && ex->source.ops->ahead != NULL)
		chunks_first(&f, n);
	return run_all(&f, wake, e);
}

/* ---- the window ---- */

/* The parents of its spans, if the plan shows something of them. */
static int
fetch_parents(struct fetcher *f, struct err *e)
{
	if (f->ex->plan->fetch.projection.parents == NULL)
		return 0;
	f->parents_of = arena_array(&f->window, f->n_spans, uint32_t);
	return f->parents_of == NULL ? err_nomem(e) : parents_of_spans(f->ex, f->spans, f->n_spans,
	    f->parents_of, &f->parents, e);
}

void
fetch_window_end(struct fetcher *f)
{
	parents_free(f->parents);
	f->parents = NULL;
	for (size_t i = 0; i < f->n_fetches; i++)
		fetch_reset(f->fetches[i]);
	mem_give(f->ex, f->win_bytes);
	f->win_n = f->win_bytes = 0;
	arena_reset(&f->window);
}

/*
 * How many refs to put together at once: more each time, so that the first rows come soon and
 * a whole result costs each chunk few visits, but not from too many places.
 */
static int
window_size(struct fetcher *f, size_t at, size_t n, size_t most, size_t *out, struct err *e)
{
	size_t size = f->win_next < n ? n : f->win_next, least = n < BATCH_ROWS ? n : BATCH_ROWS;
	int rc;

	if (size > most)
		size = most;
	if (size > least) {
		if ((rc = refs_in_groups(f->ex, f->refs, at, WINDOW_GROUPS, &f->window, &size,
		    e)) < 0)
			return rc;
		size = size < least ? least : size;
	}
	f->win_next = size * 4 > WINDOW_ROWS ? WINDOW_ROWS : size * 4;
	*out = size;
	return 0;
}

static int
window_fill(struct fetcher *f, size_t at, size_t n, size_t most, struct err *e)
{
	struct source *src = &f->ex->source;
	struct want *wants;
	size_t size = n;
	int rc;

	fetch_window_end(f);
	if ((rc = window_size(f, at, n, most, &size, e)) < 0)
		return rc;
	if (src->ops->window != NULL &&
	    (rc = src->ops->window(src, f->refs, at, &size, &f->win_bytes, e)) < 0)
		return rc;
	if ((wants = arena_alloc(&f->window, size * sizeof *wants)) == NULL)
		return err_nomem(e);
	for (size_t i = 0; i < size; i++) {
		const struct ref *r = refs_at(f->refs, at + i);

		wants[i] = (struct want){ r->shard, r->row, (uint32_t)i, 0 };
	}
	if ((rc = fetch_spans(f, wants, size, e)) < 0 || (rc = fetch_parents(f, e)) < 0)
		return rc;
	f->win_at = at;
	f->win_n = size;
	return 0;
}

static const struct span *
span_at(const struct fetcher *f, size_t at)
{
	return &f->spans[f->span_of[at - f->win_at]];
}

/* ---- rows ---- */

static int
add_facts(struct fetcher *f, const struct ref *at, struct span_row *row, struct err *e)
{
	struct trace_pin pin;
	int rc;

	if ((rc = trace_get(f->ex, row->span->trace_id, &pin, e)) < 0)
		return rc;
	if (!vec_push(&f->lent.pins, pin)) {
		trace_put(f->ex, &pin);
		return err_nomem(e);
	}
	row->trace = &pin.t->facts;
	row->place = part_place(f->ex, pin.t, at->shard, at->row, row->span->span_id);
	return 0;
}

static void
add_parents(const struct fetcher *f, size_t at, struct span_row *row)
{
	if (f->parents != NULL)
		row->parents = parents_at(f->parents, f->parents_of[f->span_of[at - f->win_at]],
		    &row->n_parents);
}

static int
span_rows(struct fetcher *f, size_t at, size_t n, struct batch *b, struct err *e)
{
	struct span_row *rows = arena_array(&f->lent.mem, n, struct span_row);
	int rc;

	if (rows == NULL)
		return err_nomem(e);
	for (size_t i = 0; i < n; i++) {
		rows[i].span = span_at(f, at + i);
		add_parents(f, at + i, &rows[i]);
		if (f->ex->plan->fetch.want_trace && (rc = add_facts(f, refs_at(f->refs, at + i),
		    &rows[i], e)) < 0)
			return rc;
	}
	b->spans = rows;
	return 0;
}

static int
too_few(const struct fetcher *f, size_t at, const char *what, struct err *e)
{
	const struct ref *r = refs_at(f->refs, at);

	return err_set(e, ERR_CORRUPT, -1, "%s: row %u has fewer %s than counted",
	    f->ex->source.ops->part_name(&f->ex->source, r->shard), r->row, what);
}

static int
event_rows(struct fetcher *f, size_t at, size_t n, struct batch *b, struct err *e)
{
	struct event_row *rows = arena_array(&f->lent.mem, n, struct event_row);

	if (rows == NULL)
		return err_nomem(e);
	for (size_t i = 0; i < n; i++) {
		const struct span *s = span_at(f, at + i);
		uint32_t index = refs_at(f->refs, at + i)->index;

		if (index >= s->n_events)
			return too_few(f, at + i, "events", e);
		rows[i] = (struct event_row){ s, &s->events[index] };
	}
	b->events = rows;
	return 0;
}

static int
link_rows(struct fetcher *f, size_t at, size_t n, struct batch *b, struct err *e)
{
	struct link_row *rows = arena_array(&f->lent.mem, n, struct link_row);

	if (rows == NULL)
		return err_nomem(e);
	for (size_t i = 0; i < n; i++) {
		const struct span *s = span_at(f, at + i);
		uint32_t index = refs_at(f->refs, at + i)->index;

		if (index >= s->n_links)
			return too_few(f, at + i, "links", e);
		rows[i] = (struct link_row){ s, &s->links[index] };
	}
	b->links = rows;
	return 0;
}

int
fetch_batch(struct fetcher *f, size_t at, size_t n, size_t most, struct batch *b, struct err *e)
{
	struct exec *ex = f->ex;
	struct reads before;
	uint64_t t0 = clock_mono_ns();
	int rc = 0;

	if (at < f->win_at || at >= f->win_at + f->win_n)
		rc = window_fill(f, at, n, most, e);
	if (rc < 0)
		return rc;
	if (n > f->win_at + f->win_n - at)
		n = f->win_at + f->win_n - at;
	*b = (struct batch){ .kind = ex->plan->output, .n = n };
	before = reads_begin(ex);
	if (ex->plan->output == ROW_EVENT || ex->plan->output == ROW_SCORE)
		rc = event_rows(f, at, n, b, e);
	else if (ex->plan->output == ROW_LINK)
		rc = link_rows(f, at, n, b, e);
	else
		rc = span_rows(f, at, n, b, e);
	reads_end(&before, &ex->prof);
	ex->prof.fetch_ns += clock_mono_ns() - t0;
	return rc;
}

void
fetch_batch_end(struct fetcher *f)
{
	lent_end(f->ex, &f->lent);
}

/* ---- the state ---- */

int
fetcher_init(struct fetcher *f, struct exec *ex, const struct refs *refs, struct err *e)
{
	arena_init(&f->window);
	lent_init(&f->lent);
	if (pthread_mutex_init(&f->lock, NULL) != 0)
		return err_nomem(e);
	f->ex = ex;
	f->refs = refs;
	f->fetches = calloc(ex->threads, sizeof(struct fetch *));
	return f->fetches == NULL ? err_nomem(e) : 0;
}

void
fetcher_release(struct fetcher *f)
{
	if (f->ex == NULL)
		return;
	lent_release(f->ex, &f->lent);
	fetch_window_end(f);
	for (size_t i = 0; i < f->n_fetches; i++)
		fetch_free(f->fetches[i]);
	free(f->fetches);
	free(f->spans);
	free(f->span_of);
	arena_release(&f->window);
	pthread_mutex_destroy(&f->lock);
}

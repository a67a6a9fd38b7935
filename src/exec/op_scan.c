/* SPDX-License-Identifier: ISC */
/*
 * op_scan: a slice's shards, newest first, as waves of morsels (row groups) over the threads. What
 * is found goes to the sink; between waves the threads' parts are combined, so that it can stop,
 * and what later morsels must beat moves on.
 */
#include "exec_i.h"
#include "filter/filter_cost.h"

#include <stdlib.h>

#include "base/clock.h"

#define WAVE_PER_THREAD 8	/* morsels of the first wave, if the scan may end early */
#define WAVE_GROWN 4		/* others may have so many times as many, */
#define WAVE_MAX 512		/* up to this */

struct wave {
	struct scan_job job;
	struct morsel *morsels;
	struct scan_out *outs;
	uint32_t *turns;		/* in which order threads take them */
	uint32_t *rounds;		/* scratch: of take_turns */
	size_t n, n_outs;
	uint64_t weight;		/* rows to look at, as WAKE_ROWS counts them */
};

/* ---- waves ---- */

static void
morsel_task(void *arg, size_t i)
{
	struct wave *w = arg;
	uint32_t no = w->turns[i];
	struct scan_out *out = &w->outs[no];
	struct reads before = reads_begin(w->job.ex);

	/* Not the whole of a message's room: clearing that of all morsels shows in small queries. */
	out->prof = (struct profile){ 0 };
	out->err.code = 0;
	out->err.off = -1;
	out->err.msg[0] = '\0';
	out->code = morsel_run(&w->job, &w->morsels[no], out);
	reads_end(&before, &out->prof);
}

/*
 * What a filter needs of a shard is made by the first row group that asks for it, and meanwhile
 * others of that shard have to wait. So the first morsels of all shards come first; where texts are
 * searched, which takes long and often begins only with a later row group, the second ones follow,
 * and so on. Otherwise the rest comes shard by shard: what groups keep of a shard is found again.
 */
static uint32_t
rounds_of(const struct exec *ex)
{
	return ex->threads > 1 && ex->local->searches ? UINT32_MAX : 2;
}

static void
take_turns(struct wave *w)
{
	uint32_t *place = w->turns, at = 0, last = rounds_of(w->job.ex) - 1;

	memset(w->rounds, 0, w->n * sizeof *w->rounds);
	for (size_t i = 0; i < w->n; i++) {
		place[i] = i > 0 && w->morsels[i].shard == w->morsels[i - 1].shard ?
		    place[i - 1] + (place[i - 1] < last) : 0;
		w->rounds[place[i]]++;
	}
	for (size_t r = 0; r < w->n; r++) {
		uint32_t n = w->rounds[r];

		w->rounds[r] = at;
		at += n;
	}
	for (size_t i = 0; i < w->n; i++)
		w->morsels[i].turn = w->rounds[place[i]]++;
	for (size_t i = 0; i < w->n; i++)
		w->turns[w->morsels[i].turn] = (uint32_t)i;
}

/* No thread is at work: every scan is a spare one. */
static int
combine(struct exec *ex, struct row_sink *s, bool last, struct err *e)
{
	int rc = 0;

	for (struct scan *sc = ex->local->spare; rc == 0 && sc != NULL; sc = sc->next)
		if (sc->local != NULL)
			rc = s->ops->combine(s, sc->local, last, e);
	return rc;
}

static void
drop_locals(struct exec *ex, struct row_sink *s)
{
	for (struct scan *sc = ex->local->spare; sc != NULL; sc = sc->next)
		scan_local_drop(sc, s);
}

/* Each has room for a message, and most waves are far smaller than the largest. */
static int
outs_room(struct wave *w, struct err *e)
{
	if (w->n <= w->n_outs)
		return 0;
	free(w->outs);
	w->n_outs = 0;
	if ((w->outs = malloc(w->n * sizeof *w->outs)) == NULL)
		return err_nomem(e);
	w->n_outs = w->n;
	return 0;
}

/* Runs a wave. >0: the sink is full. */
static int
run_wave(struct wave *w, struct err *e)
{
	struct exec *ex = w->job.ex;
	int rc = outs_room(w, e);

	if (rc < 0)
		return rc;
	take_turns(w);
	pool_each(ex->env.pool, w->weight < WAKE_ROWS ? 1 : ex->threads, w->n, morsel_task, w);
	for (size_t i = 0; i < w->n; i++) {
		struct scan_out *out = &w->outs[i];

		profile_add(&ex->prof, &out->prof);
		if (rc == 0 && out->code < 0) {
			rc = out->code;
			if (e != NULL)
				*e = out->err;
		}
	}
	w->n = 0;
	w->weight = 0;
	if (rc == 0)
		rc = combine(ex, w->job.sink, false, e);
	return rc == 0 && w->job.sink->full ? 1 : rc;
}

/* ---- shards ---- */

struct walk {
	struct wave w;
	size_t *order, n_order;		/* shards of the slice */
	size_t first, next;		/* in order: not yet released; not yet begun */
	size_t wave_now, wave_max;	/* morsels: of the next wave; room */
	struct err *e;
};

static int
newer_first(const void *pa, const void *pb, void *arg)
{
	const struct exec *ex = arg;
	const struct xshard *a = &ex->local->shards[*(const size_t *)pa];
	const struct xshard *b = &ex->local->shards[*(const size_t *)pb];

	if (a->entry->max_start != b->entry->max_start)
		return a->entry->max_start < b->entry->max_start ? 1 : -1;
	return (a < b) - (a > b);
}

static int
walk_init(struct walk *k, struct exec *ex, struct slice s, const struct row_sink *sink)
{
	k->wave_now = (size_t)ex->threads * WAVE_PER_THREAD;
	/* A bound moves on only between waves. */
	k->wave_max = sink->bound != NULL ? k->wave_now : k->wave_now * WAVE_GROWN;
	if (k->wave_max > WAVE_MAX)
		k->wave_max = WAVE_MAX;
	if (!sink->fills || k->wave_now > k->wave_max)
		k->wave_now = k->wave_max;
	k->order = calloc(ex->local->n_shards + 1, sizeof *k->order);
	k->w.morsels = calloc(k->wave_max, sizeof *k->w.morsels);
	k->w.turns = calloc(k->wave_max, sizeof *k->w.turns);
	k->w.rounds = calloc(k->wave_max, sizeof *k->w.rounds);
	if (k->order == NULL || k->w.morsels == NULL || k->w.turns == NULL ||
	    k->w.rounds == NULL)
		return err_nomem(k->e);
	for (size_t i = 0; i < ex->local->n_shards; i++) {
		if (xshard_in(&ex->local->shards[i], s))
			k->order[k->n_order++] = i;
	}
	qsort_r(k->order, k->n_order, sizeof *k->order, newer_first, ex);
	return 0;
}

/* Nothing of it is in a slice that comes later. */
static bool
is_over(const struct walk *k, const struct xshard *xs)
{
	return k->w.job.slice.first <= xs->entry->min_start;
}

static void
tell_progress(const struct walk *k, const struct xshard *xs)
{
	if (k->w.job.ex->env.progress != NULL && is_over(k, xs))
		atomic_fetch_add(&k->w.job.ex->env.progress->rows_done, xs->entry->n_rows);
}

static void
release_done(struct walk *k, size_t until)
{
	for (; k->first < until; k->first++) {
		struct xshard *xs = &k->w.job.ex->local->shards[k->order[k->first]];

		xshard_release(xs);
		kin_drop(k->w.job.ex, xs->plan->shard);
		tell_progress(k, xs);
	}
}

/* The sink is told which shards are. */
static int
tell_over(struct walk *k)
{
	struct row_sink *s = k->w.job.sink;
	size_t from = k->first;

	if (s->ops->over == NULL)
		return 0;
	for (size_t i = from; i < k->next; i++)
		if (!is_over(k, &k->w.job.ex->local->shards[k->order[i]]))
			return 0;
	return from == k->next ? 0 : s->ops->over(s, k->order + from, k->next - from, k->e);
}

static int
flush(struct walk *k)
{
	int rc = k->w.n == 0 ? 0 : run_wave(&k->w, k->e);

	/* All shards begun are done but for the one whose morsels are still being added. */
	if (rc == 0)
		rc = tell_over(k);
	release_done(k, k->next);
	return rc;
}

/* The most rows of the row group that may have to be looked at. */
static uint32_t
group_rows(const struct xshard *xs, uint32_t group)
{
	const struct row_group *g = &xs->info->row_groups[group];
	uint32_t n = 0;

	if (xs->trace_rows != NULL)
		return xs->n_trace_rows;
	if (xs->services == NULL)
		return g->row_to - g->row_from;
	for (size_t i = service_of_row(xs->info, g->row_from); i < xs->info->n_services &&
	    xs->info->services[i].row_from < g->row_to; i++) {
		const struct shard_service *s = &xs->info->services[i];

		if (xs->services[i] != 0)
			n += (s->row_to < g->row_to ? s->row_to : g->row_to) -
			    (s->row_from > g->row_from ? s->row_from : g->row_from);
	}
	return n;
}

/* How much a row weighs: the plain plan, texts and facts of traces take long for each. */
static uint64_t
row_weight(const struct exec *ex)
{
	const struct plan_fetch *f = &ex->plan->fetch;

	if (ex->plan->output == ROW_GROUP && f->want_trace && !f->by_columns)
		return TEXT_WEIGHT;
	return !ex->plan->filter.pushdown || ex->needs_trace || ex->local->searches ?
	    TEXT_WEIGHT : 1;
}

static int
push_morsel(struct walk *k, size_t no, uint32_t group, uint64_t weight)
{
	int rc;

	if (k->w.n == k->wave_now) {
		if ((rc = flush(k)) != 0)
			return rc;
		k->wave_now = k->wave_now * 2 < k->wave_max ? k->wave_now * 2 : k->wave_max;
	}
	k->w.morsels[k->w.n++] = (struct morsel){ (uint32_t)no, group, 0 };
	k->w.weight += weight;
	return 0;
}

static int
add_morsel(struct walk *k, size_t no, uint32_t group, const struct refs *bound)
{
	struct exec *ex = k->w.job.ex;

	if (ex->plan->filter.pushdown &&
	    xshard_start_zone(&ex->local->shards[no], group, k->w.job.slice) == 0) {
		ex->prof.row_groups_pruned++;
		return 0;
	}
	if (bound != NULL && refs_hopeless(ex, bound, &ex->local->shards[no], group)) {
		ex->prof.row_groups_pruned++;
		return 0;
	}
	return push_morsel(k, no, group, group_rows(&ex->local->shards[no], group) * row_weight(ex));
}

/*
 * 1 if indexes leave so few rows of the shard that they are gone through one by one. Not where
 * the index itself takes long to ask: that is for the threads.
 */
static int
few_listed(struct exec *ex, struct xshard *xs, const struct refs *bound, struct err *e)
{
	int rc;

	if (!xs->indexes || ex->local->searches || xs->trace_rows != NULL ||
	    (bound != NULL && bound->n_keys != 0))
		return 0;
	if ((rc = xshard_list(xs, e)) <= 0)
		return rc;
	return xs->n_list <= LIST_ROWS || xs->n_list <= xs->info->n_rows / LIST_SHARE;
}

static int
add_listed(struct walk *k, size_t no)
{
	const struct xshard *xs = &k->w.job.ex->local->shards[no];

	if (xs->n_list != 0)
		return push_morsel(k, no, GROUP_LIST, (uint64_t)xs->n_list * LIST_WEIGHT);
	k->w.job.ex->prof.row_groups_pruned += xs->info->n_row_groups;
	return 0;
}

struct promise {
	struct skey best;
	uint32_t group;
	bool told;
};

static int
promise_cmp(const void *pa, const void *pb, void *arg)
{
	const struct promise *a = pa, *b = pb;
	int c = 0;

	if (a->told != b->told)
		return a->told ? 1 : -1;
	if (a->told)
		c = skeys_cmp(arg, 1, &a->best, &b->best);
	return c != 0 ? c : (a->group < b->group) - (a->group > b->group);
}

/* Row groups with the best first keys come first, so that the others may not be needed. */
static int
add_promising(struct walk *k, size_t no, const struct refs *bound)
{
	struct exec *ex = k->w.job.ex;
	const struct xshard *xs = &ex->local->shards[no];
	uint32_t n = xs->info->n_row_groups;
	struct promise *v = calloc((size_t)n + 1, sizeof *v);
	int rc = 0;

	if (v == NULL)
		return err_nomem(k->e);
	for (uint32_t g = 0; g < n; g++) {
		v[g].group = g;
		v[g].told = refs_best_key(ex, xs, g, &v[g].best);
	}
	qsort_r(v, n, sizeof *v, promise_cmp, (void *)(uintptr_t)ex->plan->order.keys);
	for (uint32_t i = 0; rc == 0 && i < n; i++)
		rc = add_morsel(k, no, v[i].group, bound);
	free(v);
	return rc;
}

static int
add_shard(struct walk *k, size_t no, const struct refs *bound)
{
	struct exec *ex = k->w.job.ex;
	struct xshard *xs = &ex->local->shards[no];
	struct reads before = reads_begin(ex);
	int rc = xshard_prepare(ex, xs, k->e);

	if (rc == 0)
		rc = few_listed(ex, xs, bound, k->e);
	reads_end(&before, &ex->prof);
	if (rc != 0)
		return rc < 0 ? rc : add_listed(k, no);
	if (bound != NULL && bound->n_keys != 0)
		return add_promising(k, no, bound);
	/* From the last: the row groups of a service are in order of time. */
	for (uint32_t g = xs->info->n_row_groups; rc == 0 && g-- > 0;)
		rc = add_morsel(k, no, g, bound);
	return rc;
}

int
scan_slice(struct exec *ex, struct slice s, struct row_sink *sink, struct err *e)
{
	struct walk k = { .w.job = { ex, s, sink }, .e = e };
	uint64_t t0 = clock_mono_ns();
	int rc = walk_init(&k, ex, s, sink);

	while (rc == 0 && k.next < k.n_order) {
		rc = add_shard(&k, k.order[k.next], sink->bound);
		k.next++;
	}
	if (rc == 0)
		rc = flush(&k);
	release_done(&k, k.next);
	if (rc >= 0)
		rc = combine(ex, sink, true, e);
	drop_locals(ex, sink);
	free(k.order);
	free(k.w.morsels);
	free(k.w.outs);
	free(k.w.turns);
	free(k.w.rounds);
	ex->prof.scan_ns += clock_mono_ns() - t0;
	return rc;
}

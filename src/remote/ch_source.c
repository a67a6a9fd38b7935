/* SPDX-License-Identifier: ISC */
/*
 * ch_source: a table of spans on a server as a source of rows (exec/source.h). Rows come whole, as
 * far as columns are concerned that the plan needs. Where the server could not be told all of the
 * filter exactly, give() tests it again, and its fields come along.
 *
 *   counted   a count that can be said exactly is the server's
 *   first     the first rows of a sort, where the filter can be said exactly: ORDER BY and LIMIT,
 *             by as little as may tell, and again by more if those that come may not be they
 *   windows   rows by time: pieces of the time, newest first, each as long as the ones before let
 *             expect about WINDOW_ROWS of; so memory is bounded, and the first come soon. With a
 *             limit that can be told, too, and is soon full. Of few rows there is one window
 *   traces    a plan that asks about whole traces: all of the traces that may have a match
 *   all       anything else: everything that the filter lets through, once
 */
#include "ch_source_i.h"

#include <stdlib.h>

#include "base/clock.h"
#include "clickhouse/ch_contrast.h"
#include "clickhouse/ch_groups.h"
#include "clickhouse/ch_scan.h"

#define BATCH 512
#define PIECE_ROWS 2000000		/* of a group, whose durations come in one row */
#define PARENTS_PART 4		/* of all time: in a range of one such part the times of traces are looked for */
#define TRACE_SPANS 1000000		/* of one trace, at once in memory */

static int
source_open(struct source *s, struct err *e)
{
	struct ch_state *st = calloc(1, sizeof *st);
	int rc;

	if (st == NULL)
		return err_nomem(e);
	s->state = st;
	span_batch_init(&st->batch);
	if ((rc = ch_state_begin(s, st, ch_server_layout(server_of(s)), e)) < 0)
		return rc;
	s->told = st->told;
	return held_new(s, e);
}

static void
source_close(struct source *s)
{
	struct ch_state *st = s->state;

	if (st == NULL)
		return;
	span_batch_release(&st->batch);
	ch_layout_put(st->layout);
	held_free(s);
	free(st);
	s->state = NULL;
}

/* ---- asking ---- */

static struct ch_scan_opts
options(const struct source *s)
{
	return (struct ch_scan_opts){ .deadline_ns = s->env->deadline_mono_ns,
		.cancel = s->env->cancel, .comment = s->env->comment };
}

enum { CODE_NO_FUNCTION = 46, CODE_NO_AGGREGATE = 63 };

/* Servers before mapFilter give whole maps. */
static bool
whole_maps(struct ch_state *st, const struct ch_outcome *o)
{
	bool had = st->q.n_keys != 0 || st->q.n_resource_keys != 0;

	if (o->code != CODE_NO_FUNCTION)
		return false;
	st->q.n_keys = st->q.n_resource_keys = 0;
	return had;
}

/* Once more, if the table turns out to have another shape now. */
static int
again(struct source *s, const struct ch_outcome *o, int rc, struct err *e)
{
	struct ch_state *st = s->state;
	struct err other = ERR_INIT;
	struct ch_layout *old = st->layout;
	int changed;

	if (!o->schema)
		return rc;
	if ((changed = ch_server_changed(st->server, old, &other)) < 0) {
		if (e != NULL)
			*e = other;
		return changed;
	}
	if (changed > 0)
		return whole_maps(st, o) ? 0 : rc;
	st->layout = ch_server_layout(st->server);
	ch_layout_put(old);
	st->q.schema = st->layout->schema;
	rc = ch_state_tell(s, st, e);
	s->told = st->told;
	return rc;
}

static int
scan_begin(struct source *s, struct ch_scan **out, struct err *e)
{
	struct ch_state *st = s->state;
	const struct ch_scan_opts o = options(s);
	struct ch_client *c = ch_server_client(st->server);
	struct ch_outcome outcome;
	int rc = ch_scan_open(c, &st->q, &o, &outcome, out, e);

	if (rc < 0 && (rc = again(s, &outcome, rc, e)) == 0)
		rc = ch_scan_open(c, &st->q, &o, &outcome, out, e);
	return rc;
}

static void
took(struct source *s, const struct ch_outcome *o)
{
	s->prof->remote_queries++;
	s->prof->remote_rows += o->read_rows;
	s->prof->remote_bytes += o->read_bytes;
}

/* Once, before the first question: when the traces were that are asked for. */
static int
look_for_times(struct source *s, struct err *e)
{
	struct ch_state *st = s->state;
	const struct ch_scan_opts o = options(s);
	struct ch_outcome outcome;
	int rc;

	if (st->timed || !ch_sql_names_traces(st->q.filter))
		return 0;
	st->timed = true;
	rc = ch_trace_times(ch_server_client(st->server), &st->q, &o, &outcome, e);
	/* The table of times may have gone, or be closed to us: then it is done without. */
	if (rc == ERR_ACCESS)
		return 0;
	if (rc < 0 && outcome.schema)
		return again(s, &outcome, rc, e);
	if (rc == 0 && outcome.status != 0)
		took(s, &outcome);
	return rc;
}

static int
source_count(struct source *s, uint64_t *n, struct err *e)
{
	struct ch_state *st = s->state;
	const struct ch_scan_opts o = options(s);
	struct ch_outcome outcome;
	uint64_t found = 0;
	int rc;

	if (st->mode == MODE_TRACES || !ch_may_group(s))
		return 0;
	if ((rc = look_for_times(s, e)) < 0)
		return rc;
	if ((rc = ch_count(ch_server_client(st->server), &st->q, &o, &found, &outcome, e)) < 0) {
		/* It can't be said exactly: the rows are counted here. */
		if (rc == ERR_UNSUPPORTED && outcome.status == 0)
			return 0;
		if ((rc = again(s, &outcome, rc, e)) < 0)
			return rc;
		rc = ch_count(ch_server_client(st->server), &st->q, &o, &found, &outcome, e);
		if (rc < 0)
			return rc == ERR_UNSUPPORTED && outcome.status == 0 ? 0 : rc;
	}
	took(s, &outcome);
	if (rc > 0)
		return 0;
	*n += found;
	st->counted = true;
	return 0;
}

/*
 * Percentiles are the server's, unless it has so many spans that they might be off. >0: of what came,
 * several groups are one here; then all numbers are to be asked for, or rows where different values
 * were counted.
 */
static int
groups_once(struct source *s, const struct agg_given_want *want, struct ch_outcome *o, struct err *e)
{
	struct ch_state *st = s->state;
	const struct ch_scan_opts opts = options(s);
	int rc = ch_groups(ch_server_client(st->server), &st->q, &opts, s->env->groups, s->env->side, o, e);

	if (rc != ERR_UNSUPPORTED || o->status == 0 || (!st->q.ranked && !want->distinct))
		return rc;
	if (want->distinct)
		return 1;
	took(s, o);
	st->q.ranked = false;
	return ch_groups(ch_server_client(st->server), &st->q, &opts, s->env->groups, s->env->side, o, e);
}

/* What fails here fails in the question about the groups, or does not matter. */
static void
look_for_others(struct source *s)
{
	struct ch_state *st = s->state;
	const struct ch_scan_opts o = options(s);
	struct ch_outcome outcome;
	bool any = true;

	st->q.own = ch_others(ch_server_client(st->server), &st->q, &o, s->env->groups, &any, &outcome, NULL) == 0 &&
	    !any;
	if (outcome.status != 0)
		took(s, &outcome);
}

/* Nothing is asked for groups that it can't make. */
static bool
can_make_groups(const struct source *s)
{
	const struct ch_state *st = s->state;
	struct ch_sql sql;
	struct arena a;
	int rc;

	arena_init(&a);
	rc = ch_sql_groups(&st->q, s->env->groups, &a, &sql, NULL);
	arena_release(&a);
	return rc == 0;
}

/*
 * When the traces of the spans were, if these are of a small part of all time: what fails here fails in
 * the question about the groups, or does not matter.
 */
static void
look_for_parents(struct source *s)
{
	struct ch_state *st = s->state;
	const struct ch_scan_opts o = options(s);
	struct time_range r = st->q.range;
	struct ch_outcome outcome;
	struct ch_span_times t;

	st->q.has_parents_times = false;
	if (st->layout->schema->trace_ts.name.n == 0 || ch_server_times(st->server, TIMES_AGE_NS, s->env->cancel,
	    s->env->deadline_mono_ns, &t, NULL) < 0 || !t.any)
		return;
	r.from = r.from > t.first_ns ? r.from : t.first_ns;
	r.to = r.to < t.last_ns ? r.to : t.last_ns;
	if (r.from >= r.to || (r.to - r.from) > (t.last_ns - t.first_ns) / PARENTS_PART)
		return;
	if (ch_parents_times(ch_server_client(st->server), &st->q, &o, &outcome, NULL) < 0)
		st->q.has_parents_times = false;
	if (outcome.status != 0)
		took(s, &outcome);
}

static int
source_groups(struct source *s, struct err *e)
{
	struct ch_state *st = s->state;
	struct ch_outcome outcome;
	struct agg_given_want want;
	struct ch_span_times t;
	int rc;

	if (!ch_may_group(s) || !agg_takes_given(s->env->groups, &want) ||
	    (st->mode == MODE_TRACES && !want.traces && !want.parents))
		return 1;
	if (want.all && (rc = ch_server_times(st->server, TIMES_AGE_NS, s->env->cancel,
	    s->env->deadline_mono_ns, &t, e)) < 0)
		return rc;
	st->q.pieces = want.all ? t.rows / PIECE_ROWS + 1 : 0;
	st->q.ranked = want.all && t.rows <= ch_ranked_rows(&want);
	st->q.shift = agg_shift(s->env->groups, s->env->side);
	st->q.all_groups = false;
	look_for_others(s);
	if (want.parents && can_make_groups(s))
		look_for_parents(s);
	rc = groups_once(s, &want, &outcome, e);
	/* Months, whose days are ranked by nobody. */
	if (rc == ERR_UNSUPPORTED && outcome.status == 0 && st->q.ranked) {
		st->q.ranked = false;
		rc = groups_once(s, &want, &outcome, e);
	}
	if (rc == ERR_UNSUPPORTED && outcome.status == 0)
		return 1;
	/* A server that did not know the table gave no group. */
	if (rc < 0 && (rc = again(s, &outcome, rc, e)) == 0)
		rc = groups_once(s, &want, &outcome, e);
	/* Of some groups it is not known whether they are among the first. */
	if (rc == CH_SOME_IN_DOUBT) {
		took(s, &outcome);
		st->q.all_groups = true;
		rc = groups_once(s, &want, &outcome, e);
	}
	if (rc < 0)
		return rc;
	took(s, &outcome);
	st->counted = rc == 0;
	return rc;
}

static int
source_contrast(struct source *s, struct err *e)
{
	struct ch_state *st = s->state;
	const struct ch_scan_opts o = options(s);
	const struct pred *selection = s->plan->contrast.pred;
	struct ch_client *c = ch_server_client(st->server);
	struct ch_outcome outcome;
	int rc;

	if (!ch_may_group(s) || st->mode == MODE_TRACES)
		return 1;
	if ((rc = look_for_times(s, e)) < 0)
		return rc;
	if ((rc = ch_contrast(c, &st->q, selection, &o, s->env->contrast, &outcome, e)) < 0) {
		if ((rc == ERR_UNSUPPORTED && outcome.status == 0) || outcome.code == CODE_NO_FUNCTION ||
		    outcome.code == CODE_NO_AGGREGATE)
			return 1;
		if ((rc = again(s, &outcome, rc, e)) < 0)
			return rc;
		rc = ch_contrast(c, &st->q, selection, &o, s->env->contrast, &outcome, e);
		if (rc < 0)	/* of the schema that there is now it can't be said, if it was not asked */
			return rc == ERR_UNSUPPORTED && outcome.status == 0 ? 1 : rc;
	}
	took(s, &outcome);
	st->counted = rc == 0;
	return rc;
}

/* ---- rows ---- */

/* The last trace of the batch may go on: its spans, in front of those to come. */
static int
whole_traces(struct give *g, struct span_batch *b, bool end, struct err *e)
{
	struct span_batch next;
	size_t keep = end ? b->n : b->n - 1;
	int rc;

	/* A trace longer than batches is not looked through again with each of them. */
	if (!end && trace_id_eq(b->spans[0].trace_id, b->spans[b->n - 1].trace_id))
		keep = 0;
	while (!end && keep > 0 && trace_id_eq(b->spans[keep - 1].trace_id, b->spans[b->n - 1].trace_id))
		keep--;
	if (keep == 0)
		return b->n < TRACE_SPANS ? 0 : err_set(e, ERR_LIMIT, -1,
		    "a trace has more than %d spans", TRACE_SPANS);
	if (keep == b->n)
		return give(g, b, e);
	/* Its memory is that of the batch, which both would have: it comes again as a copy. */
	span_batch_init(&next);
	for (size_t i = keep; i < b->n; i++) {
		struct span *to = span_batch_add(&next);

		if (to == NULL || !span_copy(&next.arena, &b->spans[i], to)) {
			span_batch_release(&next);
			return err_nomem(e);
		}
	}
	b->n = keep;
	rc = give(g, b, e);
	span_batch_release(b);
	*b = next;
	return rc;
}

static int
give_rows(struct source *s, struct give *g, struct ch_scan *scan, struct err *e)
{
	struct ch_state *st = s->state;
	struct span_batch *b = &st->batch;
	int rc, given = 0;

	span_batch_reset(b);
	while ((rc = ch_scan_next(scan, b, BATCH, e)) == 0) {
		st->window_rows += b->n;
		st->window_bytes += arena_footprint(&b->arena) + b->cap * sizeof *b->spans;
		given = st->mode == MODE_TRACES ? whole_traces(g, b, false, e) : give(g, b, e);
		if (given != 0)
			return given;
	}
	if (rc > 0 && b->n != 0)
		return whole_traces(g, b, true, e);
	return rc;
}

/* >0: they were given. */
static int
give_first(struct source *s, struct give *g, struct err *e)
{
	struct ch_state *st = s->state;
	struct ch_scan *scan = NULL;
	int rc = scan_begin(s, &scan, e), given;

	if (rc == 0 && st->q.first != CH_TIES) {
		rc = ch_first_read(st, scan, e);
		took(s, ch_scan_outcome(scan));
		if (rc > 0)
			st->window_rows = st->batch.n;
		if (rc > 0 && st->batch.n != 0 && (given = give(g, &st->batch, e)) < 0)
			rc = given;
	}
	ch_scan_close(scan);
	return rc;
}

static int
source_scan(struct source *s, struct slice slice, struct row_sink *sink, struct err *e)
{
	struct ch_state *st = s->state;
	struct ch_scan *scan = NULL;
	struct give *g;
	int rc, end;

	if ((rc = give_begin(s, slice, sink, &g, e)) < 0)
		return rc;
	st->q.range = (struct time_range){ slice.first,
		slice.last == UINT64_MAX ? slice.last : slice.last + 1 };
	st->window_rows = st->window_bytes = 0;
	if (!st->counted)
		rc = look_for_times(s, e);
	while (!st->counted && rc == 0 && st->q.first != CH_TIES)
		rc = give_first(s, g, e);
	if (!st->counted && rc == 0 && (rc = scan_begin(s, &scan, e)) == 0) {
		rc = give_rows(s, g, scan, e);
		took(s, ch_scan_outcome(scan));
	}
	ch_scan_close(scan);
	rc = rc < 0 ? rc : 0;
	end = give_end(g, rc < 0, e);
	return rc < 0 ? rc : end;
}

/* ---- slices ---- */

static int
source_slice(struct source *s, struct slice *out, struct err *e)
{
	struct ch_state *st = s->state;

	if (st->scanned)
		return 1;
	if (st->mode == MODE_WINDOWS)
		return ch_window_next(s, out, e);
	st->scanned = true;
	return 0;
}

static const char *
source_part_name(const struct source *s, uint32_t part)
{
	(void)s;
	(void)part;
	return "ClickHouse";
}

#define SORT(i) INTRINSIC_BIT(IN_##i)

/* What the table at hand has not the columns for is told when it is known (ch_sql_sorts). */
static const struct plan_caps caps = {
	.server = "ClickHouse",
	.takes = { .filter = true, .page = true, .groups = true, .by_trace = true },
	.parents = true,
	.projection = true,
	.newest = true,
	.sort_scopes = 1u << FIELD_INTRINSIC | 1u << FIELD_SPAN | 1u << FIELD_RESOURCE | 1u << FIELD_BARE |
		1u << FIELD_SCOPE,
	.sort_intrinsics = SORT(SERVICE) | SORT(NAME) | SORT(KIND) | SORT(STATUS) | SORT(STATUS_MESSAGE) |
		SORT(SCOPE) | SORT(SCOPE_VERSION) | SORT(TRACE_ID) | SORT(SPAN_ID) | SORT(PARENT_SPAN_ID) |
		SORT(TRACE_STATE) | SORT(FLAGS) | SORT(START) | SORT(END) | SORT(DURATION),
};

const struct source_ops source_clickhouse = {
	.name = "ClickHouse",
	.caps = &caps,
	.open = source_open,
	.slice = source_slice,
	.scan = source_scan,
	.count = source_count,
	.groups = source_groups,
	.contrast = source_contrast,
	.rows = held_rows,
	.ids = held_ids,
	.window = held_window,
	.near = held_near,
	.part_name = source_part_name,
	.trace = held_trace,
	.trace_put = held_trace_put,
	.close = source_close,
};

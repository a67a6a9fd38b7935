/* SPDX-License-Identifier: ISC */
/*
 * op_newest: where a query ends at a limit, a slice is cut so that hardly more rows are looked
 * at than are handed out. The rows of a service are one range of a shard, rising in start: the
 * newest rows of the slice are the ends of some ranges, and the rows from an instant on are
 * counted by searching each range for it, without scanning any. So the instant with the count
 * wanted is found by halving; all rows with one start are in or out together, so ties, other
 * shards and the slices to come need no care.
 *
 * If a condition beside the service leaves less than all rows, more are taken, as many times
 * as the plan's estimate says; where that was too few the next slice follows.
 */
#include "exec_i.h"

#define ENOUGH 1.25		/* so many times the rows wanted are no reason to go on */
#define WORTH 2			/* cut if so many times the rows wanted may match */
#define SPARE_ROWS 64		/* beside them, where a filter is in between */

/* Rows [lo, hi) of one service of a shard; the first from some instant on is among them. */
struct piece {
	struct xshard *xs;
	uint32_t lo, hi, end;
	uint32_t at;			/* of the instant in hand */
};

struct newest {
	struct exec *ex;
	VEC(struct piece) pieces;
	struct err *e;
};

/* ---- a range of rows ---- */

static int
starts_of(struct newest *w, struct shard *s, uint32_t group, const struct chunk **out)
{
	const struct column *col = shard_column(s, COL_START);
	int rc;

	*out = NULL;
	if (col != NULL && (rc = chunk_get(s, col, group, out, w->e)) < 0)
		return rc;
	return *out != NULL ? 0 : err_set(w->e, ERR_CORRUPT, -1, "%s: spans without a start",
	    shard_info(s)->file);
}

/* Is the first row of the group, which is of rows (lo, hi), from t on? */
static int
begins_from(struct newest *w, const struct piece *p, uint32_t group, uint64_t t)
{
	const struct row_group *g = &p->xs->info->row_groups[group];
	const struct chunk *c;
	int rc;

	/* A whole group of one service: its least start is the first. */
	if (g->row_to <= p->hi)
		return shard_zone(p->xs->s, shard_column(p->xs->s, COL_START), group).min >= t;
	if ((rc = starts_of(w, p->xs->s, group, &c)) < 0)
		return rc;
	rc = chunk_u64_at(c, 0) >= t;
	chunk_put(c);
	return rc;
}

/* p->at: the first row of [lo, hi) whose start is >= t; hi: none. */
static int
find_start(struct newest *w, struct piece *p, uint64_t t)
{
	uint32_t size = p->xs->info->row_group_rows, first, last, from, to;
	const struct chunk *c;
	int rc;

	if (p->lo >= p->hi) {
		p->at = p->hi;
		return 0;
	}
	first = p->lo / size;
	last = (p->hi - 1) / size;
	/* The last group that begins before t has the place, or ends where it is. */
	while (first < last) {
		uint32_t mid = first + (last - first + 1) / 2;

		if ((rc = begins_from(w, p, mid, t)) < 0)
			return rc;
		if (rc > 0)
			last = mid - 1;
		else
			first = mid;
	}
	if ((rc = starts_of(w, p->xs->s, first, &c)) < 0)
		return rc;
	from = p->lo > first * size ? p->lo - first * size : 0;
	to = p->hi - first * size < c->n_rows ? p->hi - first * size : c->n_rows;
	p->at = first * size + chunk_lower_start(c, from, to, t);
	chunk_put(c);
	return 0;
}

/* ---- all of them ---- */

/* Rows of the slice in one service of a shard. */
static int
add_piece(struct newest *w, struct xshard *xs, const struct shard_service *s, struct slice sl)
{
	struct piece p = { xs, s->row_from, s->row_to, s->row_to, 0 };
	int rc;

	if (s->min_start > sl.last || s->max_start < sl.first)
		return 0;
	if (s->max_start > sl.last) {
		if ((rc = find_start(w, &p, sl.last + 1)) < 0)
			return rc;
		p.hi = p.at;
	}
	p.end = p.hi;
	if (s->min_start < sl.first) {
		if ((rc = find_start(w, &p, sl.first)) < 0)
			return rc;
		p.lo = p.at;
	}
	return p.lo == p.hi || vec_push(&w->pieces, p) ? 0 : err_nomem(w->e);
}

static int
add_pieces(struct newest *w, struct slice sl)
{
	struct exec *ex = w->ex;
	int rc;

	for (size_t i = 0; i < ex->local->n_shards; i++) {
		struct xshard *xs = &ex->local->shards[i];

		if (!xshard_in(xs, sl))
			continue;
		if ((rc = xshard_prepare(ex, xs, w->e)) < 0)
			return rc;
		for (size_t k = 0; k < xs->info->n_services; k++)
			if ((xs->services == NULL || xs->services[k] != 0) &&
			    (rc = add_piece(w, xs, &xs->info->services[k], sl)) < 0)
				return rc;
	}
	return 0;
}

/* Rows from t on, of all pieces. */
static int
count_from(struct newest *w, uint64_t t, uint64_t *n)
{
	*n = 0;
	for (size_t i = 0; i < w->pieces.n; i++) {
		struct piece *p = &w->pieces.v[i];
		int rc = find_start(w, p, t);

		if (rc < 0)
			return rc;
		*n += p->end - p->at;
	}
	return 0;
}

/* The instant in hand is one end of what is still searched. */
static void
take_half(struct newest *w, bool enough)
{
	for (size_t i = 0; i < w->pieces.n; i++) {
		struct piece *p = &w->pieces.v[i];

		if (enough)
			p->lo = p->at;
		else
			p->hi = p->at;
	}
}

/* The latest `first`, about, from which at least `target` rows remain. */
static int
cut(struct newest *w, struct slice *s, uint64_t total, uint64_t target)
{
	uint64_t yes = s->first, no = s->last, at, n;
	double share = (double)target * (1 + (ENOUGH - 1) / 2) / (double)total;
	int rc;

	/* First where they are if they come evenly. */
	at = s->last - (uint64_t)((double)(s->last - s->first) * share);
	while (no - yes > 1) {
		if (at <= yes || at >= no)
			at = yes + (no - yes) / 2;
		if ((rc = count_from(w, at, &n)) < 0)
			return rc;
		take_half(w, n >= target);
		if (n < target) {
			no = at;
		} else {
			yes = at;
			if ((double)n <= (double)target * ENOUGH)
				break;
		}
		at = yes + (no - yes) / 2;
	}
	s->first = yes;
	return 0;
}

/* No row of the services asked for is left out by the filter. */
static bool
all_match(const struct exec *ex)
{
	const struct pred *p = ex->plan->filter.pred;

	if (p->kind == PRED_TRUE)
		return true;
	for (size_t i = 0; i < ex->local->n_shards; i++)
		if (ex->local->shards[i].plan->access != ACCESS_PRUNED &&
		    ex->local->shards[i].plan->access != ACCESS_SERVICE)
			return false;
	return p == plan_top_leaf(p, IN_SERVICE);
}

/* How many of `total` rows to look at for those wanted. */
static uint64_t
target_of(const struct exec *ex, uint64_t total, double matches)
{
	double want = (double)exec_wanted(ex);

	if (!all_match(ex))
		want = (want * (double)total / (matches < 1 ? 1 : matches) + SPARE_ROWS) *
		    ENOUGH * ex->local->slices.grow;
	return want < (double)total ? (uint64_t)want : total;
}

/* Ids name their rows; and a slice with hardly more than is wanted need not be cut. */
static bool
worth_it(const struct exec *ex, double matches)
{
	if (plan_top_leaf(ex->plan->filter.pred, IN_TRACE_ID) != NULL)
		return false;
	return all_match(ex) || matches > (double)exec_wanted(ex) * WORTH;
}

int
slice_newest(struct exec *ex, struct slice *s, double matches, struct err *e)
{
	struct newest w = { ex, VEC_INIT, e };
	struct reads before;
	uint64_t total = 0, target;
	int rc;

	if (!worth_it(ex, matches))
		return 0;
	before = reads_begin(ex);
	if ((rc = add_pieces(&w, *s)) == 0) {
		for (size_t i = 0; i < w.pieces.n; i++)
			total += w.pieces.v[i].end - w.pieces.v[i].lo;
		target = target_of(ex, total, matches);
		if (target > 0 && (double)target * ENOUGH < (double)total)
			rc = cut(&w, s, total, target);
	}
	vec_release(&w.pieces);
	reads_end(&before, &ex->prof);
	return rc;
}

/* SPDX-License-Identifier: ISC */
/*
 * cost_adapt: see opt/cost_adapt.h. The step is one of normalised least mean squares on
 * logarithms: ln factor += RATE * part * ln(taken / predicted), where part is the kind's share of
 * what was predicted. One query counts for a factor of 4 at most, so a pause of the machine moves
 * nothing far.
 */
#include <math.h>

#include "opt/cost_adapt.h"

#define RATE 0.05
#define MOST_LOG 1.4	/* ln 4 */

const char *
cost_kind_name(enum cost_kind k)
{
	static const char *const names[N_COST_KINDS] = {
		[COST_PAGE] = "page", [COST_TUPLE] = "tuple",
		[COST_INDEX_TUPLE] = "index tuple", [COST_OPERATOR] = "operator",
	};

	return names[k];
}

void
cost_adapt_init(struct cost_adapt *a)
{
	a->n = 0;
	for (size_t k = 0; k < N_COST_KINDS; k++)
		a->factor[k] = a->used[k] = 1;
}

static double
clamp(double x, double lo, double hi)
{
	return x < lo ? lo : x > hi ? hi : x;
}

/* Far from what is in force: then all are taken over. */
static bool
take_over(struct cost_adapt *a)
{
	bool far = false;

	for (size_t k = 0; k < N_COST_KINDS; k++)
		far |= fabs(log(a->factor[k] / a->used[k])) > log(COST_ADAPT_STEP);
	if (!far || a->n < COST_ADAPT_QUERIES)
		return false;
	memcpy(a->used, a->factor, sizeof a->used);
	return true;
}

bool
cost_adapt_note(struct cost_adapt *a, const struct cost_params *c, const struct cost_work *w)
{
	const double each[N_COST_KINDS] = {
		[COST_PAGE] = c->seq_page_cost, [COST_TUPLE] = c->cpu_tuple_cost,
		[COST_INDEX_TUPLE] = c->cpu_index_tuple_cost,
		[COST_OPERATOR] = c->cpu_operator_cost,
	};
	double part[N_COST_KINDS], all = 0, off;

	for (size_t k = 0; k < N_COST_KINDS; k++)
		all += part[k] = w->n[k] * each[k] * a->factor[k] * COST_UNIT_NS;
	if (!(w->ns >= COST_ADAPT_LEAST_NS) || !isfinite(w->ns) || !(all > 0) || !isfinite(all))
		return false;
	off = clamp(log(w->ns / all), -MOST_LOG, MOST_LOG);
	for (size_t k = 0; k < N_COST_KINDS; k++)
		a->factor[k] = clamp(a->factor[k] * exp(RATE * off * part[k] / all),
		    COST_ADAPT_MIN, COST_ADAPT_MAX);
	a->n++;
	return take_over(a);
}

void
cost_adapt_apply(const struct cost_adapt *a, struct cost_params *c)
{
	c->seq_page_cost *= a->used[COST_PAGE];
	c->random_page_cost *= a->used[COST_PAGE];
	c->cpu_tuple_cost *= a->used[COST_TUPLE];
	c->cpu_index_tuple_cost *= a->used[COST_INDEX_TUPLE];
	c->cpu_operator_cost *= a->used[COST_OPERATOR];
	/* Nothing is learned of hops; they are chosen against operators (opt/cost.c: choose_gather). */
	c->trace_hop_cost *= a->used[COST_OPERATOR];
}

static void
put_factors(struct buf *b, const double *v)
{
	for (size_t k = 0; k < N_COST_KINDS; k++) {
		uint64_t bits;

		memcpy(&bits, &v[k], sizeof bits);
		buf_le(b, bits, 8);
	}
}

static bool
get_factors(struct cursor *c, double *v)
{
	bool good = true;

	for (size_t k = 0; k < N_COST_KINDS; k++) {
		uint64_t bits = cursor_u64(c);

		memcpy(&v[k], &bits, sizeof bits);
		good = good && v[k] >= COST_ADAPT_MIN && v[k] <= COST_ADAPT_MAX;
	}
	return good;
}

void
cost_adapt_put(struct buf *b, const struct cost_adapt *a)
{
	buf_varint(b, a->n);
	put_factors(b, a->factor);
	put_factors(b, a->used);
}

bool
cost_adapt_get(struct cursor *c, struct cost_adapt *a)
{
	a->n = cursor_varint(c);
	if (get_factors(c, a->factor) && get_factors(c, a->used) && !c->bad)
		return true;
	cost_adapt_init(a);
	return false;
}

/* SPDX-License-Identifier: ISC */
/*
 * ref_bound: what zones say of the first key of a row group's rows, against the last of the best
 * refs: a row group that can't come before it need not be looked at.
 */
#include "exec_i.h"

/*
 * The column whose zones bound the first key, if there is one: start, duration, or an
 * attribute of spans that is an integer wherever it occurs in the shard.
 */
static const struct column *
bound_column(const struct sort_key *s, struct shard *sh)
{
	const struct column *c;

	if (s->field.scope == FIELD_INTRINSIC) {
		if (s->field.intrinsic == IN_START)
			return shard_column(sh, COL_START);
		if (s->field.intrinsic == IN_DURATION)
			return shard_column(sh, COL_DURATION);
		return NULL;
	}
	if (s->field.scope != FIELD_SPAN || shard_column(sh, COL_REST) != NULL)
		return NULL;
	return shard_attr(sh, ATTR_SPAN, s->field.key, &c) == 1 && c->type == VAL_INT ? c : NULL;
}

/* The best first key that the row group can have; false if the zones don't tell. */
static bool
best_key(const struct sort_key *s, struct shard *sh, uint32_t group, struct skey *k)
{
	const struct column *c = bound_column(s, sh);
	const uint64_t zero = value_image_i64(0);
	struct zone z;
	uint64_t best;

	if (c == NULL)
		return false;
	z = shard_zone(sh, c, group);
	if (z.n_present == 0) {
		*k = (struct skey){ .cls = KEY_MISSING };
		return c->id == COL_ATTR;
	}
	best = s->desc ? z.max : z.min;
	if (c->id == COL_START) {
		skey_number(k, best);
	} else if (c->id == COL_DURATION) {
		if (duration_wraps(sh, group) != WRAPS_NONE)
			return false;
		skey_number(k, best - zero);
	} else {
		*k = (struct skey){ .cls = KEY_NUMBER, .sub = FORM_I64,
			.u = (uint64_t)value_i64_of(best) };
	}
	return true;
}

bool
refs_best_key(struct exec *ex, const struct xshard *xs, uint32_t group, struct skey *k)
{
	return ex->plan->order.n_keys != 0 && xs->zones &&
	    best_key(&ex->plan->order.keys[0], xs->s, group, k);
}

bool
refs_hopeless(struct exec *ex, const struct refs *r, const struct xshard *xs, uint32_t group)
{
	struct skey best;

	if (!r->cut || r->n < r->keep || r->keep == 0 || !refs_best_key(ex, xs, group, &best))
		return false;
	/* Only the first key is known: an equal one may still win by the others. */
	return skeys_cmp(ex->plan->order.keys, 1, &best, refs_at(r, (size_t)r->keep - 1)->key) > 0;
}

/* SPDX-License-Identifier: ISC */
/*
 * agg_slices: tables by slices of time, see agg/agg.h. A slice is a bucket of a table that has the keys
 * and measures of another; of this one's buckets each slice lies in one, on either side.
 */
#include "agg_i.h"

bool
agg_can_slice(const struct agg_table *t, uint64_t ns)
{
	const struct bucket_step *s = &t->opt.step;

	/* How many spans have no price is known of all of them alone. */
	if (ns == 0 || !agg_can_save(t) || t->has_cost || t->has_parent_cost)
		return false;
	if (!t->g->has_bucket)
		return true;
	/* Weeks and months begin with a day. */
	return (s->kind == STEP_NS ? s->ns : NS_PER_DAY) % ns == 0 &&
	    (!t->g->versus || t->opt.shift % ns == 0);
}

uint64_t
agg_step_ns(const struct agg_table *t)
{
	return t->g->has_bucket && t->opt.step.kind == STEP_NS ? t->opt.step.ns : 0;
}

int
agg_table_sliced(const struct agg_table *t, uint64_t ns, struct agg_table **out, struct err *e)
{
	struct agg_options o = t->opt;

	o.slice_ns = ns;
	o.spill_dir = NULL;	/* what is in a file is not merged slice by slice */
	return agg_table_new(&o, out, e);
}

/* The bucket of spans of a slice. */
static __int128
bucket_of(const struct agg_table *t, enum agg_side side, __int128 slice)
{
	uint64_t start = (uint64_t)slice, moved;

	if (!t->g->has_bucket)
		return 0;
	if (side == SIDE_NOW || __builtin_add_overflow(start, t->opt.shift, &moved))
		moved = start;
	return step_floor(t->opt.step, moved);
}

/* What of a table has been taken. */
struct taken {
	uint64_t first, last, n;	/* slices, and spans that count */
};

static int
merge_slice(struct agg_table *t, struct agg_table *from, struct group *g, struct taken *k,
    struct err *e)
{
	uint64_t at = (uint64_t)g->bucket;
	bool before = g->side[SIDE_BEFORE].count != 0;

	if (before && g->side[SIDE_NOW].count != 0)
		return err_set(e, ERR_UNSUPPORTED, -1, "slices of two sides are not merged");
	if (!before) {
		k->first = at < k->first ? at : k->first;
		k->last = at > k->last ? at : k->last;
		k->n += g->side[SIDE_NOW].count;
	}
	g->bucket = bucket_of(t, before ? SIDE_BEFORE : SIDE_NOW, g->bucket);
	return table_merge_group(t, from, g, e);
}

/*
 * The first and last span are those of the table where these lie in the range; where the range cuts
 * the table they are those of the slices, which nobody asks for: its ends are known.
 */
static void
note_times(struct agg_table *t, const struct agg_table *from, struct time_range r,
    const struct taken *k)
{
	uint64_t first = from->first_ns >= r.from ? from->first_ns : k->first;
	uint64_t last = from->last_ns < r.to ? from->last_ns : k->last;

	if (k->n == 0)
		return;
	t->first_ns = first < t->first_ns ? first : t->first_ns;
	t->last_ns = last > t->last_ns ? last : t->last_ns;
	t->n_items += k->n;
}

int
agg_merge_slices(struct agg_table *t, struct agg_table *from, struct time_range r, struct err *e)
{
	struct taken k = { .first = UINT64_MAX };
	int code = table_take_holds(t, from, e);

	for (size_t i = 0; code == 0 && i < from->n_groups; i++) {
		struct group *g = from->groups[i];

		if (g->bucket >= (__int128)r.from && g->bucket < (__int128)r.to)
			code = merge_slice(t, from, g, &k, e);
	}
	t->mem.inexact |= from->mem.inexact;
	t->mem.n_decoded += from->mem.n_decoded;
	note_times(t, from, r, &k);
	return code;
}

/* SPDX-License-Identifier: ISC */
/*
 * sink_groups_columns: the rows that a scan found into a table of groups by columns (gather/gather.h).
 * Where a field asks about the trace, so go the rows whose trace the shard alone tells of: kin.c. The
 * rest is for the spans.
 */
#include "sink_groups_i.h"

#include "agg/agg_columns.h"

bool
groups_ask(const struct agg_table *t, unsigned *asks)
{
	unsigned some;

	*asks = 0;
	if (!agg_takes_columns(t))
		return false;
	for (size_t i = 0; i < agg_n_slots(t); i++) {
		if (!gather_may(agg_slot_field(t, i), &some))
			return false;
		*asks |= some;
	}
	return true;
}

static int
add_columns(struct gather *x, struct agg_table *t, enum agg_side side)
{
	size_t n_slots = agg_n_slots(t);
	struct agg_column *v = arena_array(x->mem, n_slots + 1, struct agg_column);
	struct agg_batch b = { .n = x->n, .columns = v };
	int rc;

	if (v == NULL)
		return err_nomem(x->e);
	if ((agg_wants_starts(t) || !gather_spans_of_time(x, &b.first_ns, &b.last_ns)) &&
	    (rc = gather_starts(x, &b.start_ns)) < 0)
		return rc;
	rc = 1;
	for (size_t i = 0; rc == 1 && i < n_slots; i++)
		rc = gather_field(x, agg_slot_field(t, i), &v[i]);
	if (rc == 1 && (rc = gather_errors(x, &b.error)) == 0 &&
	    (rc = agg_add_columns(t, side, &b, x->mem, x->e)) == 0)
		rc = 1;
	return rc;
}

int
groups_gather(struct gather *x, struct agg_table *t, enum agg_side side)
{
	int rc = gather_begin(x);

	if (rc == 0)
		rc = add_columns(x, t, side);
	gather_end(x);
	return rc;
}

int
groups_columns(struct scan *sc, const struct found *f, struct agg_table *t, enum agg_side side,
    struct found *rest)
{
	struct gather x = { .mem = &sc->mem, .e = sc->e };
	struct kin k = { .split = NULL };
	unsigned asks;
	int rc;

	*rest = *f;
	if (sc->xs == NULL || f->spans != NULL || f->n == 0 ||
	    !groups_ask(t, &asks) || (asks != 0 && !sc->ex->plan->fetch.by_columns))
		return 0;
	if ((rest->rows = found_rows(sc, f)) == NULL)
		return err_nomem(sc->e);
	x.s = sc->xs->s;
	x.group = sc->group;
	x.rows = rest->rows;
	x.n = f->n;
	if (asks != 0 && ((rc = kin_get(sc, f->n, &k)) <= 0 ||
	    (rc = kin_part(sc, &k, rest, &x.rows, &x.n)) < 0 || x.n == 0)) {
		kin_put(&k);
		return rc < 0 ? rc : 0;
	}
	x.traces = k.rows;
	x.parts = k.parts;
	x.tree = k.tree;
	rc = groups_gather(&x, t, side);
	kin_put(&k);
	if (rc == 0)
		*rest = *f;
	else if (asks == 0)
		rest->n = 0;
	return rc < 0 ? rc : 0;
}

bool
exec_gathers(const struct agg_table *t)
{
	unsigned asks;

	return groups_ask(t, &asks) || agg_asks_traces_only(t);
}

/* SPDX-License-Identifier: ISC */
/*
 * gather_trace: what is asked of a row's trace, by its part in the shard, which is all of it; and of
 * the row's place in the trace, by the tree. Alike of other rows of these traces: their parents.
 */
#include "gather_i.h"

#include "model/span.h"

static bool
is_place(enum intrinsic in)
{
	return in == IN_CHILD_COUNT || in == IN_DEPTH || in == IN_SELF_DURATION;
}

bool
gather_trace_may(const struct field *f, unsigned *asks)
{
	if (f->scope != FIELD_INTRINSIC)
		return false;
	if (is_place(f->intrinsic)) {
		*asks |= GATHER_PLACES;
		return true;
	}
	if (intrinsics[f->intrinsic].of != OF_TRACE)
		return false;
	*asks |= GATHER_FACTS;
	return true;
}

/* ---- facts ---- */

static uint64_t
number_of(enum intrinsic in, const struct trace_part *p)
{
	switch (in) {
	case IN_TRACE_START:
		return p->lead_ns;
	case IN_TRACE_DURATION:
		return p->last_ns > p->first_ns ? p->last_ns - p->first_ns : 0;
	case IN_TRACE_SPANS:
		return p->n_spans;
	default:
		return p->n_errors;
	}
}

static int
of_numbers(struct gather *x, enum intrinsic in, const uint32_t *of, struct agg_column *out)
{
	uint64_t *v = arena_array(x->mem, x->n, uint64_t);
	uint8_t *present = of == NULL ? NULL : arena_calloc(x->mem, x->n, 1);

	if (v == NULL || (of != NULL && present == NULL))
		return err_nomem(x->e);
	for (uint32_t i = 0; i < x->n; i++) {
		if (of != NULL && of[i] == NO_PARENT)
			continue;
		v[i] = number_of(in, &x->parts[x->trace[i]]);
		if (of != NULL)
			present[i] = 1;
	}
	*out = (struct agg_column){ .kind = AGG_COLUMN_NUMBERS, .type = VAL_INT, .numbers = v,
	    .present = present };
	return 1;
}

static int
of_root_service(struct gather *x, const uint32_t *of, struct agg_column *out)
{
	uint32_t *codes = gather_no_codes(x, x->n);

	if (codes == NULL)
		return err_nomem(x->e);
	for (uint32_t i = 0; i < x->n; i++)
		if (of == NULL || of[i] != NO_PARENT)
			codes[i] = gather_service(x->info, x->parts[x->trace[i]].lead_row);
	gather_of_services(x->info, codes, out);
	return 1;
}

static int
of_root_name(struct gather *x, const uint32_t *of, struct agg_column *out)
{
	const struct column *col = shard_column(x->s, COL_NAME);
	uint32_t *codes = gather_no_codes(x, x->n);
	const struct dict *d;
	int rc;

	if (codes == NULL)
		return err_nomem(x->e);
	/* Names that are stored in place: the code is no code. */
	if (col == NULL || col->kind != COLUMN_DICT)
		return 0;
	if ((rc = gather_dict(x, col, &d)) < 0)
		return rc;
	for (uint32_t i = 0; i < x->n; i++)
		if (of == NULL || of[i] != NO_PARENT)
			codes[i] = x->parts[x->trace[i]].lead_name;
	gather_of_dict(d, codes, out);
	return 1;
}

/* ---- places ---- */

/* False: it has none. */
static bool
place_of(const struct tracetree *t, enum intrinsic in, uint32_t row, uint64_t *v)
{
	switch (in) {
	case IN_CHILD_COUNT:
		*v = t->n_children[row];
		return true;
	case IN_DEPTH:
		*v = t->depth[row];
		return t->depth[row] != NO_DEPTH;
	default:
		*v = t->self_ns[row];
		return true;
	}
}

static int
of_places(struct gather *x, enum intrinsic in, const uint32_t *of, struct agg_column *out)
{
	uint64_t *v = arena_array(x->mem, x->n, uint64_t);
	uint8_t *present = arena_calloc(x->mem, x->n, 1);

	if (v == NULL || present == NULL)
		return err_nomem(x->e);
	for (uint32_t i = 0; i < x->n; i++) {
		uint32_t row = of == NULL ? x->row_from + x->rows[i] : of[i];

		present[i] = row != NO_PARENT && place_of(x->tree, in, row, &v[i]);
	}
	*out = (struct agg_column){ .kind = AGG_COLUMN_NUMBERS, .type = VAL_INT, .numbers = v,
	    .present = present };
	return 1;
}

int
gather_of_trace(struct gather *x, const struct field *f, const uint32_t *of,
    struct agg_column *out)
{
	int rc;

	if (is_place(f->intrinsic))
		return of_places(x, f->intrinsic, of, out);
	if ((rc = gather_whole(x, COL_TRACE, &x->trace)) < 0)
		return rc;
	if (f->intrinsic == IN_ROOT_SERVICE)
		return of_root_service(x, of, out);
	if (f->intrinsic == IN_ROOT_NAME)
		return of_root_name(x, of, out);
	return of_numbers(x, f->intrinsic, of, out);
}

/* SPDX-License-Identifier: ISC */
/*
 * agg_bulk: the integers of many rows into a measure of their groups, with one look at each group's state
 * and no call a row. What comes of it is the same as one by one; what may not be the same (memory is
 * short, a state is approximate) is left to that way.
 */
#include "agg/agg_columns.h"
#include "agg_i.h"

bool
bulk_may(const struct measure *m, const struct agg_slot *slot, const struct agg_column *c)
{
	return c->kind == AGG_COLUMN_NUMBERS && c->type == VAL_INT && !slot->is_word &&
	    (m->kind == MEASURE_QUANTILE || m->kind == MEASURE_SUM);
}

static void *
state_of(const struct bulk *b, const struct measure *m, uint32_t no)
{
	return b->groups[no]->side[b->side].states + m->at;
}

/* By number: how many of its rows have a value. */
static const uint32_t *
count_present(const struct bulk *b)
{
	uint32_t *n;

	if (b->present == NULL)
		return b->count;
	n = arena_calloc(b->mem, b->n_no, sizeof *n);
	for (uint32_t i = 0; n != NULL && i < b->n; i++)
		n[b->no[i]] += b->present[i] != 0;
	return n;
}

/* Where each number's go, with all room first: two numbers may be of one group. */
static bool
quantile_rooms(const struct bulk *b, const struct measure *m, const uint32_t *n, size_t *from)
{
	uint32_t k;

	for (k = 0; k < b->n_no; k++) {
		struct quantile *q;

		if (n[k] == 0)
			continue;
		q = state_of(b, m, k);
		from[k] = q->n_ints;
		if (!quantile_room(&b->t->mem, q, n[k]))
			break;
	}
	if (k == b->n_no)
		return true;
	while (k-- > 0)
		if (n[k] != 0)
			((struct quantile *)state_of(b, m, k))->n_ints -= n[k];
	return false;
}

static int
add_quantiles(const struct bulk *b, const struct measure *m, const uint32_t *n, bool is_unsigned,
    struct err *e)
{
	uint64_t flip = is_unsigned ? 0 : value_image_i64(0);
	uint64_t **at = arena_array(b->mem, b->n_no, uint64_t *);
	size_t *from = arena_array(b->mem, b->n_no, size_t);

	if (at == NULL || from == NULL)
		return err_nomem(e);
	if (!quantile_rooms(b, m, n, from))
		return 0;
	for (uint32_t k = 0; k < b->n_no; k++) {
		struct quantile *q;

		if (n[k] == 0)
			continue;
		q = state_of(b, m, k);
		q->is_unsigned |= is_unsigned;
		at[k] = q->ints + from[k];
	}
	if (b->present == NULL)
		for (uint32_t i = 0; i < b->n; i++)
			*at[b->no[i]]++ = b->numbers[i] ^ flip;
	else
		for (uint32_t i = 0; i < b->n; i++)
			if (b->present[i] != 0)
				*at[b->no[i]]++ = b->numbers[i] ^ flip;
	return 1;
}

static int
add_sums(const struct bulk *b, const struct measure *m, const uint32_t *n, bool is_unsigned,
    struct err *e)
{
	__int128 *whole = arena_calloc(b->mem, b->n_no, sizeof *whole);

	if (whole == NULL)
		return err_nomem(e);
	for (uint32_t i = 0; i < b->n; i++) {
		uint64_t v = b->numbers[i];

		if (b->present == NULL || b->present[i] != 0)
			whole[b->no[i]] += is_unsigned ? (__int128)v : (__int128)(int64_t)v;
	}
	for (uint32_t k = 0; k < b->n_no; k++) {
		struct sum *s;

		if (n[k] == 0)
			continue;
		s = state_of(b, m, k);
		s->whole += whole[k];
		s->n += n[k];
	}
	return 1;
}

int
bulk_add(const struct bulk *b, const struct measure *m, bool is_unsigned, struct err *e)
{
	const uint32_t *n = count_present(b);

	if (n == NULL)
		return err_nomem(e);
	return m->kind == MEASURE_QUANTILE ? add_quantiles(b, m, n, is_unsigned, e) :
	    add_sums(b, m, n, is_unsigned, e);
}

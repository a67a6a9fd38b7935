/* SPDX-License-Identifier: ISC */
/* tally: how many rows each of many values has, bounded in the number of values. */
#include <stdlib.h>

#include "stats_i.h"

void
tally_init(struct tally *t, size_t max)
{
	map_init(&t->rows);
	t->max = max;
}

void
tally_release(struct tally *t)
{
	map_release(&t->rows);
}

int
tally_add(struct tally *t, struct sv value, uint64_t rows, struct err *e)
{
	uint64_t *n = map_get(&t->rows, value);
	bool fresh;

	if (n == NULL && t->rows.n >= t->max)
		return 0;
	if (n == NULL && (n = map_put(&t->rows, value, &fresh)) == NULL)
		return err_nomem(e);
	*n += rows;
	return 0;
}

static int
by_rows(const void *a, const void *b)
{
	const struct tally_item *x = a, *y = b;

	if (x->rows != y->rows)
		return x->rows > y->rows ? -1 : 1;
	return sv_cmp(x->value, y->value);
}

int
tally_list(const struct tally *t, struct arena *a, struct tally_item **out, struct err *e)
{
	struct tally_item *v = arena_array(a, t->rows.n + 1, struct tally_item);
	const struct map_slot *s;
	size_t n = 0;

	if (v == NULL)
		return err_nomem(e);
	for (size_t i = 0; (s = map_next(&t->rows, &i)) != NULL;)
		v[n++] = (struct tally_item){ sv_new(s->key, s->len), s->val };
	qsort(v, n, sizeof *v, by_rows);
	*out = v;
	return 0;
}

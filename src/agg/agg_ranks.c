/* SPDX-License-Identifier: ISC */
/*
 * agg_ranks: percentiles of a group that were found elsewhere. Nothing can be added to them: of two
 * halves of a group they don't tell those of the whole.
 */
#include <stdlib.h>

#include "agg_i.h"

int
given_clash(struct err *e)
{
	return err_set(e, ERR_UNSUPPORTED, -1, "percentiles and different values of parts of a group don't add up");
}

size_t
ranks_bytes(const struct ranks *r)
{
	return r == NULL ? 0 : sizeof *r + r->n * sizeof r->v[0];
}

int
quantile_give(struct agg_memory *m, struct quantile *q, const struct agg_rank *of, size_t n,
    bool is_unsigned, const unsigned char *numbers, struct err *e)
{
	size_t bytes = sizeof *q->ranks + n * sizeof q->ranks->v[0];
	struct cursor c = cursor_new(numbers, 8 * n);
	int code;

	if (q->ranks != NULL || q->sketch != NULL || q->packs != NULL ||
	    q->n_ints + q->n_doubles != 0)
		return given_clash(e);
	if ((code = agg_take(m, bytes, e)) < 0)
		return code;
	if ((q->ranks = malloc(bytes)) == NULL) {
		m->used -= bytes;
		return err_nomem(e);
	}
	q->ranks->n = n;
	q->ranks->is_unsigned = is_unsigned;
	q->is_unsigned = is_unsigned;
	for (size_t i = 0; i < n; i++) {
		q->ranks->v[i].of = of[i];
		q->ranks->v[i].number = cursor_u64(&c);
	}
	return 0;
}

struct number
ranks_at(const struct ranks *r, uint64_t part, uint64_t whole)
{
	for (size_t i = 0; i < r->n; i++)
		if (r->v[i].of.part == part && r->v[i].of.whole == whole)
			return r->is_unsigned ? number_u64(r->v[i].number) : number_i64((int64_t)r->v[i].number);
	return (struct number){ .kind = NUMBER_NONE };
}

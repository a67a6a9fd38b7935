/* SPDX-License-Identifier: ISC */
/*
 * lent: what a batch that was handed out borrows: memory, and traces pinned in the cache.
 */
#include "exec_i.h"

void
lent_init(struct lent *l)
{
	*l = (struct lent){ .pins = VEC_INIT };
	arena_init(&l->mem);
}

void
lent_end(struct exec *ex, struct lent *l)
{
	for (size_t i = 0; i < l->pins.n; i++)
		trace_put(ex, &l->pins.v[i]);
	l->pins.n = 0;
	arena_reset(&l->mem);
}

void
lent_release(struct exec *ex, struct lent *l)
{
	lent_end(ex, l);
	vec_release(&l->pins);
	arena_release(&l->mem);
}

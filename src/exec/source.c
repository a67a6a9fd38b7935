/* SPDX-License-Identifier: ISC */
/*
 * source: what sinks ask of the source, whichever it is, and what they hold of it for a batch.
 */
#include "exec_i.h"

int
source_open(struct exec *ex, const struct source_ops *ops, struct err *e)
{
	ex->source = (struct source){ .ops = ops, .ex = ex, .plan = ex->plan, .env = &ex->env,
		.prof = &ex->prof };
	return ops->open(&ex->source, e);
}

void
source_close(struct exec *ex)
{
	if (ex->source.ops != NULL)
		ex->source.ops->close(&ex->source);
}

size_t
source_parts(const struct exec *ex)
{
	return ex->local != NULL ? ex->local->n_shards : 0;
}

int
trace_get_in(struct exec *ex, struct trace_id id, uint32_t only, struct trace_pin *pin,
    struct err *e)
{
	return ex->source.ops->trace(&ex->source, id, only, pin, e);
}

int
trace_get(struct exec *ex, struct trace_id id, struct trace_pin *pin, struct err *e)
{
	return trace_get_in(ex, id, ANY_PART, pin, e);
}

void
trace_put(struct exec *ex, struct trace_pin *pin)
{
	if (pin->t != NULL)
		ex->source.ops->trace_put(&ex->source, pin);
	pin->t = NULL;
}

/* ---- what a batch that was handed out borrows: memory, and traces pinned in the cache ---- */

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

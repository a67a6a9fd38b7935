/* SPDX-License-Identifier: ISC */
/* agg_memory: what groups take: memory, counted against [query] memory, and time. */
#include <stdlib.h>

#include "agg_i.h"
#include "base/clock.h"

#define QUOTA_STEP ((size_t)256 << 10)	/* taken of it at once */

static bool
take_of_quota(struct agg_memory *m, size_t used)
{
	size_t more = used > m->taken ? used - m->taken : 0;

	if (more == 0 || m->quota == NULL)
		return true;
	more = (more + QUOTA_STEP - 1) / QUOTA_STEP * QUOTA_STEP;
	if (!quota_take(m->quota, more))
		return false;
	m->taken += more;
	return true;
}

int
agg_take(struct agg_memory *m, size_t bytes, struct err *e)
{
	if (bytes > m->limit - m->used || m->used > m->limit)
		return err_set(e, ERR_NOMEM, -1,
		    "the groups need more than %zu bytes ([query] memory)%s", m->limit,
		    m->keep_exact ? "; with [query] aggregates=exact they may not be approximate" : "");
	if (!take_of_quota(m, m->used + bytes))
		return err_set(e, ERR_NOMEM, -1,
		    "the groups need more memory than all queries may take ([query] total_memory)");
	m->used += bytes;
	return 0;
}

int
agg_grow(struct agg_memory *m, void **v, size_t *cap, size_t need, size_t size, struct err *e)
{
	size_t n = *cap == 0 ? 4 : *cap;
	void *p;
	int code;

	if (need <= *cap)
		return 0;
	while (n < need)
		n = n * 2;
	if ((code = agg_take(m, (n - *cap) * size, e)) < 0)
		return code;
	if ((p = realloc(*v, n * size)) == NULL) {
		m->used -= (n - *cap) * size;
		return err_nomem(e);
	}
	*v = p;
	*cap = n;
	return 0;
}

int
agg_reader_holds(struct agg_table *t, size_t bytes, struct err *e)
{
	int code = agg_take(&t->mem, bytes, e);

	if (code == 0)
		t->mem.used -= bytes;
	return code;
}

int
agg_check(struct agg_table *t, struct err *e)
{
	const struct agg_options *o = &t->opt;

	if (++t->steps < AGG_STEPS)
		return 0;
	t->steps = 0;
	return agg_over(o, e);
}

int
agg_over(const struct agg_options *o, struct err *e)
{
	if (o->cancel != NULL && atomic_load_explicit(o->cancel, memory_order_relaxed))
		return err_set(e, ERR_CANCELLED, -1, "cancelled");
	if (o->deadline_mono_ns == 0 || clock_mono_ns() < o->deadline_mono_ns)
		return 0;
	return err_set(e, ERR_TIMEOUT, -1, "over the time limit ([query] timeout)");
}

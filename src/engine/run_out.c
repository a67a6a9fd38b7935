/* SPDX-License-Identifier: ISC */
/* run_out: what every run needs, whatever its rows are: where its bytes go, and its bounds. */
#include "run_i.h"

int
run_flush(struct running *x, struct err *e)
{
	int code = buf_ok(&x->out, e);

	if (code < 0 || x->out.n == 0)
		return code;
	x->info->n_bytes += x->out.n;
	code = x->sink->put(x->sink->arg, x->out.p, x->out.n, e);
	x->out.n = 0;
	return code;
}

#define HELD_BYTES ((size_t)64 << 20)	/* most that is kept back for it */

bool
run_held(const struct running *x)
{
	const struct query *q = x->r->query;

	return q->has_expect_rows && x->info->n_rows < q->expect_rows &&
	    x->out.n < HELD_BYTES;
}

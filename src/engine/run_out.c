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

void
run_env(struct request *r, uint64_t deadline, const atomic_bool *cancel,
    struct exec_env *env)
{
	const struct conf *c = r->engine->conf;

	*env = (struct exec_env){
		.snapshot = r->world->snap,
		.deadline_mono_ns = deadline,
		.memory = r->memory != 0 ? r->memory : conf_u64(c, CONF_QUERY_MEMORY),
		.quota = &r->engine->quota,
		.progress = r->progress,
		.max_rows = r->kind == FILE_FORMAT && r->format->pages ? 0 :
		    conf_u64(c, CONF_QUERY_MAX_ROWS),
		.cancel = cancel,
		.pool = r->engine->workers,
		.threads = r->threads != 0 ? r->threads : r->engine->threads,
		.batch_rows = r->batch_rows,
	};
}

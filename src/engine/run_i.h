/* SPDX-License-Identifier: ISC */
/* run_i: a request at work, as the run*.c files share it. */
#ifndef ENGINE_RUN_I_H
#define ENGINE_RUN_I_H

#include "engine_i.h"
#include "model/repeats.h"
#include "format/share.h"

#define FLUSH_BYTES (128 * 1024)
#define HELD_BYTES ((size_t)64 << 20)	/* most that is kept back for it */

struct running {
	struct request *r;
	const struct sink *sink;
	struct run_info *info;
	struct buf out;
	const struct format_options *options;
	struct share *share;	/* NULL: one formatter does it all */
	bool shares;		/* it may be made when a batch is worth it */
	const atomic_bool *cancel;	/* of the run of a plan, or NULL */
	uint64_t count;		/* the number, in a file of one */
	uint64_t format_ns;	/* time of formatting, and of what takes the bytes */
	struct repeats repeats;	/* of a server's rows: a store has none */
};

/* What is rendered goes to the sink. */
static inline int WARN_UNUSED
run_flush(struct running *x, struct err *e)
{
	int code = buf_ok(&x->out, e);

	if (code < 0 || x->out.n == 0)
		return code;
	x->info->n_bytes += x->out.n;
	if (x->sink->take != NULL)
		code = x->sink->take(x->sink->arg, &x->out, e);
	else
		code = x->sink->put(x->sink->arg, x->out.p, x->out.n, e);
	x->out.n = 0;
	return code;
}

/* True as long as it is open whether there will be as many rows as expected. */
static inline bool
run_held(const struct running *x)
{
	const struct query *q = x->r->query;

	return q->has_expect_rows && x->info->n_rows < q->expect_rows &&
	    x->out.n < HELD_BYTES;
}

/* ---- run_rows.c ---- */

/* All rows of the request through the formatter, which has begun. */
int run_rows(struct running *, struct formatter *, uint64_t deadline, const atomic_bool *cancel,
    struct err *) WARN_UNUSED;

/* ---- run_groups.c ---- */

/* Rows that are not spans, made and rendered: those of groups, those of compare. */
int run_groups(struct running *, uint64_t deadline, const atomic_bool *cancel, struct err *)
    WARN_UNUSED;
int run_compare(struct running *, uint64_t deadline, const atomic_bool *cancel, struct err *)
    WARN_UNUSED;

#endif

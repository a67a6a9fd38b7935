/* SPDX-License-Identifier: ISC */
/* run_i: a request at work, as the run*.c files share it. */
#ifndef ENGINE_RUN_I_H
#define ENGINE_RUN_I_H

#include "engine_i.h"

#define FLUSH_BYTES (128 * 1024)

struct running {
	struct request *r;
	const struct sink *sink;
	struct run_info *info;
	struct buf out;
	struct share *share;	/* NULL: one formatter does it all */
	uint64_t count;		/* the number, in a file of one */
	uint64_t format_ns;	/* time of formatting, and of what takes the bytes */
};

/* ---- run_out.c ---- */

/* What is rendered goes to the sink. */
int run_flush(struct running *, struct err *) WARN_UNUSED;
/* True as long as it is open whether there will be as many rows as expected. */
bool run_held(const struct running *);

/* ---- run_groups.c ---- */

/* Rows that are not spans, made and rendered: those of groups, those of compare. */
int run_groups(struct running *, uint64_t deadline, const atomic_bool *cancel, struct err *)
    WARN_UNUSED;
int run_compare(struct running *, uint64_t deadline, const atomic_bool *cancel, struct err *)
    WARN_UNUSED;

#endif

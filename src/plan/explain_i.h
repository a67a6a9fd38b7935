/* SPDX-License-Identifier: ISC */
/* explain_i: what the files of EXPLAIN share. */
#ifndef PLAN_EXPLAIN_I_H
#define PLAN_EXPLAIN_I_H

#include "plan/plan.h"

/* Two decimals below 10, else none. */
void explain_number(struct buf *, double);
/* Leaves of the filter, from 0, after a text; nothing for none. */
void explain_leaves(struct buf *, const char *before, uint64_t leaves);

/* Shards that are read, and the rows in them. */
void explain_count_read(const struct plan *, const struct stats *, uint64_t *n_shards,
    uint64_t *n_rows);

/* Members of a JSON object, after others. The text is what stands in t, which is emptied. */
void explain_text(struct buf *, const char *key, struct buf *t);
void explain_u64(struct buf *, const char *key, uint64_t);
void explain_bool(struct buf *, const char *key, bool);

/* explain_remote.c: of a server in place of shards; members of JSON, nothing where there is none. */
void explain_remote(struct buf *, const struct plan_scan *, const struct stats_server *);
void explain_remote_json(struct buf *, const struct plan_scan *, const struct stats_server *);

/* explain_choice.c: the classes of shards with their candidates. */
void explain_choices(struct buf *, const struct plan *);
/* ,"classes":[...] */
void explain_choices_json(struct buf *, const struct plan *);

#endif

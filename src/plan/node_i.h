/* SPDX-License-Identifier: ISC */
/* node_i: what checking and EXPLAIN know of each kind of node. */
#ifndef PLAN_NODE_I_H
#define PLAN_NODE_I_H

#include "plan/plan.h"

struct node_kind {
	const char *name;
	/* What must be true of the node; NULL: nothing of its own. */
	int (*verify)(const struct plan *, const struct stats *, struct err *);
	/* Its lines in the file `plan`; its members of the object in plan.json. NULL: none. */
	void (*text)(struct buf *, const struct plan *, const struct stats *);
	void (*json)(struct buf *, const struct plan *);
};

/* node_kinds.c; by enum plan_kind */
extern const struct node_kind node_kinds[N_PLAN_KINDS];

/* verify_node.c */
int plan_broken(struct err *, const char *what);
int scan_verify(const struct plan *, const struct stats *, struct err *);
int filter_verify(const struct plan *, const struct stats *, struct err *);
int order_verify(const struct plan *, const struct stats *, struct err *);
int fetch_verify(const struct plan *, const struct stats *, struct err *);
int group_verify(const struct plan *, const struct stats *, struct err *);
int contrast_verify(const struct plan *, const struct stats *, struct err *);

/* explain_node.c */
void scan_text(struct buf *, const struct plan *, const struct stats *);
void filter_text(struct buf *, const struct plan *, const struct stats *);
void order_text(struct buf *, const struct plan *, const struct stats *);
void limit_text(struct buf *, const struct plan *, const struct stats *);
void fetch_text(struct buf *, const struct plan *, const struct stats *);
void group_text(struct buf *, const struct plan *, const struct stats *);
void contrast_text(struct buf *, const struct plan *, const struct stats *);
void scan_json(struct buf *, const struct plan *);
void filter_json(struct buf *, const struct plan *);
void order_json(struct buf *, const struct plan *);
void limit_json(struct buf *, const struct plan *);
void fetch_json(struct buf *, const struct plan *);
void group_json(struct buf *, const struct plan *);
void contrast_json(struct buf *, const struct plan *);

#endif

/* SPDX-License-Identifier: ISC */
/* node_kinds: how each kind of node is called, checked and shown. */
#include "node_i.h"

const struct node_kind node_kinds[] = {
	[PLAN_SCAN] = { "scan", scan_verify, scan_text, scan_json },
	[PLAN_FILTER] = { "filter", filter_verify, filter_text, filter_json },
	[PLAN_TRACES] = { "traces", NULL, NULL, NULL },
	[PLAN_ORDER] = { "order", order_verify, order_text, order_json },
	[PLAN_LIMIT] = { "limit", NULL, limit_text, limit_json },
	[PLAN_FETCH] = { "fetch", fetch_verify, fetch_text, fetch_json },
	[PLAN_COUNT] = { "count", NULL, NULL, NULL },
	[PLAN_GROUP] = { "group", group_verify, group_text, group_json },
	[PLAN_CONTRAST] = { "compare", contrast_verify, contrast_text, contrast_json },
};
_Static_assert(sizeof node_kinds / sizeof *node_kinds == N_PLAN_KINDS, "a node of no kind");

const char *
plan_kind_name(enum plan_kind kind)
{
	return (unsigned)kind < N_PLAN_KINDS ? node_kinds[kind].name : "unknown";
}

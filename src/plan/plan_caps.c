/* SPDX-License-Identifier: ISC */
/* plan_caps: see plan/plan_caps.h. */
#include "plan/plan_caps.h"

const struct plan_caps plan_caps_local = {
	.ops = {
		[FIELD_INTRINSIC] = CAPS_ALL_OPS, [FIELD_SPAN] = CAPS_ALL_OPS,
		[FIELD_RESOURCE] = CAPS_ALL_OPS, [FIELD_SCOPE] = CAPS_ALL_OPS,
		[FIELD_EVENT] = CAPS_ALL_OPS, [FIELD_LINK] = CAPS_ALL_OPS,
		[FIELD_BARE] = CAPS_ALL_OPS,
	},
	.intrinsics = UINT64_MAX,
	.time = true,
	.projection = true,
	.newest = true,
	.best = true,
	.counts = true,
};

static bool
takes_leaf(const struct plan_caps *c, const struct pred *p)
{
	enum field_scope scope = p->op == OP_TEXT ? FIELD_BARE : p->field.scope;

	if ((c->ops[scope] >> p->op & 1) == 0)
		return false;
	return p->op == OP_TEXT || scope != FIELD_INTRINSIC ||
	    (c->intrinsics >> p->field.intrinsic & 1) != 0;
}

bool
plan_caps_take(const struct plan_caps *c, const struct pred *p)
{
	if (p->kind == PRED_LEAF)
		return takes_leaf(c, p);
	for (size_t i = 0; i < p->n_kids; i++)
		if (!plan_caps_take(c, p->kids[i]))
			return false;
	return true;
}

bool
plan_caps_sort(const struct plan_caps *c, const struct sort_key *keys, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct field *f = &keys[i].field;

		if ((c->sort_scopes >> f->scope & 1) == 0 ||
		    (f->scope == FIELD_INTRINSIC && (c->sort_intrinsics >> f->intrinsic & 1) == 0))
			return false;
	}
	return true;
}

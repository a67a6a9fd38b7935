/* SPDX-License-Identifier: ISC */
/*
 * exec_size: an exec that adds up how long its rows' lines are, and puts none together. Where all
 * rows count, the sum is made as they are found (sink_size); where a page is cut out of them, of
 * the refs that sink_rows would hand out. sizing.c knows the lengths.
 */
#include "exec_i.h"

int
exec_size(const struct plan *plan, const struct exec_env *env, unsigned version,
    struct exec_size *out, struct profile *prof, struct err *e)
{
	struct sizing z = { .version = version };
	struct exec *ex = NULL;
	struct batch b;
	int rc;

	*prof = (struct profile){ 0 };
	if (plan->output != ROW_SPAN || (env->source != NULL && env->source != &source_local))
		return 1;
	if ((rc = exec_begin(plan, env, &z, &ex, e)) < 0)
		return rc;
	while (!atomic_load(&z.untold) && (rc = exec_next(ex, &b, e)) == 0)
		;
	*prof = *exec_profile(ex);
	sizing_release(&z);
	exec_close(ex);
	if (rc < 0)
		return rc;
	*out = (struct exec_size){ z.rows, z.bytes };
	return atomic_load(&z.untold);
}

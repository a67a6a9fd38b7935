/* SPDX-License-Identifier: ISC */
/*
 * exec_size: an exec that adds up how long its rows' lines are, and puts none together. Where all
 * rows count, the sum is made as they are found (sink_size); where a page is cut out of them, of
 * the refs that sink_rows would hand out, but for hours that are all in the page: passing.c. sizing.c
 * knows the lengths.
 */
#include "exec_i.h"

int
exec_size(const struct plan *plan, const struct exec_env *env, unsigned version,
    struct exec_size *out, struct profile *prof, struct err *e)
{
	struct sizing z = { .version = version };
	struct exec_env all = *env;
	struct exec_size passed;
	struct exec *ex = NULL;
	struct batch b;
	int rc;

	*prof = (struct profile){ 0 };
	if (plan->output != ROW_SPAN || (env->source != NULL && env->source != &source_local))
		return 1;
	all.pass.to = UINT64_MAX;
	all.pass.version = version;
	if ((rc = exec_begin(plan, &all, &z, &ex, e)) < 0)
		return rc;
	while (!atomic_load(&z.untold) && (rc = exec_next(ex, &b, e)) == 0)
		;
	passed = exec_passed(ex);
	*out = (struct exec_size){ passed.rows + z.rows, passed.bytes + z.bytes };
	*prof = *exec_profile(ex);
	/* Those passed over count as all others do. */
	ex->n_out = out->rows;
	if (rc >= 0 && exec_over_rows(ex, e) < 0)
		rc = ERR_LIMIT;
	sizing_release(&z);
	exec_close(ex);
	if (rc < 0)
		return rc;
	return atomic_load(&z.untold);
}

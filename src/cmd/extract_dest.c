/* SPDX-License-Identifier: ISC */
/* extract_dest: names in the directory that an extract delivers to: what stands there, and giving one. */
#include "extract_i.h"

int
extract_stat(struct fsys *fs, const char *name, bool *there, struct file_id *id, struct err *e)
{
	int rc = fs->ops->stat(fs, name, id, e);

	*there = rc == 0;
	return rc == ERR_UNKNOWN ? 0 : rc;
}

/* What was delivered under a mark comes no second time, so such a file is never written over. */
int
extract_occupied(struct extract *x, struct fsys *fs, const char *name)
{
	return err_set(x->e, ERR_BUSY, -1, "%s/%s is there already: what came after mark '%s' comes once, "
	    "so it is not written over; take it away first", fs->root, name, x->j->mark);
}

int
extract_rename(struct extract *x, struct fsys *fs, const char *from, const char *to)
{
	int rc;

	if (x->j->mark == NULL)
		return fs->ops->rename(fs, from, to, x->e);
	rc = fsys_rename_new(fs, from, to, x->e);
	return rc == ERR_BUSY ? extract_occupied(x, fs, to) : rc;
}

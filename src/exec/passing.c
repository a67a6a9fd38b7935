/* SPDX-License-Identifier: ISC */
/*
 * passing: rows before a byte of spans.jsonl, which its reader has no use for: whole hours by the
 * totals of their shards, and of the hour that the byte is in the rows in their order, each by the
 * length of its line. None is put together. The rows that follow are those that they would be.
 */
#include "exec_i.h"

#include <stdlib.h>

#define LOOK_REFS 8192		/* between two looks at deadline and cancel flag */

struct exec_size
exec_passed(const struct exec *ex)
{
	const struct passing *p = ex->passing;

	return p == NULL ? (struct exec_size){ 0 } :
	    (struct exec_size){ p->sizing.rows, p->sizing.bytes };
}

void
passing_free(struct passing *p)
{
	if (p != NULL)
		sizing_release(&p->sizing);
	free(p);
}

/* The page's rows are counted as they go; false: its begin, its end or the byte is among them. */
static bool
take_hour(struct exec *ex, const struct exec_size *n)
{
	struct passing *p = ex->passing;

	if (ex->page.skip >= n->rows) {
		ex->page.skip -= n->rows;
		return true;
	}
	if (ex->page.skip != 0 || ex->page.left < n->rows || n->bytes > p->to - p->sizing.bytes)
		return false;
	ex->page.left -= n->rows;
	p->sizing.rows += n->rows;
	p->sizing.bytes += n->bytes;
	return true;
}

/* As op_scan counts them: a shard is done with its earliest rows. */
static void
note_progress(const struct exec *ex, struct slice s)
{
	for (size_t i = 0; ex->env.progress != NULL && i < ex->local->n_shards; i++)
		if (xshard_in(&ex->local->shards[i], s) &&
		    s.first <= ex->local->shards[i].entry->min_start)
			atomic_fetch_add(&ex->env.progress->rows_done,
			    ex->local->shards[i].entry->n_rows);
}

int
pass_hours(struct exec *ex, struct err *e)
{
	struct passing *p = ex->passing;
	struct reads before;
	struct exec_size n;
	struct slice s;
	int rc = 0;

	if (p == NULL || p->begun)
		return 0;
	before = reads_begin(ex);
	p->begun = true;
	while ((rc = exec_check(ex, e)) == 0 && slice_partition(ex, &s) &&
	    (rc = sizing_slice(ex, &p->sizing, s, &n, e)) > 0 && take_hour(ex, &n)) {
		note_progress(ex, s);
		slice_leave_out(ex, s);
	}
	reads_end(&before, &ex->prof);
	return rc < 0 ? rc : 0;
}

int
pass_refs(struct exec *ex, const struct refs *refs, size_t *at, size_t n, struct err *e)
{
	struct passing *p = ex->passing;
	struct sizing *z = &p->sizing;

	for (; *at < n && !p->there; ++*at) {
		uint32_t v;
		int rc;

		if ((*at % LOOK_REFS == 0 && (rc = exec_check(ex, e)) < 0) ||
		    (rc = sizing_of_ref(ex, z, refs_at(refs, *at), &v, e)) < 0)
			return rc;
		if (v == 0 || v > p->to - z->bytes) {
			p->there = true;
			break;
		}
		z->bytes += v;
		z->rows++;
	}
	return 0;
}

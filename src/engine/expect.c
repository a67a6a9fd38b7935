/* SPDX-License-Identifier: ISC */
/* expect: what a path expects of its answer (expect/...), and whether it holds. */
#include "engine_i.h"

/* The store's newest span, the partition of those that are far away left out. */
int
expect_fresh(const struct request *r, struct err *e)
{
	const struct query *q = r->query;
	const struct snapshot *snap = r->world->snap;
	struct buf text = BUF_INIT;
	uint64_t newest = snap->max_start;
	int code;

	if (!q->has_expect_fresh || r->kind != FILE_FORMAT || (snap->n_shards != 0 &&
	    (newest >= q->now || q->now - newest < q->expect_fresh_ns)))
		return 0;
	BUF_LIT(&text, "expected a span newer than ");
	duration_print(&text, q->expect_fresh_ns);
	if (snap->n_shards == 0)
		BUF_LIT(&text, "; the store is empty");
	else {
		BUF_LIT(&text, "; the newest in the store is ");
		duration_print_short(&text, q->now - newest);
		BUF_LIT(&text, " old: ");
		when_print(&text, newest);
	}
	if ((code = buf_ok(&text, e)) == 0)
		code = err_set(e, ERR_NODATA, -1, "%.*s", SV_ARG(buf_view(&text)));
	buf_release(&text);
	return code;
}

int
expect_rows(const struct request *r, uint64_t n, struct err *e)
{
	const struct query *q = r->query;
	bool count;

	if (!q->has_expect_rows || r->kind != FILE_FORMAT || n >= q->expect_rows)
		return 0;
	count = r->format->rows == ROW_COUNT;
	return err_set(e, ERR_NODATA, -1, count ? "expected a count of %llu at least; it is %llu" :
	    "expected %llu rows at least; there are %llu", (unsigned long long)q->expect_rows,
	    (unsigned long long)n);
}

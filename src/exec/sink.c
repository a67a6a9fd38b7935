/* SPDX-License-Identifier: ISC */
/*
 * sink: see sink.h. The table says which kind of sink makes which output.
 */
#include "exec_i.h"

static const struct sink_ops *const sinks[] = {
	[ROW_SPAN] = &sink_rows,
	[ROW_EVENT] = &sink_rows,
	[ROW_SCORE] = &sink_rows,
	[ROW_LINK] = &sink_rows,
	[ROW_TRACE] = &sink_traces,
	[ROW_COUNT] = &sink_count,
	[ROW_GROUP] = &sink_groups,
	[ROW_CONTRAST] = &sink_contrast,
};

/* A sum needs no order, unless only some rows are in it. */
static const struct sink_ops *
kind_of(const struct exec *ex)
{
	const struct plan *p = ex->plan;
	enum row_kind kind = p->output;

	if (ex->sizing != NULL && p->page.offset == 0 && p->page.limit == UINT64_MAX)
		return &sink_size;
	return (size_t)kind < sizeof sinks / sizeof sinks[0] ? sinks[kind] : NULL;
}

int
sink_open(struct row_sink *s, struct exec *ex, struct err *e)
{
	const struct sink_ops *ops = kind_of(ex);

	*s = (struct row_sink){ .ex = ex };
	if (ops == NULL)
		return err_set(e, ERR_UNSUPPORTED, -1, "no sink for the plan's output");
	s->ops = ops;
	return s->ops->open(s, e);
}

void
sink_close(struct row_sink *s)
{
	if (s->ops != NULL)
		s->ops->close(s);
	*s = (struct row_sink){ .ops = NULL };
}

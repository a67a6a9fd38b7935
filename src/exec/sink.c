/* SPDX-License-Identifier: ISC */
/*
 * sink: see sink.h. The table says which kind of sink makes which output.
 */
#include "exec_i.h"

static const struct sink_ops *const sinks[] = {
	[ROW_SPAN] = &sink_rows,
	[ROW_EVENT] = &sink_rows,
	[ROW_LINK] = &sink_rows,
	[ROW_TRACE] = &sink_traces,
	[ROW_COUNT] = &sink_count,
	[ROW_GROUP] = &sink_groups,
	[ROW_CONTRAST] = &sink_contrast,
};

int
sink_open(struct row_sink *s, struct exec *ex, struct err *e)
{
	enum row_kind kind = ex->plan->output;

	*s = (struct row_sink){ .ex = ex };
	if ((size_t)kind >= sizeof sinks / sizeof sinks[0] || sinks[kind] == NULL)
		return err_set(e, ERR_UNSUPPORTED, -1, "no sink for the plan's output");
	s->ops = sinks[kind];
	return s->ops->open(s, e);
}

void
sink_close(struct row_sink *s)
{
	if (s->ops != NULL)
		s->ops->close(s);
	*s = (struct row_sink){ .ops = NULL };
}

/* SPDX-License-Identifier: ISC */
/* sink: see sink.h. */
#include "exec_i.h"

int
sink_open(struct row_sink *s, struct exec *ex, const struct sink_ops *ops, struct err *e)
{
	*s = (struct row_sink){ .ops = ops, .ex = ex };
	return ops->open(s, e);
}

void
sink_close(struct row_sink *s)
{
	if (s->ops != NULL)
		s->ops->close(s);
	*s = (struct row_sink){ .ops = NULL };
}

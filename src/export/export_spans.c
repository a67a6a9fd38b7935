/* SPDX-License-Identifier: ISC */
/*
 * export_spans: otlp.jsonl is all that the store knows of its spans; here its lines are spans
 * again, one line at a time, in their order.
 */
#include "export_i.h"

void
span_lines_init(struct span_lines *s, int (*span)(void *, const struct span *, struct err *),
    void *arg)
{
	*s = (struct span_lines){ .rest = BUF_INIT, .span = span, .arg = arg };
	span_batch_init(&s->batch);
}

void
span_lines_release(struct span_lines *s)
{
	buf_release(&s->rest);
	span_batch_release(&s->batch);
}

static int
one_line(struct span_lines *s, struct sv line, struct err *e)
{
	struct ingest_result r = { 0 };
	int rc;

	span_batch_reset(&s->batch);
	if ((rc = otlp_json_parse(line, ++s->line, &s->batch, &r, e)) < 0)
		return rc;
	/* What a store gives it takes; a span that is lost here would be missed by nobody. */
	if (r.n_rejected != 0 || r.n_broken != 0 || r.n_foreign != 0)
		return err_set(e, ERR_CORRUPT, -1, "line %llu of otlp.jsonl has spans that can't be "
		    "read again", (unsigned long long)s->line);
	for (size_t i = 0; i < s->batch.n && rc == 0; i++)
		rc = s->span(s->arg, &s->batch.spans[i], e);
	return rc;
}

int
span_lines_put(struct span_lines *s, struct sv bytes, struct err *e)
{
	int64_t at;
	int rc;

	while ((at = sv_chr(bytes, '\n')) >= 0) {
		struct sv line = sv_sub(bytes, 0, (size_t)at);

		if (s->rest.n != 0) {
			buf_sv(&s->rest, line);
			if ((rc = buf_ok(&s->rest, e)) < 0)
				return rc;
			line = buf_view(&s->rest);
		}
		if ((rc = one_line(s, line, e)) < 0)
			return rc;
		s->rest.n = 0;
		bytes = sv_sub(bytes, (size_t)at + 1, bytes.n);
	}
	buf_sv(&s->rest, bytes);
	return buf_ok(&s->rest, e);
}

int
span_lines_end(struct span_lines *s, struct err *e)
{
	return s->rest.n == 0 ? 0 : err_set(e, ERR_CORRUPT, -1, "otlp.jsonl ends within a line");
}

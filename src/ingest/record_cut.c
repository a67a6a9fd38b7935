/* SPDX-License-Identifier: ISC */
/* record_cut: what those who cut an input into records have in common. */
#include <stdio.h>

#include "record_reader_i.h"

void
record_cut_report(struct ingest_result *result, uint64_t line, const char *fmt, ...)
{
	struct reject j = { .line = line };
	va_list ap;

	result->n_broken++;
	if (result->reject == NULL)
		return;
	va_start(ap, fmt);
	vsnprintf(j.why, sizeof j.why, fmt, ap);
	va_end(ap);
	result->reject(result->reject_arg, &j);
}

void
record_cut_oversize(const struct record_reader *r, struct ingest_result *result,
    uint64_t line, uint64_t n_bytes)
{
	result->n_oversize++;
	record_cut_report(result, line, "a record of %llu bytes is over [ingest] max_request, "
	    "%zu bytes", (unsigned long long)n_bytes, r->max_record);
}

uint64_t
record_cut_newlines(const char *p, size_t n)
{
	const char *end = p + n;
	uint64_t k = 0;

	while (p < end && (p = memchr(p, '\n', (size_t)(end - p))) != NULL) {
		k++;
		p++;
	}
	return k;
}

/* The top stream has no more: the end, or what made it so. */
int
record_cut_end(struct record_reader *r, struct err *err)
{
	r->ended = true;
	if (!r->top->failed)
		return 1;
	*err = r->top->err;
	return r->top->failed;
}

int
record_cut_emit(struct record_reader *r, enum record_form form, size_t n, uint64_t line,
    struct record *out, struct err *err)
{
	char *p = stream_take(r->top, n);

	if (p == NULL)
		return err_nomem(err);
	*out = (struct record){ form, p, n, line };
	return 0;
}

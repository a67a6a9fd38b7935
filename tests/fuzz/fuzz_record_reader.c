/* SPDX-License-Identifier: ISC */
/*
 * fuzz_record_reader: any bytes as an input, read in pieces of two sizes, the first of which
 * is its first byte: no crash, no leak, and the records and reports are the same both times.
 * Small inputs are given small limits, so that they are met.
 */
#include <stdio.h>
#include <stdlib.h>

#include "ingest/ingest.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

#define MAX_RECORD 2000

struct input {
	struct sv s;
	size_t piece;
};

static int64_t
read_input(void *arg, void *buf, size_t n, struct err *err)
{
	struct input *in = arg;

	(void)err;
	n = n < in->s.n ? n : in->s.n;
	n = n < in->piece ? n : in->piece;
	if (n != 0)
		memcpy(buf, in->s.p, n);
	in->s = sv_sub(in->s, n, in->s.n);
	return (int64_t)n;
}

static void
note(void *arg, const struct reject *r)
{
	buf_printf(arg, "!%llu %s\n", (unsigned long long)r->line, r->why);
}

static struct buf
transcript(struct sv s, size_t piece)
{
	struct input in = { s, piece };
	struct source_bytes src = { read_input, &in };
	struct buf b = BUF_INIT;
	struct ingest_result res = { .reject = note, .reject_arg = &b };
	struct err err = ERR_INIT;
	struct record_reader *r;
	struct record rec;
	int e;

	if (record_reader_open(&src, MAX_RECORD, &r, &err) < 0)
		abort();
	while ((e = record_reader_next(r, &rec, &res, &err)) == 0) {
		if (rec.n > MAX_RECORD)
			abort();
		buf_printf(&b, "%d %llu %zu ", (int)rec.form, (unsigned long long)rec.line, rec.n);
		buf_put(&b, rec.body, rec.n);
		free(rec.body);
	}
	buf_printf(&b, "= %d %s %s", e, e < 0 ? err.msg : "", record_reader_describe(r));
	record_reader_close(r);
	return b;
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct buf a, b;

	if (n == 0)
		return 0;
	a = transcript(sv_new(p + 1, n - 1), (size_t)p[0] + 1);
	b = transcript(sv_new(p + 1, n - 1), SIZE_MAX);
	if (!sv_eq(buf_view(&a), buf_view(&b))) {
		fprintf(stderr, "%.*s\nand not\n%.*s\n", SV_ARG(buf_view(&a)),
		    SV_ARG(buf_view(&b)));
		abort();
	}
	buf_release(&a);
	buf_release(&b);
	return 0;
}

/* SPDX-License-Identifier: ISC */
/*
 * fuzz_otlp_json: any bytes as an OTLP JSON request: no crash, no leak, memory in proportion,
 * and every span let in is one that the rest of the program can rely on.
 */
#include <stdio.h>
#include <stdlib.h>

#include "ingest/ingest.h"
#include "lib/span_check.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
count(void *arg, const struct reject *r)
{
	*(uint64_t *)arg += r->n_spans;
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct span_batch batch;
	uint64_t lost = 0;
	struct ingest_result res = { .reject = count, .reject_arg = &lost };
	const char *why = NULL;

	span_batch_init(&batch);
	if (otlp_json_parse(sv_new(p, n), 1, &batch, &res, NULL) < 0)
		abort();
	if (batch.n != res.n_spans || lost != res.n_rejected || res.n_repaired > res.n_spans)
		abort();
	if (batch.arena.used > 64 * n + 4096)
		abort();
	for (size_t i = 0; i < batch.n && why == NULL; i++)
		why = !span_texts_utf8(&batch.spans[i]) ? "a text that is not UTF-8" :
		    span_check(&batch.spans[i]);
	if (why != NULL) {
		fprintf(stderr, "%s\n", why);
		abort();
	}
	span_batch_release(&batch);
	return 0;
}

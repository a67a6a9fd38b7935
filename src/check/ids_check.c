/* SPDX-License-Identifier: ISC */
/* ids_check: where the header says that no two spans of a trace bear one span id, none do. */
#include "shard_check_i.h"

#include <stdlib.h>

#include "shard/tracetree.h"

/* The ids of all rows; false in *whole: a chunk can't be read. */
static int
read_ids(struct check *k, uint64_t *ids, bool *whole)
{
	const struct shard_info *info = &k->s->info;
	const struct column *col = shard_column(k->s, COL_SPAN_ID);
	const struct chunk *c;
	int rc;

	*whole = col != NULL;
	for (uint32_t g = 0; col != NULL && g < info->n_row_groups; g++) {
		if ((rc = check_chunk(k, col, g, &c)) != 0)
			return rc;
		if (c == NULL)
			*whole = false;
		else
			for (uint32_t i = 0; i < c->n_present; i++)
				ids[info->row_groups[g].row_from + chunk_row(c, i)] = chunk_u64_at(c, i);
		chunk_put(c);
	}
	return 0;
}

static int
id_cmp(const void *pa, const void *pb)
{
	uint64_t a = *(const uint64_t *)pa, b = *(const uint64_t *)pb;

	return (a > b) - (a < b);
}

static void
compare(struct check *k, const struct tracerows *t, const uint64_t *ids, uint64_t *of_trace)
{
	for (uint32_t o = 0; o < k->s->info.n_traces; o++) {
		uint32_t n = tracerows_n(t, o);

		for (uint32_t i = 0; i < n; i++)
			of_trace[i] = ids[tracerows_at(t, o, i)];
		qsort(of_trace, n, sizeof *of_trace, id_cmp);
		for (uint32_t i = 1; i < n; i++)
			if (of_trace[i] == of_trace[i - 1]) {
				check_report(k, 16, "header: two spans of a trace bear one id");
				return;
			}
	}
}

int
check_ids(struct check *k)
{
	size_t n = k->s->info.n_rows + 1;
	uint64_t *ids, *of_trace;
	const struct tracerows *t = NULL;
	bool whole = false;
	int rc;

	if (!shard_ids_single(k->s) || k->traces_lost)
		return 0;
	ids = calloc(n, sizeof *ids);
	of_trace = calloc(n, sizeof *of_trace);
	rc = ids == NULL || of_trace == NULL ? err_nomem(k->e) : read_ids(k, ids, &whole);
	if (rc == 0 && whole && (rc = tracerows_get(k->s, &t, k->e)) == 0)
		compare(k, t, ids, of_trace);
	tracerows_put(t);
	free(ids);
	free(of_trace);
	return rc;
}

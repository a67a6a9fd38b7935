/* SPDX-License-Identifier: ISC */
/* filter_owners: rows by what their resource or scope is known to satisfy. */
#include "base/bitmap.h"
#include "filter_i.h"

int
owners_eval(struct scan *sc, enum column_id id, struct codes *codes, code_fn *fn, void *arg,
    const uint64_t *in, uint64_t *out)
{
	struct col_test t = { .codes = codes, .fn = fn, .arg = arg };
	const struct chunk *c = NULL;
	uint32_t bad = 0;
	int rc;

	if (!bitmap_any(in, sc->n_rows))
		return 0;
	if ((rc = scan_chunk(sc, id, &c)) < 0 || c == NULL)
		return rc;
	rc = chunk_test(sc, c, &t, in, out, &bad);
	chunk_put(c);
	return rc == ERR_TIMEOUT ? scan_blame(sc, bad, rc) : rc;
}

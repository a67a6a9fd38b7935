/* SPDX-License-Identifier: ISC */
/*
 * fuzz_ch_rows: any bytes as an answer of ClickHouse's. The first byte tells how it is cut into
 * pieces: what comes of it is the same as in one piece, and every cell is one value exactly.
 */
#include <stdlib.h>

#include "base/hash.h"
#include "rowbinary/ch_rows.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

struct source {
	const uint8_t *p;
	size_t n, piece;
};

static void
check(bool ok)
{
	if (!ok)
		abort();
}

static int
next_piece(void *arg, struct sv *out, struct err *e)
{
	struct source *s = arg;
	size_t n = s->n < s->piece ? s->n : s->piece;

	(void)e;
	if (n == 0)
		return 1;
	*out = sv_new(s->p, n);
	s->p += n;
	s->n -= n;
	return 0;
}

static int
read_all(const uint8_t *p, size_t n, size_t piece, uint64_t *sum)
{
	struct source s = { p, n, piece };
	struct err e = ERR_INIT;
	const struct ch_column *columns;
	const struct sv *cells;
	struct ch_rows *r;
	size_t n_columns;
	int rc = ch_rows_open(next_piece, &s, &r, &e);

	*sum = 0;
	if (rc < 0) {
		check(e.msg[0] != '\0');
		return rc;
	}
	columns = ch_rows_columns(r, &n_columns);
	while ((rc = ch_rows_next(r, &cells, &e)) == 0)
		for (size_t i = 0; i < n_columns; i++) {
			struct cursor c = cursor_new(cells[i].p, cells[i].n);

			check(cells[i].n > 0);
			check(ch_value_skip(columns[i].type, &c, NULL) == 0 && cursor_left(&c) == 0);
			*sum = *sum * 31 + hash64(cells[i].p, cells[i].n);
		}
	check(rc > 0 || e.msg[0] != '\0');
	ch_rows_close(r);
	return rc;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	uint64_t whole, cut;

	if (n == 0)
		return 0;
	check(read_all(data + 1, n - 1, n, &whole) == read_all(data + 1, n - 1, 1 + data[0], &cut));
	check(whole == cut);
	return 0;
}

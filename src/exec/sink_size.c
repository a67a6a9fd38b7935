/* SPDX-License-Identifier: ISC */
/*
 * sink_size: how long the lines of all rows are together, for exec_size: rows that are found are
 * neither sorted nor put together. Of a row group that matches as a whole the sum is there, and of
 * whole services of a shard that of all row groups.
 */
#include "exec_i.h"

#include <stdlib.h>

struct size_local {
	uint64_t rows, bytes;
};

static int
size_open(struct row_sink *s, struct err *e)
{
	(void)e;
	s->state = s->ex->sizing;
	s->fills = true;
	return 0;
}

static int
size_start(struct row_sink *s, struct err *e)
{
	return s->ex->local != NULL ? sizing_whole(s->ex, e) : 0;
}

/* False: of some row it is not told. */
static bool
add_rows(struct size_local *x, const struct lengths *l, const uint32_t *rows, uint32_t n)
{
	bool told = true;

	for (uint32_t i = 0; i < n; i++) {
		uint32_t v = lengths_at(l, rows[i]);

		x->bytes += v;
		told &= v != 0;
	}
	return told;
}

static int
add_found(struct scan *sc, struct size_local *x, const struct lengths *l, const struct found *f,
    bool *told)
{
	const uint32_t *rows;
	uint64_t all;

	x->rows += f->n;
	if (f->n == sc->n_rows) {
		*told = lengths_all(l, &all);
		x->bytes += all;
		return 0;
	}
	if ((rows = found_rows(sc, f)) == NULL)
		return ERR_NOMEM;
	*told = add_rows(x, l, rows, f->n);
	return 0;
}

static int
size_consume(struct row_sink *s, void *local, struct scan *sc, const struct found *f)
{
	struct sizing *z = s->state;
	const struct lengths *l = NULL;
	bool told = false;
	int rc;

	if (atomic_load_explicit(&z->untold, memory_order_relaxed))
		return 0;
	if ((rc = sizing_lengths(z, sc->xs->s, sc->group, &l, sc->e)) < 0)
		return rc;
	if (l != NULL)
		rc = add_found(sc, local, l, f, &told);
	lengths_put(l);
	if (!told)
		atomic_store(&z->untold, true);
	return rc;
}

static int
size_combine(struct row_sink *s, void *local, bool last, struct err *e)
{
	struct sizing *z = s->state;
	struct size_local *x = local;

	(void)last;
	(void)e;
	z->rows += x->rows;
	z->bytes += x->bytes;
	*x = (struct size_local){ 0 };
	s->full = atomic_load(&z->untold);
	return 0;
}

/* One batch, of all rows. */
static int
size_next(struct row_sink *s, struct batch *b, struct err *e)
{
	const struct sizing *z = s->state;

	(void)e;
	if (z->rows == 0 || s->ex->n_out != 0)
		return 1;
	*b = (struct batch){ .kind = ROW_SPAN, .n = (size_t)z->rows };
	return 0;
}

static void
size_close(struct row_sink *s)
{
	s->state = NULL;
}

const struct sink_ops sink_size = {
	.name = "size",
	.local_bytes = sizeof(struct size_local),
	.open = size_open,
	.start = size_start,
	.consume = size_consume,
	.combine = size_combine,
	.next = size_next,
	.close = size_close,
};

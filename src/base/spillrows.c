/* SPDX-License-Identifier: ISC */
/* spillrows: see base/spillrows.h. */
#include "base/spillrows.h"

#include <stdlib.h>

#include "base/hash.h"

int
spillrows_new(struct spillrows *r, size_t n, struct err *e)
{
	*r = (struct spillrows){ .v = calloc(n + 1, sizeof *r->v) };
	return r->v == NULL ? err_nomem(e) : 0;
}

void
spillrows_free(struct spillrows *r)
{
	free(r->v);
	*r = (struct spillrows){ NULL };
}

size_t
spillrows_bytes(size_t n)
{
	return (n + 1) * sizeof(struct spillrow);
}

static uint64_t
begin_of(const struct spillrows *r, size_t row)
{
	return row == 0 ? 0 : r->v[row - 1].end;
}

void
spillrows_add(struct spillrows *r, const struct buf *b, size_t lists)
{
	size_t from = (size_t)(begin_of(r, r->n) - r->put);

	if (b->oom)		/* put will tell */
		return;
	r->v[r->n++] = (struct spillrow){ r->put + b->n, (uint32_t)hash64(b->p + from, b->n - from),
		lists > UINT32_MAX ? UINT32_MAX : (uint32_t)lists };
}

int
spillrows_put(struct spillrows *r, struct spillfile *f, struct buf *b, struct err *e)
{
	uint64_t at;
	int code;

	if ((code = buf_ok(b, e)) < 0 || (code = spillfile_put(f, b->p, b->n, &at, e)) < 0)
		return code;
	if (r->put == 0)
		r->at = at;
	else if (at != r->at + r->put)
		return err_set(e, ERR_IO, -1, "the spill file ([mount] spill_dir) has other bytes between "
		    "rows");
	r->put += b->n;
	b->n = 0;
	return 0;
}

size_t
spillrows_n(const struct spillrows *r, size_t row, size_t *lists)
{
	if (lists != NULL)
		*lists = r->v[row].lists;
	return (size_t)(r->v[row].end - begin_of(r, row));
}

int
spillrows_get(const struct spillrows *r, struct spillfile *f, size_t row, void *out, struct err *e)
{
	size_t n = spillrows_n(r, row, NULL);
	uint64_t at = r->at + begin_of(r, row);
	int code;

	if ((code = spillfile_get(f, at, out, n, e)) < 0)
		return code;
	if ((uint32_t)hash64(out, n) != r->v[row].hash)
		return spillfile_other(at, e);
	return 0;
}

/* SPDX-License-Identifier: ISC */
/* fetch_room: what a fetch may take, its scratch arrays, and the chunks that its spans borrow. */
#include "fetch_i.h"

#include <stdlib.h>

int
fetch_may(const struct fetch *f, size_t n, size_t size, struct err *e)
{
	if (f->arena.used <= f->max_bytes && n <= (f->max_bytes - f->arena.used) / size)
		return 0;
	return err_set(e, ERR_NOMEM, -1, "the spans asked for at once take more than %zu bytes",
	    f->max_bytes);
}

int
fetch_pin(struct fetch *f, const struct chunk *c, struct err *e)
{
	if (vec_push(&f->pins, c))
		return 0;
	chunk_put(c);
	return err_nomem(e);
}

bool
fetch_grow(void *array, size_t n, size_t size)
{
	void *p = realloc(*(void **)array, n * size);

	if (p != NULL)
		*(void **)array = p;
	return p != NULL;
}

int
fetch_room(struct fetch *f, size_t n, struct err *e)
{
	if (n <= f->room)
		return 0;
	if (n < FETCH_GROUP)
		n = FETCH_GROUP;
	if (!fetch_grow(&f->sel, n, sizeof *f->sel) || !fetch_grow(&f->ord, n, sizeof *f->ord) ||
	    !fetch_grow(&f->count, n, sizeof *f->count) || !fetch_grow(&f->val, n, sizeof *f->val) ||
	    !fetch_grow(&f->str, n, sizeof *f->str) || !fetch_grow(&f->lists, n, sizeof *f->lists))
		return err_nomem(e);
	f->room = n;
	return 0;
}

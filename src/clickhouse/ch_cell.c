/* SPDX-License-Identifier: ISC */
/* ch_cell: see ch_cell_i.h. */
#include "ch_cell_i.h"

#include "base/utf8.h"

static int
next_piece(void *arg, struct sv *out, struct err *e)
{
	return ch_read(arg, out, e);
}

int
ch_rows_of(struct ch_reply *r, struct ch_rows **out, struct err *e)
{
	return ch_rows_open(next_piece, r, out, e);
}

int
cell_text(struct arena *a, struct sv s, struct sv *out, struct err *e)
{
	char *p;

	if (utf8_valid(s)) {
		*out = arena_sv(a, s);
		return s.n != 0 && out->p == NULL ? err_nomem(e) : 0;
	}
	p = arena_alloc(a, UTF8_REPAIR_MAX * s.n);
	if (p == NULL)
		return err_nomem(e);
	*out = sv_new(p, utf8_repair(p, s));
	return 0;
}

uint64_t
cell_time(const struct ch_type *t, struct cursor *c)
{
	int64_t ticks = (int64_t)cursor_u64(c);
	uint64_t ns;

	if (ticks <= 0)
		return 0;
	ns = (uint64_t)ticks;
	for (uint32_t i = t->scale; i < 9; i++)
		if (__builtin_mul_overflow(ns, 10u, &ns))
			return INT64_MAX;
	return ns > INT64_MAX ? INT64_MAX : ns;
}

bool
cell_is_hex(struct sv s, size_t n)
{
	for (size_t i = 0; i < s.n; i++)
		if (!((s.p[i] >= '0' && s.p[i] <= '9') || (s.p[i] >= 'a' && s.p[i] <= 'f')))
			return false;
	return s.n == n;
}

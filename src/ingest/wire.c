/* SPDX-License-Identifier: ISC */
/* wire: see wire_i.h. */
#include "wire_i.h"

#include "base/varint.h"

static bool
malformed(struct wire *w, const char *why)
{
	w->why = why;
	return false;
}

static inline bool
varint(struct wire *w, uint64_t *out)
{
	size_t n;

	if (w->p < w->end && *w->p < 0x80) {
		*out = *w->p++;
		return true;
	}
	if ((n = varint_decode(w->p, w->end, out)) == 0)
		return malformed(w, "a varint without an end");
	w->p += n;
	return true;
}

static bool
fixed(struct wire *w, size_t n, uint64_t *out)
{
	uint64_t v = 0;

	if ((size_t)(w->end - w->p) < n)
		return malformed(w, "a number past the end");
	for (size_t i = 0; i < n; i++)
		v |= (uint64_t)w->p[i] << (8 * i);
	w->p += n;
	*out = v;
	return true;
}

static bool
bytes(struct wire *w, struct sv *out)
{
	uint64_t n;

	if (!varint(w, &n))
		return false;
	if (n > (uint64_t)(w->end - w->p))
		return malformed(w, "a length past the end");
	*out = sv_new(w->p, (size_t)n);
	w->p += n;
	return true;
}

bool
wire_next(struct wire *w, struct wire_field *f)
{
	uint64_t tag;

	if (w->why != NULL || w->p == w->end || !varint(w, &tag))
		return false;
	if (tag >> 3 == 0 || tag > UINT32_MAX)
		return malformed(w, "an impossible field number");
	f->num = (uint32_t)(tag >> 3);
	f->type = (enum wire_type)(tag & 7);
	switch (f->type) {
	case WIRE_VARINT:
		return varint(w, &f->u);
	case WIRE_FIXED64:
		return fixed(w, 8, &f->u);
	case WIRE_BYTES:
		return bytes(w, &f->s);
	case WIRE_FIXED32:
		return fixed(w, 4, &f->u);
	default:
		return malformed(w, "a group or an unknown wire type");
	}
}

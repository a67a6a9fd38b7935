/* SPDX-License-Identifier: ISC */
/*
 * otlp_proto_i: what the parts of the OTLP protobuf parser share: otlp_proto.c knows the messages,
 * otlp_proto_value.c attributes and their values.
 */
#ifndef INGEST_OTLP_PROTO_I_H
#define INGEST_OTLP_PROTO_I_H

#include "maker_i.h"
#include "wire_i.h"

struct otlp_proto {
	struct maker m;
	struct sv body;
};

static inline size_t
offset(const struct otlp_proto *o, const struct wire *w)
{
	return (size_t)((const char *)w->p - o->body.p);
}

/* The same for any other message: costs the span, if this is one's. */
static inline void
check_inner(struct otlp_proto *o, const struct wire *w, const char *what)
{
	if (w->why != NULL)
		maker_complain(&o->m, "byte %zu: %s in %s", offset(o, w), w->why, what);
}

static inline bool
is(struct otlp_proto *o, const struct wire_field *f, enum wire_type type)
{
	if (f->type == type)
		return true;
	o->m.repaired = true;
	return false;
}

/* Want of memory shows in m.nomem. */
static inline void
text(struct otlp_proto *o, const struct wire_field *f, struct sv *out)
{
	if (is(o, f, WIRE_BYTES))
		(void)maker_text(&o->m, f->s, out);
}

static inline void
number(struct otlp_proto *o, const struct wire_field *f, enum wire_type type, uint64_t *out)
{
	if (is(o, f, type))
		*out = f->u;
}

/* Numbers too large for 32 bits lose their upper half, as protobuf has it. */
static inline void
number32(struct otlp_proto *o, const struct wire_field *f, enum wire_type type, uint32_t *out)
{
	if (is(o, f, type))
		*out = (uint32_t)f->u;
}

/* The attribute in the field, into the list that began at mark; strangers are skipped. */
bool otlp_proto_attribute(struct otlp_proto *, const struct wire_field *, size_t mark);

#endif

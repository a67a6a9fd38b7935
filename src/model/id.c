/* SPDX-License-Identifier: ISC */
/* id: see model/id.h. */
#include "model/id.h"

/* Value of a hex digit, or 16 and more for anything else. */
static unsigned
digit(char c)
{
	unsigned d = (unsigned char)c;

	if (d - '0' <= 9)
		return d - '0';
	d |= 0x20;
	return d - 'a' <= 5 ? d - 'a' + 10 : 16;
}

/* At most 16 digits; none is 0. */
static bool
parse_u64(struct sv s, uint64_t *out)
{
	uint64_t v = 0;
	unsigned bad = 0;

	for (size_t i = 0; i < s.n; i++) {
		unsigned d = digit(s.p[i]);

		bad |= d;
		v = v << 4 | (d & 15);
	}
	*out = v;
	return (bad & 16) == 0;
}

bool
trace_id_parse(struct sv s, struct trace_id *out)
{
	struct trace_id id;
	size_t hi = s.n > 16 ? s.n - 16 : 0;

	if (s.n == 0 || s.n > 32 || !parse_u64(sv_sub(s, 0, hi), &id.hi) ||
	    !parse_u64(sv_sub(s, hi, s.n), &id.lo))
		return false;
	*out = id;
	return true;
}

bool
span_id_parse(struct sv s, uint64_t *out)
{
	uint64_t v;

	if (s.n == 0 || s.n > 16 || !parse_u64(s, &v))
		return false;
	*out = v;
	return true;
}

uint64_t
span_id_from_bytes(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, 8);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	v = __builtin_bswap64(v);
#endif
	return v;
}

void
span_id_to_bytes(uint64_t v, uint8_t *p)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	v = __builtin_bswap64(v);
#endif
	memcpy(p, &v, 8);
}

struct trace_id
trace_id_from_bytes(const uint8_t *p)
{
	return (struct trace_id){ span_id_from_bytes(p), span_id_from_bytes(p + 8) };
}

void
trace_id_to_bytes(struct trace_id id, uint8_t *p)
{
	span_id_to_bytes(id.hi, p);
	span_id_to_bytes(id.lo, p + 8);
}

void
trace_id_print(struct buf *b, struct trace_id id)
{
	buf_hex64(b, id.hi);
	buf_hex64(b, id.lo);
}

void
span_id_print(struct buf *b, uint64_t id)
{
	buf_hex64(b, id);
}

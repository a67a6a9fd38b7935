/* SPDX-License-Identifier: ISC */
/* stamp: times and ids as text, which every row has: the day's text is kept from row to row. */
#include "render/render.h"

#include "hex_i.h"
#include "model/when.h"

static bool
day_text(struct day_cache *c, uint64_t day)
{
	struct buf b = BUF_INIT;
	bool ok;

	when_print_day(&b, day * NS_PER_DAY);
	if ((ok = !b.oom && b.n == sizeof c->text - 1)) {
		memcpy(c->text, b.p, b.n);
		c->text[b.n] = 'T';
		c->day = day;
	}
	c->valid = ok;
	buf_release(&b);
	return ok;
}

void
put_time(struct buf *b, struct day_cache *c, uint64_t ns)
{
	uint64_t day = ns / NS_PER_DAY;
	uint32_t s, frac;
	char *p;

	if ((!c->valid || c->day != day) && !day_text(c, day)) {
		when_print(b, ns);
		return;
	}
	if (!buf_reserve(b, 30))
		return;
	p = b->p + b->n;
	s = (uint32_t)(ns % NS_PER_DAY / NS_PER_S);
	frac = (uint32_t)(ns % NS_PER_S);
	memcpy(p, c->text, 11);
	digit_pair(p + 11, s / 3600);
	p[13] = ':';
	digit_pair(p + 14, s / 60 % 60);
	p[16] = ':';
	digit_pair(p + 17, s % 60);
	p[19] = '.';
	digit_pair(p + 20, frac / 10000000);
	digit_pair(p + 22, frac / 100000 % 100);
	digit_pair(p + 24, frac / 1000 % 100);
	digit_pair(p + 26, frac / 10 % 100);
	p[28] = (char)('0' + frac % 10);
	p[29] = 'Z';
	b->n += 30;
}

void
put_span_id(struct buf *b, uint64_t id)
{
	if (!buf_reserve(b, 16))
		return;
	hex16(b->p + b->n, id);
	b->n += 16;
}

void
put_trace_id(struct buf *b, struct trace_id id)
{
	if (!buf_reserve(b, 32))
		return;
	hex16(b->p + b->n, id.hi);
	hex16(b->p + b->n + 16, id.lo);
	b->n += 32;
}

void
put_ids(struct buf *b, const struct span *s)
{
	BUF_LIT(b, "{\"trace_id\":\"");
	put_trace_id(b, s->trace_id);
	BUF_LIT(b, "\",\"span_id\":\"");
	put_span_id(b, s->span_id);
	buf_putc(b, '"');
}

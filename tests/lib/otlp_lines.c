/* SPDX-License-Identifier: ISC */
/* otlp_lines: see otlp_lines.h. */
#include "lib/otlp_lines.h"

#include "base/hash.h"

#define START_NS UINT64_C(1795168800000000000)	/* 2026-11-20T10:00Z */
#define STEP_NS UINT64_C(37000000000)

static void
span(struct buf *b, const struct otlp_lines *o, uint32_t i)
{
	uint32_t id = o->same_ids ? 0 : i, per = o->per_trace == 0 ? 5 : o->per_trace;
	uint64_t start = (o->start_ns == 0 ? START_NS : o->start_ns) +
	    id * (o->step_ns == 0 ? STEP_NS : o->step_ns), r = hash_u64(id + 1);

	buf_printf(b, "{\"traceId\":\"%016llx%08x%08x\",\"spanId\":\"%08x%08x\",",
	    (unsigned long long)hash_u64(id / per), o->set + 1, id / per, o->set + 1, id);
	if (id % per != 0)
		buf_printf(b, "\"parentSpanId\":\"%08x%08x\",", o->set + 1, id / per * per);
	buf_printf(b, "\"name\":\"op %u\",\"kind\":%u,\"startTimeUnixNano\":\"%llu\","
	    "\"endTimeUnixNano\":\"%llu\",", (unsigned)(r % 7), (unsigned)(r % 6),
	    (unsigned long long)start, (unsigned long long)(start + r % 1000000000));
	buf_printf(b, "\"attributes\":[{\"key\":\"content\",\"value\":{\"intValue\":\"%u\"}},"
	    "{\"key\":\"route\",\"value\":{\"stringValue\":\"/r/%u\"}},"
	    "{\"key\":\"unique\",\"value\":{\"stringValue\":\"u%llx\"}},"
	    "{\"key\":\"load\",\"value\":{\"doubleValue\":%u.5}},"
	    "{\"key\":\"hot\",\"value\":{\"boolValue\":%s}}]",
	    o->content + (o->same_ids ? i : 0), (unsigned)(r % 11), (unsigned long long)r,
	    (unsigned)(r % 13), r % 3 == 0 ? "true" : "false");
	if (r % 5 == 0)
		buf_printf(b, ",\"events\":[{\"timeUnixNano\":\"%llu\",\"name\":\"ev %u\","
		    "\"attributes\":[{\"key\":\"e\",\"value\":{\"stringValue\":\"x\"}}]}]",
		    (unsigned long long)(start + 5), (unsigned)(r % 3));
	buf_printf(b, ",\"status\":{%s}}", r % 17 == 0 ? "\"code\":2,\"message\":\"bad\"" : "");
}

void
otlp_lines(struct buf *b, const struct otlp_lines *o)
{
	uint32_t per_line = o->per_line == 0 ? 8 : o->per_line;

	for (uint32_t i = o->from; i < o->to; i += per_line) {
		unsigned service = o->same_ids ? 0 : i / per_line % 3;

		buf_printf(b, "{\"resourceSpans\":[{\"resource\":{\"attributes\":["
		    "{\"key\":\"service.name\",\"value\":{\"stringValue\":\"svc-%u\"}},"
		    "{\"key\":\"host.name\",\"value\":{\"stringValue\":\"host-%u\"}}]},"
		    "\"scopeSpans\":[{\"scope\":{\"name\":\"lib-%u\",\"version\":\"1.%u\"},"
		    "\"spans\":[", service, service * 2, service, service);
		for (uint32_t k = i; k < i + per_line && k < o->to; k++) {
			if (k != i)
				buf_putc(b, ',');
			span(b, o, k);
		}
		BUF_LIT(b, "]}]}]}\n");
	}
}

static int64_t
read_text(void *arg, void *out, size_t n, struct err *e)
{
	struct text_source *s = arg;
	size_t left = s->text.n - s->at;

	if (s->fail_at != 0 && s->at >= s->fail_at)
		return err_set(e, ERR_IO, -1, "read: the disk is gone");
	if (s->fail_at != 0 && left > s->fail_at - s->at)
		left = s->fail_at - s->at;
	if (n > left)
		n = left;
	if (s->chunk != 0 && n > s->chunk)
		n = s->chunk;
	if (n > 0)
		memcpy(out, s->text.p + s->at, n);
	s->at += n;
	return (int64_t)n;
}

struct source_bytes
text_source(struct text_source *s)
{
	return (struct source_bytes){ read_text, s };
}

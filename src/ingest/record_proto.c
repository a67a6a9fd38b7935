/* SPDX-License-Identifier: ISC */
/*
 * record_proto: protobuf requests: one to the end of the input, or many behind lengths: four
 * bytes, big-endian, then the request or a zstd frame of one (which may be JSON), or a varint.
 */
#include "record_reader_i.h"

#include <stdlib.h>

#include "base/varint.h"

int
record_proto_next(struct record_reader *r, struct record *out, struct ingest_result *result,
    struct err *err)
{
	if (r->line > 0)
		return record_cut_end(r, err);
	r->line = 1;
	stream_fill(r->top, r->max_record + 1);
	if (stream_left(r->top) <= r->max_record)
		return record_cut_emit(r, RECORD_PROTO, stream_left(r->top), 1, out, err);
	stream_discard(r->top, UINT64_MAX);
	record_cut_oversize(r, result, 1, r->top->off);
	return record_cut_end(r, err);
}

static int
cut_short(struct record_reader *r, struct err *err)
{
	if (r->top->failed)
		return record_cut_end(r, err);
	r->ended = true;
	return err_set(err, ERR_CORRUPT, -1, "record %llu is cut short",
	    (unsigned long long)r->line);
}

/* The zstd frame of n bytes at hand: 0 with a record, 1 if it can't be unpacked. */
static int
unpack_frame(struct record_reader *r, size_t n, struct record *out,
    struct ingest_result *result, struct err *err)
{
	struct err why;
	struct sv body;
	char *p;
	size_t len;
	int e;

	e = unpack_zstd_block(sv_new(stream_at(r->top), n), r->max_record, &p, &len, &why);
	if (e == ERR_NOMEM)
		return err_nomem(err);
	stream_skip(r->top, n);
	if (e == ERR_TOOBIG)
		result->n_oversize++;
	if (e < 0) {
		record_cut_report(result, r->line, "%s", why.msg);
		return 1;
	}
	body = sv_new(p, len);
	*out = (struct record){ RECORD_PROTO, p, len, r->line };
	if (detect_space(body) < len && p[detect_space(body)] == '{')
		out->form = RECORD_JSON;
	return 0;
}

static bool
length(struct stream *s, uint64_t *n)
{
	const uint8_t *p;

	if (!stream_fill(s, 4))
		return false;
	p = (const uint8_t *)stream_at(s);
	*n = (uint64_t)p[0] << 24 | (uint64_t)p[1] << 16 | (uint64_t)p[2] << 8 | p[3];
	stream_skip(s, 4);
	return true;
}

static bool
varint_length(struct stream *s, uint64_t *n)
{
	const uint8_t *p;
	size_t k;

	stream_fill(s, VARINT_MAX);
	p = (const uint8_t *)stream_at(s);
	if ((k = varint_decode(p, p + stream_left(s), n)) == 0)
		return false;
	stream_skip(s, k);
	return true;
}

int
record_framed_next(struct record_reader *r, struct record *out, struct ingest_result *result,
    struct err *err)
{
	struct stream *s = r->top;
	int e;

	while (stream_fill(s, 1)) {
		uint64_t n = 0;

		r->line++;
		if (r->kind == INPUT_DELIMITED_PROTO ? !varint_length(s, &n) : !length(s, &n))
			return cut_short(r, err);
		if (n == 0)
			continue;
		if (n > r->max_record) {
			record_cut_oversize(r, result, r->line, n);
			if (!stream_discard(s, n))
				return cut_short(r, err);
			continue;
		}
		if (!stream_fill(s, n))
			return cut_short(r, err);
		if (r->kind != INPUT_FRAMED_ZSTD)
			return record_cut_emit(r, RECORD_PROTO, n, r->line, out, err);
		if ((e = unpack_frame(r, n, out, result, err)) <= 0)
			return e;
	}
	return record_cut_end(r, err);
}

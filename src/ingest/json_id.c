/* SPDX-License-Identifier: ISC */
/*
 * json_id: ids and enumerations as the many writers of JSON put them. The strict form of an id
 * is hex of its full length; taken besides, and counted as a repair, are a 0x before it, dashes
 * in it (a UUID) and base64 of the bytes, as stock protobuf printers write it.
 */
#include "base/base64.h"
#include "otlp_json_i.h"

#define SHOWN(s) ((s).n < 24 ? (int)(s).n : 24), (s).n ? (s).p : ""

/* The hex digits of an id of `bytes` bytes, shorter ones only if padded. */
static bool
hex_id(struct sv s, size_t bytes, bool padded, struct trace_id *out)
{
	if (s.n == 0 || s.n > 2 * bytes || (s.n < 2 * bytes && !padded))
		return false;
	*out = (struct trace_id){ 0, 0 };
	return bytes == 16 ? trace_id_parse(s, out) : span_id_parse(s, &out->lo);
}

/* The same without 0x and dashes; false too if there were none. */
static bool
dressed_id(struct sv s, size_t bytes, bool padded, struct trace_id *out)
{
	char digits[32];
	size_t n = 0;
	struct sv bare = s;

	if (sv_starts(s, SV("0x")) || sv_starts(s, SV("0X")))
		bare = sv_sub(s, 2, s.n);
	for (size_t i = 0; i < bare.n; i++) {
		if (bare.p[i] == '-')
			continue;
		if (n == sizeof digits)
			return false;
		digits[n++] = bare.p[i];
	}
	return n != s.n && hex_id(sv_new(digits, n), bytes, padded, out);
}

static bool
base64_id(struct sv s, size_t bytes, struct trace_id *out)
{
	uint8_t raw[24];

	if (s.n > 24 || base64_decode(s, raw) != (int64_t)bytes)
		return false;
	*out = bytes == 16 ? trace_id_from_bytes(raw) :
	    (struct trace_id){ 0, span_id_from_bytes(raw) };
	return true;
}

/* *out stays for null and "", and with a complaint for what is no id. */
static bool
read_id(struct otlp_json *o, const char *what, size_t bytes, bool padded, struct trace_id *out)
{
	struct json_scalar t;

	if (!json_scalar(&o->j, &t))
		return false;
	if (t.type == JSON_NULL || (t.type == JSON_STRING && t.s.n == 0))
		return true;
	if (t.type != JSON_STRING)
		maker_complain(&o->m, "%s is not a string", what);
	else if (hex_id(t.s, bytes, padded, out))
		return true;
	else if (dressed_id(t.s, bytes, padded, out) ||
	    (!padded && base64_id(t.s, bytes, out)))
		o->m.repaired = true;
	else if (t.s.n == 2 * bytes || (padded && t.s.n < 2 * bytes))
		maker_complain(&o->m, "%s '%.*s' is not hexadecimal", what, SHOWN(t.s));
	else
		maker_complain(&o->m, "%s has %zu characters and not %zu", what, t.s.n,
		    2 * bytes);
	return true;
}

bool
json_trace_id(struct otlp_json *o, const char *what, bool padded, struct trace_id *out)
{
	*out = (struct trace_id){ 0, 0 };
	return read_id(o, what, 16, padded, out);
}

bool
json_span_id(struct otlp_json *o, const char *what, bool padded, uint64_t *out)
{
	struct trace_id id = { 0, 0 };

	*out = 0;
	if (!read_id(o, what, 8, padded, &id))
		return false;
	*out = id.lo;
	return true;
}

bool
json_id_text(struct sv s, struct trace_id *trace, uint64_t *span)
{
	struct trace_id id;

	if (trace != NULL)
		return hex_id(s, 16, true, trace) || dressed_id(s, 16, true, trace);
	if (!hex_id(s, 8, true, &id) && !dressed_id(s, 8, true, &id))
		return false;
	*span = id.lo;
	return true;
}

/* The word in lower case without what stands before it: a type and a dot, or `prefix`. */
static struct sv
bare_word(struct sv s, struct sv prefix, char *buf, size_t size)
{
	int64_t dot = sv_chr(s, '.');

	if (dot >= 0)
		s = sv_sub(s, (size_t)dot + 1, s.n);
	if (s.n >= size + prefix.n)
		return SV_EMPTY;
	for (size_t i = 0; i < s.n; i++)
		buf[i] = s.p[i] >= 'A' && s.p[i] <= 'Z' ? (char)(s.p[i] | 0x20) : s.p[i];
	s = sv_new(buf, s.n);
	return sv_starts(s, prefix) ? sv_sub(s, prefix.n, s.n) : s;
}

bool
json_kind_word(struct sv s, int32_t *out)
{
	char buf[40];

	return span_kind_parse(bare_word(s, SV("span_kind_"), buf, 24), out);
}

bool
json_status_word(struct sv s, int32_t *out)
{
	char buf[40];

	return span_status_parse(bare_word(s, SV("status_code_"), buf, 24), out);
}

/* SPDX-License-Identifier: ISC */
/*
 * ch_body: head and body of an answer, as curl hands them over. A body that is compressed waits in
 * `packed`, at most PACKED_AHEAD of it, and is unpacked into `body` as far as there is room.
 */
#include <stdlib.h>
#include <strings.h>

#include "ch_i.h"

#define PACKED_AHEAD (64u << 10)

size_t
on_body(char *p, size_t size, size_t n, void *arg)
{
	struct ch_reply *r = arg;
	struct buf *to = r->fault ? &r->words : r->encoding == CH_PACK_NONE ? &r->body : &r->packed;

	n *= size;
	if (r->fault) {
		/* Of an error's text, the beginning is enough. */
		size_t room = to->n < ANSWER_KEPT ? ANSWER_KEPT - to->n : 0;

		buf_put(to, p, n < room ? n : room);
		return to->oom ? 0 : n;
	}
	if (to == &r->packed ? to->n - r->taken + n > PACKED_AHEAD :
	    to->n - r->from + n > ANSWER_AHEAD + ANSWER_KEPT) {
		r->paused = true;
		return CURL_WRITEFUNC_PAUSE;
	}
	atomic_fetch_add(&r->client->received, n);
	buf_put(to, p, n);
	return to->oom ? 0 : n;
}

static bool
header_is(struct sv line, const char *name, struct sv *value)
{
	size_t n = strlen(name);

	if (line.n <= n || line.p[n] != ':' || strncasecmp(line.p, name, n) != 0)
		return false;
	*value = sv_sub(line, n + 1, line.n);
	while (value->n != 0 && value->p[0] == ' ')
		*value = sv_sub(*value, 1, value->n);
	return true;
}

/* "name":"123" */
static uint64_t
summary_figure(struct sv json, const char *quoted)
{
	int64_t at = sv_find(json, sv_cstr(quoted));
	uint64_t v = 0;
	size_t i;

	if (at < 0)
		return 0;
	for (i = (size_t)at + strlen(quoted); i < json.n && (json.p[i] == ':' || json.p[i] == '"'); i++)
		;
	for (; i < json.n && json.p[i] >= '0' && json.p[i] <= '9' && v < UINT64_MAX / 10 - 1; i++)
		v = 10 * v + (uint64_t)(json.p[i] - '0');
	return v;
}

static bool
same_word(struct sv v, const char *word)
{
	return v.n == strlen(word) && strncasecmp(v.p, word, v.n) == 0;
}

/* What is not known, or is one in another, is told once it is known that it is no error's text. */
static void
take_encoding(struct ch_reply *r, struct sv v)
{
	enum ch_packing p = CH_PACK_NONE;

	if (same_word(v, "gzip") || same_word(v, "x-gzip"))
		p = CH_PACK_GZIP;
	else if (same_word(v, "zstd"))
		p = CH_PACK_ZSTD;
	else if (v.n == 0 || same_word(v, "identity"))
		return;
	r->strange = r->strange || p == CH_PACK_NONE || r->encoding != CH_PACK_NONE;
	r->encoding = p;
}

static void
take_header(struct ch_reply *r, struct sv line)
{
	struct sv v;
	uint64_t code;

	if (header_is(line, "X-ClickHouse-Exception-Code", &v)) {
		if (sv_u64(v, &code) && code < 100000)
			r->outcome.code = (int)code;
		r->fault = true;
	} else if (header_is(line, "X-ClickHouse-Exception-Tag", &v)) {
		if (v.n < sizeof r->tag && sv_chr(v, '\0') < 0) {
			memcpy(r->tag, v.p, v.n);
			r->tag[v.n] = '\0';
		}
	} else if (header_is(line, "X-ClickHouse-Summary", &v)) {
		r->outcome.read_rows = summary_figure(v, "\"read_rows\"");
		r->outcome.read_bytes = summary_figure(v, "\"read_bytes\"");
		r->outcome.elapsed_ns = summary_figure(v, "\"elapsed_ns\"");
	} else if (header_is(line, "Content-Encoding", &v)) {
		if (!r->head)	/* not behind the body */
			take_encoding(r, v);
	} else if (header_is(line, "Content-Length", &v) || header_is(line, "Transfer-Encoding", &v)) {
		r->length = true;
	}
}

size_t
on_header(char *p, size_t size, size_t n, void *arg)
{
	struct ch_reply *r = arg;
	struct sv line = sv_new(p, n * size);
	uint64_t status;

	while (line.n != 0 && (line.p[line.n - 1] == '\n' || line.p[line.n - 1] == '\r'))
		line.n--;
	if (sv_starts(line, SV("HTTP/"))) {
		/* A further head: that of 100 Continue counts for nothing. */
		r->length = r->strange = false;
		r->encoding = CH_PACK_NONE;
		if (!sv_u64(sv_sub(line, 9, 12), &status))
			status = 0;
		r->outcome.status = (int)status;
		r->fault = status != 200;
	} else if (line.n == 0) {
		r->head = r->outcome.status >= 200;
	} else {
		take_header(r, line);
	}
	return n * size;
}

bool
body_waits(const struct ch_reply *r)
{
	return r->encoding != CH_PACK_NONE && (r->taken < r->packed.n || (r->unpack != NULL && ch_unpack_holds(r->unpack)));
}

int
body_unpack(struct ch_reply *r, struct err *e)
{
	struct sv in = sv_sub(buf_view(&r->packed), r->taken, r->packed.n);
	int rc = 0;

	if (r->unpack == NULL)
		rc = ch_unpack_new(r->encoding, &r->unpack, e);
	if (rc == 0)
		rc = ch_unpack(r->unpack, &in, &r->body, ANSWER_AHEAD + ANSWER_KEPT - (r->body.n - r->from), e);
	r->taken = r->packed.n - in.n;
	if (in.n == 0)
		r->taken = r->packed.n = 0;
	return rc;
}

int
body_check(const struct ch_reply *r, struct err *e)
{
	if (r->fault)
		return 0;
	if (r->strange)
		return err_set(e, ERR_IO, -1, "ClickHouse's answer has a Content-Encoding that it was not asked for");
	if (r->whole && r->result == CURLE_OK && r->unpack != NULL && !ch_unpack_whole(r->unpack))
		return err_set(e, ERR_IO, -1, "ClickHouse's answer broke off: it ends within its %s",
		    ch_packing_name(r->encoding));
	return 0;
}

/* It may be cut, for it was kept up to a bound; a text that is none of the encoding stays as it is. */
void
body_words(struct ch_reply *r)
{
	struct sv in = buf_view(&r->words);
	struct buf plain = BUF_INIT;
	struct ch_unpack *u = NULL;
	int rc;

	if (r->encoding == CH_PACK_NONE || r->strange || in.n == 0 || ch_unpack_new(r->encoding, &u, NULL) < 0)
		return;
	rc = ch_unpack(u, &in, &plain, ANSWER_KEPT, NULL);
	ch_unpack_free(u);
	if (rc < 0 && plain.n == 0) {
		buf_release(&plain);
		return;
	}
	buf_release(&r->words);
	r->words = plain;
}

void
body_clear(struct ch_reply *r)
{
	r->body.n = r->from = r->given = r->words.n = r->packed.n = r->taken = 0;
	r->encoding = CH_PACK_NONE;
	r->strange = false;
	ch_unpack_free(r->unpack);
	r->unpack = NULL;
}

/* SPDX-License-Identifier: ISC */
/* unpack: see unpack_i.h. */
#include "unpack_i.h"

#include <lzma.h>
#include <stdlib.h>
#include <zlib.h>
#include <zstd.h>

#include "base/limits.h"

#define FRAME_START 5	/* bytes of a zstd frame that say how long its header is */

/* What xz needs beside its window. */
#define XZ_BESIDE ((uint64_t)1 << 20)

struct unpack {
	struct stream *in;
	const char *name;
	int64_t (*read)(void *, void *, size_t, struct err *);
	z_stream z;
	lzma_stream x;
	ZSTD_DCtx *d;
	size_t hint;		/* zstd: how much to give next */
	bool between;		/* members or frames: here the input may end */
	bool done, damaged;	/* gzip; done: xz too */
	lzma_ret broken;	/* xz: LZMA_OK: not */
};

static int
corrupt(struct unpack *u, struct err *err, const char *why)
{
	return err_set(err, ERR_CORRUPT, (int64_t)u->in->off, "%s data: %s",
	    u->name, why);
}

static int
cut_short(struct unpack *u, struct err *err)
{
	if (u->in->failed) {
		*err = u->in->err;
		return u->in->failed;
	}
	return corrupt(u, err, "the input ends in the middle");
}

static unsigned
clip(size_t n)
{
	return n > (1u << 30) ? 1u << 30 : (unsigned)n;
}

/*
 * After a member: another one, or the end. Zeros after the last are padding (tape blocks),
 * as gzip itself takes them.
 */
static int
next_member(struct unpack *u, struct err *err)
{
	while (stream_fill(u->in, 1) && stream_at(u->in)[0] == '\0')
		stream_skip(u->in, 1);
	if (!stream_fill(u->in, 1)) {
		u->done = true;
		return u->in->failed ? cut_short(u, err) : 0;
	}
	if (!stream_fill(u->in, 2) || memcmp(stream_at(u->in), "\x1f\x8b", 2) != 0)
		return corrupt(u, err, "something else follows it");
	return inflateReset(&u->z) == Z_OK ? 0 : err_nomem(err);
}

/* One call of inflate; the bytes it made. */
static int64_t
inflate_some(struct unpack *u, void *buf, size_t n, struct err *err)
{
	size_t left;
	int r;

	if (u->damaged)
		return corrupt(u, err, u->z.msg != NULL ? u->z.msg : "damaged");
	if (!stream_fill(u->in, 1))
		return cut_short(u, err);
	left = stream_left(u->in);
	u->z.next_in = (Bytef *)(uintptr_t)stream_at(u->in);
	u->z.avail_in = clip(left);
	u->z.next_out = buf;
	u->z.avail_out = clip(n);
	r = inflate(&u->z, Z_NO_FLUSH);
	stream_skip(u->in, clip(left) - u->z.avail_in);
	if (r == Z_MEM_ERROR)
		return err_nomem(err);
	u->between = r == Z_STREAM_END;
	u->damaged = r < 0;	/* told when what was made before it has gone out */
	return (int64_t)(clip(n) - u->z.avail_out);
}

static int64_t
read_gzip(void *arg, void *buf, size_t n, struct err *err)
{
	struct unpack *u = arg;
	int64_t got = 0;
	int r;

	while (got == 0 && !u->done) {
		if (u->between) {
			u->between = false;
			if ((r = next_member(u, err)) < 0)
				return r;
			continue;
		}
		got = inflate_some(u, buf, n, err);
	}
	return got;
}

/*
 * Gives ZSTD_decompressStream a block at a time: when a block or its header is damaged it
 * keeps silent about the earlier ones of the same call. What it asks for is a block and the
 * 3 bytes of the next one's header. Bytes may come without any going in.
 */
static int64_t
read_zstd(void *arg, void *buf, size_t n, struct err *err)
{
	struct unpack *u = arg;
	ZSTD_outBuffer out = { buf, n, 0 };

	while (out.pos == 0) {
		bool more = stream_fill(u->in, 1);
		size_t left = stream_left(u->in), r;
		ZSTD_inBuffer in = { more ? stream_at(u->in) : NULL,
		    left < u->hint ? left : u->hint, 0 };

		if (!more && u->between)
			return u->in->failed ? cut_short(u, err) : 0;
		r = ZSTD_decompressStream(u->d, &out, &in);
		if (ZSTD_isError(r))
			return corrupt(u, err, ZSTD_getErrorName(r));
		stream_skip(u->in, in.pos);
		u->between = r == 0;
		u->hint = r == 0 ? FRAME_START : r > 3 ? r - 3 : r;
		if (!more && out.pos == 0 && !u->between)
			return cut_short(u, err);
	}
	return (int64_t)out.pos;
}

static const char *
xz_why(lzma_ret r)
{
	switch (r) {
	case LZMA_MEMLIMIT_ERROR:
		return "its window is too large";
	case LZMA_OPTIONS_ERROR:
		return "options that are not supported";
	case LZMA_FORMAT_ERROR:
		return "something else follows it";
	case LZMA_BUF_ERROR:
		return "the input ends in the middle";
	default:
		return "damaged";
	}
}

/* Damage is told when what was made before it has gone out. */
static int64_t
read_xz(void *arg, void *buf, size_t n, struct err *err)
{
	struct unpack *u = arg;

	u->x.next_out = buf;
	u->x.avail_out = n;
	while (u->x.avail_out == n && !u->done && u->broken == LZMA_OK) {
		bool more = stream_fill(u->in, 1);
		size_t left = stream_left(u->in);
		lzma_ret r;

		if (!more && u->in->failed)
			return cut_short(u, err);
		u->x.next_in = more ? (const uint8_t *)stream_at(u->in) : NULL;
		u->x.avail_in = left;
		r = lzma_code(&u->x, more ? LZMA_RUN : LZMA_FINISH);
		stream_skip(u->in, left - u->x.avail_in);
		if (r == LZMA_MEM_ERROR)
			return err_nomem(err);
		u->done = r == LZMA_STREAM_END;
		if (r == LZMA_OK || u->done)
			continue;
		u->broken = r;
		break;
	}
	if (u->x.avail_out == n && u->broken != LZMA_OK)
		return corrupt(u, err, xz_why(u->broken));
	return (int64_t)(n - u->x.avail_out);
}

int
unpack_gzip(struct stream *in, struct unpack **out, struct err *err)
{
	struct unpack *u = calloc(1, sizeof *u);

	if (u == NULL)
		return err_nomem(err);
	u->in = in;
	u->name = "gzip";
	u->read = read_gzip;
	if (inflateInit2(&u->z, 16 + 15) != Z_OK) {	/* gzip, the largest window */
		free(u);
		return err_nomem(err);
	}
	*out = u;
	return 0;
}

static ZSTD_DCtx *
new_dctx(void)
{
	ZSTD_DCtx *d = ZSTD_createDCtx();

	if (d != NULL)
		ZSTD_DCtx_setParameter(d, ZSTD_d_windowLogMax, LIMIT_ZSTD_WINDOW_LOG);
	return d;
}

int
unpack_zstd(struct stream *in, struct unpack **out, struct err *err)
{
	struct unpack *u = calloc(1, sizeof *u);

	if (u == NULL)
		return err_nomem(err);
	u->in = in;
	u->name = "zstd";
	u->read = read_zstd;
	u->between = true;
	u->hint = FRAME_START;
	if ((u->d = new_dctx()) == NULL) {
		free(u);
		return err_nomem(err);
	}
	*out = u;
	return 0;
}

int
unpack_xz(struct stream *in, struct unpack **out, struct err *err)
{
	struct unpack *u = calloc(1, sizeof *u);

	if (u == NULL)
		return err_nomem(err);
	u->in = in;
	u->name = "xz";
	u->read = read_xz;
	u->x = (lzma_stream)LZMA_STREAM_INIT;
	if (lzma_stream_decoder(&u->x, ((uint64_t)1 << LIMIT_ZSTD_WINDOW_LOG) + XZ_BESIDE,
	    LZMA_CONCATENATED) != LZMA_OK) {
		free(u);
		return err_nomem(err);
	}
	*out = u;
	return 0;
}

void
unpack_close(struct unpack *u)
{
	if (u == NULL)
		return;
	if (u->read == read_gzip)
		inflateEnd(&u->z);
	if (u->read == read_xz)
		lzma_end(&u->x);
	ZSTD_freeDCtx(u->d);
	free(u);
}

struct source_bytes
unpack_source(struct unpack *u)
{
	return (struct source_bytes){ u->read, u };
}

/* Room for more in a block of at most max + 1 bytes, so that one too many shows. */
static int
grow(char **p, size_t *cap, size_t max, struct err *err)
{
	size_t n = *cap < 4096 ? 4096 : *cap * 2;
	char *q;

	if (n > max + 1)
		n = max + 1;
	if ((q = realloc(*p, n)) == NULL)
		return err_nomem(err);
	*p = q;
	*cap = n;
	return 0;
}

static int
zstd_block(ZSTD_DCtx *d, struct sv s, size_t max, char **p, size_t *n, struct err *err)
{
	ZSTD_inBuffer in = { s.p, s.n, 0 };
	size_t cap = 0, r = 1;
	int e;

	*n = 0;
	while (in.pos < in.size || r != 0) {
		ZSTD_outBuffer out;
		size_t before = in.pos;

		if (*n == cap && (e = grow(p, &cap, max, err)) < 0)
			return e;
		out = (ZSTD_outBuffer){ *p, cap, *n };
		r = ZSTD_decompressStream(d, &out, &in);
		if (ZSTD_isError(r))
			return err_set(err, ERR_CORRUPT, (int64_t)in.pos, "zstd data: %s",
			    ZSTD_getErrorName(r));
		if (out.pos > max)
			return err_set(err, ERR_TOOBIG, -1, "unpacked, it is over "
			    "[ingest] max_request, %zu bytes", max);
		if (out.pos == *n && in.pos == before && in.pos == in.size && r != 0)
			return err_set(err, ERR_CORRUPT, (int64_t)in.pos,
			    "zstd data: the input ends in the middle");
		*n = out.pos;
	}
	return 0;
}

int
unpack_zstd_block(struct sv s, size_t max, char **out, size_t *n, struct err *err)
{
	ZSTD_DCtx *d = new_dctx();
	char *p = NULL;
	size_t len;
	int r;

	if (d == NULL)
		return err_nomem(err);
	r = zstd_block(d, s, max, &p, &len, err);
	ZSTD_freeDCtx(d);
	if (r < 0) {
		free(p);
		return r;
	}
	*out = p;
	*n = len;
	return 0;
}

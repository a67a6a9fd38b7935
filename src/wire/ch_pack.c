/* SPDX-License-Identifier: ISC */
/* ch_pack: see wire/ch_pack.h. */
#include "wire/ch_pack.h"

#include <limits.h>
#include <stdlib.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#define LEVEL_ZSTD 1
#define LEVEL_GZIP 1
#define GZIP_WINDOW (15 + 16)	/* the largest one, with gzip's head */
#define ZSTD_WINDOW_LOG 23	/* 8 MiB: what decoders of HTTP must take, and need not go beyond */
#define UNPACK_STEP (128u << 10)

const char *
ch_packing_name(enum ch_packing p)
{
	static const char *const names[] = { NULL, "gzip", "zstd" };

	return names[p];
}

static int
pack_zstd(struct sv in, struct buf *out, struct err *e)
{
	size_t bound = ZSTD_compressBound(in.n), n;

	if (!buf_reserve(out, bound))
		return err_nomem(e);
	n = ZSTD_compress(out->p + out->n, bound, in.p, in.n, LEVEL_ZSTD);
	if (ZSTD_isError(n))
		return err_set(e, ERR_NOMEM, -1, "zstd: %s", ZSTD_getErrorName(n));
	out->n += n;
	return 0;
}

static int
pack_gzip(struct sv in, struct buf *out, struct err *e)
{
	z_stream z = { 0 };
	size_t bound;
	int rc;

	if (in.n > UINT_MAX)
		return err_set(e, ERR_TOOBIG, -1, "gzip: %zu bytes at once", in.n);
	if (deflateInit2(&z, LEVEL_GZIP, Z_DEFLATED, GZIP_WINDOW, 8, Z_DEFAULT_STRATEGY) != Z_OK)
		return err_nomem(e);
	bound = deflateBound(&z, in.n);
	if (bound > UINT_MAX || !buf_reserve(out, bound)) {
		deflateEnd(&z);
		return err_nomem(e);
	}
	z.next_in = (Bytef *)(uintptr_t)in.p;
	z.avail_in = (uInt)in.n;
	z.next_out = (Bytef *)out->p + out->n;
	z.avail_out = (uInt)bound;
	rc = deflate(&z, Z_FINISH);
	out->n += bound - z.avail_out;
	deflateEnd(&z);
	return rc == Z_STREAM_END ? 0 : err_set(e, ERR_NOMEM, -1, "gzip: error %d", rc);
}

int
ch_pack(enum ch_packing p, struct sv in, struct buf *out, struct err *e)
{
	switch (p) {
	case CH_PACK_GZIP:
		return pack_gzip(in, out, e);
	case CH_PACK_ZSTD:
		return pack_zstd(in, out, e);
	default:
		buf_sv(out, in);
		return buf_ok(out, e);
	}
}

/* ---- unpacking ---- */

struct ch_unpack {
	enum ch_packing packing;
	ZSTD_DCtx *zstd;
	z_stream gzip;
	bool begun;		/* with zlib */
	bool whole, holds;
};

int
ch_unpack_new(enum ch_packing p, struct ch_unpack **out, struct err *e)
{
	struct ch_unpack *u = calloc(1, sizeof *u);
	bool ok;

	if (u == NULL)
		return err_nomem(e);
	u->packing = p;
	u->whole = true;
	if (p == CH_PACK_ZSTD) {
		u->zstd = ZSTD_createDCtx();
		ok = u->zstd != NULL && !ZSTD_isError(ZSTD_DCtx_setParameter(u->zstd, ZSTD_d_windowLogMax,
		    ZSTD_WINDOW_LOG));
	} else {
		ok = u->begun = inflateInit2(&u->gzip, GZIP_WINDOW) == Z_OK;
	}
	if (!ok) {
		ch_unpack_free(u);
		return err_nomem(e);
	}
	*out = u;
	return 0;
}

void
ch_unpack_free(struct ch_unpack *u)
{
	if (u == NULL)
		return;
	ZSTD_freeDCtx(u->zstd);
	if (u->begun)
		inflateEnd(&u->gzip);
	free(u);
}

bool
ch_unpack_holds(const struct ch_unpack *u)
{
	return u->holds;
}

bool
ch_unpack_whole(const struct ch_unpack *u)
{
	return u->whole && !u->holds;
}

/* Some of it into the room that is there: how many bytes came. */
static int
step_zstd(struct ch_unpack *u, struct sv *in, char *to, size_t room, size_t *n, struct err *e)
{
	ZSTD_inBuffer from = { in->p, in->n, 0 };
	ZSTD_outBuffer out = { to, room, 0 };
	size_t rc = ZSTD_decompressStream(u->zstd, &out, &from);

	if (ZSTD_getErrorCode(rc) == ZSTD_error_memory_allocation)
		return err_nomem(e);
	if (ZSTD_isError(rc))
		return err_set(e, ERR_IO, -1, "ClickHouse's answer can't be unpacked: zstd: %s", ZSTD_getErrorName(rc));
	*in = sv_sub(*in, from.pos, in->n);
	*n = out.pos;
	u->whole = rc == 0;
	u->holds = rc != 0 && out.pos == room;
	return 0;
}

static int
step_gzip(struct ch_unpack *u, struct sv *in, char *to, size_t room, size_t *n, struct err *e)
{
	z_stream *z = &u->gzip;
	size_t had = in->n < UINT_MAX ? in->n : UINT_MAX;
	int rc;

	/* Behind a member another may begin. */
	if (u->whole && inflateReset(z) != Z_OK)
		return err_nomem(e);
	z->next_in = (Bytef *)(uintptr_t)in->p;
	z->avail_in = (uInt)had;
	z->next_out = (Bytef *)to;
	z->avail_out = (uInt)room;
	rc = inflate(z, Z_NO_FLUSH);
	if (rc == Z_MEM_ERROR)
		return err_nomem(e);
	/* Of no bytes none come. */
	if (rc != Z_OK && rc != Z_STREAM_END && (rc != Z_BUF_ERROR || in->n != 0))
		return err_set(e, ERR_IO, -1, "ClickHouse's answer can't be unpacked: gzip: %s",
		    z->msg != NULL ? z->msg : "no such stream");
	*in = sv_sub(*in, had - z->avail_in, in->n);
	*n = room - z->avail_out;
	u->whole = rc == Z_STREAM_END;
	u->holds = !u->whole && z->avail_out == 0;
	return 0;
}

int
ch_unpack(struct ch_unpack *u, struct sv *in, struct buf *out, size_t most, struct err *e)
{
	int rc = 0;

	while (rc == 0 && most != 0 && (in->n != 0 || u->holds)) {
		size_t room = most < UNPACK_STEP ? most : UNPACK_STEP, n = 0;

		if (!buf_reserve(out, room))
			return err_nomem(e);
		rc = u->packing == CH_PACK_ZSTD ? step_zstd(u, in, out->p + out->n, room, &n, e) :
		    step_gzip(u, in, out->p + out->n, room, &n, e);
		out->n += n;
		most -= n;
	}
	return rc;
}

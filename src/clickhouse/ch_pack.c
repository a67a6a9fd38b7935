/* SPDX-License-Identifier: ISC */
/* ch_pack: see clickhouse/ch_pack.h. */
#include "clickhouse/ch_pack.h"

#include <limits.h>
#include <zlib.h>
#include <zstd.h>

#define LEVEL_ZSTD 1
#define LEVEL_GZIP 1
#define GZIP_WINDOW (15 + 16)	/* the largest one, with gzip's head */

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

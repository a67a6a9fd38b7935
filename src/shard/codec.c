/* SPDX-License-Identifier: ISC */
/*
 * codec: zstd for sections. Each thread keeps one compression and one decompression context,
 * freed when it ends: making them costs more than a small section does.
 */
#include "shard/codec.h"

#include <pthread.h>
#include <stdlib.h>
#include <zstd.h>

#include "base/limits.h"

#define TOO_SMALL 48	/* bytes: a frame's head and a checksum leave nothing to gain */

struct contexts {
	ZSTD_CCtx *c;
	ZSTD_DCtx *d;
};

static pthread_key_t key;
static bool key_made;

static void
contexts_free(void *arg)
{
	struct contexts *x = arg;

	ZSTD_freeCCtx(x->c);
	ZSTD_freeDCtx(x->d);
	free(x);
}

static void
make_key(void)
{
	key_made = pthread_key_create(&key, contexts_free) == 0;
}

/* This thread's contexts, or NULL. */
static struct contexts *
contexts_get(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct contexts *x;

	pthread_once(&once, make_key);
	if (!key_made)
		return NULL;
	if ((x = pthread_getspecific(key)) != NULL)
		return x;
	if ((x = calloc(1, sizeof *x)) == NULL)
		return NULL;
	if (pthread_setspecific(key, x) != 0) {
		free(x);
		return NULL;
	}
	return x;
}

int
codec_frame(struct buf *out, struct sv raw, int level, struct err *e)
{
	struct contexts *x = contexts_get();
	size_t bound = ZSTD_compressBound(raw.n), n;

	if (x == NULL || (x->c == NULL && (x->c = ZSTD_createCCtx()) == NULL) ||
	    !buf_reserve(out, bound))
		return err_nomem(e);
	n = ZSTD_compressCCtx(x->c, out->p + out->n, bound, raw.p, raw.n, level);
	if (ZSTD_isError(n))
		return err_set(e, ERR_NOMEM, -1, "zstd: %s", ZSTD_getErrorName(n));
	out->n += n;
	return 0;
}

int
codec_compress(struct buf *out, struct sv raw, int level, enum section_codec *codec,
    struct err *e)
{
	size_t start = out->n;
	int rc;

	if (level > 0 && raw.n >= TOO_SMALL) {
		if ((rc = codec_frame(out, raw, level, e)) != 0)
			return rc;
		if (out->n - start <= raw.n - raw.n / 8) {
			*codec = CODEC_ZSTD;
			return 0;
		}
		out->n = start;
	}
	buf_sv(out, raw);
	if ((rc = buf_ok(out, e)) != 0)
		return rc;
	*codec = CODEC_NONE;
	return 0;
}

static int
decompress_zstd(struct sv stored, void *out, size_t raw_bytes, struct err *e)
{
	struct contexts *x = contexts_get();
	size_t n;

	if (x == NULL || (x->d == NULL && (x->d = ZSTD_createDCtx()) == NULL))
		return err_nomem(e);
	n = ZSTD_decompressDCtx(x->d, out, raw_bytes, stored.p, stored.n);
	if (ZSTD_isError(n))
		return err_set(e, ERR_CORRUPT, 0, "zstd: %s", ZSTD_getErrorName(n));
	if (n != raw_bytes)
		return err_set(e, ERR_CORRUPT, 0, "%zu bytes after decompression, not %zu", n,
		    raw_bytes);
	return 0;
}

int
codec_decompress(int codec, struct sv stored, void *out, size_t raw_bytes, struct err *e)
{
	if (raw_bytes > LIMIT_SECTION_BYTES)
		return err_set(e, ERR_CORRUPT, 0, "section of %zu bytes", raw_bytes);
	if (codec == CODEC_ZSTD)
		return decompress_zstd(stored, out, raw_bytes, e);
	if (codec != CODEC_NONE)
		return err_set(e, ERR_CORRUPT, 0, "unknown codec %d", codec);
	if (stored.n != raw_bytes)
		return err_set(e, ERR_CORRUPT, 0, "%zu bytes stored, not %zu", stored.n, raw_bytes);
	if (raw_bytes != 0)
		memcpy(out, stored.p, raw_bytes);
	return 0;
}

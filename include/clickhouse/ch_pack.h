/* SPDX-License-Identifier: ISC */
/* ch_pack: bodies of requests, compressed. */
#ifndef CLICKHOUSE_CH_PACK_H
#define CLICKHOUSE_CH_PACK_H

#include "base/buf.h"
#include "base/err.h"

enum ch_packing { CH_PACK_NONE, CH_PACK_GZIP, CH_PACK_ZSTD };	/* in the order of [clickhouse] compression */

/* The Content-Encoding; NULL of CH_PACK_NONE. */
const char *ch_packing_name(enum ch_packing);
/* Appends the compressed bytes. */
int ch_pack(enum ch_packing, struct sv, struct buf *, struct err *) WARN_UNUSED;

#endif

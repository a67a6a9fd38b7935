/* SPDX-License-Identifier: ISC */
/*
 * value_i: what stands in Redis. Its name there is the prefix and 32 hex digits of a MAC of the key,
 * so that Redis learns nothing of queries by names. The value, numbers little-endian:
 *
 *    0  8  magic "SPANFSRV"
 *    8  4  version, 1
 *   12  4  codec: 0 as it is, 1 zstd
 *   16  8  bytes of the content
 *   24  8  bytes of the key
 *   32 16  the MAC of the key of which its name is made
 *   48     the content, compressed
 *      32  HMAC-SHA256 of all before, under HMAC-SHA256(secret, "spanfs value" NUL key)
 *
 * Nothing of it is looked at but its length before the MAC was compared, in constant time: so what
 * is decompressed, and how much that gives, a program with the secret has written. It is bounded by
 * the length all the same.
 */
#ifndef REDIS_VALUE_I_H
#define REDIS_VALUE_I_H

#include "base/buf.h"

#define VALUE_HEADER_BYTES 48
#define VALUE_MAC_BYTES 32
#define VALUE_EXTRA_BYTES (VALUE_HEADER_BYTES + VALUE_MAC_BYTES)	/* most beside the content */
#define VALUE_NAME_BYTES 16

struct value_keys {
	const unsigned char *secret;	/* REDIS_SECRET_BYTES */
	struct sv key;
};

/* Appends prefix and digits. */
int value_name(const struct value_keys *, struct sv prefix, struct buf *, struct err *) WARN_UNUSED;
/* Appends the value. */
int value_seal(const struct value_keys *, struct sv content, struct buf *, struct err *) WARN_UNUSED;
/* Appends the content, of `max` bytes at most. ERR_CORRUPT: it isn't what was sealed for this key. */
int value_open(const struct value_keys *, struct sv stored, size_t max, struct buf *, struct err *)
    WARN_UNUSED;

/* ---- redis_mac.c ---- */

#define MAC_BYTES 32
/* HMAC-SHA256; false: out of memory. */
bool mac_make(const void *key, size_t key_n, struct sv bytes, unsigned char out[MAC_BYTES]);
/* In a time that doesn't tell where they differ. */
bool mac_same(const void *, const void *, size_t n);

#endif

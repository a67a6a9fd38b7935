/* SPDX-License-Identifier: ISC */
/*
 * redis_mac: the keyed checksum of values. libcrypto's, which TLS brings along: it uses the
 * processor's own SHA where there is one.
 */
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "value_i.h"

bool
mac_make(const void *key, size_t key_n, struct sv bytes, unsigned char out[MAC_BYTES])
{
	unsigned n = MAC_BYTES;

	return HMAC(EVP_sha256(), key, (int)key_n, (const unsigned char *)(bytes.n == 0 ? "" :
	    bytes.p), bytes.n, out, &n) != NULL && n == MAC_BYTES;
}

bool
mac_same(const void *a, const void *b, size_t n)
{
	return CRYPTO_memcmp(a, b, n) == 0;
}

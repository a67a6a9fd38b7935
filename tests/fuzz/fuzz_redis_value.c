/* SPDX-License-Identifier: ISC */
/*
 * fuzz_redis_value: bytes as a value from Redis: nothing is opened that was not sealed. Then the
 * same with its checksum made right, as of a program that has the secret and a fault: what is opened
 * has the length that it says. The first byte is the length of the key, which follows it. The corpus
 * has no right checksum: one could be kept by accident, and be no finding.
 */
#include <stdlib.h>
#include <string.h>

#include "redis/redis.h"
#include "redis/value_i.h"

#define MAX 65536

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static const unsigned char secret[REDIS_SECRET_BYTES] = "thirty-two bytes of some secret";

static bool
seal_right(const struct value_keys *k, char *v, size_t n)
{
	unsigned char own[MAC_BYTES];
	struct buf b = BUF_INIT;
	bool ok;

	BUF_LIT(&b, "spanfs value");
	buf_putc(&b, '\0');
	buf_sv(&b, k->key);
	ok = !b.oom && mac_make(secret, sizeof secret, buf_view(&b), own) && mac_make(own,
	    sizeof own, sv_new(v, n - MAC_BYTES), (unsigned char *)v + n - MAC_BYTES);
	buf_release(&b);
	return ok;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct value_keys k = { secret, SV_EMPTY };
	struct buf out = BUF_INIT;
	size_t key = n == 0 ? 0 : data[0];
	char *v;

	if (n < 1 + key)
		return 0;
	k.key = sv_new(data + 1, key);
	n -= 1 + key;
	/* Of this size, so that reading past it is seen. */
	if ((v = malloc(n + (n == 0))) == NULL)
		return 0;
	memcpy(v, data + 1 + key, n);
	if (value_open(&k, sv_new(v, n), MAX, &out, NULL) == 0)
		abort();
	if (n >= VALUE_MAC_BYTES && seal_right(&k, v, n)) {
		uint64_t says = 0;

		if (n >= VALUE_EXTRA_BYTES)
			memcpy(&says, v + 16, 8);
		if (value_open(&k, sv_new(v, n), MAX, &out, NULL) == 0 &&
		    (n < VALUE_EXTRA_BYTES || says != out.n || says > MAX))
			abort();
	}
	free(v);
	buf_release(&out);
	return 0;
}

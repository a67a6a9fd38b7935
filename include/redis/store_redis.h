/* SPDX-License-Identifier: ISC */
/*
 * store_redis: the Redis of a store, as [redis] has it. Its keys begin with the prefix and which
 * store it is, and what stands there is sealed under the store's secret (catalog/identity.h): so two
 * stores never meet, and a Redis can't make up an answer. A store without an identity has none.
 */
#ifndef REDIS_STORE_REDIS_H
#define REDIS_STORE_REDIS_H

#include "base/file.h"
#include "conf/conf.h"
#include "redis/redis.h"

/* ERR_SYNTAX, ERR_ACCESS, ERR_UNKNOWN...: url or password_file are wrong; where, and why. */
int store_redis_new(const struct conf *, struct fsys *store, struct redis **, struct err *)
    WARN_UNUSED;
/* Other settings; after a failure the old ones stay in force. */
int store_redis_set(struct redis *, const struct conf *, struct fsys *store, struct err *)
    WARN_UNUSED;

/* ---- what a result is, as it is kept there ---- */

struct shared_result {
	uint64_t n_rows, n_shown, n_unpriced;
	struct sv note, bytes;
};

void shared_result_pack(struct buf *, const struct shared_result *);
/* Borrows from the text. False: it is none. */
bool shared_result_unpack(struct sv, struct shared_result *);

#endif

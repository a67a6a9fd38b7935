/* SPDX-License-Identifier: ISC */
/*
 * user_store: a store of one shard an hour whose spans belong to users, each of which is in one
 * hour only; and, if wanted, shards with all that keeps a look-up from concluding: keys of
 * several types or of resources, no indexes, a rest column. Failures end the test.
 *
 * Attributes, where `kinds` is set in the shards named:
 *   user   all         "u-<hour>-<0 to 39>"; "everybody" in the first span of each shard
 *   host   0           "h-<0 to 39>"; in 1 the resource has "h-res"
 *   mixed  0 "7"; 1 "7" and 7; 2 the number 7; 3 an array of "7"
 *   only   2           "x" and "y"
 *   event.note 0, link.peer 1: "e-<0 to 39>"
 * Shard 3 has no indexes, shard 4 a rest column.
 */
#ifndef TESTS_USER_STORE_H
#define TESTS_USER_STORE_H

#include "store_rig.h"

#define USER_STORE_SPANS 120	/* of a shard, three of each user */
#define USER_STORE_USERS 40
#define USER_STORE_HOUR UINT64_C(1795176000000000000)	/* 2026-11-20T12:00Z: that of shard 0 */

void user_store_init(struct store_rig *, unsigned hours, bool kinds);

#endif

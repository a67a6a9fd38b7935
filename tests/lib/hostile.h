/* SPDX-License-Identifier: ISC */
/*
 * hostile: values that would do harm where a text is put into a statement: quotes, backslashes, NUL,
 * bytes that are not UTF-8, SQL, braces of parameters, and of URLs. The same seed gives the same values.
 */
#ifndef TESTS_HOSTILE_H
#define TESTS_HOSTILE_H

#include "base/buf.h"

/* In [0, below); *seed, which is not 0, moves on. */
uint64_t hostile_random(uint64_t *seed, uint64_t below);
/* Appends a value, perhaps nothing. */
void hostile_value(uint64_t *seed, struct buf *);

#endif

/* SPDX-License-Identifier: ISC */
/*
 * fault_malloc: makes the n-th allocation of our own code fail, once or from then on.
 *
 * A program that uses it is linked with
 *   -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=strdup,--wrap=asprintf
 * so that calls in our objects come here; what libc and other libraries allocate inside does
 * not. Works with the sanitizers. Without the flags the program does not link.
 *
 * Counting is for the whole process, all threads. What has begun while it was off is not
 * touched: freeing is never wrapped.
 */
#ifndef TESTS_FAULT_MALLOC_H
#define TESTS_FAULT_MALLOC_H

#include <stdbool.h>
#include <stdint.h>

/* From here on: the nth (from 1) fails, with `persist` all later ones too; 0: none, only count. */
void fault_malloc_start(uint64_t nth, bool persist);
/* No more failures. Returns how many allocations were asked for since the start. */
uint64_t fault_malloc_stop(void);

#endif

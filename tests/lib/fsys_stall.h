/* SPDX-License-Identifier: ISC */
/*
 * fsys_stall: an fsys that passes calls on to another and, while it is told to, lets the reads
 * and opens of chosen files stand still, as a disk does that has gone away. What a thread that
 * stands there holds, all others wait for: so tests see which locks are held over a read.
 */
#ifndef TESTS_FSYS_STALL_H
#define TESTS_FSYS_STALL_H

#include "base/file.h"

/* `below` stays the caller's; its handles must be plain (file_real's or fsys_mem's). NULL when out of memory. */
struct fsys *fsys_stall(struct fsys *below);
/* From now on calls stand still for files whose path holds `part`, but for the first n_free. */
void fsys_stall_set(struct fsys *, const char *part, unsigned n_free);
/* Waits until a call stands still; how many do. */
unsigned fsys_stall_wait(struct fsys *);
/* Those that stand still now. */
unsigned fsys_stall_now(struct fsys *);
/* They go on, and none stands still any more. */
void fsys_stall_end(struct fsys *);

#endif

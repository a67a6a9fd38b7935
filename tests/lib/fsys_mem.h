/* SPDX-License-Identifier: ISC */
/*
 * fsys_mem: an fsys in memory with a crash model, for tests. After a crash
 *
 *   - of a file, what was synced is there; the bytes after that are lost, kept, cut in the
 *     middle, or there but garbage (the size was written before the data);
 *   - of a directory, each change since its last sync_dir (a name made, a name removed, a
 *     rename within it) happened or did not, each on its own, whatever their order was.
 *     Syncing a file says nothing of its name. A rename between directories is two changes.
 *
 * Every combination is a crash state, numbered from 0; state 0 has lost everything that
 * can be lost. Thread-safe. Memory is given back at fsys_free only.
 */
#ifndef TESTS_FSYS_MEM_H
#define TESTS_FSYS_MEM_H

#include "base/buf.h"
#include "base/file.h"

/* An empty root; NULL when out of memory. */
struct fsys *fsys_mem(void);
/* How many crash states there are now; UINT64_MAX if too many to number. */
uint64_t fsys_mem_crash_states(struct fsys *);
/*
 * The disk after a crash, a new fsys; the old one stays as it is. `state` below the number of
 * states; if that is UINT64_MAX any number is a seed (0 still: all lost, 1: all kept).
 */
struct fsys *fsys_mem_crash(struct fsys *, uint64_t state);
/* A copy where everything is kept and synced: the disk when only the process died. */
struct fsys *fsys_mem_copy(struct fsys *);

/* The bytes of a file, or {NULL, 0}; valid until it changes. */
struct sv fsys_mem_get(struct fsys *, const char *path);
/* Sets (or makes) a file, synced with its name; its directories are made. False: no memory. */
bool fsys_mem_put(struct fsys *, const char *path, struct sv data);
/* Handles not yet closed. */
size_t fsys_mem_open_handles(struct fsys *);
/* "path size\n" of every file, names in byte order, for comparisons. */
void fsys_mem_print(struct fsys *, struct buf *);

#endif

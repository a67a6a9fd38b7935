/* SPDX-License-Identifier: ISC */
/* ask: paths that are generated, and asked of an engine as a mount asks, and as spanctl does. */
#ifndef TESTS_ASK_H
#define TESTS_ASK_H

#include "engine/engine_i.h"
#include "lib/store_rig.h"

/* Everything that a result gives, perhaps from a cache; the error that it ends with. */
int ask_kept(struct engine *, const char *path, struct buf *out);
/* The same; *held: the result, to be given back, or NULL. */
int ask_result(struct engine *, const char *path, struct buf *out, struct result **held);
/* Of a result that somebody has, who gives it back. */
int ask_read(struct result *, struct buf *out);
/* From no cache of results. */
int ask_anew(struct engine *, const char *path, struct buf *out);

/* n texts with a NUL after each: half of them in some hours of the rig's only. */
void ask_paths_make(struct engine *, const struct store_rig *, unsigned hours, struct buf *paths,
    size_t n);
void ask_paths_release(struct buf *paths, size_t n);

#endif

/* SPDX-License-Identifier: ISC */
/*
 * span_rows: spans for tests of formats, and rendering in one call. Values are made in an
 * arena that the caller owns; everything lives as long as it. A failed allocation aborts.
 */
#ifndef TESTS_SPAN_ROWS_H
#define TESTS_SPAN_ROWS_H

#include "format/format.h"

struct value val_str(const char *);
struct value val_int(int64_t);
struct value val_double(double);
struct value val_bool(bool);
struct value val_bytes(struct sv);
struct value val_empty(void);
struct value val_array(struct arena *, const struct value *, size_t n);
/* Keys must come in byte order. */
struct value val_map(struct arena *, const struct attr *, size_t n);
/* Attributes from key, value, key, value, ... NULL; in byte order of the keys. */
struct attrs attrs_of(struct arena *, ...);
struct resource *resource_of(struct arena *, const char *service);

/*
 * A span with only what must be: trace 1, the id, resource `service` (NULL: an empty
 * resource), an empty scope, start 2026-11-20T14:00:00.123456789Z, 1234567 ns, "work".
 */
struct span *span_min(struct arena *, uint64_t id, const char *service);
/* A span with something in every place. */
struct span *span_full(struct arena *);
#define SPAN_START 1795183200123456789ull

/* A formatter's whole output as a C string from malloc; fails the test on an error. */
char *render_spans(const char *file, const struct format_options *, struct span *const *,
    size_t n, size_t per_batch);
char *render_batches(const char *file, const struct format_options *, const struct batch *,
    size_t n);
/* Options with these fields selected, comma-separated. */
struct format_options select_of(struct arena *, const char *fields);

#endif

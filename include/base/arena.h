/* SPDX-License-Identifier: ISC */
/*
 * arena: memory that lives and dies with one request. Allocation is a pointer bump; nothing
 * is freed singly. Results are 16-byte aligned (8 for arena_dup of strings is not promised).
 * Not thread-safe. All allocating calls return NULL when memory runs out.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "base/sv.h"

struct arena_block;

struct arena {
	struct arena_block *head;	/* the block in use */
	char *p, *end;			/* free part of it */
	size_t used;			/* bytes handed out, rounded */
	size_t block_bytes;		/* of the next block */
};

void arena_init(struct arena *);
void arena_release(struct arena *);
/* Forgets everything, keeps the largest block for reuse. */
void arena_reset(struct arena *);
/* So many bytes will be asked for in small pieces: they come from one block. False: no memory. */
bool arena_expect(struct arena *, size_t n);
void *arena_alloc(struct arena *, size_t n);
/* Zeroed array; NULL also if count * size overflows. */
void *arena_calloc(struct arena *, size_t count, size_t size);
/* A copy of the bytes; .p == NULL on failure unless s.n == 0. */
struct sv arena_sv(struct arena *, struct sv s);
char *arena_cstr(struct arena *, struct sv s);
char *arena_printf(struct arena *, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* Bytes held from malloc. */
size_t arena_footprint(const struct arena *);

#define arena_new(a, type) ((type *)arena_calloc((a), 1, sizeof(type)))
#define arena_array(a, n, type) ((type *)arena_calloc((a), (n), sizeof(type)))

#endif

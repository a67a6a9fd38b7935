/* SPDX-License-Identifier: ISC */
/* arena: see base/arena.h. Blocks double from 4 KiB to 1 MiB; larger requests get their own. */
#include "base/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"

#define ALIGN 16
#define FIRST_BLOCK 4096
#define LAST_BLOCK (1 << 20)

struct arena_block {
	struct arena_block *next;
	size_t cap;
};

#define BLOCK_HEAD ((sizeof(struct arena_block) + ALIGN - 1) / ALIGN * ALIGN)

void
arena_init(struct arena *a)
{
	*a = (struct arena){ .block_bytes = FIRST_BLOCK };
}

void
arena_release(struct arena *a)
{
	struct arena_block *b, *next;

	for (b = a->head; b != NULL; b = next) {
		next = b->next;
		free(b);
	}
	arena_init(a);
}

void
arena_reset(struct arena *a)
{
	struct arena_block *keep = NULL, *b, *next;

	for (b = a->head; b != NULL; b = next) {
		next = b->next;
		if (keep == NULL || b->cap > keep->cap) {
			free(keep);
			keep = b;
		} else
			free(b);
	}
	a->head = keep;
	a->used = 0;
	a->p = a->end = NULL;
	if (keep != NULL) {
		keep->next = NULL;
		a->p = (char *)keep + BLOCK_HEAD;
		a->end = a->p + keep->cap;
	}
}

static bool
add_block(struct arena *a, size_t need, void *(*get)(size_t))
{
	size_t cap = a->block_bytes > need ? a->block_bytes : need;
	struct arena_block *b;

	if (cap > SIZE_MAX - BLOCK_HEAD || (b = get(BLOCK_HEAD + cap)) == NULL)
		return false;
	b->cap = cap;
	b->next = a->head;
	a->head = b;
	a->p = (char *)b + BLOCK_HEAD;
	a->end = a->p + cap;
	if (a->block_bytes < LAST_BLOCK)
		a->block_bytes *= 2;
	return true;
}

bool
arena_expect(struct arena *a, size_t n)
{
	n += ALIGN;
	return (size_t)(a->end - a->p) >= n || add_block(a, n, memory_large);
}

void *
arena_alloc(struct arena *a, size_t n)
{
	void *p;

	if (n > SIZE_MAX - ALIGN)
		return NULL;
	n = (n + ALIGN - 1) / ALIGN * ALIGN;
	if (n == 0)
		n = ALIGN;
	if (a->block_bytes == 0)
		a->block_bytes = FIRST_BLOCK;
	if ((size_t)(a->end - a->p) < n && !add_block(a, n, malloc))
		return NULL;
	p = a->p;
	a->p += n;
	a->used += n;
	return p;
}

void *
arena_calloc(struct arena *a, size_t count, size_t size)
{
	size_t n;
	void *p;

	if (__builtin_mul_overflow(count, size, &n))
		return NULL;
	p = arena_alloc(a, n);
	if (p != NULL)
		memset(p, 0, n);
	return p;
}

/* Strings need no alignment, so they are packed: the next aligned allocation rounds up. */
static char *
alloc_bytes(struct arena *a, size_t n)
{
	char *p;

	if ((size_t)(a->end - a->p) < n + ALIGN)
		return arena_alloc(a, n);
	p = a->p;
	a->p += (n + 7) / 8 * 8;
	a->used += (n + 7) / 8 * 8;
	if ((uintptr_t)a->p % ALIGN != 0) {
		a->p += 8;
		a->used += 8;
	}
	return p;
}

struct sv
arena_sv(struct arena *a, struct sv s)
{
	char *p;

	if (s.n == 0)
		return sv_new("", 0);
	if ((p = alloc_bytes(a, s.n)) == NULL)
		return SV_EMPTY;
	memcpy(p, s.p, s.n);
	return sv_new(p, s.n);
}

char *
arena_cstr(struct arena *a, struct sv s)
{
	char *p = alloc_bytes(a, s.n + 1);

	if (p == NULL)
		return NULL;
	if (s.n != 0)
		memcpy(p, s.p, s.n);
	p[s.n] = '\0';
	return p;
}

char *
arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap;
	char *p;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0 || (p = alloc_bytes(a, (size_t)n + 1)) == NULL)
		return NULL;
	va_start(ap, fmt);
	vsnprintf(p, (size_t)n + 1, fmt, ap);
	va_end(ap);
	return p;
}

size_t
arena_footprint(const struct arena *a)
{
	size_t n = 0;

	for (const struct arena_block *b = a->head; b != NULL; b = b->next)
		n += b->cap + BLOCK_HEAD;
	return n;
}

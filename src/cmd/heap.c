/* SPDX-License-Identifier: ISC */
/*
 * heap: a process that answers one query and ends would spend a third of its time on memory
 * that it sees for the first time: the kernel clears page after page, and takes away again
 * what malloc unmaps. So all of it comes from one heap, which keeps what is freed for what
 * follows, and whose first HUGE_BYTES are asked for as large pages. Reserving them costs
 * nothing; only what is touched is taken.
 *
 * With several heaps, as glibc has for threads, what one frees the other can't use.
 */
#include "heap.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

#define HUGE_BYTES (256 << 20)
#define STEP_BYTES (4 << 20)		/* further growth */
#define SEPARATE_BYTES (32 << 20)	/* from here on a block is mapped by itself */

#ifdef __GLIBC__
/* Makes the heap grow by HUGE_BYTES and asks for large pages in what is new. */
static void
grow(void)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *from, *to;
	void *volatile p;	/* not to be left out */

	from = sbrk(0);
	p = malloc(STEP_BYTES);
	free(p);
	to = sbrk(0);
	if (p == NULL || to <= from)
		return;
	from += (page - (size_t)from % page) % page;
	(void)madvise(from, (size_t)(to - from), MADV_HUGEPAGE);
}

void
heap_for_one_query(void)
{
	(void)mallopt(M_ARENA_MAX, 1);
	(void)mallopt(M_MMAP_THRESHOLD, SEPARATE_BYTES);
	(void)mallopt(M_TRIM_THRESHOLD, 1 << 30);
	(void)mallopt(M_TOP_PAD, HUGE_BYTES);
	grow();
	(void)mallopt(M_TOP_PAD, STEP_BYTES);
}
#else
void
heap_for_one_query(void)
{
}
#endif

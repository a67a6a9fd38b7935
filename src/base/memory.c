/* SPDX-License-Identifier: ISC */
/* memory: see base/memory.h. Where malloc is not glibc's, only what the kernel says is known. */
#include "base/memory.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

/*
 * Setting the threshold of mapped blocks stops glibc from adapting its trim threshold, too. At its
 * default of 128 KiB every larger answer gave its pages back and faulted them in anew: 7.5 MB
 * through a mount took 81 ms instead of 9, 57 KB .73 instead of .35. So both are set, and what is
 * kept in between goes with memory_give_back.
 */
#define HEAPS 4				/* that all threads share; no more than processors */
#define SEPARATE_BYTES (32 << 20)	/* the most that glibc adapts to */
#define KEPT_BYTES (256 << 20)		/* free bytes at the top of a heap */
#define LARGE_PAGE ((size_t)2 << 20)	/* of x86-64, and of others with pages of 4 KiB */
#define LARGE_BYTES ((size_t)3 << 20)	/* from here on the last page is not much of it all */

void
memory_few_heaps(void)
{
#ifdef __GLIBC__
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	/* What one heap has free another can't use, and warm pages of one are fresh ones of the next. */
	(void)mallopt(M_ARENA_MAX, cpus > 0 && cpus < HEAPS ? (int)cpus : HEAPS);
	(void)mallopt(M_MMAP_THRESHOLD, SEPARATE_BYTES);
	(void)mallopt(M_TRIM_THRESHOLD, KEPT_BYTES);
#endif
}

void *
memory_large(size_t n)
{
	void *p;

	if (n < LARGE_BYTES || n > SIZE_MAX - LARGE_PAGE)
		return malloc(n);
	n = (n + LARGE_PAGE - 1) / LARGE_PAGE * LARGE_PAGE;
	if ((p = aligned_alloc(LARGE_PAGE, n)) != NULL)
		(void)madvise(p, n, MADV_HUGEPAGE);
	return p;
}

void
memory_give_back(void)
{
#ifdef __GLIBC__
	(void)malloc_trim(0);
#endif
}

/* Pages that are resident, and those of them that are a file's. */
static bool
resident_pages(uint64_t *all, uint64_t *files)
{
	int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
	unsigned long long size, resident, shared;
	char text[128];
	ssize_t n;

	if (fd < 0)
		return false;
	n = read(fd, text, sizeof text - 1);
	close(fd);
	if (n <= 0)
		return false;
	text[n] = '\0';
	if (sscanf(text, "%llu %llu %llu", &size, &resident, &shared) != 3)
		return false;
	*all = resident;
	*files = shared;
	return true;
}

uint64_t
memory_resident(void)
{
	uint64_t all, files;

	return resident_pages(&all, &files) ? all * (uint64_t)sysconf(_SC_PAGESIZE) : 0;
}

uint64_t
memory_idle(void)
{
	uint64_t all, files, own, used = memory_allocated();

	if (used == 0 || !resident_pages(&all, &files) || all < files)
		return UINT64_MAX;
	own = (all - files) * (uint64_t)sysconf(_SC_PAGESIZE);
	return own > used ? own - used : 0;
}

uint64_t
memory_allocated(void)
{
#if defined(__GLIBC__) && __GLIBC_PREREQ(2, 33)
	struct mallinfo2 m = mallinfo2();

	return m.uordblks + m.hblkhd;
#else
	return 0;
#endif
}

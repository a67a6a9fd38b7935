/* SPDX-License-Identifier: ISC */
/*
 * memory: what the process takes of the machine's, for programs that stay. malloc keeps what is
 * freed, for each thread apart, and gives back little by itself.
 */
#ifndef BASE_MEMORY_H
#define BASE_MEMORY_H

#include <stddef.h>
#include <stdint.h>

/*
 * To be called before there are threads: few heaps, shared by all of them, that keep what is
 * freed for what follows until memory_give_back; very large blocks are mapped by themselves.
 */
void memory_few_heaps(void);
/*
 * As malloc. A block of some MiB is asked for as large pages, since where pages are dear to clear
 * one by one that takes longer than what is then done with them. Freed by free.
 */
void *memory_large(size_t n);
/* What is free goes back to the system. Takes some ms for each GiB: when nobody waits. */
void memory_give_back(void);
/* Bytes that are in memory of all that the process has; 0: not known. */
uint64_t memory_resident(void);
/* Bytes that malloc has given out; 0: not known. */
uint64_t memory_allocated(void);
/* About the bytes that memory_give_back would give back; UINT64_MAX: not known. */
uint64_t memory_idle(void);

#endif

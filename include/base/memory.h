/* SPDX-License-Identifier: ISC */
/*
 * memory: what the process takes of the machine's, for programs that stay. malloc keeps what is
 * freed, for each thread apart, and gives back little by itself.
 */
#ifndef BASE_MEMORY_H
#define BASE_MEMORY_H

#include <stdint.h>

/*
 * To be called before there are threads: few heaps, shared by all of them, that keep what is
 * freed for what follows until memory_give_back; very large blocks are mapped by themselves.
 */
void memory_few_heaps(void);
/* What is free goes back to the system. Takes some ms for each GiB: when nobody waits. */
void memory_give_back(void);
/* Bytes that are in memory of all that the process has; 0: not known. */
uint64_t memory_resident(void);
/* Bytes that malloc has given out; 0: not known. */
uint64_t memory_allocated(void);

#endif

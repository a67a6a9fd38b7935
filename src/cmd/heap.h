/* SPDX-License-Identifier: ISC */
/* heap: where the memory of a program that answers one question comes from. */
#ifndef CMD_HEAP_H
#define CMD_HEAP_H

/*
 * To be called before there are threads. Changes only what memory costs, and never fails: what
 * the system refuses stays as it was. Nothing is given back to the system before the end, so
 * it is not for programs that stay.
 */
void heap_for_one_query(void);

#endif

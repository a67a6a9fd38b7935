/* SPDX-License-Identifier: ISC */
/*
 * rounds: how much programs do whose cases are drawn or swept. One case of SPANFS_TEST_EVERY, which
 * `make check-asan` and `check-tsan` set, as each case takes them ten times as long and the plain
 * build runs them all; 1, and so all, if it is not set. It should be odd: cases go by turns, too.
 */
#ifndef TESTS_ROUNDS_H
#define TESTS_ROUNDS_H

#include <stddef.h>

/* For sweeps: the step from one case to the next. */
size_t rounds_step(void);
/* Of n drawn cases: how many to draw, at least one. */
unsigned rounds_of(unsigned n);
/* The same of the `usual` cases of a program that has more; of all, if SPANFS_TEST_ALL is set. */
unsigned rounds_of_all(unsigned usual, unsigned all);

#endif

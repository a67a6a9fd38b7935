/* SPDX-License-Identifier: ISC */
/* clock: the only door to time. Deadlines are monotonic; wall time is for `now` and stamps. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

uint64_t clock_wall_ns(void);	/* since 1970, UTC */
uint64_t clock_mono_ns(void);

#endif

/* SPDX-License-Identifier: ISC */
/* progress: one line on a terminal that is drawn over and over: bytes, spans a second, time left. */
#ifndef CMD_PROGRESS_H
#define CMD_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
	bool on;		/* stderr is a terminal */
	uint64_t started_ns, drawn_ns;
	uint64_t total_bytes;	/* 0: not known */
};

void progress_start(struct progress *, uint64_t total_bytes);
/* Draws at most ten times a second. */
void progress_draw(struct progress *, uint64_t bytes, uint64_t spans);
double progress_seconds(const struct progress *);
/* Wipes the line. */
void progress_clear(struct progress *);

#endif

/* SPDX-License-Identifier: ISC */
/* progress: see progress.h. */
#include "progress.h"

#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"

#define REDRAW_NS 100000000u

void
progress_start(struct progress *p, uint64_t total)
{
	*p = (struct progress){ isatty(STDERR_FILENO) != 0, clock_mono_ns(), 0, total };
}

static void
draw_bar(double share)
{
	char bar[31];

	for (int i = 0; i < 30; i++)
		bar[i] = i < (int)(share * 30) ? '#' : '.';
	bar[30] = '\0';
	fprintf(stderr, "[%s] %3.0f %%  ", bar, share * 100);
}

void
progress_draw(struct progress *p, uint64_t bytes, uint64_t spans)
{
	uint64_t now = clock_mono_ns();
	double s = (double)(now - p->started_ns) / 1e9, share;

	if (!p->on || now - p->drawn_ns < REDRAW_NS || s <= 0)
		return;
	p->drawn_ns = now;
	fputs("\r\033[K", stderr);
	share = p->total_bytes == 0 ? 0 : (double)bytes / (double)p->total_bytes;
	if (share > 1)
		share = 1;
	if (p->total_bytes != 0)
		draw_bar(share);
	fprintf(stderr, "%.1f MB  %.0f spans/s", (double)bytes / 1e6, (double)spans / s);
	if (share > 0.01 && share < 1)
		fprintf(stderr, "  %.0f s left", s / share - s);
	fflush(stderr);
}

void
progress_clear(struct progress *p)
{
	if (p->on && p->drawn_ns != 0)
		fputs("\r\033[K", stderr);
	p->drawn_ns = 0;
}

double
progress_seconds(const struct progress *p)
{
	return (double)(clock_mono_ns() - p->started_ns) / 1e9;
}

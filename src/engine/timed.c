/* SPDX-License-Identifier: ISC */
/* timed: how many waits have a due time, for the ticker, which sleeps while there are none. */
#include "engine_i.h"

void
engine_timed(struct engine *en, int delta)
{
	pthread_mutex_lock(&en->lock);
	en->timed += (unsigned)delta;
	if (delta > 0 && en->idle)
		pthread_cond_signal(&en->tick);
	pthread_mutex_unlock(&en->lock);
}

/* SPDX-License-Identifier: ISC */
/* intake_state: what an intake has counted, and the first failure, which ends it. */
#include "intake_i.h"

struct intake_counts
intake_counts(struct intake *in)
{
	struct intake_counts c;

	pthread_mutex_lock(&in->lock);
	c = in->counts;
	pthread_mutex_unlock(&in->lock);
	return c;
}

int
intake_fail(struct intake *in, const struct err *e)
{
	pthread_mutex_lock(&in->lock);
	if (in->failed.code == 0)
		in->failed = *e;
	pthread_cond_broadcast(&in->done);
	pthread_cond_broadcast(&in->work);
	pthread_mutex_unlock(&in->lock);
	return e->code;
}

bool
intake_failed(struct intake *in)
{
	bool b;

	pthread_mutex_lock(&in->lock);
	b = in->failed.code != 0;
	pthread_mutex_unlock(&in->lock);
	return b;
}

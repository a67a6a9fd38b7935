/* SPDX-License-Identifier: ISC */
/*
 * bucket_step: the steps of bucket/, see model/aggregate.h. Steps that are durations are counted
 * from 1970; weeks begin on Monday, so that the first one begins before it.
 */
#include "model/aggregate.h"
#include "model/when.h"

#define WEEK (7 * NS_PER_DAY)
#define FIRST_MONDAY (4 * NS_PER_DAY)	/* 5 January 1970 */

bool
step_parse(struct sv s, struct bucket_step *step)
{
	*step = (struct bucket_step){ .kind = STEP_NS, .ns = NS_PER_DAY, .day = true };
	if (sv_is(s, "day"))
		return true;
	step->day = false;
	step->kind = sv_is(s, "week") ? STEP_WEEK : sv_is(s, "month") ? STEP_MONTH :
	    sv_is(s, "auto") ? STEP_AUTO : STEP_NS;
	if (step->kind != STEP_NS)
		return true;
	return duration_parse(s, &step->ns) && step->ns != 0;
}

void
step_print(struct buf *b, struct bucket_step step)
{
	static const char *const words[] = {
		[STEP_WEEK] = "week", [STEP_MONTH] = "month", [STEP_AUTO] = "auto",
	};

	if (step.kind != STEP_NS)
		buf_str(b, words[step.kind]);
	else if (step.day)
		BUF_LIT(b, "day");
	else
		duration_print(b, step.ns);
}

struct bucket_step
step_of_range(struct bucket_step step, uint64_t length)
{
	if (step.kind != STEP_AUTO)
		return step;
	step.kind = STEP_NS;
	if (length <= 2 * NS_PER_HOUR)
		step.ns = NS_PER_MIN;
	else if (length <= 2 * NS_PER_DAY)
		step.ns = NS_PER_HOUR;
	else if (length <= 31 * NS_PER_DAY)
		step.ns = NS_PER_DAY;
	else
		step.kind = length <= 180 * NS_PER_DAY ? STEP_WEEK : STEP_MONTH;
	return step;
}

__int128
step_floor(struct bucket_step step, uint64_t t)
{
	unsigned month, day;
	int year;

	switch (step.kind) {
	case STEP_WEEK:
		return (__int128)t - (t % WEEK + WEEK - FIRST_MONDAY) % WEEK;
	case STEP_MONTH:
		civil_from_days((int64_t)(t / NS_PER_DAY), &year, &month, &day);
		return (__int128)days_from_civil(year, month, 1) * (__int128)NS_PER_DAY;
	default:
		return t - t % step.ns;
	}
}

__int128
step_after(struct bucket_step step, __int128 start)
{
	unsigned month, day;
	int year;

	switch (step.kind) {
	case STEP_WEEK:
		return start + WEEK;
	case STEP_MONTH:
		civil_from_days((int64_t)(start / (__int128)NS_PER_DAY), &year, &month, &day);
		year += month == 12;
		month = month % 12 + 1;
		return (__int128)days_from_civil(year, month, 1) * (__int128)NS_PER_DAY;
	default:
		return start + step.ns;
	}
}

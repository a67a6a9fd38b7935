/* SPDX-License-Identifier: ISC */
/* outcome: see outcome.h. */
#include "watch/outcome.h"

const char *
outcome_cache(const struct run_info *info)
{
	if (info->shared)
		return "l2";
	return info->profile.parts_kept != 0 ? "part" : "miss";
}

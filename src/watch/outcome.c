/* SPDX-License-Identifier: ISC */
/* outcome: see outcome.h. */
#include "watch/outcome.h"

const char *
outcome_cache(const struct run_info *info)
{
	const struct profile *p = &info->profile;

	return p->chunks_read == 0 && p->chunks_cached != 0 ? "chunks" : "none";
}

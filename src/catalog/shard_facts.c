/* SPDX-License-Identifier: ISC */
/* shard_facts: the end of a shard's statistics, which its slot keeps. */
#include "stats_i.h"

#include <stdlib.h>

void
shard_facts_free(struct shard_facts *f)
{
	if (f != NULL)
		arena_release(&f->arena);
	free(f);
}

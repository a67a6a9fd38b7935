/* SPDX-License-Identifier: ISC */
/*
 * op_ahead: chunks of the few row groups that a window of whole rows lies in, read by all
 * threads before the rows are. The rows themselves are cut into runs by number: in one row
 * group both threads would come to the same chunks, and one would wait. What can't be read
 * here is met again, and reported, by the fetch.
 */
#include "exec_i.h"

#include "shard/fetch.h"

struct load {
	struct shard *shard;
	uint32_t column, group;
};

struct ahead {
	struct exec *ex;
	struct load *loads;
	struct profile *profs;
};

static void
load_one(void *arg, size_t i)
{
	struct ahead *a = arg;
	const struct load *l = &a->loads[i];
	struct reads before = reads_begin(a->ex);

	fetch_load(l->shard, l->column, l->group);
	reads_end(&before, &a->profs[i]);
	/* That it is used the fetch counts. */
	a->profs[i].decoded_bytes = 0;
}

static size_t
list_loads(struct exec *ex, struct arena *mem, const struct near_rows *g, size_t n,
    struct load *out)
{
	size_t m = 0;

	for (size_t i = 0; i < n; i++) {
		struct shard *s = ex->local->shards[g[i].part].s;
		uint32_t *columns = arena_array(mem, shard_info(s)->n_columns, uint32_t);
		size_t k = columns == NULL ? 0 : fetch_missing(s, g[i].no, columns);

		for (size_t j = 0; j < k; j++)
			out[m++] = (struct load){ s, columns[j], g[i].no };
	}
	return m;
}

void
load_ahead(struct exec *ex, struct arena *mem, const struct near_rows *g, size_t n)
{
	struct ahead a = { .ex = ex };
	size_t room = 0;

	for (size_t i = 0; i < n; i++)
		room += shard_info(ex->local->shards[g[i].part].s)->n_columns;
	a.loads = arena_array(mem, room + 1, struct load);
	a.profs = arena_array(mem, room + 1, struct profile);
	if (a.loads == NULL || a.profs == NULL)
		return;
	room = list_loads(ex, mem, g, n, a.loads);
	pool_each(ex->env.pool, ex->threads, room, load_one, &a);
	for (size_t i = 0; i < room; i++)
		profile_add(&ex->prof, &a.profs[i]);
}

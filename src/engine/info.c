/* SPDX-License-Identifier: ISC */
/* info: a summary of the store in words, for `spanctl info`. */
#include "engine_i.h"

static void
print_services(struct buf *out, struct world *w)
{
	struct map rows, errors;
	const struct map_slot *s;

	map_init(&rows);
	map_init(&errors);
	for (size_t i = 0; i < w->stats->n_shards; i++) {
		const struct shard_stats *sh = &w->stats->shards[i];

		for (size_t k = 0; k < sh->n_services; k++) {
			uint64_t *r = map_put(&rows, sh->services[k].service, NULL);
			uint64_t *x = map_put(&errors, sh->services[k].service, NULL);

			if (r != NULL && x != NULL) {
				*r += sh->services[k].n_rows;
				*x += sh->services[k].n_errors;
			}
		}
	}
	buf_printf(out, "services     %zu\n", rows.n);
	for (size_t i = 0; (s = map_next(&rows, &i)) != NULL;) {
		uint64_t *x = map_get(&errors, sv_new(s->key, s->len));

		buf_printf(out, "  %-32.*s %12llu spans %10llu errors\n", (int)s->len, s->key,
		    (unsigned long long)s->val, (unsigned long long)(x ? *x : 0));
	}
	map_release(&rows);
	map_release(&errors);
}

int
engine_info(struct engine *en, struct buf *out, struct err *e)
{
	const struct snapshot *snap;
	uint64_t traces = 0, partitions = 0, last = 0;
	struct world *w;
	int code;

	if ((code = engine_world(en, &w, e)) < 0)
		return code;
	snap = w->snap;
	for (size_t i = 0; i < snap->n_shards; i++) {
		traces += w->stats->shards[i].n_traces;
		partitions += i == 0 || snap->shards[i].partition != last;
		last = snap->shards[i].partition;
	}
	buf_printf(out, "store        %s\nspans        %llu\n", en->store,
	    (unsigned long long)snap->n_rows);
	buf_printf(out, "bytes        %llu (%.1f per span)\n", (unsigned long long)snap->n_bytes,
	    snap->n_rows == 0 ? 0 : (double)snap->n_bytes / (double)snap->n_rows);
	buf_printf(out, "shards       %zu in %llu partitions\ncommits      %llu\n",
	    snap->n_shards, (unsigned long long)partitions,
	    (unsigned long long)snap->generation);
	if (snap->n_shards != 0) {
		BUF_LIT(out, "oldest       ");
		when_print(out, snap->min_start);
		BUF_LIT(out, "\nnewest       ");
		when_print(out, snap->max_start);
		BUF_LIT(out, "\n");
		print_services(out, w);
	}
	world_unref(w);
	return buf_ok(out, e);
}

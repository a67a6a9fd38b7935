/* SPDX-License-Identifier: ISC */
/* info: a summary of the store in words, for `spanctl info`; counts of a server. */
#include <stdlib.h>

#include "base/visible.h"
#include "engine_i.h"
#include "model/json.h"

struct service_sum {
	struct sv name;
	uint64_t rows, errors;
};

static int
by_name(const void *a, const void *b)
{
	return sv_cmp(((const struct service_sum *)a)->name,
	    ((const struct service_sum *)b)->name);
}

/* Adds up the services of all shards; `index` keeps where each stands. */
static size_t
sum_services(const struct stats *st, struct map *index, struct service_sum *v)
{
	for (size_t i = 0; i < st->n_shards; i++) {
		const struct shard_stats *sh = &st->shards[i];

		for (size_t k = 0; k < sh->n_services; k++) {
			const struct service_stats *s = &sh->services[k];
			bool fresh;
			uint64_t *at = map_put(index, s->service, &fresh);

			if (at == NULL)
				continue;
			if (fresh) {
				*at = index->n - 1;
				v[*at] = (struct service_sum){ .name = s->service };
			}
			v[*at].rows += s->n_rows;
			v[*at].errors += s->n_errors;
		}
	}
	return index->n;
}

static int
print_services(struct buf *out, const struct world *w, const struct stats *st, struct err *e)
{
	struct service_sum *v = calloc(w->services.n + 1, sizeof *v);
	struct map index;
	size_t n;

	if (v == NULL)
		return err_nomem(e);
	map_init(&index);
	n = sum_services(st, &index, v);
	qsort(v, n, sizeof *v, by_name);
	buf_printf(out, "services     %zu\n", n);
	for (size_t i = 0; i < n; i++) {
		BUF_LIT(out, "  ");
		visible_text(out, v[i].name, 0);
		for (size_t k = v[i].name.n; k < 30; k++)
			buf_putc(out, ' ');
		buf_printf(out, " %12llu spans %10llu errors\n",
		    (unsigned long long)v[i].rows, (unsigned long long)v[i].errors);
	}
	map_release(&index);
	free(v);
	return 0;
}

int
engine_info(struct engine *en, struct buf *out, struct err *e)
{
	const struct snapshot *snap;
	uint64_t traces = 0, partitions = 0, last = 0;
	const struct stats *st;
	struct world *w;
	struct arena a;
	int code;

	if ((code = engine_world(en, &w, e)) < 0)
		return code;
	arena_init(&a);
	if ((code = world_names(w, e)) < 0 ||
	    (code = world_counts(en, w, &a, &st, e)) < 0) {
		arena_release(&a);
		world_unref(w);
		return code;
	}
	snap = w->snap;
	for (size_t i = 0; i < snap->n_shards; i++) {
		traces += st->shards[i].n_traces;
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
		code = print_services(out, w, st, e);
	}
	arena_release(&a);
	world_unref(w);
	return code < 0 ? code : buf_ok(out, e);
}

void
engine_server_metrics(struct engine *en, struct metrics *m)
{
	struct ch_counts c;

	ch_client_counts(ch_server_client(en->server), &c);
	m->has_server = true;
	m->server_up = c.up;
	m->server_queries = c.asked;
	m->server_retries = c.retried;
	m->server_errors = c.failed;
	m->server_kills = c.killed;
	m->server_left_alone = c.left_alone;
	m->server_read_rows = c.read_rows;
	m->server_read_bytes = c.read_bytes;
	m->server_received = c.received;
}

/* ---- an hour of a server ---- */

struct reaching {
	struct buf names;
	uint64_t parts, bytes, spans, first_ns, last_ns;
	bool bytes_known, times;
};

static void
reach_add(struct reaching *x, const struct ch_partition *p)
{
	buf_str(&x->names, x->names.n == 0 ? "" : ",");
	json_string(&x->names, p->name);
	x->parts += p->n_parts;
	x->spans += p->extent.rows;
	x->bytes += p->extent.bytes;
	x->bytes_known &= p->extent.has_bytes;
	if (!p->extent.has_times)
		return;
	x->first_ns = !x->times || p->extent.first_ns < x->first_ns ? p->extent.first_ns : x->first_ns;
	x->last_ns = !x->times || p->extent.last_ns > x->last_ns ? p->extent.last_ns : x->last_ns;
	x->times = true;
}

/* What isn't known is left out. */
static void
reach_print(struct buf *b, const struct reaching *x, struct sv hour)
{
	BUF_LIT(b, "{\"partition\":");
	json_string(b, hour);
	BUF_LIT(b, ",\"partitions\":[");
	buf_sv(b, buf_view(&x->names));
	BUF_LIT(b, "]");
	if (x->bytes_known)
		buf_printf(b, ",\"files\":%llu", (unsigned long long)x->parts);
	if (x->bytes_known)
		buf_printf(b, ",\"bytes\":%llu", (unsigned long long)x->bytes);
	buf_printf(b, ",\"spans\":%llu", (unsigned long long)x->spans);
	if (x->times) {
		BUF_LIT(b, ",\"min_start\":\"");
		when_print(b, x->first_ns);
		BUF_LIT(b, "\",\"max_start\":\"");
		when_print(b, x->last_ns);
		BUF_LIT(b, "\"");
	}
	BUF_LIT(b, "}\n");
}

int
engine_server_info(struct engine *en, struct sv day, struct sv hour, struct buf *b, struct err *e)
{
	struct reaching x = { .names = BUF_INIT, .bytes_known = true };
	const struct ch_partition *p;
	struct buf name = BUF_INIT;
	struct when w;
	struct arena a;
	uint64_t from;
	size_t n = 0;
	bool all;
	int code;

	arena_init(&a);
	buf_printf(&name, "%.*sT%.*s", SV_ARG(day), SV_ARG(hour));
	if ((code = buf_ok(&name, e)) == 0 && !when_parse(buf_view(&name), &w))
		code = err_set(e, ERR_SYNTAX, -1, "no hour");
	if (code == 0)
		code = ch_server_partitions(en->server, conf_u64(en->conf, CONF_STATISTICS_REFRESH), &a, &p, &n,
		    &all, e);
	for (size_t i = 0; i < n && code == 0; i++) {
		from = when_resolve(w, 0);
		if (!p[i].extent.has_times || (p[i].extent.first_ns < from + NS_PER_HOUR && p[i].extent.last_ns >= from))
			reach_add(&x, &p[i]);
	}
	if (code == 0)
		reach_print(b, &x, buf_view(&name));
	if (code == 0 && (x.names.oom || b->oom))
		code = err_nomem(e);
	buf_release(&x.names);
	buf_release(&name);
	arena_release(&a);
	return code;
}

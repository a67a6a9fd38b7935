/* SPDX-License-Identifier: ISC */
/* ch_engine: what the engine of a table is and how its rows lie. */
#include "chsql/ch_schema.h"

/* One argument of Distributed(...): 'text' or a word; the rest stays in *s. */
static bool
argument(struct sv *s, struct sv *out)
{
	size_t n = 0;

	while (s->n != 0 && (s->p[0] == ' ' || s->p[0] == ','))
		*s = sv_sub(*s, 1, s->n);
	if (sv_starts(*s, SV("'"))) {
		int64_t end = sv_chr(sv_sub(*s, 1, s->n), '\'');

		if (end < 0)
			return false;
		*out = sv_sub(*s, 1, (size_t)end + 1);
		*s = sv_sub(*s, (size_t)end + 2, s->n);
		/* One with an escape in it is not understood. */
		return sv_chr(*out, '\\') < 0;
	}
	while (n < s->n && s->p[n] != ',' && s->p[n] != ')' && s->p[n] != ' ')
		n++;
	*out = sv_sub(*s, 0, n);
	*s = sv_sub(*s, n, s->n);
	return n != 0;
}

static int
distributed(struct ch_schema *s, struct sv full, struct err *e)
{
	struct sv rest = full, cluster, database, name;

	s->distributed = true;
	if (!sv_starts(rest, SV("Distributed(")))
		return err_set(e, ERR_UNSUPPORTED, -1, "ClickHouse's Distributed table is not understood");
	rest = sv_sub(rest, 12, rest.n);
	if (!argument(&rest, &cluster) || !argument(&rest, &database) || !argument(&rest, &name))
		return err_set(e, ERR_UNSUPPORTED, -1, "ClickHouse's Distributed table is not understood");
	s->cluster = arena_sv(&s->a, cluster);
	s->local.database = arena_sv(&s->a, database);
	s->local.name = arena_sv(&s->a, name);
	return s->cluster.p == NULL || s->local.database.p == NULL || s->local.name.p == NULL ? err_nomem(e) : 0;
}

/* The key's columns from the front: those that are columns of spans, and times cut to seconds. */
void
schema_key(struct ch_schema *s, struct sv key)
{
	static const char *const seconds[] = { "toDateTime(Timestamp)", "toUnixTimestamp(Timestamp)" };
	struct sv one;

	while (s->n_key < sizeof s->key / sizeof *s->key && sv_cut(&key, ',', &one)) {
		unsigned c;

		while (sv_starts(one, SV(" ")))
			one = sv_sub(one, 1, one.n);
		for (c = 0; c < N_CHC && !sv_is(one, ch_span_column_name(c)); c++)
			;
		if (c == N_CHC && (sv_is(one, seconds[0]) || sv_is(one, seconds[1])))
			c = CHC_TIMESTAMP;
		if (c == N_CHC)
			return;
		s->key[s->n_key++] = c;
	}
}

int
schema_engine(struct ch_schema *s, const struct table_row *t, struct err *e)
{
	s->engine = arena_sv(&s->a, t->engine);
	if (t->engine.n != 0 && s->engine.p == NULL)
		return err_nomem(e);
	s->local = s->table;
	s->prewhere = sv_ends(t->engine, SV("MergeTree")) || sv_is(t->engine, "Distributed");
	schema_key(s, t->sorting_key);
	return sv_is(t->engine, "Distributed") ? distributed(s, t->engine_full, e) : 0;
}

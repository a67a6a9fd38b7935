/* SPDX-License-Identifier: ISC */
/*
 * ref_keys: the sort keys of refs. Start, end and duration come straight from two columns, facts of
 * the trace from the shard's summaries (trace_table.c), places in the trace from its tree (kin.c); if
 * there are other keys, all come from spans put together with just the fields that are sorted by.
 * The plain plan has its spans in hand.
 */
#include "exec_i.h"

static bool
sort_needs_trace(const struct plan *p)
{
	for (size_t i = 0; i < p->order.n_keys; i++)
		if (field_needs_trace(&p->order.keys[i].field))
			return true;
	return false;
}

/* ---- from columns ---- */

static bool
is_time(const struct field *f)
{
	return f->scope == FIELD_INTRINSIC && (f->intrinsic == IN_START ||
	    f->intrinsic == IN_END || f->intrinsic == IN_DURATION);
}

static size_t
n_times(const struct plan *p)
{
	size_t n = 0;

	for (size_t i = 0; i < p->order.n_keys; i++)
		n += is_time(&p->order.keys[i].field);
	return n;
}

static void
time_keys(const struct plan *p, struct ref *x, uint64_t start, uint64_t image)
{
	uint64_t end = start + (uint64_t)value_i64_of(image);

	for (size_t i = 0; i < p->order.n_keys; i++) {
		if (!is_time(&p->order.keys[i].field))
			continue;
		switch (p->order.keys[i].field.intrinsic) {
		case IN_START:
			skey_number(&x->key[i], start);
			break;
		case IN_END:
			skey_number(&x->key[i], end);
			break;
		default:
			skey_number(&x->key[i], end > start ? end - start : 0);
		}
	}
}

/* Spans' rows rise; those of events and links may stand twice, unfit for chunk_gather. */
static void
gather(struct scan *sc, const struct chunk *c, const uint32_t *ord, size_t n, uint64_t *out)
{
	if (sc->ex->plan->output == ROW_SPAN) {
		chunk_gather(c, ord, (uint32_t)n, out);
		return;
	}
	for (size_t i = 0; i < n; i++)
		out[i] = i > 0 && ord[i] == ord[i - 1] ? out[i - 1] : chunk_u64_at(c, ord[i]);
}

static int
fill_times(struct scan *sc, struct refs *r, size_t from)
{
	size_t n = r->n - from;
	uint32_t *ord = arena_alloc(&sc->mem, (n + 1) * sizeof *ord);
	uint64_t *start = arena_alloc(&sc->mem, (n + 1) * sizeof *start);
	uint64_t *image = arena_alloc(&sc->mem, (n + 1) * sizeof *image);
	const struct chunk *starts = NULL, *durations = NULL;
	int rc;

	if (ord == NULL || start == NULL || image == NULL)
		return err_nomem(sc->e);
	for (size_t i = 0; i < n; i++)
		ord[i] = refs_at(r, from + i)->row - sc->row_from;
	if ((rc = scan_chunk(sc, COL_START, &starts)) == 0 &&
	    (rc = scan_chunk(sc, COL_DURATION, &durations)) == 0 && starts != NULL &&
	    durations != NULL) {
		gather(sc, starts, ord, n, start);
		gather(sc, durations, ord, n, image);
		for (size_t i = 0; i < n; i++)
			time_keys(sc->ex->plan, refs_at(r, from + i), start[i], image[i]);
	}
	chunk_put(starts);
	chunk_put(durations);
	return rc;
}

/* ---- from traces ---- */

static bool
is_fact(const struct field *f)
{
	return field_owner(f) == OF_TRACE;
}

static size_t
n_facts(const struct plan *p, bool *name)
{
	size_t n = 0;

	*name = false;
	for (size_t i = 0; i < p->order.n_keys; i++) {
		if (!is_fact(&p->order.keys[i].field))
			continue;
		*name |= p->order.keys[i].field.intrinsic == IN_ROOT_NAME;
		n++;
	}
	return n;
}

static int
facts_keys(struct scan *sc, const struct shard_traces *traces, uint32_t ordinal, bool name,
    struct refs *r, struct ref *x)
{
	const struct plan *p = sc->ex->plan;
	struct trace_view v;
	bool ok = true;
	int rc = trace_view_get(sc->ex, sc->xs->plan->shard, traces, ordinal, name, &v, sc->e);

	for (size_t i = 0; rc == 0 && ok && i < p->order.n_keys; i++) {
		if (!is_fact(&p->order.keys[i].field))
			continue;
		skey_of_facts(&p->order.keys[i].field, &v.facts, &x->key[i]);
		ok = skey_keep(&x->key[i], &r->strings);
	}
	trace_view_put(sc->ex, &v);
	return ok ? rc : err_nomem(sc->e);
}

static int
fill_facts(struct scan *sc, struct refs *r, size_t from, bool name)
{
	struct shard_traces traces;
	const struct chunk *c = NULL;
	int rc;

	if ((rc = scan_chunk(sc, COL_TRACE, &c)) < 0 || c == NULL)
		return rc;
	rc = shard_traces_get(sc->xs->s, &traces, sc->e);
	for (size_t i = from; i < r->n && rc == 0; i++) {
		struct ref *x = refs_at(r, i);

		rc = facts_keys(sc, &traces, (uint32_t)chunk_u64_at(c, x->row - sc->row_from),
		    name, r, x);
	}
	shard_traces_put(&traces);
	chunk_put(c);
	return rc;
}

/* ---- from the tree ---- */

/* Not all rows that were found have an event or a link. */
static int
rows_of_refs(struct scan *sc, const struct refs *r, size_t from, struct found *out)
{
	uint32_t *rows = arena_alloc(&sc->mem, (r->n - from) * sizeof *rows), n = 0;

	if (rows == NULL)
		return err_nomem(sc->e);
	for (size_t i = from; i < r->n; i++)
		if (i == from || refs_at(r, i)->row != refs_at(r, i - 1)->row)
			rows[n++] = refs_at(r, i)->row - sc->row_from;
	*out = (struct found){ .n = n, .rows = rows };
	return 0;
}

static size_t
n_places(const struct plan *p)
{
	size_t n = 0;

	for (size_t i = 0; i < p->order.n_keys; i++)
		n += field_is_place(&p->order.keys[i].field);
	return n;
}

/* Refs rise by row. */
static int
fill_places(struct scan *sc, struct refs *r, size_t from)
{
	/* Its place is all that is asked of a span. */
	static const struct span span;
	static const struct trace_facts facts;
	struct field_row row = { .span = &span, .trace = &facts };
	const struct plan *p = sc->ex->plan;
	struct span_place *places;
	struct found rows;
	uint32_t at = 0;
	int rc;

	if ((rc = rows_of_refs(sc, r, from, &rows)) < 0)
		return rc;
	if ((places = arena_array(&sc->mem, rows.n, struct span_place)) == NULL)
		return err_nomem(sc->e);
	if ((rc = kin_places(sc, rows.rows, rows.n, places)) < 0)
		return rc;
	for (size_t i = from; i < r->n; i++) {
		struct ref *x = refs_at(r, i);

		while (sc->row_from + rows.rows[at] != x->row)
			at++;
		row.place = places[at];
		for (size_t k = 0; k < p->order.n_keys; k++)
			if (field_is_place(&p->order.keys[k].field))
				skey_of_row(&p->order.keys[k].field, &row, &x->key[k]);
	}
	return 0;
}

/* ---- from spans ---- */

static bool
key_of_row(const struct field *f, const struct field_row *row, struct arena *a, struct skey *k)
{
	if (f->scope == FIELD_PARENT)
		return skey_of_parents(f, row, a, k);
	skey_of_row(f, row, k);
	return skey_keep(k, a);
}

static int
keys_of_span(struct exec *ex, struct refs *r, struct ref *x, const struct span *s,
    const struct parent_row *parents, uint32_t n_parents, struct err *e)
{
	const struct plan *p = ex->plan;
	struct trace_pin pin = { NULL, NULL };
	struct field_row row = { .span = s, .parents = parents, .n_parents = n_parents };
	bool ok = true;
	int rc;

	if (sort_needs_trace(p)) {
		if ((rc = trace_get(ex, s->trace_id, &pin, e)) < 0)
			return rc;
		row.trace = &pin.t->facts;
		row.place = part_place(ex, pin.t, x->shard, x->row, s->span_id);
	}
	if ((p->output == ROW_EVENT || p->output == ROW_SCORE) && x->index < s->n_events)
		row.event = &s->events[x->index];
	if (p->output == ROW_LINK && x->index < s->n_links)
		row.link = &s->links[x->index];
	for (size_t i = 0; i < p->order.n_keys && ok; i++)
		ok = key_of_row(&p->order.keys[i].field, &row, &r->strings, &x->key[i]);
	trace_put(ex, &pin);
	return ok ? 0 : err_nomem(e);
}

struct filling {
	struct scan *sc;
	const struct found *found;
	struct refs *refs;
	size_t at;			/* the next ref */
	struct parents *parents;	/* of the found spans; NULL: no key is theirs */
	uint32_t *parents_of;		/* by found row */
};

/* Refs rise by row, as what was found does. */
static int
fill_of_span(void *arg, const struct span *s, uint32_t i)
{
	struct filling *f = arg;
	uint32_t row = f->sc->row_from + f->found->rows[i], n_parents = 0;
	const struct parent_row *parents = f->parents == NULL ? NULL :
	    parents_at(f->parents, f->parents_of[i], &n_parents);

	for (; f->at < f->refs->n && refs_at(f->refs, f->at)->row == row; f->at++) {
		int rc = keys_of_span(f->sc->ex, f->refs, refs_at(f->refs, f->at), s, parents,
		    n_parents, f->sc->e);

		if (rc < 0)
			return rc;
	}
	return 0;
}

static int
want_parents(void *arg, const struct span *s, uint32_t i)
{
	struct filling *f = arg;

	return parents_want(f->parents, s->trace_id, s->parent_span_id, &f->parents_of[i],
	    f->sc->e);
}

/* Those of all that was found, with the fields that are sorted by. */
static int
fill_parents(struct filling *f, const struct field *fields, size_t n)
{
	static const struct projection ids = { .lean = true,
	    .intrinsics = INTRINSIC_BIT(IN_PARENT_SPAN_ID) };
	const struct projection proj = { .lean = true, .fields = fields, .n_fields = n };
	struct scan *sc = f->sc;
	int rc;

	if (n == 0)
		return 0;
	if ((f->parents_of = arena_array(&sc->mem, f->found->n, uint32_t)) == NULL)
		return err_nomem(sc->e);
	if ((rc = parents_new(sc->ex, &proj, &f->parents, sc->e)) < 0 ||
	    (rc = found_spans(sc, f->found, &ids, want_parents, f)) < 0 ||
	    (rc = parents_fetch(f->parents, sc->e)) < 0)
		return rc;
	sc->prof->rows_fetched += parents_n(f->parents);
	return 0;
}

static int
fill_from_spans(struct scan *sc, const struct found *found, struct refs *r, size_t from)
{
	const struct plan *p = sc->ex->plan;
	struct projection proj = { .lean = true };
	struct field *fields = arena_array(&sc->mem, p->order.n_keys, struct field);
	struct field *inner = arena_array(&sc->mem, p->order.n_keys, struct field);
	struct found some = *found;
	struct filling f = { .sc = sc, .found = &some, .refs = r, .at = from };
	size_t n_inner = 0;
	int rc;

	if (fields == NULL || inner == NULL)
		return err_nomem(sc->e);
	for (size_t i = 0; i < p->order.n_keys; i++)
		if (p->order.keys[i].field.scope == FIELD_PARENT)
			inner[n_inner++] = field_inner(&p->order.keys[i].field);
		else
			fields[proj.n_fields++] = p->order.keys[i].field;
	proj.fields = fields;
	if (found->spans == NULL && (rc = rows_of_refs(sc, r, from, &some)) < 0)
		return rc;
	if ((rc = fill_parents(&f, inner, n_inner)) == 0)
		rc = found_spans(sc, &some, &proj, fill_of_span, &f);
	parents_free(f.parents);
	return rc;
}

int
refs_fill_keys(struct scan *sc, const struct found *f, struct refs *r, size_t from)
{
	const struct plan *p = sc->ex->plan;
	size_t times = n_times(p), facts, places = n_places(p);
	bool name;
	int rc = 0;

	facts = n_facts(p, &name);
	if (p->order.n_keys == 0 || r->n == from)
		return 0;
	if (f->spans != NULL || times + facts + places != p->order.n_keys)
		return fill_from_spans(sc, f, r, from);
	if (times != 0)
		rc = fill_times(sc, r, from);
	if (rc == 0 && facts != 0)
		rc = fill_facts(sc, r, from, name);
	if (rc == 0 && places != 0)
		rc = fill_places(sc, r, from);
	return rc;
}

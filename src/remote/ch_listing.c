/* SPDX-License-Identifier: ISC */
/*
 * ch_listing: names and values for `ls`, as the server knows them: asked within bounds, kept, and
 * asked again when they are old. Who comes while somebody asks has the older ones.
 */
#include <stdlib.h>

#include "ch_server_i.h"

/* More than that is not looked at for a listing, nor longer. */
#define LISTING_ROWS 20000000
#define LISTING_NS 3000000000ull

static int
ask(struct ch_server *s, const struct ch_schema *schema, const struct ch_want *want,
    struct err *e)
{
	const struct ch_asking how = { .client = ch_server_client(s), .schema = schema,
		.rows = LISTING_ROWS, .time_ns = LISTING_NS, .comment = SV("spanfs: a listing") };
	int rc = ch_known_refresh(ch_server_known(s), &how, want, NULL, e);

	return rc < 0 ? rc : 0;
}

static int
by_bytes(const void *a, const void *b)
{
	return sv_cmp(*(const struct sv *)a, *(const struct sv *)b);
}

static int
take(const struct ch_answer *x, struct sv prefix, struct arena *a, struct sv *v, size_t *n,
    struct err *e)
{
	for (size_t i = 0; i < x->n_values; i++) {
		struct sv text = x->values[i].text;
		char *p = arena_alloc(a, prefix.n + text.n + 1);

		if (p == NULL)
			return err_nomem(e);
		memcpy(p, prefix.p, prefix.n);
		if (text.n != 0)
			memcpy(p + prefix.n, text.p, text.n);
		v[(*n)++] = sv_new(p, prefix.n + text.n);
	}
	return 0;
}

/* Behind those that are there, with a prefix. */
static int
add(struct ch_server *s, const struct ch_want *want, uint64_t max_age_ns, struct sv prefix,
    struct arena *a, struct ch_names *out, struct err *e)
{
	struct ch_layout *l = ch_server_layout(s);
	struct ch_seen seen;
	struct sv *v;
	int rc = 0;

	ch_known_look(ch_server_known(s), l->schema, want, max_age_ns, &seen);
	if (seen.answer == NULL || !seen.fresh) {
		ch_seen_release(&seen);
		rc = ask(s, l->schema, want, e);
		ch_known_look(ch_server_known(s), l->schema, want, max_age_ns, &seen);
	}
	/* Old ones are better than none; with none, while another thread asks, some are missing. */
	out->all = out->all && seen.answer != NULL;
	if (seen.answer != NULL) {
		v = arena_array(a, out->n + seen.answer->n_values, struct sv);
		rc = v == NULL ? err_nomem(e) : 0;
		if (rc == 0 && out->n != 0)
			memcpy(v, out->v, out->n * sizeof *v);
		if (rc == 0 && (rc = take(seen.answer, prefix, a, v, &out->n, e)) == 0)
			out->v = v;
		out->all = out->all && seen.answer->complete && seen.answer->all;
	}
	ch_seen_release(&seen);
	ch_layout_put(l);
	return rc;
}

int
ch_server_values(struct ch_server *s, const struct ch_want *want, uint64_t max_age_ns,
    struct arena *a, struct ch_names *out, struct err *e)
{
	int rc;

	*out = (struct ch_names){ .all = true };
	rc = add(s, want, max_age_ns, SV(""), a, out, e);
	if (out->n != 0)
		qsort(out->v, out->n, sizeof *out->v, by_bytes);
	return rc;
}

int
ch_server_fields(struct ch_server *s, const struct ch_want *like, uint64_t max_age_ns,
    struct arena *a, struct ch_names *out, struct err *e)
{
	static const struct {
		enum field_scope scope;
		const char *prefix;
	} scopes[] = {
		{ FIELD_SPAN, "span." }, { FIELD_RESOURCE, "resource." },
		{ FIELD_EVENT, "event." }, { FIELD_LINK, "link." },
	};
	struct ch_want want = *like;
	int rc = 0;

	*out = (struct ch_names){ .all = true };
	want.topic = CH_KEYS;
	for (size_t i = 0; i < sizeof scopes / sizeof *scopes && rc == 0; i++) {
		want.field = (struct field){ .scope = scopes[i].scope };
		rc = add(s, &want, max_age_ns, sv_cstr(scopes[i].prefix), a, out, e);
	}
	if (out->n != 0)
		qsort(out->v, out->n, sizeof *out->v, by_bytes);
	return rc;
}

/* ---- partitions ---- */

#define PARTITIONS_MOST 4000		/* ten years of days */

static int
copy_partitions(const struct ch_answer *x, struct arena *a, const struct ch_partition **out, size_t *n,
    struct err *e)
{
	struct ch_partition *v = arena_array(a, x->n_partitions + 1, struct ch_partition);

	if (v == NULL)
		return err_nomem(e);
	for (size_t i = 0; i < x->n_partitions; i++) {
		v[i] = x->partitions[i];
		v[i].name = arena_sv(a, v[i].name);
		if (v[i].name.p == NULL && x->partitions[i].name.n != 0)
			return err_nomem(e);
	}
	*out = v;
	*n = x->n_partitions;
	return 0;
}

int
ch_server_partitions(struct ch_server *s, uint64_t max_age_ns, struct arena *a,
    const struct ch_partition **out, size_t *n, bool *all, struct err *e)
{
	const struct ch_want want = { .topic = CH_PARTITIONS, .max = PARTITIONS_MOST,
		.range = TIME_RANGE_ALL };
	struct ch_layout *l = ch_server_layout(s);
	struct ch_seen seen;
	int rc = 0;

	*out = NULL;
	*n = 0;
	*all = false;
	ch_known_look(ch_server_known(s), l->schema, &want, max_age_ns, &seen);
	if (seen.answer == NULL || !seen.fresh) {
		ch_seen_release(&seen);
		rc = ask(s, l->schema, &want, e);
		ch_known_look(ch_server_known(s), l->schema, &want, max_age_ns, &seen);
	}
	if (seen.answer != NULL) {
		rc = copy_partitions(seen.answer, a, out, n, e);
		*all = seen.answer->all;
	}
	ch_seen_release(&seen);
	ch_layout_put(l);
	return rc;
}

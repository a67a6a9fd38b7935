/* SPDX-License-Identifier: ISC */
/*
 * ch_estimate: what the optimizer may know of a server's spans (model/stats.h), as the server's
 * catalog tells: how many there are and of when, how many a filter makes it read, and how frequent
 * values are of the fields that the filter compares and groups have as keys. Kept like what
 * listings know; asked for only by who may wait, within a bound of rows and of time.
 */
#include "ch_server_i.h"

#include "base/clock.h"

#define ESTIMATE_ROWS 20000000
#define ESTIMATE_NS 1000000000ull	/* for one question */
#define FIELDS_MOST 16

struct estimate {
	struct ch_server *server;
	const struct ch_schema *schema;
	const struct ch_estimating *by;
	struct arena *a;
	struct stats_server *out;
	bool quiet;			/* nothing is asked: nobody waits, or it does not answer */
	struct stats_server_field fields[FIELDS_MOST];
};

/* What is known, and if that is too old what the server says now; NULL: nothing. */
static const struct ch_answer *
answer_of(struct estimate *x, const struct ch_want *want, bool ask, struct ch_seen *seen)
{
	const struct ch_asking how = { .client = ch_server_client(x->server), .schema = x->schema,
		.rows = ESTIMATE_ROWS, .time_ns = ESTIMATE_NS, .deadline_ns = x->by->deadline_ns,
		.cancel = x->by->cancel, .comment = SV("spanfs: an estimate") };
	struct ch_known *k = ch_server_known(x->server);
	int rc;

	ch_known_look(k, x->schema, want, x->by->max_age_ns, seen);
	if (seen->fresh || !ask || x->quiet || clock_mono_ns() >= x->by->deadline_ns)
		return seen->answer;
	ch_seen_release(seen);
	rc = ch_known_refresh(k, &how, want, NULL, NULL);
	x->quiet = rc < 0 && rc != ERR_ACCESS;	/* what one question may not, another may */
	ch_known_look(k, x->schema, want, x->by->max_age_ns, seen);
	return seen->answer;
}

static void
take_extent(struct estimate *x)
{
	const struct ch_want want = { .topic = CH_EXTENT, .max = 1, .range = TIME_RANGE_ALL };
	struct stats_server *o = x->out;
	struct ch_seen seen;
	const struct ch_answer *a = answer_of(x, &want, true, &seen);

	if (a != NULL) {
		o->has_rows = a->extent.has_rows;
		o->has_times = a->extent.has_times;
		o->has_bytes = a->extent.has_bytes && a->extent.has_rows;
		o->n_rows = (double)a->extent.rows;
		o->n_bytes = (double)a->extent.bytes;
		o->first_ns = a->extent.first_ns;
		o->last_ns = a->extent.last_ns;
	}
	ch_seen_release(&seen);
}

static void
take_read(struct estimate *x)
{
	const struct ch_want want = { .topic = CH_ESTIMATE, .max = 1, .filter = x->by->filter,
		.range = x->by->range };
	struct ch_seen seen;
	const struct ch_answer *a = answer_of(x, &want, true, &seen);

	if (a != NULL && a->complete && a->estimate.known) {
		x->out->has_read = true;
		x->out->read_rows = (double)a->estimate.rows;
		x->out->read_marks = (double)a->estimate.marks;
		x->out->read_parts = (double)a->estimate.parts;
	}
	ch_seen_release(&seen);
}

/* ---- values of fields ---- */

/* Columns that are small and have few values: asked for, where others are only looked up. */
static bool
cheap(const struct field *f)
{
	return f->scope == FIELD_INTRINSIC && (f->intrinsic == IN_SERVICE || f->intrinsic == IN_NAME ||
	    f->intrinsic == IN_KIND || f->intrinsic == IN_STATUS);
}

static int
take_values(struct estimate *x, const struct field *f, const struct ch_answer *a, struct err *e)
{
	struct stats_server_value *v = arena_array(x->a, a->n_values, struct stats_server_value);
	struct stats_server_field *to = &x->fields[x->out->n_fields];

	if (v == NULL)
		return err_nomem(e);
	*to = (struct stats_server_field){ .field = *f, .values = v, .n_values = a->n_values, .all = a->all };
	for (size_t i = 0; i < a->n_values; i++) {
		v[i] = (struct stats_server_value){ arena_sv(x->a, a->values[i].text),
			(double)a->values[i].rows };
		if (v[i].text.p == NULL && a->values[i].text.n != 0)
			return err_nomem(e);
		to->n_rows += v[i].n_rows;
	}
	x->out->n_fields++;
	return 0;
}

static int
take_field(struct estimate *x, const struct field *f, struct err *e)
{
	const struct ch_want want = { .topic = CH_VALUES, .field = *f, .order = CH_FREQUENT,
		.max = x->by->values_max, .range = TIME_RANGE_ALL };
	const struct ch_answer *a;
	struct ch_seen seen;
	int rc = 0;

	for (size_t i = 0; i < x->out->n_fields; i++)
		if (field_eq(&x->fields[i].field, f))
			return 0;
	if (x->out->n_fields == FIELDS_MOST)
		return 0;
	a = answer_of(x, &want, cheap(f), &seen);
	if (a != NULL && a->n_values != 0)
		rc = take_values(x, f, a, e);
	ch_seen_release(&seen);
	return rc;
}

static int
take_compared(struct estimate *x, const struct pred *p, struct err *e)
{
	int rc = 0;

	if (p->kind == PRED_LEAF)
		return p->op == OP_EQ || p->op == OP_IN || p->op == OP_NE || p->op == OP_NOTIN ?
		    take_field(x, &p->field, e) : 0;
	for (size_t i = 0; i < p->n_kids && rc == 0; i++)
		rc = take_compared(x, p->kids[i], e);
	return rc;
}

int
ch_server_estimate(struct ch_server *s, const struct ch_estimating *by, struct arena *a,
    const struct stats_server **out, struct err *e)
{
	struct ch_layout *l = ch_server_layout(s);
	struct estimate x = { .server = s, .schema = l->schema, .by = by, .a = a, .quiet = !by->ask };
	struct stats_server_field *fields;
	int rc = 0;

	if ((x.out = arena_new(a, struct stats_server)) == NULL) {
		rc = err_nomem(e);
	} else {
		*x.out = (struct stats_server){ .has_rows = false };
		take_extent(&x);
		take_read(&x);
		rc = take_compared(&x, by->filter, e);
	}
	for (size_t i = 0; i < by->n_keys && rc == 0; i++)
		rc = take_field(&x, &by->keys[i], e);
	if (rc == 0 && (fields = arena_array(a, x.out->n_fields + 1, struct stats_server_field)) != NULL) {
		memcpy(fields, x.fields, x.out->n_fields * sizeof *fields);
		x.out->fields = fields;
		*out = x.out;
	} else if (rc == 0) {
		rc = err_nomem(e);
	}
	ch_layout_put(l);
	return rc;
}

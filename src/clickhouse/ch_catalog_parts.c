/* SPDX-License-Identifier: ISC */
/*
 * ch_catalog_parts: how much there is, and from when to when: of the rows themselves, which
 * MergeTree answers from what it knows of parts, and of system.parts, which alone knows bytes.
 */
#include "base/visible.h"
#include "ch_catalog_i.h"
#include "ch_cell_i.h"
#include "model/when.h"

bool
catalog_has_parts(const struct ch_schema *s)
{
	return !s->distributed && sv_ends(s->engine, SV("MergeTree"));
}

/* ---- statements ---- */

static void
end_write(struct writer *w)
{
	W(w, ", toUInt8(1) AS " CH_END);
}

static void
from_parts(struct writer *w)
{
	end_write(w);
	W(w, " FROM system.parts WHERE active AND database = coalesce(nullIf(");
	w_text(w, w->s->table.database);
	W(w, ", ''), currentDatabase()) AND table = ");
	w_text(w, w->s->table.name);
}

#define SUMS "sum(rows), sum(bytes_on_disk), toUInt64(toUnixTimestamp(min(min_time))), " \
	"toUInt64(toUnixTimestamp(max(max_time))), count()"

static void
sums_of_parts(struct writer *w, const struct looking *l, const struct attempt *at,
    const void *arg)
{
	(void)l, (void)at, (void)arg;
	W(w, "SELECT '', " SUMS);
	from_parts(w);
}

/* One more than is wanted tells whether there are more. */
static void
limit_write(struct writer *w, const struct looking *l)
{
	W(w, " LIMIT ");
	w_digits(w, (uint64_t)l->want->max + 1);
}

static void
partitions_of_parts(struct writer *w, const struct looking *l, const struct attempt *at,
    const void *arg)
{
	(void)at, (void)arg;
	W(w, "SELECT partition, " SUMS);
	from_parts(w);
	W(w, " GROUP BY partition ORDER BY max(max_time) DESC, partition DESC");
	limit_write(w, l);
}

static void
figures(struct writer *w)
{
	W(w, "count(), min(");
	w_column(w, CHC_TIMESTAMP);
	W(w, "), max(");
	w_column(w, CHC_TIMESTAMP);
	W(w, ")");
	end_write(w);
	W(w, " FROM ");
	w_table(w, w->s->table);
}

static void
figures_of_rows(struct writer *w, const struct looking *l, const struct attempt *at,
    const void *arg)
{
	(void)l, (void)at, (void)arg;
	W(w, "SELECT '', ");
	figures(w);
}

static void
partitions_of_rows(struct writer *w, const struct looking *l, const struct attempt *at,
    const void *arg)
{
	(void)at, (void)arg;
	W(w, "SELECT toString(_partition_id), ");
	figures(w);
	W(w, " GROUP BY _partition_id ORDER BY max(");
	w_column(w, CHC_TIMESTAMP);
	W(w, ") DESC, _partition_id DESC");
	limit_write(w, l);
}

static void
number_of_rows(struct writer *w, const struct looking *l, const struct attempt *at,
    const void *arg)
{
	(void)l, (void)at, (void)arg;
	W(w, "SELECT count()");
	end_write(w);
	W(w, " FROM ");
	w_table(w, w->s->table);
}

/* ---- rows of the answers ---- */

#define SUMS_TYPES "suuuuue"
#define FIGURES "sutte"

struct listing {
	struct arena *a;
	VEC(struct ch_partition) v;
};

static int
add(struct listing *to, struct sv name, const struct ch_extent *x, uint64_t n_parts, struct err *e)
{
	struct ch_partition p = { .extent = *x, .n_parts = n_parts };
	int rc = cell_text(to->a, name, &p.name, e);

	if (rc < 0)
		return rc;
	return vec_push(&to->v, p) ? 0 : err_nomem(e);
}

static struct sv
text_of(struct sv cell)
{
	struct cursor c = cursor_new(cell.p, cell.n);

	return cursor_str(&c);
}

/* Times of parts are seconds; 0 where no time is in the key of the partitions. */
static int
on_parts(void *arg, const struct ch_column *columns, const struct sv *cells, struct err *e)
{
	struct ch_extent x = { .has_rows = true, .has_bytes = true, .whole_seconds = true };
	uint64_t first = catalog_u64(cells[3]), last = catalog_u64(cells[4]);

	(void)columns;
	x.rows = catalog_u64(cells[1]);
	x.bytes = catalog_u64(cells[2]);
	x.has_times = first != 0 && last <= UINT32_MAX && first <= last;
	if (x.has_times) {
		x.first_ns = first * NS_PER_S;
		x.last_ns = last * NS_PER_S + NS_PER_S - 1;
	}
	return add(arg, text_of(cells[0]), &x, catalog_u64(cells[5]), e);
}

static int
on_figures(void *arg, const struct ch_column *columns, const struct sv *cells, struct err *e)
{
	struct cursor first = cursor_new(cells[2].p, cells[2].n), last = cursor_new(cells[3].p, cells[3].n);
	struct ch_extent x = { .has_rows = true, .rows = catalog_u64(cells[1]) };

	x.has_times = x.rows != 0;
	if (x.has_times) {
		x.first_ns = cell_time(columns[2].type, &first);
		x.last_ns = cell_time(columns[3].type, &last);
	}
	return add(arg, text_of(cells[0]), &x, 0, e);
}

static int
on_number(void *arg, const struct ch_column *columns, const struct sv *cells, struct err *e)
{
	struct ch_extent *x = arg;

	(void)columns, (void)e;
	x->has_rows = true;
	x->rows = catalog_u64(cells[0]);
	return 0;
}

/* ---- extent ---- */

/* A listing of one row. */
static int
one(struct looking *l, statement_fn *statement, enum bound bound, const char *types, catalog_row_fn *fn,
    struct ch_extent *x, struct err *e)
{
	struct attempt at = { .bound = bound, .strict = true };
	struct listing got = { .a = l->a, .v = VEC_INIT };
	int rc = catalog_rows(l, statement, &at, types, fn, &got, NULL, e);

	if (rc == 0 && got.v.n != 1)
		rc = err_set(e, ERR_CORRUPT, -1, "ClickHouse's answer has %zu rows and not one", got.v.n);
	if (rc == 0)
		*x = got.v.v[0].extent;
	vec_release(&got.v);
	return rc;
}

/* With a bound, or without if none may be set. */
static int
rows_extent(struct looking *l, struct ch_extent *x, struct err *e)
{
	int rc = one(l, figures_of_rows, BOUND_THROW, FIGURES, on_figures, x, e);

	return catalog_refused(l, rc) ? one(l, figures_of_rows, BOUND_NONE, FIGURES, on_figures, x, e) : rc;
}

/* *x stays as it is where they can't be asked; a note says why. */
static int
parts_extent(struct looking *l, struct ch_extent *x, struct err *e)
{
	const struct ch_schema *s = l->by->schema;
	int rc;

	if (s->distributed) {
		catalog_note(l, "the bytes on disk are not known: the table is Distributed");
		return 0;
	}
	if (!catalog_has_parts(s)) {
		catalog_note(l, "the bytes on disk are not known: tables of engine ");
		visible_text(&l->note, s->engine, 0);
		BUF_LIT(&l->note, " have no parts");
		return 0;
	}
	rc = one(l, sums_of_parts, BOUND_NONE, SUMS_TYPES, on_parts, x, e);
	if (!catalog_closed(l, rc))
		return rc;
	catalog_note_err(l, "the bytes on disk are not known", e);
	return 0;
}

/* Counting alone costs nothing where the number of rows is kept. */
static int
only_number(struct looking *l, struct ch_extent *x, struct err *e)
{
	struct attempt at = { .bound = BOUND_THROW, .strict = true };
	int rc = catalog_rows(l, number_of_rows, &at, "ue", on_number, x, NULL, e);

	return catalog_limited(l, rc) ? 0 : rc;
}

int
catalog_extent(struct looking *l, struct ch_extent *x, bool *complete, struct err *e)
{
	struct ch_extent rows = { .has_rows = false };
	int rc;

	memset(x, 0, sizeof *x);
	*complete = true;
	if ((rc = parts_extent(l, x, e)) < 0)
		return rc;
	rc = rows_extent(l, &rows, e);
	if (rc == 0) {
		rows.has_bytes = x->has_bytes;
		rows.bytes = x->bytes;
		*x = rows;
		return 0;
	}
	if (!catalog_limited(l, rc))
		return rc;
	if (x->has_times)
		return 0;
	catalog_note(l, "from when to when there are spans is not known: more would be read than is allowed");
	*complete = false;
	return x->has_rows ? 0 : only_number(l, x, e);
}

/* ---- partitions ---- */

static int
list(struct looking *l, statement_fn *statement, enum bound bound, const char *types, catalog_row_fn *fn,
    struct err *e)
{
	struct attempt at = { .bound = bound, .strict = true };
	struct listing got = { .a = l->a, .v = VEC_INIT };
	struct ch_partition *kept;
	int rc = catalog_rows(l, statement, &at, types, fn, &got, NULL, e);

	if (rc == 0) {
		kept = arena_array(l->a, got.v.n + 1, struct ch_partition);
		if (kept == NULL)
			rc = err_nomem(e);
		else if (got.v.n != 0)
			memcpy(kept, got.v.v, got.v.n * sizeof *kept);
		l->out->partitions = kept;
		l->out->n_partitions = got.v.n < l->want->max ? got.v.n : l->want->max;
		l->out->all = got.v.n <= l->want->max;
	}
	vec_release(&got.v);
	return rc;
}

/* Everything is one partition. */
static int
pseudo(struct looking *l, struct err *e)
{
	struct ch_partition *p = arena_new(l->a, struct ch_partition);
	int rc;

	if (p == NULL)
		return err_nomem(e);
	p->name = SV("all");
	if ((rc = catalog_extent(l, &p->extent, &l->out->complete, e)) < 0)
		return rc;
	l->out->partitions = p;
	l->out->n_partitions = !p->extent.has_rows || p->extent.rows != 0;
	l->out->all = true;
	return 0;
}

int
catalog_partitions(struct looking *l, struct err *e)
{
	int rc;

	l->out->complete = true;
	if (!catalog_has_parts(l->by->schema))
		return pseudo(l, e);
	rc = list(l, partitions_of_parts, BOUND_NONE, SUMS_TYPES, on_parts, e);
	if (!catalog_closed(l, rc))
		return rc;
	catalog_note_err(l, "partitions are named by their ids, and their bytes are not known", e);
	rc = list(l, partitions_of_rows, BOUND_THROW, FIGURES, on_figures, e);
	if (!catalog_limited(l, rc) && !catalog_refused(l, rc) && !catalog_closed(l, rc))
		return rc;
	l->note.n = 0;
	return pseudo(l, e);
}

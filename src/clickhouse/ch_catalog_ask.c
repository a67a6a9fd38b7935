/* SPDX-License-Identifier: ISC */
/* ch_catalog_ask: one statement of the catalog, its settings and its rows. */
#include "base/clock.h"
#include "base/visible.h"
#include "ch_catalog_i.h"
#include "ch_cell_i.h"

enum { CODE_ROWS = 158, CODE_BYTES = 307, CODE_TIME = 159, CODE_READONLY = 164, CODE_UNKNOWN = 115,
	CODE_CONSTRAINT = 452, CODE_DENIED = 497 };

#define S 1000000000ull
/* Questions say how many rows they want; an answer without an end has no end. */
#define ANSWER_BYTES (64u << 20)

uint64_t
catalog_u64(struct sv cell)
{
	struct cursor c = cursor_new(cell.p, cell.n);

	return cursor_u64(&c);
}

/* ---- settings ---- */

/* What is left of the time, in whole seconds, since old servers take no others; 0: no bound. */
static uint64_t
seconds(const struct looking *l)
{
	uint64_t gone = clock_mono_ns() - l->begun_ns, time = l->by->time_ns;

	if (time == 0)
		return 0;
	return gone + S >= time ? 1 : (time - gone + S - 1) / S;
}

/* " SETTINGS " before the first, ", " before others. */
static void
setting(struct writer *w, bool *begun)
{
	if (*begun)
		W(w, ", ");
	else
		W(w, " SETTINGS ");
	*begun = true;
}

static void
settings_write(struct writer *w, const struct looking *l, const struct attempt *at, uint64_t time)
{
	bool begun = false;

	if (at->bound == BOUND_NONE || at->bound == BOUND_LIMIT)
		return;
	if (l->by->rows != 0) {
		setting(w, &begun);
		W(w, "max_rows_to_read = ");
		w_digits(w, l->by->rows);
	}
	/* Also for a limit that the user has anyway. */
	setting(w, &begun);
	if (at->bound == BOUND_BREAK)
		W(w, "read_overflow_mode = 'break'");
	else
		W(w, "read_overflow_mode = 'throw'");
	if (time == 0)
		return;
	setting(w, &begun);
	W(w, "max_execution_time = ");
	w_digits(w, time);
	if (at->strict)
		W(w, ", timeout_overflow_mode = 'throw'");
	else
		W(w, ", timeout_overflow_mode = 'break'");
}

/* ---- rows ---- */

static bool
type_is(const struct ch_type *t, char letter)
{
	switch (letter) {
	case 's':
		return t->kind == CH_STRING;
	case 'u':
		return ch_type_is(t, CH_UINT, 8);
	case 't':
		return t->kind == CH_DATETIME64;
	default:
		return ch_type_is(t, CH_UINT, 1);
	}
}

static int
types_check(const struct ch_rows *rows, const char *types, const struct ch_column **columns,
    struct err *e)
{
	size_t n;

	*columns = ch_rows_columns(rows, &n);
	if (n != strlen(types))
		return err_set(e, ERR_CORRUPT, -1, "ClickHouse's answer has %zu columns and not %zu", n,
		    strlen(types));
	for (size_t i = 0; i < n; i++)
		if (!type_is((*columns)[i].type, types[i]))
			return err_set(e, ERR_CORRUPT, -1, "ClickHouse's answer: column %zu is of another type than "
			    "was asked for", i + 1);
	if (types[n - 1] == 'e' && !sv_is((*columns)[n - 1].name, CH_END))
		return err_set(e, ERR_CORRUPT, -1, "ClickHouse's answer has no end of rows");
	return 0;
}

static int
rows_read(struct ch_reply *reply, const char *types, catalog_row_fn *fn, void *arg, struct err *e)
{
	const struct ch_column *columns;
	struct ch_rows *rows = NULL;
	const struct sv *cells;
	size_t bytes = 0;
	int rc = ch_rows_of(reply, &rows, e);

	if (rc == 0)
		rc = types_check(rows, types, &columns, e);
	while (rc == 0 && (rc = ch_rows_next(rows, &cells, e)) == 0) {
		for (size_t i = 0; types[i] != '\0'; i++)
			bytes += cells[i].n;
		rc = bytes <= ANSWER_BYTES ? fn(arg, columns, cells, e) : err_set(e, ERR_TOOBIG, -1,
		    "ClickHouse's answer about its table has over %u bytes", ANSWER_BYTES);
	}
	ch_rows_close(rows);
	return rc > 0 ? 0 : rc;
}

static int
ask(struct looking *l, const struct ch_sql *sql, const char *types, catalog_row_fn *fn, void *arg,
    struct err *e)
{
	struct ch_question q = { .sql = sql->text, .params = sql->params, .n_params = sql->n_params,
		.format = SV("RowBinaryWithNamesAndTypes"), .comment = l->by->comment,
		.deadline_ns = l->by->deadline_ns, .cancel = l->by->cancel };
	struct ch_reply *reply = NULL;
	int rc = ch_ask(l->by->client, &q, &l->outcome, &reply, e);

	if (rc == 0) {
		rc = rows_read(reply, types, fn, arg, e);
		l->outcome = *ch_reply_outcome(reply);
	}
	ch_close(reply);
	return rc;
}

int
catalog_rows(struct looking *l, statement_fn *statement, struct attempt *at, const char *types,
    catalog_row_fn *fn, void *arg, bool *exact, struct err *e)
{
	uint64_t time = seconds(l), begun;
	struct arena a;
	struct ch_sql sql;
	int rc;

	memset(&l->outcome, 0, sizeof l->outcome);
	arena_init(&a);
	struct writer w = { .b = BUF_INIT, .params = VEC_INIT, .a = &a, .s = l->by->schema, .hex = l->by->hex,
		.exact = true };
	statement(&w, l, at, arg);
	settings_write(&w, l, at, time);
	begun = clock_mono_ns();
	if ((rc = w_finish(&w, &sql, e)) == 0)
		rc = ask(l, &sql, types, fn, arg, e);
	if (rc == 0 && exact != NULL)
		*exact = sql.exact;
	/* The server's watch went no longer than this one; the two may not go alike. */
	at->slow = time != 0 && at->bound != BOUND_NONE && at->bound != BOUND_LIMIT && !at->strict &&
	    clock_mono_ns() - begun >= time * S - S / 50;
	arena_release(&a);
	return rc;
}

/* ---- failures ---- */

bool
catalog_limited(const struct looking *l, int rc)
{
	if (rc == ERR_TIMEOUT)
		return l->outcome.code == CODE_TIME && l->by->time_ns != 0;
	return rc == ERR_LIMIT && (l->outcome.code == CODE_ROWS || l->outcome.code == CODE_BYTES);
}

bool
catalog_refused(const struct looking *l, int rc)
{
	return rc < 0 && (l->outcome.code == CODE_READONLY || l->outcome.code == CODE_UNKNOWN ||
	    l->outcome.code == CODE_CONSTRAINT);
}

bool
catalog_closed(const struct looking *l, int rc)
{
	return rc < 0 && (l->outcome.code == CODE_DENIED || l->outcome.schema);
}

/* ---- notes ---- */

void
catalog_note(struct looking *l, const char *fmt, ...)
{
	va_list ap;

	if (l->note.n != 0)
		BUF_LIT(&l->note, "; ");
	va_start(ap, fmt);
	buf_vprintf(&l->note, fmt, ap);
	va_end(ap);
}

void
catalog_note_err(struct looking *l, const char *what, const struct err *e)
{
	catalog_note(l, "%s: %s", what, e->msg);
}

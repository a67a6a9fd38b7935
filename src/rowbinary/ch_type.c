/* SPDX-License-Identifier: ISC */
/* ch_type: see rowbinary/ch_type.h. A reader of NAME and NAME(ARGUMENTS), by descent. */
#include "rowbinary/ch_type.h"

struct reader {
	struct sv text;
	size_t at;
	struct arena *a;
	struct err *e;
};

static int type_read(struct reader *, unsigned depth, struct ch_type **);

static int
malformed(const struct reader *r, const char *want)
{
	return err_set(r->e, ERR_CORRUPT, (int64_t)r->at, "a type of ClickHouse's: %s expected at byte %zu",
	    want, r->at);
}

static bool
word_byte(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static void
blanks(struct reader *r)
{
	while (r->at < r->text.n && r->text.p[r->at] == ' ')
		r->at++;
}

static bool
take(struct reader *r, char c)
{
	blanks(r);
	if (r->at >= r->text.n || r->text.p[r->at] != c)
		return false;
	r->at++;
	return true;
}

static int
expect(struct reader *r, char c)
{
	char want[4] = { '\'', c, '\'', '\0' };

	return take(r, c) ? 0 : malformed(r, want);
}

static struct sv
word(struct reader *r)
{
	size_t from;

	blanks(r);
	from = r->at;
	while (r->at < r->text.n && word_byte(r->text.p[r->at]))
		r->at++;
	return sv_sub(r->text, from, r->at);
}

/* 'text', with \ before what is escaped. */
static int
quoted(struct reader *r, char q, struct sv *out)
{
	struct buf b = BUF_INIT;
	int rc = 0;

	if ((rc = expect(r, q)) < 0)
		return rc;
	for (;; r->at++) {
		if (r->at >= r->text.n)
			rc = malformed(r, "the end of a text");
		else if (r->text.p[r->at] == q)
			break;
		else if (r->text.p[r->at] == '\\' && r->at + 1 < r->text.n)
			buf_putc(&b, r->text.p[++r->at]);
		else
			buf_putc(&b, r->text.p[r->at]);
		if (rc < 0)
			break;
	}
	r->at++;
	if (rc == 0)
		*out = arena_sv(r->a, buf_view(&b));
	if (rc == 0 && (b.oom || (out->p == NULL && b.n != 0)))
		rc = err_nomem(r->e);
	buf_release(&b);
	return rc;
}

static int
number(struct reader *r, uint64_t most, uint32_t *out)
{
	uint64_t v;

	if (!sv_u64(word(r), &v) || v > most)
		return malformed(r, "a number");
	*out = (uint32_t)v;
	return 0;
}

struct kids {
	const struct ch_type *of[256];
	struct sv names[256];
	size_t n;
};

static int
kids_keep(struct reader *r, const struct kids *k, struct ch_type *t)
{
	const struct ch_type **of = arena_array(r->a, k->n, const struct ch_type *);
	struct sv *names = arena_array(r->a, k->n, struct sv);

	if (of == NULL || names == NULL)
		return err_nomem(r->e);
	memcpy(of, k->of, k->n * sizeof *of);
	memcpy(names, k->names, k->n * sizeof *names);
	t->kids = of;
	t->names = names;
	t->n_kids = k->n;
	return 0;
}

/* Is what comes the name of an element, and not its type? */
static int
element_name(struct reader *r, bool always, struct sv *name)
{
	size_t at = r->at;
	struct sv w;

	*name = SV_EMPTY;
	if (take(r, '`')) {
		r->at--;
		return quoted(r, '`', name);
	}
	w = word(r);
	blanks(r);
	if (always || (w.n != 0 && r->at < r->text.n && word_byte(r->text.p[r->at]))) {
		*name = w;
		return w.n == 0 ? malformed(r, "a name") : 0;
	}
	r->at = at;
	return 0;
}

static int
elements(struct reader *r, unsigned depth, bool named, struct kids *k)
{
	struct ch_type *t;
	int rc;

	if ((rc = expect(r, '(')) < 0)
		return rc;
	do {
		if (k->n == sizeof k->of / sizeof *k->of)
			return malformed(r, "no more elements");
		if ((rc = element_name(r, named, &k->names[k->n])) < 0 || (rc = type_read(r, depth + 1, &t)) < 0)
			return rc;
		k->of[k->n++] = t;
	} while (take(r, ','));
	return expect(r, ')');
}

/* T(A, B): so many of them. */
static int
arguments(struct reader *r, unsigned depth, size_t n, struct ch_type *t)
{
	struct kids k = { .n = 0 };
	struct ch_type *of;
	int rc;

	if ((rc = expect(r, '(')) < 0)
		return rc;
	for (; k.n < n; k.n++) {
		if ((k.n != 0 && (rc = expect(r, ',')) < 0) || (rc = type_read(r, depth + 1, &of)) < 0)
			return rc;
		k.of[k.n] = of;
	}
	rc = expect(r, ')');
	return rc < 0 ? rc : kids_keep(r, &k, t);
}

static int
enum_label(struct reader *r, uint32_t bytes, struct ch_label *l)
{
	uint32_t v = 0;
	bool minus;
	int rc;

	if ((rc = quoted(r, '\'', &l->name)) < 0 || (rc = expect(r, '=')) < 0)
		return rc;
	minus = take(r, '-');
	if ((rc = number(r, bytes == 1 ? 127u + minus : 32767u + minus, &v)) < 0)
		return rc;
	l->number = (int16_t)(minus ? -(int32_t)v : (int32_t)v);
	return 0;
}

static int
enum_labels(struct reader *r, struct ch_type *t)
{
	struct ch_label *labels = NULL, l;
	size_t cap = 0;
	int rc;

	if ((rc = expect(r, '(')) < 0)
		return rc;
	do {
		if ((rc = enum_label(r, t->bytes, &l)) < 0)
			return rc;
		if (t->n_labels == cap) {
			struct ch_label *more = arena_array(r->a, cap = 2 * cap + 8, struct ch_label);

			if (more == NULL)
				return err_nomem(r->e);
			if (t->n_labels != 0)
				memcpy(more, labels, t->n_labels * sizeof *more);
			labels = more;
		}
		labels[t->n_labels++] = l;
	} while (take(r, ','));
	t->labels = labels;
	return expect(r, ')');
}

/* What stands in brackets and says nothing of the bytes: a time zone, the paths of JSON. */
static int
brackets(struct reader *r)
{
	unsigned open = 0;
	struct sv s;
	int rc;

	do {
		if (r->at >= r->text.n)
			return malformed(r, "')'");
		if (r->text.p[r->at] == '\'' || r->text.p[r->at] == '`') {
			if ((rc = quoted(r, r->text.p[r->at], &s)) < 0)
				return rc;
			continue;
		}
		open += r->text.p[r->at] == '(';
		open -= r->text.p[r->at] == ')';
		r->at++;
	} while (open != 0);
	return 0;
}

static int
datetime64(struct reader *r, struct ch_type *t)
{
	struct sv zone;
	int rc;

	if ((rc = expect(r, '(')) < 0 || (rc = number(r, 9, &t->scale)) < 0)
		return rc;
	if (take(r, ',') && (blanks(r), rc = quoted(r, '\'', &zone)) < 0)
		return rc;
	return expect(r, ')');
}

static const struct {
	const char *name;
	enum ch_kind kind;
	uint32_t bytes;
} plain[] = {
	{ "String", CH_STRING, 0 }, { "Bool", CH_BOOL, 1 }, { "UUID", CH_UUID, 16 },
	{ "UInt8", CH_UINT, 1 }, { "UInt16", CH_UINT, 2 }, { "UInt32", CH_UINT, 4 }, { "UInt64", CH_UINT, 8 },
	{ "Int8", CH_INT, 1 }, { "Int16", CH_INT, 2 }, { "Int32", CH_INT, 4 }, { "Int64", CH_INT, 8 },
	{ "Float32", CH_FLOAT, 4 }, { "Float64", CH_FLOAT, 8 }, { "Nothing", CH_NOTHING, 0 },
	{ "DateTime", CH_DATETIME, 4 }, { "JSON", CH_JSON, 0 },
	{ "Enum8", CH_ENUM, 1 }, { "Enum16", CH_ENUM, 2 }, { "DateTime64", CH_DATETIME64, 8 },
	{ "FixedString", CH_FIXED, 0 }, { "Nullable", CH_NULLABLE, 0 }, { "Array", CH_ARRAY, 0 },
	{ "Map", CH_MAP, 0 }, { "Tuple", CH_TUPLE, 0 },
};

static int
fixed(struct reader *r, struct ch_type *t)
{
	int rc;

	if ((rc = expect(r, '(')) < 0 || (rc = number(r, 1u << 20, &t->bytes)) < 0)
		return rc;
	return t->bytes == 0 ? malformed(r, "a length") : expect(r, ')');
}

static int
tuple(struct reader *r, unsigned depth, bool named, struct ch_type *t)
{
	struct kids *k = arena_new(r->a, struct kids);
	int rc = k == NULL ? err_nomem(r->e) : elements(r, depth, named, k);

	return rc < 0 ? rc : kids_keep(r, k, t);
}

static int
rest_of(struct reader *r, unsigned depth, struct ch_type *t)
{
	switch (t->kind) {
	case CH_ENUM:
		return enum_labels(r, t);
	case CH_DATETIME64:
		return datetime64(r, t);
	case CH_FIXED:
		return fixed(r, t);
	case CH_NULLABLE:
	case CH_ARRAY:
		return arguments(r, depth, 1, t);
	case CH_MAP:
		return arguments(r, depth, 2, t);
	case CH_TUPLE:
		return tuple(r, depth, false, t);
	case CH_DATETIME:
	case CH_JSON:
		return r->at < r->text.n && r->text.p[r->at] == '(' ? brackets(r) : 0;
	default:
		return 0;
	}
}

/* LowCardinality(T), SimpleAggregateFunction(f, T): T itself. */
static int
wrapped(struct reader *r, unsigned depth, bool function, struct ch_type **out)
{
	int rc;

	if ((rc = expect(r, '(')) < 0)
		return rc;
	if (function && (word(r).n == 0 || (rc = expect(r, ',')) < 0))
		return rc < 0 ? rc : malformed(r, "a function");
	rc = type_read(r, depth + 1, out);
	return rc < 0 ? rc : expect(r, ')');
}

static int
nested(struct reader *r, unsigned depth, struct ch_type *t)
{
	struct ch_type *of = arena_new(r->a, struct ch_type);
	struct kids k = { .n = 1 };
	int rc;

	if (of == NULL)
		return err_nomem(r->e);
	of->kind = CH_TUPLE;
	t->kind = CH_ARRAY;
	k.of[0] = of;
	rc = tuple(r, depth, true, of);
	return rc < 0 ? rc : kids_keep(r, &k, t);
}

static int
type_read(struct reader *r, unsigned depth, struct ch_type **out)
{
	struct ch_type *t;
	struct sv name;

	if (depth > CH_TYPE_DEPTH)
		return malformed(r, "less depth");
	name = word(r);
	if (name.n == 0)
		return malformed(r, "a type");
	if (sv_is(name, "LowCardinality") || sv_is(name, "SimpleAggregateFunction"))
		return wrapped(r, depth, sv_is(name, "SimpleAggregateFunction"), out);
	*out = t = arena_new(r->a, struct ch_type);
	if (t == NULL)
		return err_nomem(r->e);
	if (sv_is(name, "Nested"))
		return nested(r, depth, t);
	for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
		if (sv_is(name, plain[i].name)) {
			t->kind = plain[i].kind;
			t->bytes = plain[i].bytes;
			return rest_of(r, depth, t);
		}
	return err_set(r->e, ERR_UNSUPPORTED, (int64_t)(r->at - name.n),
	    "a type of ClickHouse's that is not known here: %.*s", SV_ARG(sv_sub(name, 0, 64)));
}

int
ch_type_parse(struct sv text, struct arena *a, const struct ch_type **out, struct err *e)
{
	struct reader r = { text, 0, a, e };
	struct ch_type *t = NULL;
	int rc;

	if (text.n > CH_TYPE_TEXT)
		return err_set(e, ERR_TOOBIG, -1, "a type of ClickHouse's of %zu bytes", text.n);
	if ((rc = type_read(&r, 0, &t)) < 0)
		return rc;
	blanks(&r);
	if (r.at != text.n)
		return malformed(&r, "the end");
	*out = t;
	return 0;
}

void
ch_type_print(struct buf *b, const struct ch_type *t)
{
	for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
		if (plain[i].kind == t->kind && (plain[i].bytes == t->bytes || t->kind == CH_FIXED)) {
			buf_str(b, plain[i].name);
			break;
		}
	if (t->kind == CH_FIXED)
		buf_printf(b, "(%u)", t->bytes);
	if (t->kind == CH_DATETIME64)
		buf_printf(b, "(%u)", t->scale);
	for (size_t i = 0; i < t->n_kids; i++) {
		buf_str(b, i == 0 ? "(" : ", ");
		ch_type_print(b, t->kids[i]);
	}
	if (t->n_kids != 0)
		buf_putc(b, ')');
}

bool
ch_type_is(const struct ch_type *t, enum ch_kind kind, uint32_t bytes)
{
	return t->kind == kind && (bytes == 0 || t->bytes == bytes);
}

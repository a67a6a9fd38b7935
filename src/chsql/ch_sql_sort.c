/* SPDX-License-Identifier: ISC */
/*
 * ch_sql_sort: rows in the order of sort keys as they have it here: numbers, strings bytewise,
 * booleans, what is missing last both ways; kinds and states by their numbers. A key is several
 * expressions, in this order:
 *
 *   is it missing?      always rising
 *   is it in doubt?     those first: no row that is left out may belong before one that comes
 *   its class           of attributes: number, string, boolean
 *   its number          as a double; then, of integers past those that are doubles, as an integer
 *   its text            of what is no number
 *
 * An attribute in a Map is text, and a number where it is spelled as files show that number
 * (ch_span.c). Of integers the server tells by spelling them itself. A double is spelled with the
 * fewest digits that read as it, so one of up to 15 is spelled so if it is neither too small nor too
 * big for that form; of 12 the server's reading may be off in the last bits, and orders them all the
 * same. Longer ones are told by spelling them there, which is the same where no exponent is. Whatever
 * else has the form is in doubt, and so are texts that are not UTF-8, which are repaired here.
 */
#include "ch_sql_i.h"
#include "chsql/ch_words.h"

/* Bytes of a double of at most 12 digits. */
#define FEW "13"
/* Spelled as a double may be; and as one surely is, if it has few digits. */
#define FRACTION "0\\\\.0{0,3}[1-9]([0-9]*[1-9])?|[1-9][0-9]*\\\\.([0-9]*[1-9]|0)"
#define MAY_BE "'^-?(0\\\\.0|" FRACTION "|[1-9](\\\\.[0-9]*[1-9])?e[-+][0-9]{2,3})$'"
#define IS_SURE "'^(0\\\\.0|-?(" FRACTION "|[1-9](\\\\.[0-9]*[1-9])?e-(0[5-9]|[1-9][0-9])))$'"
/* Integers up to it are all doubles. */
#define EXACT_MOST "9007199254740992"

enum key_sort { KEY_LEFT, KEY_NEVER, KEY_TEXT, KEY_ID, KEY_WORD, KEY_AMOUNT, KEY_END, KEY_ATTR };

static enum key_sort
intrinsic_sort(const struct ch_schema *s, enum intrinsic i)
{
	const struct leaf_row *r = &leaf_rows[i];

	if (i == IN_END)
		return KEY_END;
	if (r->sort == SORT_NEVER)
		return KEY_NEVER;
	if (r->sort == SORT_LEFT || r->many)
		return KEY_LEFT;
	if (s->columns[r->column].name.n == 0)
		return KEY_NEVER;
	switch (r->sort) {
	case SORT_TEXT:
		return KEY_TEXT;
	case SORT_KIND:
	case SORT_STATUS:
		return KEY_WORD;
	case SORT_TRACE:
	case SORT_SPAN:
		return KEY_ID;
	default:
		return KEY_AMOUNT;
	}
}

/* A key that no row has orders nothing. */
static enum key_sort
key_sort(const struct ch_schema *s, const struct field *f)
{
	if (f->scope == FIELD_SCOPE)
		return KEY_NEVER;
	if (f->scope == FIELD_INTRINSIC)
		return intrinsic_sort(s, f->intrinsic);
	return in_map(s, f) ? KEY_ATTR : KEY_LEFT;
}

bool
ch_sql_sorts(const struct ch_schema *s, const struct field *f)
{
	return key_sort(s, f) != KEY_LEFT;
}

static void
way(struct writer *w, bool desc)
{
	if (desc)
		W(w, " DESC");
	W(w, ", ");
}

/* ---- what is in doubt ---- */

static void
text_doubt(struct writer *w, const struct field *f)
{
	W(w, "NOT isValidUTF8(");
	w_column(w, leaf_rows[f->intrinsic].column);
	W(w, ")");
}

/* In a text of this program $v is spanfs_v with the key's number, and so on. */
static void
of_key(struct writer *w, size_t i, const char *text)
{
	for (; *text != '\0'; text++) {
		if (*text == '$')
			alias(w, *++text, i);
		else
			buf_putc(&w->b, *text);
	}
}

/* spanfs_v: its text; _i: an integer? _s: surely a double? */
static void
attr_sort_doubt(struct writer *w, const struct field *f, size_t i)
{
	W(w, "NOT isValidUTF8((");
	attr_value(w, f);
	of_key(w, i, " AS $v)) OR NOT ((toString(toInt64OrZero($v)) = $v) AS $i) AND match($v, ");
	W(w, MAY_BE ") AND NOT ((");
	of_key(w, i, "match($v, ");
	W(w, IS_SURE ") AND (");
	of_key(w, i, "length($v) <= " FEW " OR toString(toFloat64OrZero($v)) = $v)) AS $s)");
}

bool
sort_doubts_write(struct writer *w, const struct ch_select *q)
{
	bool any = false;

	for (size_t i = 0; i < q->n_sort; i++) {
		const struct field *f = &q->sort[i].field;
		enum key_sort sort = key_sort(w->s, f);

		if (sort != KEY_TEXT && sort != KEY_ATTR)
			continue;
		doubt_begin(w, "(", &any);
		W(w, "((");
		if (sort == KEY_TEXT)
			text_doubt(w, f);
		else
			attr_sort_doubt(w, f, i);
		W(w, ") AS ");
		alias(w, 'w', i);
		W(w, ")");
	}
	if (any)
		W(w, ")");
	return any;
}

void
sort_rows_write(struct writer *w, const struct ch_select *q)
{
	if (w->rows == ROWS_SURE)
		W(w, "NOT ");
	(void)sort_doubts_write(w, q);
}

/* ---- keys ---- */

static void
text_key(struct writer *w, const struct sort_key *k, size_t i)
{
	const struct leaf_row *r = &leaf_rows[k->field.intrinsic];

	if (r->optional) {
		w_column(w, r->column);
		W(w, " = '', ");
	}
	alias(w, 'w', i);
	W(w, " DESC, ");
	w_column(w, r->column);
	way(w, k->desc);
}

/* Hexadecimal digits order as numbers do. Of no parent there are two spellings. */
static void
id_key(struct writer *w, const struct sort_key *k)
{
	const struct leaf_row *r = &leaf_rows[k->field.intrinsic];

	if (r->optional) {
		w_column(w, r->column);
		W(w, " IN ('', '0000000000000000'), ");
		W(w, "if(");
		w_column(w, r->column);
		W(w, " = '0000000000000000', '', ");
		w_column(w, r->column);
		W(w, ")");
	} else {
		w_column(w, r->column);
	}
	way(w, k->desc);
}

static void
word_key(struct writer *w, const struct sort_key *k)
{
	const struct leaf_row *r = &leaf_rows[k->field.intrinsic];
	const struct ch_word *words = r->sort == SORT_KIND ? ch_kinds : ch_statuses;
	size_t n = r->sort == SORT_KIND ? CH_N_KINDS : CH_N_STATUSES;

	W(w, "multiIf(");
	for (size_t i = 0; i < n; i++) {
		const struct sv texts[2] = { words[i].now, words[i].before };

		w_column(w, r->column);
		W(w, " IN ");
		w_texts(w, texts, 2);
		W(w, ", ");
		w_digits(w, (uint64_t)words[i].number);
		W(w, ", ");
	}
	W(w, "0)");
	way(w, k->desc);
}

/* Negative durations are those of over 63 bits, and shown as none. */
static void
amount_key(struct writer *w, const struct sort_key *k)
{
	if (k->field.intrinsic == IN_DURATION) {
		W(w, "greatest(toInt64(");
		w_column(w, CHC_DURATION);
		W(w, "), 0)");
	} else {
		w_column(w, CHC_TIMESTAMP);
	}
	way(w, k->desc);
}

/* As ch_span.c has it: not before 1970, and a negative duration goes back. */
static void
end_key(struct writer *w, const struct sort_key *k)
{
	W(w, "if(toInt64(");
	w_column(w, CHC_DURATION);
	W(w, ") >= 0, toUInt64(greatest(toUnixTimestamp64Nano(");
	start_write(w);
	W(w, "), 0)) + toUInt64(");
	w_column(w, CHC_DURATION);
	W(w, "), toUInt64(greatest(greatest(toUnixTimestamp64Nano(");
	start_write(w);
	W(w, "), 0) + toInt64(");
	w_column(w, CHC_DURATION);
	W(w, "), 0)))");
	way(w, k->desc);
}

static void
attr_key(struct writer *w, const struct sort_key *k, size_t i)
{
	W(w, "NOT (");
	attr_there(w, &k->field);
	of_key(w, i, "), $w DESC, multiIf($i OR $s, 0, $v IN ('true', 'false'), 2, 1)");
	way(w, k->desc);
	of_key(w, i, "multiIf($i, toFloat64(toInt64OrZero($v)), $s, toFloat64OrZero($v), 0)");
	way(w, k->desc);
	of_key(w, i, "if($i AND toInt64OrZero($v) NOT BETWEEN -" EXACT_MOST " AND " EXACT_MOST ", toInt64OrZero($v), 0)");
	way(w, k->desc);
	of_key(w, i, "if($i OR $s, '', $v)");
	way(w, k->desc);
}

static void
sort_keys_write(struct writer *w, const struct ch_select *q)
{
	for (size_t i = 0; i < q->n_sort; i++) {
		const struct sort_key *k = &q->sort[i];

		switch (key_sort(w->s, &k->field)) {
		case KEY_TEXT:
			text_key(w, k, i);
			break;
		case KEY_ID:
			id_key(w, k);
			break;
		case KEY_WORD:
			word_key(w, k);
			break;
		case KEY_AMOUNT:
			amount_key(w, k);
			break;
		case KEY_END:
			end_key(w, k);
			break;
		case KEY_ATTR:
			attr_key(w, k, i);
			break;
		default:
			break;
		}
	}
}

/* ---- the order ---- */

bool
first_alone(const struct ch_select *q)
{
	return q->newest && q->limit != UINT64_MAX && !q->count && !q->whole_traces && !q->hex;
}

void
rows_order_write(struct writer *w, const struct ch_select *q, struct ch_sql *out)
{
	bool limited = first_alone(q) && w->exact;

	if (!q->newest || q->count || q->whole_traces)
		return;
	out->limited = limited;
	W(w, " ORDER BY ");
	if (limited && q->first == CH_BY_KEY) {
		w_column(w, q->sort[0].field.intrinsic == IN_START ? CHC_TIMESTAMP : CHC_DURATION);
		if (q->sort[0].desc)
			W(w, " DESC");
	} else {
		if (limited)
			sort_keys_write(w, q);
		w_column(w, CHC_TIMESTAMP);
		W(w, " DESC");
		if (!limited || q->first != CH_BY_TIME) {
			W(w, ", ");
			w_column(w, CHC_TRACE_ID);
			W(w, ", ");
			w_column(w, CHC_SPAN_ID);
		}
	}
	if (!limited)
		return;
	W(w, " LIMIT ");
	w_u64(w, q->first == CH_TIES ? q->limit : q->limit + 1);
	if (q->first == CH_TIES)
		W(w, " WITH TIES");
}

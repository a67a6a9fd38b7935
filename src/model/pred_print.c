/* SPDX-License-Identifier: ISC */
/*
 * pred_print: a predicate as people read it, in plans and error texts:
 * "service = checkout AND (a.b > 3 OR NOT has x)". A text that is not a plain word stands in
 * double quotes with C escapes, so what is printed is one line, free of control characters
 * and unambiguous. It is not meant to be parsed; the canonical path is (query_print).
 */
#include "base/utf8.h"
#include "model/pred.h"

static const char *const op_signs[N_PRED_OPS] = {
	[OP_EQ] = "=", [OP_NE] = "!=", [OP_LT] = "<", [OP_LE] = "<=", [OP_GT] = ">",
	[OP_GE] = ">=", [OP_IN] = "in", [OP_NOTIN] = "not in", [OP_CONTAINS] = "contains",
	[OP_NOTCONTAINS] = "not contains", [OP_STARTS] = "starts", [OP_ENDS] = "ends",
	[OP_RE] = "=~", [OP_NRE] = "!~", [OP_BETWEEN] = "between", [OP_HAS] = "has",
	[OP_TEXT] = "text",
};

static bool
is_plain(struct sv s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (!(c >= '0' && c <= '9') && !(c >= 'A' && c <= 'Z') &&
		    !(c >= 'a' && c <= 'z') &&
		    (c == '\0' || strchr("_.:/@+-*", c) == NULL))
			return false;
	}
	return s.n > 0;
}

static void
print_word(struct buf *b, struct sv s)
{
	const char *p = s.p, *end = s.p + s.n;
	uint32_t cp;
	size_t n;

	if (is_plain(s)) {
		buf_sv(b, s);
		return;
	}
	buf_putc(b, '"');
	for (; p < end; p += n) {
		n = utf8_decode(p, end, &cp);
		if (n == 0 || utf8_unprintable(cp)) {
			n = n == 0 ? 1 : n;
			for (size_t i = 0; i < n; i++)
				buf_printf(b, "\\x%02x", (uint8_t)p[i]);
		} else {
			if (*p == '"' || *p == '\\')
				buf_putc(b, '\\');
			buf_put(b, p, n);
		}
	}
	buf_putc(b, '"');
}

static void
print_field(struct buf *b, const struct field *f)
{
	struct buf name = BUF_INIT;

	field_print(&name, f);
	if (name.oom)
		b->oom = true;
	print_word(b, buf_view(&name));
	buf_release(&name);
}

static void
print_literals(struct buf *b, const struct pred *p, const char *sep)
{
	for (size_t i = 0; i < p->n_lits; i++) {
		if (i > 0)
			buf_str(b, sep);
		print_word(b, p->lits[i].text);
	}
}

static void
print_leaf(struct buf *b, const struct pred *p)
{
	if (p->op == OP_TEXT) {
		BUF_LIT(b, "text ");
		print_literals(b, p, " ");
		return;
	}
	if (p->op == OP_HAS) {
		BUF_LIT(b, "has ");
		print_field(b, &p->field);
		return;
	}
	print_field(b, &p->field);
	buf_putc(b, ' ');
	buf_str(b, op_signs[p->op]);
	buf_putc(b, ' ');
	if (p->op == OP_IN || p->op == OP_NOTIN) {
		buf_putc(b, '(');
		print_literals(b, p, ", ");
		buf_putc(b, ')');
	} else
		print_literals(b, p, " and ");
}

static void
print_kids(struct buf *b, const struct pred *p, const char *sep)
{
	for (size_t i = 0; i < p->n_kids; i++) {
		bool nested = p->kids[i]->kind == PRED_AND || p->kids[i]->kind == PRED_OR;

		if (i > 0)
			buf_str(b, sep);
		if (nested)
			buf_putc(b, '(');
		pred_print(b, p->kids[i]);
		if (nested)
			buf_putc(b, ')');
	}
}

void
pred_print(struct buf *b, const struct pred *p)
{
	switch (p->kind) {
	case PRED_TRUE:
		BUF_LIT(b, "TRUE");
		break;
	case PRED_FALSE:
		BUF_LIT(b, "FALSE");
		break;
	case PRED_LEAF:
		print_leaf(b, p);
		break;
	case PRED_AND:
		print_kids(b, p, " AND ");
		break;
	case PRED_OR:
		print_kids(b, p, " OR ");
		break;
	case PRED_NOT:
		BUF_LIT(b, "NOT ");
		print_kids(b, p, "");
		break;
	}
}

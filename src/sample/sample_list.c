/* SPDX-License-Identifier: ISC */
/* sample_list: lists of OTLP JSON under construction. All texts are known to need no escaping. */
#include "sample_i.h"

void
list_next(struct json_list *l)
{
	if (l->begun)
		buf_putc(l->b, ',');
	l->begun = true;
}

static void
list_key(struct json_list *l, const char *k)
{
	list_next(l);
	BUF_LIT(l->b, "{\"key\":\"");
	buf_str(l->b, k);
	BUF_LIT(l->b, "\",\"value\":{");
}

void
list_text(struct json_list *l, const char *k, const char *v)
{
	list_key(l, k);
	BUF_LIT(l->b, "\"stringValue\":\"");
	buf_str(l->b, v);
	BUF_LIT(l->b, "\"}}");
}

void
list_textf(struct json_list *l, const char *k, const char *fmt, ...)
{
	va_list ap;

	list_key(l, k);
	BUF_LIT(l->b, "\"stringValue\":\"");
	va_start(ap, fmt);
	buf_vprintf(l->b, fmt, ap);
	va_end(ap);
	BUF_LIT(l->b, "\"}}");
}

void
list_number(struct json_list *l, const char *k, uint64_t v)
{
	list_key(l, k);
	buf_printf(l->b, "\"intValue\":\"%llu\"}}", (unsigned long long)v);
}

/* v hundredths. */
void
list_hundredths(struct json_list *l, const char *k, uint64_t v)
{
	list_key(l, k);
	buf_printf(l->b, "\"doubleValue\":%llu.%02llu}}", (unsigned long long)(v / 100),
	    (unsigned long long)(v % 100));
}

void
list_flag(struct json_list *l, const char *k, bool v)
{
	list_key(l, k);
	buf_printf(l->b, "\"boolValue\":%s}}", v ? "true" : "false");
}

/* n texts of one form as an array. */
void
list_texts(struct json_list *l, const char *k, const char *const *v, size_t n)
{
	list_key(l, k);
	BUF_LIT(l->b, "\"arrayValue\":{\"values\":[");
	for (size_t i = 0; i < n; i++)
		buf_printf(l->b, "%s{\"stringValue\":\"%s\"}", i > 0 ? "," : "", v[i]);
	BUF_LIT(l->b, "]}}}");
}

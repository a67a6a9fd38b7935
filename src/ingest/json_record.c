/* SPDX-License-Identifier: ISC */
/*
 * json_record: the JSON objects of a record, each by the reader of its form (json_form_i.h).
 * Most records are one OTLP request, which is told by its first bytes.
 */
#include <stdio.h>

#include "json_form_i.h"

/* Goes on behind the NUL bytes that follow a breach; false if there are none. */
static bool
pass_hole(struct otlp_json *o, const char *from)
{
	const char *p = from < o->j.end ? memchr(from, '\0', (size_t)(o->j.end - from)) : NULL;
	const char *start = p;
	struct reject r = { .line = o->m.line, .notice = true };

	if (p == NULL || o->j.nomem || o->m.nomem)
		return false;
	while (p < o->j.end && *p == '\0')
		p++;
	if (o->m.result->reject != NULL) {
		snprintf(r.why, sizeof r.why, "a hole of %zu NUL bytes, passed over",
		    (size_t)(p - start));
		o->m.result->reject(o->m.result->reject_arg, &r);
	}
	maker_span_drop(&o->m);
	o->m.attrs.n = o->m.pack.n = 0;
	o->j.p = p;
	o->j.why = NULL;
	return true;
}

static bool
read_form(struct otlp_json *o, const struct json_form *form)
{
	if (form->read(o))
		return true;
	if (o->j.why != NULL && form->read != otlp_json_object)
		maker_broken(&o->m, "byte %zu: %s; what follows is lost",
		    (size_t)(o->j.p - o->j.body), o->j.why);
	return false;
}

/* One value of the record; *known tells whether its form is. False: the rest is lost. */
static bool
one_value(struct otlp_json *o, bool *known)
{
	const struct json_form *form;

	if (json_peek(&o->j) != '{') {
		/* What is left of an object that was no record is not told of again. */
		if (*known)
			maker_broken(&o->m, "byte %zu: not a JSON object",
			    (size_t)(o->j.p - o->j.body));
		return false;
	}
	form = json_form_of(sv_new(o->j.p, (size_t)(o->j.end - o->j.p)));
	*known = form != NULL;
	if (form != NULL && form->read != NULL)
		return read_form(o, form);
	if (!json_skip(&o->j)) {
		maker_broken(&o->m, "byte %zu: %s; what follows is lost",
		    (size_t)(o->j.p - o->j.body), o->j.why);
		return false;
	}
	if (form != NULL)
		maker_broken(&o->m, "%s", form->advice);
	else
		maker_broken(&o->m, "an object without resourceSpans: not OTLP, "
		    "nor of another form that is known");
	return true;
}

int
json_parse(struct sv body, uint64_t line, struct span_batch *batch,
    struct ingest_result *result, struct err *err)
{
	struct otlp_json o;
	bool nomem, known = true;

	if (body.n >= 3 && memcmp(body.p, "\xef\xbb\xbf", 3) == 0)
		body = sv_sub(body, 3, body.n);
	maker_init(&o.m, batch, result, line, body.n);
	json_init(&o.j, body, &batch->arena);
	while (json_peek(&o.j), o.j.p < o.j.end) {
		const char *from = o.j.p;

		if (!one_value(&o, &known) && !pass_hole(&o, from))
			break;
	}
	maker_span_drop(&o.m);
	result->n_mended += o.j.n_mended;
	nomem = o.m.nomem || o.j.nomem;
	maker_release(&o.m);
	return nomem ? err_nomem(err) : 0;
}

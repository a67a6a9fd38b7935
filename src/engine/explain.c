/* SPDX-License-Identifier: ISC */
/* explain: EXPLAIN of a path in one call, also of one that does not parse: then the words and a caret. */
#include <stdlib.h>

#include "engine_i.h"

static void
explain_error(struct buf *out, struct sv text, const struct err *err)
{
	buf_printf(out, "error: %s\n", err->msg);
	engine_caret(out, text, err->off);
}

void
explain_request(struct buf *out, const struct request *r)
{
	if (r->plan == NULL)
		BUF_LIT(out, "no plan\n");
	else
		plan_explain(out, r->plan, r->stats, buf_view(&r->canonical));
}

int
engine_explain(struct engine *en, struct sv text, struct buf *out, struct err *e)
{
	struct err err = ERR_INIT;
	struct path *path = NULL;
	struct request *r = NULL;
	struct sv file;
	int code;

	code = path_parse(text, engine_known_file, &path, &file, &err);
	if (code == 0)
		code = request_new(en, path, file.n != 0 ? file : SV("spans.jsonl"), &r, &err);
	if (code == 0 && r->query != NULL) {
		code = request_plan(r, &err);
		if (code == 0)
			explain_request(out, r);
	} else if (code == 0)
		BUF_LIT(out, "not a query: nothing is planned\n");
	if (code < 0)
		explain_error(out, text, &err);
	request_free(r);
	path_unref(path);
	if (code < 0 && e != NULL)
		*e = err;
	return code < 0 ? code : buf_ok(out, e);
}

/* SPDX-License-Identifier: ISC */
/* request_format: the file with whole rows of a query: what plans are of. */
#include "engine_i.h"

const struct format *
query_usual_format(const struct query *q)
{
	const struct format *f = format_find(SV("spans.jsonl"));

	for (size_t i = 0; i < q->n_sort && !q->by_groups; i++)
		if (field_is_many(&q->sort[i].field))
			f = format_find(field_owner(&q->sort[i].field) == OF_EVENT ?
			    SV("events.jsonl") : SV("links.jsonl"));
	return f;
}

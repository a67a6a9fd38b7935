/* SPDX-License-Identifier: ISC */
/*
 * shard_columns: what the fixed columns of shard_format.h must look like, in one table: the
 * readers refuse a shard that says otherwise, so they need not ask again.
 */
#include <stdio.h>

#include "shard_i.h"

#define U32 0, UINT32_MAX
#define ANY 0, UINT64_MAX
/* Images of the int32. */
#define I32 ((uint64_t)1 << 63) - ((uint64_t)1 << 31), ((uint64_t)1 << 63) + INT32_MAX

static const struct column_rule rules[N_FIXED_IDS] = {
	[COL_TRACE] = { "trace", DOMAIN_SPAN, false, true, VAL_INT, U32, 0 },
	[COL_SPAN_ID] = { "span_id", DOMAIN_SPAN, false, true, VAL_INT, ANY, 0 },
	[COL_PARENT] = { "parent", DOMAIN_SPAN, false, true, VAL_INT, U32, 0 },
	[COL_PARENT_ID] = { "parent_id", DOMAIN_SPAN, false, false, VAL_INT, ANY, 0 },
	[COL_START] = { "start", DOMAIN_SPAN, false, true, VAL_INT, ANY, 0 },
	[COL_DURATION] = { "duration", DOMAIN_SPAN, false, true, VAL_INT, ANY, 0 },
	[COL_KIND] = { "kind", DOMAIN_SPAN, false, true, VAL_INT, I32, 0 },
	[COL_STATUS] = { "status", DOMAIN_SPAN, false, true, VAL_INT, I32, 0 },
	[COL_NAME] = { "name", DOMAIN_SPAN, true, true, VAL_STRING, ANY, 0 },
	[COL_STATUS_MESSAGE] = { "status_message", DOMAIN_SPAN, true, false, VAL_STRING, ANY, 0 },
	[COL_TRACE_STATE] = { "trace_state", DOMAIN_SPAN, true, false, VAL_STRING, ANY, 0 },
	[COL_FLAGS] = { "flags", DOMAIN_SPAN, false, false, VAL_INT, U32, 0 },
	[COL_RESOURCE] = { "resource", DOMAIN_SPAN, false, true, VAL_INT, U32, 0 },
	[COL_SCOPE] = { "scope", DOMAIN_SPAN, false, true, VAL_INT, U32, 0 },
	[COL_DROPPED_ATTRS] = { "dropped_attrs", DOMAIN_SPAN, false, false, VAL_INT, U32, 0 },
	[COL_DROPPED_EVENTS] = { "dropped_events", DOMAIN_SPAN, false, false, VAL_INT, U32, 0 },
	[COL_DROPPED_LINKS] = { "dropped_links", DOMAIN_SPAN, false, false, VAL_INT, U32, 0 },
	[COL_N_EVENTS] = { "n_events", DOMAIN_SPAN, false, false, VAL_INT, U32, 0 },
	[COL_N_LINKS] = { "n_links", DOMAIN_SPAN, false, false, VAL_INT, U32, 0 },
	[COL_REST] = { "rest", DOMAIN_SPAN, true, false, VAL_MAP, ANY, 0 },
	[COL_EVENT_TIME] = { "event:time", DOMAIN_EVENT, false, false, VAL_INT, ANY, 0 },
	[COL_EVENT_NAME] = { "event:name", DOMAIN_EVENT, true, false, VAL_STRING, ANY, 0 },
	[COL_EVENT_DROPPED] = { "event:dropped", DOMAIN_EVENT, false, false, VAL_INT, U32, 0 },
	[COL_EVENT_REST] = { "event:rest", DOMAIN_EVENT, true, false, VAL_MAP, ANY, 0 },
	[COL_LINK_TRACE_ID] = { "link:trace_id", DOMAIN_LINK, true, false, VAL_BYTES, ANY, 16 },
	[COL_LINK_SPAN_ID] = { "link:span_id", DOMAIN_LINK, false, false, VAL_INT, ANY, 0 },
	[COL_LINK_TRACE_STATE] =
	    { "link:trace_state", DOMAIN_LINK, true, false, VAL_STRING, ANY, 0 },
	[COL_LINK_DROPPED] = { "link:dropped", DOMAIN_LINK, false, false, VAL_INT, U32, 0 },
	[COL_LINK_FLAGS] = { "link:flags", DOMAIN_LINK, false, false, VAL_INT, U32, 0 },
	[COL_LINK_REST] = { "link:rest", DOMAIN_LINK, true, false, VAL_MAP, ANY, 0 },
};

const struct column_rule *
column_rule(enum column_id id)
{
	return (unsigned)id < N_FIXED_IDS && rules[id].name != NULL ? &rules[id] : NULL;
}

bool
column_has_images(enum column_id id)
{
	return id == COL_ATTR || id == COL_KIND || id == COL_STATUS;
}

uint64_t
column_image(const struct column *c, const struct value *v)
{
	switch (v->type) {
	case VAL_INT:
		return column_has_images(c->id) ? value_image_i64(v->i) : (uint64_t)v->i;
	case VAL_DOUBLE:
		return value_image_double(v->d);
	case VAL_BOOL:
		return v->b;
	default:
		return 0;
	}
}

uint32_t
domain_rows(const struct row_group *g, enum column_domain d)
{
	switch (d) {
	case DOMAIN_SPAN:
		return g->row_to - g->row_from;
	case DOMAIN_EVENT:
		return g->n_events;
	case DOMAIN_LINK:
		return g->n_links;
	}
	return 0;
}

void
column_name(const struct column *c, char *buf, size_t n)
{
	static const char *const scope[] = {
		[0] = "", [ATTR_SPAN] = "span.", [ATTR_EVENT] = "event.", [ATTR_LINK] = "link.",
	};

	if (c->id != COL_ATTR) {
		snprintf(buf, n, "%s", column_rule(c->id)->name);
		return;
	}
	snprintf(buf, n, "%s%.*s", scope[c->scope], (int)(c->key.n < 80 ? c->key.n : 80),
	    c->key.n == 0 ? "" : c->key.p);
	/* Keys are a stranger's bytes. */
	for (; *buf != '\0'; buf++)
		if (*buf < ' ' || *buf > '~')
			*buf = '?';
}

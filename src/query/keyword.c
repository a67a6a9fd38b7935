/* SPDX-License-Identifier: ISC */
/* keyword: the table of keywords, see keyword_i.h, and the search for a mistyped one. */
#include "keyword_i.h"

#include "base/near.h"
#include "clause_i.h"

const struct keyword keywords[] = {
	{ "service", KC_FILTER, 1, { ARG_VALUES }, IN_SERVICE, build_list },
	{ "name", KC_FILTER, 1, { ARG_VALUES }, IN_NAME, build_list },
	{ "scope", KC_FILTER, 1, { ARG_VALUES }, IN_SCOPE, build_list },
	{ "kind", KC_FILTER, 1, { ARG_KINDS }, IN_KIND, build_list },
	{ "status", KC_FILTER, 1, { ARG_STATUSES }, IN_STATUS, build_list },
	{ "trace", KC_FILTER, 1, { ARG_VALUES }, IN_TRACE_ID, build_list },
	{ "span", KC_FILTER, 1, { ARG_VALUES }, IN_SPAN_ID, build_list },
	{ "duration", KC_FILTER, 2, { ARG_DURATION_OPS, ARG_DURATIONS },
	    IN_DURATION, build_duration },
	{ "trace-duration", KC_FILTER, 2, { ARG_DURATION_OPS, ARG_DURATIONS },
	    IN_TRACE_DURATION, build_duration },
	{ "where", KC_FILTER, 3, { ARG_FIELDS, ARG_OPS, ARG_VALUES },
	    NO_INTRINSIC, build_where },
	{ "has", KC_FILTER, 1, { ARG_FIELDS }, NO_INTRINSIC, build_has },
	{ "text", KC_FILTER, 1, { ARG_WORDS }, NO_INTRINSIC, build_text },
	{ "since", KC_TIME, 1, { ARG_TIMES }, NO_INTRINSIC, build_since },
	{ "until", KC_TIME, 1, { ARG_TIMES }, NO_INTRINSIC, build_until },
	{ "on", KC_TIME, 1, { ARG_DAYS }, NO_INTRINSIC, build_on },
	{ "not", KC_NOT, 0, { 0 }, NO_INTRINSIC, NULL },
	{ "any", KC_ANY, 0, { 0 }, NO_INTRINSIC, NULL },
	{ "all", KC_ALL, 0, { 0 }, NO_INTRINSIC, NULL },
	{ "end", KC_END, 0, { 0 }, NO_INTRINSIC, NULL },
	{ "child", KC_LATER, 0, { 0 }, NO_INTRINSIC, NULL },
	{ "parent", KC_LATER, 0, { 0 }, NO_INTRINSIC, NULL },
	{ "descendant", KC_LATER, 0, { 0 }, NO_INTRINSIC, NULL },
	{ "ancestor", KC_LATER, 0, { 0 }, NO_INTRINSIC, NULL },
	{ "sibling", KC_LATER, 0, { 0 }, NO_INTRINSIC, NULL },
	{ "trace-has", KC_LATER, 0, { 0 }, NO_INTRINSIC, NULL },
	{ "root", KC_FILTER, 0, { 0 }, NO_INTRINSIC, build_root },
	{ "traceql", KC_LATER, 0, { 0 }, NO_INTRINSIC, NULL },
	{ "mark", KC_TIME, 1, { ARG_MARKS }, NO_INTRINSIC, build_mark },
	{ "group", KC_SHAPE, 1, { ARG_FIELDS }, NO_INTRINSIC, build_group },
	{ "bucket", KC_SHAPE, 1, { ARG_STEPS }, NO_INTRINSIC, build_bucket },
	{ "agg", KC_SHAPE, 1, { ARG_AGGS }, NO_INTRINSIC, build_agg },
	{ "fill", KC_SHAPE, 1, { ARG_FILLS }, NO_INTRINSIC, build_fill },
	{ "having", KC_SHAPE, 3, { ARG_AGGS, ARG_DURATION_OPS, ARG_NUMBERS },
	    NO_INTRINSIC, build_having },
	{ "per", KC_SHAPE, 1, { ARG_PER }, NO_INTRINSIC, build_per },
	{ "versus", KC_SHAPE, 1, { ARG_PERIODS }, NO_INTRINSIC, build_versus },
	{ "compare", KC_COMPARE, 0, { 0 }, NO_INTRINSIC, NULL },
	{ "distinct", KC_SHAPE, 1, { ARG_FIELDS }, NO_INTRINSIC, build_distinct },
	{ "sort", KC_PAGE, 1, { ARG_FIELDS }, NO_INTRINSIC, build_sort },
	{ "limit", KC_PAGE, 1, { ARG_NUMBERS }, NO_INTRINSIC, build_limit },
	{ "offset", KC_PAGE, 1, { ARG_NUMBERS }, NO_INTRINSIC, build_offset },
	{ "select", KC_PAGE, 1, { ARG_FIELDS }, NO_INTRINSIC, build_select },
	{ "expect", KC_PAGE, 2, { ARG_EXPECTS, ARG_NUMBERS }, NO_INTRINSIC, build_expect },
};
const size_t n_keywords = sizeof keywords / sizeof keywords[0];

const struct keyword keyword_shards = {
	"shards", KC_SHARDS, 2, { ARG_SHARD_DAYS, ARG_SHARD_HOURS }, NO_INTRINSIC,
	build_shards
};

unsigned
keyword_rank(const struct keyword *kw)
{
	return (unsigned)(kw - keywords);
}

const struct keyword *
keyword_find(struct sv word)
{
	/* Asked for each segment of each path: most names differ in their first letter. */
	for (size_t i = 0; i < n_keywords && word.n != 0; i++)
		if (keywords[i].name[0] == word.p[0] && sv_is(word, keywords[i].name))
			return &keywords[i];
	return NULL;
}

const char *
keyword_suggest(struct sv word)
{
	struct near x;

	near_init(&x, word);
	for (size_t i = 0; i < n_keywords; i++)
		if (keywords[i].class != KC_LATER)
			near_offer(&x, sv_cstr(keywords[i].name));
	return x.found.p;	/* of a keyword: ends with a NUL */
}

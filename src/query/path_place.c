/* SPDX-License-Identifier: ISC */
/* path_place: which clause may stand after which: once, at the top, beside others. See path_i.h. */
#include "base/limits.h"
#include "clause_i.h"
#include "path_i.h"

#define ONCE "may stand once only"

/* expect stands once of each kind: the bits of its words are the highest two. */
#define EXPECT_ROWS ((uint64_t)1 << 62)
#define EXPECT_FRESH ((uint64_t)1 << 63)

uint64_t
path_once_bits(const struct keyword *kw)
{
	return kw->build == build_expect ? EXPECT_ROWS | EXPECT_FRESH :
	    (uint64_t)1 << keyword_rank(kw);
}

bool
path_at_top(const struct keyword *kw)
{
	return kw->class == KC_TIME || kw->class == KC_SHAPE || kw->class == KC_PAGE ||
	    kw->class == KC_COMPARE;
}

static bool
once_only(const struct keyword *kw)
{
	return path_at_top(kw) && kw->build != build_having;
}

const char *
path_out_of_place(const struct path *p, const struct keyword *kw)
{
	bool filter = kw->class == KC_FILTER || kw->class == KC_ANY || kw->class == KC_ALL;

	if (p->after_not && !filter)
		return "can't stand after 'not': only a filter, any or all can";
	if (kw->class == KC_END && p->depth == 0)
		return "without a group that it could close";
	if (kw->class == KC_END && p->group_empty)
		return "closes an empty group: a filter must stand in it";
	if (path_at_top(kw) && p->depth > 0)
		return "can't stand in a group of filters: only filters, any and all can";
	if (once_only(kw) && (p->once & path_once_bits(kw)) == path_once_bits(kw))
		return ONCE;
	return NULL;
}

int
path_over_limit(const struct path *p, const struct keyword *kw, struct err *e)
{
	if (keyword_opens(kw) && p->depth >= LIMIT_NESTING)
		return err_set(e, ERR_TOOBIG, 0, "groups nest at most %d deep", LIMIT_NESTING);
	if (kw->class != KC_END && kw->class != KC_NOT && p->n_clauses >= LIMIT_CLAUSES)
		return err_set(e, ERR_TOOBIG, 0, "a path has at most %d clauses", LIMIT_CLAUSES);
	return 0;
}

static bool
has_clause(const struct path *p, const char *keyword)
{
	return (p->once & path_once_bits(keyword_find(sv_cstr(keyword)))) != 0;
}

bool
path_grouped(const struct path *p)
{
	return has_clause(p, "group") || has_clause(p, "bucket") || has_clause(p, "agg") ||
	    has_clause(p, "distinct");
}

bool
path_compares(const struct path *p)
{
	return has_clause(p, "compare");
}

bool
path_pointless(const struct path *p, const struct keyword *kw)
{
	bool plain = has_clause(p, "group") || has_clause(p, "bucket") || has_clause(p, "agg");

	if (kw->class == KC_COMPARE)
		return path_grouped(p);
	if (path_compares(p) && (kw->class == KC_SHAPE || kw->build == build_select))
		return true;
	if (kw->class != KC_SHAPE)
		return false;
	if (kw->build == build_per)
		return !path_grouped(p);
	if (kw->build == build_fill)
		return !has_clause(p, "bucket");
	if (kw->build == build_having)
		return !plain;
	if (kw->build == build_versus)
		return !plain || (!has_clause(p, "since") && !has_clause(p, "on"));
	if (kw->build == build_distinct)
		return plain;
	return has_clause(p, "distinct");
}

int
path_mark_expect(struct path *p, struct sv word, struct err *e)
{
	uint64_t bit = sv_is(word, "rows") ? EXPECT_ROWS : EXPECT_FRESH;

	if ((p->once & bit) != 0)
		return err_set(e, ERR_SYNTAX, 0, "'expect/%.*s' " ONCE, SV_ARG(word));
	p->once |= bit;
	return 0;
}

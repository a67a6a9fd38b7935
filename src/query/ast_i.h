/* SPDX-License-Identifier: ISC */
/*
 * ast_i: a path as a tree: clauses in the order typed, groups with their kids. Arguments are
 * still encoded text, borrowed from the path's nodes. Offsets are into path_print's text.
 */
#ifndef QUERY_AST_I_H
#define QUERY_AST_I_H

#include "base/arena.h"
#include "keyword_i.h"

struct ast {
	const struct keyword *kw;	/* NULL: the whole path */
	bool negated;
	struct sv args[KEYWORD_ARGS];
	size_t off;			/* of the keyword */
	size_t arg_off[KEYWORD_ARGS];	/* of the arguments */
	struct ast *kids, **tail;	/* of groups, compare and the whole path: in order */
	size_t n_kids;
	struct ast *next;		/* the next of its parent's kids */
};

/*
 * The tree of a path. ERR_SYNTAX for one that ends in the middle: an argument awaited, an
 * open group, a dangling not. Lives in the arena and as long as the path.
 */
int ast_parse(const struct path *, struct arena *, const struct ast **, struct err *) WARN_UNUSED;

#endif

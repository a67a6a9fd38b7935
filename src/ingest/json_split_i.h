/* SPDX-License-Identifier: ISC */
/*
 * json_split: finds where a JSON object ends without parsing it: brackets are counted,
 * strings are passed over. It sees the text in pieces and remembers its state between them.
 *
 * A broken object must not swallow what comes after it: at a line that starts like a record
 * where no element can start, or that is an object with no ',' or bracket behind it, the object
 * at hand is taken as ended there (SPLIT_CUT).
 */
#ifndef INGEST_JSON_SPLIT_I_H
#define INGEST_JSON_SPLIT_I_H

#include "base/sv.h"

enum split_state { SPLIT_MORE, SPLIT_END, SPLIT_CUT };

#define SPLIT_HEAD 12

struct json_split {
	char head[SPLIT_HEAD];	/* the first bytes of the object at hand, on its first line */
	size_t n_head;
	uint64_t depth;
	bool in_string;
	char last;		/* the last byte outside strings that is not white space */
};

/*
 * Goes on through s; `final`: nothing comes after it. Returns the bytes used: to the end of
 * the object (SPLIT_END), to the line that cuts it (SPLIT_CUT), or, with SPLIT_MORE, as many
 * as could be judged: the rest is to be given again with more behind it.
 */
size_t json_split(struct json_split *, struct sv s, bool final, enum split_state *);

#endif

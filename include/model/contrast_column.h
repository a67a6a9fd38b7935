/* SPDX-License-Identifier: ISC */
/* contrast_column: the columns of compare.*, and what compare looks at. Worked out in src/agg. */
#ifndef MODEL_CONTRAST_COLUMN_H
#define MODEL_CONTRAST_COLUMN_H

#include "base/sv.h"

/* In their order. */
enum contrast_column {
	CONTRAST_FIELD, CONTRAST_VALUE, CONTRAST_SELECTION, CONTRAST_SELECTION_SHARE,
	CONTRAST_BASELINE, CONTRAST_BASELINE_SHARE, CONTRAST_DIFFERENCE,
	N_CONTRAST_COLUMNS
};

const char *contrast_column_name(enum contrast_column);
bool contrast_column_parse(struct sv, enum contrast_column *);

struct contrast_sort {
	enum contrast_column column;
	bool desc;
};

#define CONTRAST_ROWS 100		/* without a limit */
#define CONTRAST_MOST_VALUES 10000	/* of a field; one with more is left out */

#endif

/* SPDX-License-Identifier: ISC */
/* contrast_column: the names of the columns of compare.*. */
#include "model/contrast_column.h"

static const char *const columns[N_CONTRAST_COLUMNS] = {
	[CONTRAST_FIELD] = "field", [CONTRAST_VALUE] = "value",
	[CONTRAST_SELECTION] = "selection", [CONTRAST_SELECTION_SHARE] = "selection_share",
	[CONTRAST_BASELINE] = "baseline", [CONTRAST_BASELINE_SHARE] = "baseline_share",
	[CONTRAST_DIFFERENCE] = "difference",
};

const char *
contrast_column_name(enum contrast_column c)
{
	return columns[c];
}

bool
contrast_column_parse(struct sv s, enum contrast_column *c)
{
	for (unsigned i = 0; i < N_CONTRAST_COLUMNS; i++)
		if (sv_is(s, columns[i])) {
			*c = (enum contrast_column)i;
			return true;
		}
	return false;
}

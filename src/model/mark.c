/* SPDX-License-Identifier: ISC */
/* mark: see model/mark.h. */
#include "model/mark.h"

static bool
is_word(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool
mark_name_ok(struct sv s)
{
	if (s.n == 0 || s.n > MARK_NAME_MAX || !is_word(s.p[0]))
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (!is_word(s.p[i]) && s.p[i] != '-' && s.p[i] != '_' && s.p[i] != '.')
			return false;
	return true;
}

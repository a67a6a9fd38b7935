/* SPDX-License-Identifier: ISC */
/* hostile: see hostile.h. */
#include "lib/hostile.h"

static const char *const pieces[] = {
	"'", "\\'", "\\", "\\\\", "''", "'; DROP TABLE t; --", "{p0:String}", "{", "}", "`", "\"", "\\N", "NULL",
	"\t", "\n", "\r\n", "%27", "%", "&param_p1=x", "+", " ", "\xff\xfe", "\xc3\x28", "\xf0\x9f\x98\x80", "--",
	"/*", "*/", ";", "$$", "\\x41", "\\0", "\x7f", "\x01", "[", "]", "['a']", "?", "#", "=", "",
};

uint64_t
hostile_random(uint64_t *seed, uint64_t below)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed % below;
}

void
hostile_value(uint64_t *seed, struct buf *b)
{
	for (uint64_t n = hostile_random(seed, 6); n > 0; n--) {
		if (hostile_random(seed, 8) == 0)
			buf_putc(b, '\0');
		else if (hostile_random(seed, 4) == 0)
			buf_putc(b, (char)hostile_random(seed, 256));
		else
			buf_str(b, pieces[hostile_random(seed, sizeof pieces / sizeof *pieces)]);
	}
}

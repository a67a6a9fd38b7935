/* SPDX-License-Identifier: ISC */
/* readme_text: the file README in the root of every mount. */
#ifndef CMD_README_TEXT_H
#define CMD_README_TEXT_H

extern const char readme_text[];

#endif

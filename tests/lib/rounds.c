/* SPDX-License-Identifier: ISC */
/* rounds: see rounds.h. */
#include "lib/rounds.h"

#include <stdio.h>
#include <stdlib.h>

size_t
rounds_step(void)
{
	const char *env = getenv("SPANFS_TEST_EVERY");
	unsigned long n;
	char *end;

	if (env == NULL || *env == '\0')
		return 1;
	n = strtoul(env, &end, 10);
	if (*end != '\0' || n < 1 || n > 1000) {
		fprintf(stderr, "SPANFS_TEST_EVERY=%s: a number from 1 to 1000\n", env);
		exit(1);
	}
	return n;
}

unsigned
rounds_of(unsigned n)
{
	unsigned step = (unsigned)rounds_step();

	return n / step + (n % step != 0);
}

unsigned
rounds_of_all(unsigned usual, unsigned all)
{
	const char *env = getenv("SPANFS_TEST_ALL");

	return rounds_of(env == NULL || *env == '\0' ? usual : all);
}

/* SPDX-License-Identifier: ISC */
/* replay: runs a fuzz target over files and folders of a corpus, once each: the corpus as a test, without a fuzzer. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static unsigned n_files;

static void
run_file(const char *path)
{
	FILE *f = fopen(path, "re");
	uint8_t *p = NULL;
	size_t n = 0, k;

	if (f == NULL) {
		perror(path);
		exit(1);
	}
	do {
		p = realloc(p, n + 65536);
		if (p == NULL)
			exit(1);
		k = fread(p + n, 1, 65536, f);
		n += k;
	} while (k != 0);
	fclose(f);
	(void)LLVMFuzzerTestOneInput(p, n);
	free(p);
	n_files++;
}

static void
run_path(const char *path)
{
	struct stat st;
	struct dirent *d;
	char sub[4096];
	DIR *dir;

	if (stat(path, &st) < 0)
		return;
	if (!S_ISDIR(st.st_mode)) {
		run_file(path);
		return;
	}
	if ((dir = opendir(path)) == NULL)
		return;
	while ((d = readdir(dir)) != NULL) {
		if (d->d_name[0] == '.')
			continue;
		snprintf(sub, sizeof sub, "%s/%s", path, d->d_name);
		run_path(sub);
	}
	closedir(dir);
}

int
main(int argc, char **argv)
{
	/* The empty input is always part of the corpus. */
	(void)LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
	for (int i = 1; i < argc; i++)
		run_path(argv[i]);
	printf("%u inputs\n", n_files);
	return 0;
}

/* SPDX-License-Identifier: ISC */
/*
 * file_watch: waits until something in a directory was replaced, by whatever process. Changes
 * that came since the last wait end the next one at once. What the system can't watch (other
 * machines' changes on a network filesystem, too many watches) is looked at by the clock: a
 * wait ends by itself after WATCH_SLOW_MS where changes are told, else after WATCH_FAST_MS.
 */
#ifndef BASE_FILE_WATCH_H
#define BASE_FILE_WATCH_H

#define WATCH_SLOW_MS 1000
#define WATCH_FAST_MS 100

struct file_watch {
	int fd;		/* -1: by the clock alone */
};

void file_watch_init(struct file_watch *, const char *dir);
/* Ends at a change, when `wake` (-1: none) can be read, at a signal, and by the clock. */
void file_watch_wait(struct file_watch *, int wake);
void file_watch_release(struct file_watch *);

#endif

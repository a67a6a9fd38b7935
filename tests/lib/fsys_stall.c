/* SPDX-License-Identifier: ISC */
/* fsys_stall: see fsys_stall.h. Handles are those of the file system below, known here by a wrapper. */
#include "lib/fsys_stall.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct stall {
	struct fsys fs;
	struct fsys *below;
	pthread_mutex_t lock;	/* guards what follows */
	pthread_cond_t moved;
	char part[64];		/* "": none stands still */
	unsigned n_free, n_now;
};

struct stall_file {
	struct file f;
	struct file *below;
};

static struct stall *
stall_of(struct fsys *fs)
{
	return (struct stall *)fs;
}

static void
stand(struct stall *t, const char *path)
{
	pthread_mutex_lock(&t->lock);
	if (t->part[0] != '\0' && strstr(path, t->part) != NULL) {
		if (t->n_free > 0)
			t->n_free--;
		else {
			t->n_now++;
			pthread_cond_broadcast(&t->moved);
			while (t->part[0] != '\0')
				pthread_cond_wait(&t->moved, &t->lock);
			t->n_now--;
		}
	}
	pthread_mutex_unlock(&t->lock);
}

void
fsys_stall_set(struct fsys *fs, const char *part, unsigned n_free)
{
	struct stall *t = stall_of(fs);

	pthread_mutex_lock(&t->lock);
	strncpy(t->part, part, sizeof t->part - 1);
	t->n_free = n_free;
	pthread_mutex_unlock(&t->lock);
}

unsigned
fsys_stall_wait(struct fsys *fs)
{
	struct stall *t = stall_of(fs);
	unsigned n;

	pthread_mutex_lock(&t->lock);
	while ((n = t->n_now) == 0)
		pthread_cond_wait(&t->moved, &t->lock);
	pthread_mutex_unlock(&t->lock);
	return n;
}

unsigned
fsys_stall_now(struct fsys *fs)
{
	struct stall *t = stall_of(fs);
	unsigned n;

	pthread_mutex_lock(&t->lock);
	n = t->n_now;
	pthread_mutex_unlock(&t->lock);
	return n;
}

void
fsys_stall_end(struct fsys *fs)
{
	struct stall *t = stall_of(fs);

	pthread_mutex_lock(&t->lock);
	t->part[0] = '\0';
	pthread_cond_broadcast(&t->moved);
	pthread_mutex_unlock(&t->lock);
}

static int
stall_open_read(struct fsys *fs, const char *path, struct file **out, struct err *e)
{
	struct stall *t = stall_of(fs);
	struct stall_file *f;
	int rc;

	stand(t, path);
	if ((f = calloc(1, sizeof *f)) == NULL)
		return err_nomem(e);
	if ((rc = t->below->ops->open_read(t->below, path, &f->below, e)) != 0) {
		free(f);
		return rc;
	}
	f->f = (struct file){ .fs = fs, .path = f->below->path };
	*out = &f->f;
	return 0;
}

static struct file *
below(struct file *f)
{
	return ((struct stall_file *)f)->below;
}

static int
stall_pread(struct file *f, void *p, size_t n, uint64_t off, struct err *e)
{
	stand(stall_of(f->fs), f->path);
	return below(f)->fs->ops->pread(below(f), p, n, off, e);
}

static int
stall_size(struct file *f, uint64_t *out, struct err *e)
{
	return below(f)->fs->ops->size(below(f), out, e);
}

static int
stall_close(struct file *f, struct err *e)
{
	int rc = below(f)->fs->ops->close(below(f), e);

	free(f);
	return rc;
}

static int
stall_list(struct fsys *fs, const char *path, struct arena *a, char ***names, size_t *n,
    struct err *e)
{
	return stall_of(fs)->below->ops->list(stall_of(fs)->below, path, a, names, n, e);
}

static int
stall_stat(struct fsys *fs, const char *path, struct file_id *id, struct err *e)
{
	return stall_of(fs)->below->ops->stat(stall_of(fs)->below, path, id, e);
}

static void
stall_free(struct fsys *fs)
{
	struct stall *t = stall_of(fs);

	pthread_cond_destroy(&t->moved);
	pthread_mutex_destroy(&t->lock);
	free(t);
}

/* Stores are only read here: there is no call that writes. */
static const struct fsys_ops stall_ops = {
	.open_read = stall_open_read,
	.pread = stall_pread,
	.size = stall_size,
	.close = stall_close,
	.list = stall_list,
	.stat = stall_stat,
	.free = stall_free,
};

struct fsys *
fsys_stall(struct fsys *below_fs)
{
	struct stall *t = calloc(1, sizeof *t);

	if (t == NULL)
		return NULL;
	t->fs.ops = &stall_ops;
	t->fs.root = below_fs->root;
	t->below = below_fs;
	pthread_mutex_init(&t->lock, NULL);
	pthread_cond_init(&t->moved, NULL);
	return &t->fs;
}

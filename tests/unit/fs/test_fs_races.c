/* SPDX-License-Identifier: ISC */
/*
 * The mount's nodes from several threads: the kernel's forgets against look-ups of the same
 * names, handles against forgets, retirements among them. What is known when all is over is the
 * root alone; with -fsanitize=thread nothing is read and written at once.
 */
#include "fs/fs_i.h"

#include <setjmp.h>
#include <stdio.h>

#include <cmocka.h>

#define ROUNDS 20000
#define N_NAMES 3

struct racer {
	struct fs *fs;
	pthread_t thread;
	unsigned i;
};

static int
make_nodes(void **state)
{
	static struct fs fs;
	struct err err = ERR_INIT;

	memset(&fs, 0, sizeof fs);
	pthread_mutex_init(&fs.files_lock, NULL);
	*state = &fs;
	return nodes_init(&fs, &err);
}

static int
drop_nodes(void **state)
{
	struct fs *fs = *state;

	nodes_release(fs);
	pthread_mutex_destroy(&fs->files_lock);
	return 0;
}

/* As fs_lookup: a name that is known, or entered now. One lookup is counted. */
static struct node *
look_up(struct fs *fs, struct node *dir, const char *name, enum node_kind kind)
{
	struct node *x = node_find(fs, dir, name);

	if (x == NULL)
		x = node_enter(fs, dir, name, kind, kind == NODE_DIR ? path_root() : NULL);
	assert_non_null(x);
	return x;
}

static void *
racer_main(void *arg)
{
	struct racer *r = arg;
	struct fs *fs = r->fs;
	char name[16];

	for (unsigned i = 0; i < ROUNDS; i++) {
		struct node *dir, *file;

		snprintf(name, sizeof name, "dir%u", (i + r->i) % N_NAMES);
		dir = look_up(fs, fs->root, name, NODE_DIR);
		assert_string_equal(dir->name, name);
		file = look_up(fs, dir, "count", NODE_RESULT);
		assert_ptr_equal(file->parent, dir);
		if (i % 4 == 0)
			node_ref(fs, file);	/* a handle */
		if (i % 64 == 0)
			(void)node_retire(fs, file);
		node_forget(fs, dir, 1);
		assert_ptr_equal(node_dir_path(file), dir->path);
		node_forget(fs, file, 1);
		if (i % 4 == 0)
			node_unref(fs, file);
	}
	return NULL;
}

static void
forget_against_lookup(void **state)
{
	struct racer v[4];

	for (unsigned i = 0; i < 4; i++) {
		v[i] = (struct racer){ .fs = *state, .i = i };
		assert_int_equal(pthread_create(&v[i].thread, NULL, racer_main, &v[i]), 0);
	}
	for (unsigned i = 0; i < 4; i++)
		pthread_join(v[i].thread, NULL);
	assert_int_equal(((struct fs *)*state)->nodes.n, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(forget_against_lookup, make_nodes, drop_nodes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

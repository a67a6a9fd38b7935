/* SPDX-License-Identifier: ISC */
/*
 * test_ch_export_kill: an export that is killed, at moments that are chosen and at others, goes on:
 * no span is doubled, and none is lost.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/export_rig.h"

#define N_SPANS 2000
#define BATCH 500
#define S 1000000000ull
#define ROUNDS 12
#define MOST_WAITS 1500

static struct ch_server server;
static struct export_rig rig;

static int
start(void **state)
{
	(void)state;
	ch_server_start(&server, "http", NULL);
	export_rig_init(&rig, &server, 4, N_SPANS, RIG_TWINS);
	return 0;
}

static int
stop(void **state)
{
	(void)state;
	export_rig_release(&rig);
	ch_server_stop(&server);
	return 0;
}

static pid_t
begin(const struct export_how *how)
{
	struct export_counts c;
	pid_t pid = fork();

	if (pid == 0)
		_exit(export_rig_run(&rig, how, &c, NULL) == 0 ? 0 : 1);
	assert_true(pid > 0);
	return pid;
}

static void
kill_it(pid_t pid)
{
	int status;

	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
}

static void
nap(long ns)
{
	nanosleep(&(struct timespec){ 0, ns }, NULL);
}

static struct export_counts
go_on(const struct export_how *how)
{
	struct export_counts c;
	struct err e = ERR_INIT;

	if (export_rig_run(&rig, how, &c, &e) != 0)
		fail_msg("%s", e.msg);
	export_rig_same(&rig, how->table);
	return c;
}

/* The second batch is there, and nobody was told. */
static void
a_batch_without_an_answer_is_not_sent_again(void **state)
{
	const struct export_how how = { .table = "held", .batch_rows = BATCH };
	struct export_counts c;
	pid_t pid;
	int waits = 0;

	(void)state;
	ch_server_tell(&server, "/test/inserts/ok,hold");
	pid = begin(&how);
	while (export_rig_count(&rig, "held") < 2 * BATCH && ++waits < MOST_WAITS)
		nap(10000000);
	kill_it(pid);
	assert_int_equal(export_rig_count(&rig, "held"), 2 * BATCH);
	c = go_on(&how);
	assert_int_equal(c.n_before, BATCH);
	assert_int_equal(c.n_there, BATCH);
	assert_int_equal(c.n_sent, N_SPANS - 2 * BATCH);
}

static bool
runs(const char *like)
{
	struct ch_client *c = ch_server_connect(&server, 10 * S);
	struct buf rows = BUF_INIT;
	struct err e = ERR_INIT;
	char sql[128];
	bool some;

	snprintf(sql, sizeof sql, "SELECT count() > 0 FROM system.processes WHERE startsWith(query_id, '%s')", like);
	if (ch_rows(c, sv_cstr(sql), NULL, 0, "TabSeparated", &rows, NULL, &e) != 0)
		fail_msg("%s", e.msg);
	some = sv_starts(buf_view(&rows), SV("1"));
	buf_release(&rows);
	ch_client_free(c);
	return some;
}

/* The second batch is at work when its sender dies, and when the next one comes. */
static void
a_batch_that_is_still_at_work_is_stopped(void **state)
{
	const struct export_how how = { .table = "late", .batch_rows = BATCH };
	pid_t pid;
	int waits = 0;

	(void)state;
	ch_server_tell(&server, "/test/inserts/ok,slow");
	pid = begin(&how);
	while (!runs("spanfs-export-") && ++waits < MOST_WAITS)
		nap(10000000);
	kill_it(pid);
	go_on(&how);
	sleep(3);
	export_rig_same(&rig, "late");
}

static void
killed_at_any_moment_it_goes_on(void **state)
{
	unsigned n_cut = 0;

	(void)state;
	for (unsigned i = 0; i < ROUNDS; i++) {
		char table[16];
		const struct export_how how = { .table = table, .batch_rows = BATCH };
		uint64_t at;
		pid_t pid;

		snprintf(table, sizeof table, "any_%u", i);
		pid = begin(&how);
		/* Once the tables are there, a step further each time. */
		for (int waits = 0; export_rig_count(&rig, table) == 0 && waits < MOST_WAITS; waits++)
			nap(1000000);
		nap(i * 6000000L);
		kill_it(pid);
		at = export_rig_count(&rig, table);
		n_cut += at > 0 && at < N_SPANS;
		go_on(&how);
	}
	print_message("%u of %u were killed in the middle\n", n_cut, ROUNDS);
	assert_true(n_cut > 0);
}

static void
two_at_once_are_refused(void **state)
{
	const struct export_how how = { .table = "two", .batch_rows = BATCH };
	struct export_counts c;
	struct err e = ERR_INIT;
	int waits = 0;
	pid_t pid;

	(void)state;
	ch_server_tell(&server, "/test/inserts/ok,hold");
	pid = begin(&how);
	while (export_rig_count(&rig, "two") == 0 && ++waits < MOST_WAITS)
		nap(10000000);
	assert_int_equal(export_rig_run(&rig, &how, &c, &e), ERR_BUSY);
	assert_non_null(strstr(e.msg, "at work"));
	kill_it(pid);
	go_on(&how);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_batch_without_an_answer_is_not_sent_again),
		cmocka_unit_test(a_batch_that_is_still_at_work_is_stopped),
		cmocka_unit_test(killed_at_any_moment_it_goes_on),
		cmocka_unit_test(two_at_once_are_refused),
	};

	return cmocka_run_group_tests(tests, start, stop);
}

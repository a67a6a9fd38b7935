/* SPDX-License-Identifier: ISC */
/* test_ch_known: what is kept of a server's answers, while the server answers, fails and is slow. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "clickhouse/ch_known.h"
#include "lib/canned.h"

#define S 1000000000ull
#define AGES (3600 * S)

/* One value, "x", of 7 spans. */
#define BODY "\3\1a\1b\012spanfs_end\6String\6UInt64\5UInt8\1x\7\0\0\0\0\0\0\0\1"

struct place {
	struct canned *server;
	struct ch_client *client;
	struct ch_schema schema;
	struct ch_known *known;
	_Atomic bool broken;		/* it answers with an exception */
	_Atomic bool slow;		/* it waits until this is false */
	_Atomic unsigned asked;
};

/* One question a connection, since these are served one after the other. */
static void
serve(struct canned *c, int fd, unsigned nth, void *arg)
{
	struct place *p = arg;
	struct buf asked = BUF_INIT, answer = BUF_INIT;
	const struct timespec some = { 0, 1000000 };

	(void)nth;
	if (canned_request(fd, &asked)) {
		p->asked++;
		while (p->slow && !canned_stops(c))
			nanosleep(&some, NULL);
		if (p->broken)
			canned_answer(&answer, 500, "Connection: close\r\n", SV("Code: 1. DB::Exception: it's broken"));
		else
			canned_answer(&answer, 200, "Connection: close\r\n", SV(BODY));
		canned_send(fd, answer.p, answer.n);
	}
	buf_release(&asked);
	buf_release(&answer);
}

static int
start(void **state)
{
	struct place *p = calloc(1, sizeof *p);
	struct ch_options o = { .timeout_ns = 30 * S };
	struct err e = ERR_INIT;
	char url[64];

	p->server = canned_open(serve, p);
	snprintf(url, sizeof url, "http://127.0.0.1:%u", canned_port(p->server));
	o.url = sv_cstr(url);
	if (ch_client_new(&o, &p->client, &e) != 0 || ch_known_new(1 << 20, &p->known, &e) != 0)
		return -1;
	p->schema.table.name = SV("spans");
	p->schema.fingerprint = 1;
	for (unsigned c = 0; c < N_CHC; c++)
		p->schema.columns[c].name = sv_cstr(ch_span_column_name(c));
	*state = p;
	return 0;
}

static int
stop(void **state)
{
	struct place *p = *state;

	ch_known_free(p->known);
	ch_client_free(p->client);
	canned_close(p->server);
	free(p);
	return 0;
}

static struct ch_want
want_of(enum intrinsic i)
{
	return (struct ch_want){ .topic = CH_VALUES, .max = 10, .range = TIME_RANGE_ALL,
		.field = { .scope = FIELD_INTRINSIC, .intrinsic = i } };
}

static struct ch_asking
asking(struct place *p)
{
	return (struct ch_asking){ .client = p->client, .schema = &p->schema };
}

static void
check_answer(const struct ch_answer *a)
{
	assert_non_null(a);
	assert_true(a->n_values == 1 && sv_is(a->values[0].text, "x") && a->values[0].rows == 7 && a->all);
}

/* Is it known, and how? 0: no; 1: stale; 2: fresh. */
static int
known(struct place *p, const struct ch_want *w, uint64_t max_age)
{
	struct ch_seen seen;
	int is;

	ch_known_look(p->known, &p->schema, w, max_age, &seen);
	is = seen.answer == NULL ? 0 : seen.fresh ? 2 : 1;
	if (seen.answer != NULL)
		check_answer(seen.answer);
	ch_seen_release(&seen);
	assert_null(seen.answer);
	return is;
}

static int
refresh(struct place *p, const struct ch_want *w)
{
	struct ch_asking by = asking(p);
	struct err e = ERR_INIT;

	return ch_known_refresh(p->known, &by, w, NULL, &e);
}

static int
refresh_due(struct place *p, uint64_t max_age)
{
	struct ch_asking by = asking(p);
	struct err e = ERR_INIT;

	return ch_known_refresh_due(p->known, &by, max_age, NULL, &e);
}

static void
a_look_asks_nothing(void **state)
{
	struct place *p = *state;
	struct ch_want w = want_of(IN_SERVICE);

	assert_int_equal(known(p, &w, AGES), 0);
	assert_int_equal(p->asked, 0);
	assert_int_equal(refresh(p, &w), 0);
	assert_int_equal(known(p, &w, AGES), 2);
	assert_int_equal(known(p, &w, 0), 1);
	assert_int_equal(p->asked, 1);
}

static void
what_was_looked_at_is_due(void **state)
{
	struct place *p = *state;
	struct ch_want service = want_of(IN_SERVICE), name = want_of(IN_NAME);

	assert_true(refresh_due(p, 0) > 0);
	assert_int_equal(known(p, &service, AGES), 0);
	assert_int_equal(known(p, &name, AGES), 0);
	assert_int_equal(known(p, &service, AGES), 0);
	/* By what was looked at first. */
	assert_int_equal(refresh_due(p, AGES), 0);
	assert_int_equal(known(p, &name, AGES), 0);
	assert_int_equal(refresh_due(p, AGES), 0);
	assert_true(refresh_due(p, 0) > 0);
	assert_int_equal(known(p, &service, AGES), 2);
	assert_int_equal(known(p, &name, AGES), 2);
	/* Looked at again, and fresh; or not. */
	assert_true(refresh_due(p, AGES) > 0);
	assert_int_equal(p->asked, 2);
	assert_int_equal(refresh_due(p, 0), 0);
	assert_int_equal(refresh_due(p, 0), 0);
	assert_true(refresh_due(p, 0) > 0);
	assert_int_equal(p->asked, 4);
}

static void
a_failure_leaves_what_was(void **state)
{
	struct place *p = *state;
	struct ch_want w = want_of(IN_SERVICE);
	struct ch_seen seen;

	p->broken = true;
	assert_int_equal(refresh(p, &w), ERR_IO);
	ch_known_look(p->known, &p->schema, &w, AGES, &seen);
	assert_true(seen.answer == NULL && strstr(seen.why, "it's broken") != NULL);
	ch_seen_release(&seen);
	/* It is not asked again at once. */
	assert_true(refresh_due(p, AGES) > 0);
	p->broken = false;
	assert_int_equal(refresh_due(p, 0), 0);
	p->broken = true;
	assert_int_equal(refresh(p, &w), ERR_IO);
	ch_known_look(p->known, &p->schema, &w, AGES, &seen);
	check_answer(seen.answer);
	assert_true(seen.fresh && seen.why[0] != '\0');
	ch_seen_release(&seen);
	p->broken = false;
	assert_int_equal(refresh(p, &w), 0);
	ch_known_look(p->known, &p->schema, &w, AGES, &seen);
	assert_true(seen.fresh && seen.why[0] == '\0');
	ch_seen_release(&seen);
}

static void
who_cancels_says_nothing(void **state)
{
	struct place *p = *state;
	struct ch_want w = want_of(IN_SERVICE);
	struct ch_asking by = asking(p);
	atomic_bool cancel = true;
	struct ch_seen seen;
	struct err e = ERR_INIT;

	assert_int_equal(known(p, &w, AGES), 0);
	by.cancel = &cancel;
	assert_int_equal(ch_known_refresh(p->known, &by, &w, NULL, &e), ERR_CANCELLED);
	ch_known_look(p->known, &p->schema, &w, AGES, &seen);
	assert_true(seen.answer == NULL && seen.why[0] == '\0');
	ch_seen_release(&seen);
	assert_int_equal(refresh_due(p, AGES), 0);
}

static void
other_questions_are_others(void **state)
{
	struct place *p = *state;
	struct ch_want w = want_of(IN_SERVICE), other;
	struct arena a;
	struct literal l = literal_of(SV("a"));
	char key[] = "k";

	arena_init(&a);
	assert_int_equal(refresh(p, &w), 0);
	other = w;
	other.max = 11;
	assert_int_equal(known(p, &other, AGES), 0);
	other = w;
	other.order = CH_TEXT;
	assert_int_equal(known(p, &other, AGES), 0);
	other = w;
	other.range.to = 5;
	assert_int_equal(known(p, &other, AGES), 0);
	other = w;
	other.field = (struct field){ .scope = FIELD_SPAN, .key = sv_cstr(key) };
	assert_int_equal(known(p, &other, AGES), 0);
	other.field.scope = FIELD_RESOURCE;
	assert_int_equal(known(p, &other, AGES), 0);
	other = w;
	other.filter = pred_leaf(&a, OP_EQ, w.field, &l, 1);
	assert_int_equal(known(p, &other, AGES), 0);
	assert_int_equal(known(p, &w, AGES), 2);
	/* A table that has changed, and another one: neither known, nor due to be asked of this one. */
	p->schema.fingerprint = 2;
	assert_int_equal(known(p, &w, AGES), 0);
	p->schema.fingerprint = 1;
	p->schema.table.name = SV("others");
	assert_int_equal(known(p, &w, AGES), 0);
	assert_int_equal(refresh_due(p, AGES), 0);
	assert_true(refresh_due(p, AGES) > 0);
	p->schema.table.name = SV("spans");
	/* Copies were made: what was asked with is gone. The five others are due. */
	arena_release(&a);
	key[0] = 'q';
	for (int i = 0; i < 6; i++)
		assert_int_equal(refresh_due(p, AGES), 0);
	assert_true(refresh_due(p, AGES) > 0);
	key[0] = 'k';
	other = w;
	other.field = (struct field){ .scope = FIELD_SPAN, .key = sv_cstr(key) };
	assert_int_equal(known(p, &other, AGES), 2);
}

static void
what_is_held_lives_on(void **state)
{
	struct place *p = *state;
	struct ch_want w = want_of(IN_SERVICE);
	struct ch_seen one, two;

	assert_int_equal(refresh(p, &w), 0);
	ch_known_look(p->known, &p->schema, &w, AGES, &one);
	assert_int_equal(refresh(p, &w), 0);
	ch_known_look(p->known, &p->schema, &w, AGES, &two);
	assert_true(one.answer != two.answer);
	ch_known_forget(p->known);
	assert_int_equal(known(p, &w, AGES), 0);
	check_answer(one.answer);
	check_answer(two.answer);
	ch_seen_release(&one);
	ch_seen_release(&two);
}

static void
it_is_bounded(void **state)
{
	struct place *p = *state;
	struct ch_want w = want_of(IN_SERVICE);
	unsigned n = 0;

	for (w.max = 1; w.max <= 2000; w.max++)
		assert_int_equal(known(p, &w, AGES), 0);
	w.max = 2000;
	assert_int_equal(refresh(p, &w), 0);
	assert_int_equal(known(p, &w, AGES), 2);
	/* What is left of them is due, and what is looked at last goes last. */
	while (refresh_due(p, AGES) == 0)
		n++;
	assert_true(n > 10 && n < 1000);
	w.max = 1;
	assert_int_equal(known(p, &w, AGES), 0);
	w.max = 2000;
	assert_int_equal(known(p, &w, AGES), 2);
}

/* ---- threads ---- */

struct job {
	struct place *p;
	struct ch_want want;
	int rc;
};

static void *
refresh_it(void *arg)
{
	struct job *j = arg;

	j->rc = refresh(j->p, &j->want);
	return NULL;
}

static void
wait_asked(struct place *p, unsigned n)
{
	const struct timespec some = { 0, 1000000 };

	while (p->asked < n)
		nanosleep(&some, NULL);
}

static void
nobody_waits_for_a_slow_server(void **state)
{
	struct place *p = *state;
	struct job j = { .p = p, .want = want_of(IN_SERVICE) };
	pthread_t thread;

	assert_int_equal(refresh(p, &j.want), 0);
	p->slow = true;
	assert_int_equal(pthread_create(&thread, NULL, refresh_it, &j), 0);
	wait_asked(p, 2);
	assert_int_equal(known(p, &j.want, 0), 1);
	/* It is asked by somebody. */
	assert_true(refresh(p, &j.want) > 0);
	assert_true(refresh_due(p, 0) > 0);
	/* What comes is of no use any more. */
	ch_known_forget(p->known);
	assert_int_equal(known(p, &j.want, AGES), 0);
	p->slow = false;
	pthread_join(thread, NULL);
	assert_int_equal(j.rc, 0);
	assert_int_equal(known(p, &j.want, AGES), 0);
	assert_int_equal(refresh_due(p, AGES), 0);
	assert_int_equal(known(p, &j.want, AGES), 2);
}

static void *
do_everything(void *arg)
{
	struct job *j = arg;

	for (unsigned i = 0; i < 200; i++) {
		j->want.max = 1 + i % 7;
		(void)known(j->p, &j->want, i % 2 ? AGES : 0);
		j->rc = i % 3 == 0 ? refresh(j->p, &j->want) : refresh_due(j->p, 0);
		if (j->rc < 0)
			break;
		if (i % 50 == 49)
			ch_known_forget(j->p->known);
	}
	return NULL;
}

static void
many_at_once(void **state)
{
	struct place *p = *state;
	struct job j[4];
	pthread_t threads[4];

	for (unsigned i = 0; i < 4; i++) {
		j[i] = (struct job){ .p = p, .want = want_of(IN_SERVICE) };
		assert_int_equal(pthread_create(&threads[i], NULL, do_everything, &j[i]), 0);
	}
	for (unsigned i = 0; i < 4; i++) {
		pthread_join(threads[i], NULL);
		assert_true(j[i].rc >= 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_look_asks_nothing, start, stop),
		cmocka_unit_test_setup_teardown(what_was_looked_at_is_due, start, stop),
		cmocka_unit_test_setup_teardown(a_failure_leaves_what_was, start, stop),
		cmocka_unit_test_setup_teardown(who_cancels_says_nothing, start, stop),
		cmocka_unit_test_setup_teardown(other_questions_are_others, start, stop),
		cmocka_unit_test_setup_teardown(what_is_held_lives_on, start, stop),
		cmocka_unit_test_setup_teardown(it_is_bounded, start, stop),
		cmocka_unit_test_setup_teardown(nobody_waits_for_a_slow_server, start, stop),
		cmocka_unit_test_setup_teardown(many_at_once, start, stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

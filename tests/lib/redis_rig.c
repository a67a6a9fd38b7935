/* SPDX-License-Identifier: ISC */
/* redis_rig: see redis_rig.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "redis_rig.h"

#define MORE_MAX 16
#define START_TRIES 1000	/* of 10 ms */

static void
nap_ms(unsigned ms)
{
	struct timespec t = { ms / 1000, (long)(ms % 1000) * 1000000 };

	nanosleep(&t, NULL);
}

static int
dial(const char *path)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	snprintf(to.sun_path, sizeof to.sun_path, "%s", path);
	if (connect(fd, (const struct sockaddr *)&to, sizeof to) == 0)
		return fd;
	close(fd);
	return -1;
}

/* ---- the server ---- */

static void
exec_server(const struct redis_rig *g, const char *const *more)
{
	const char *argv[12 + MORE_MAX] = { "redis-server", "--port", "0", "--unixsocket", g->sock,
	    "--save", "", "--appendonly", "no", "--dir", g->dir };
	size_t n = 11;

	for (size_t i = 0; more != NULL && more[i] != NULL && i < MORE_MAX; i++)
		argv[n++] = more[i];
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (freopen("/dev/null", "w", stdout) != NULL)
		execvp(argv[0], (char *const *)(uintptr_t)argv);
	_exit(127);
}

void
redis_rig_start(struct redis_rig *g, const char *const *more)
{
	int fd = -1;

	(void)unlink(g->sock);
	g->pid = fork();
	assert_true(g->pid >= 0);
	if (g->pid == 0)
		exec_server(g, more);
	for (unsigned i = 0; i < START_TRIES && (fd = dial(g->sock)) < 0; i++) {
		assert_int_equal(waitpid(g->pid, NULL, WNOHANG), 0);
		nap_ms(10);
	}
	assert_true(fd >= 0);
	close(fd);
}

void
redis_rig_open(struct redis_rig *g, const char *const *more)
{
	memset(g, 0, sizeof *g);
	snprintf(g->dir, sizeof g->dir, "/tmp/spanfs-redis-XXXXXX");
	assert_non_null(mkdtemp(g->dir));
	snprintf(g->sock, sizeof g->sock, "%s/s", g->dir);
	snprintf(g->url, sizeof g->url, "unix://%s", g->sock);
	redis_rig_start(g, more);
}

void
redis_rig_kill(struct redis_rig *g)
{
	if (g->pid <= 0)
		return;
	kill(g->pid, SIGKILL);
	waitpid(g->pid, NULL, 0);
	g->pid = 0;
}

void
redis_rig_signal(struct redis_rig *g, int sig)
{
	assert_int_equal(kill(g->pid, sig), 0);
}

void
redis_rig_close(struct redis_rig *g)
{
	redis_rig_kill(g);
	(void)unlink(g->sock);
	assert_int_equal(rmdir(g->dir), 0);
}

unsigned
redis_rig_port(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t n = sizeof a;

	assert_int_equal(bind(fd, (const struct sockaddr *)&a, sizeof a), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &n), 0);
	close(fd);
	return ntohs(a.sin_port);
}

/* ---- questions, on a connection of their own ---- */

static void
put_word(struct buf *b, struct sv word)
{
	buf_printf(b, "$%zu\r\n", word.n);
	buf_sv(b, word);
	BUF_LIT(b, "\r\n");
}

/* Reads until the reply is whole: a line, or a string. */
static void
read_reply(int fd, struct buf *all)
{
	for (;;) {
		char chunk[4096], *end = all->n == 0 ? NULL : memmem(all->p, all->n, "\r\n", 2);
		ssize_t n;

		if (end != NULL && (all->p[0] != '$' || all->p[1] == '-' || all->n >=
		    (size_t)(end - all->p) + 4 + strtoul(all->p + 1, NULL, 10)))
			return;
		n = read(fd, chunk, sizeof chunk);
		assert_true(n > 0);
		buf_put(all, chunk, (size_t)n);
	}
}

static void
ask(const struct redis_rig *g, const struct buf *question, struct buf *reply)
{
	struct buf all = BUF_INIT;
	struct sv text, line;
	int fd = dial(g->sock);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, question->p, question->n), (ssize_t)question->n);
	read_reply(fd, &all);
	close(fd);
	text = buf_view(&all);
	(void)sv_cut(&text, '\n', &line);
	if (all.p[0] == '$' && all.p[1] != '-')
		buf_sv(reply, sv_sub(text, 0, text.n - 2));
	else if (all.p[0] != '$')
		buf_sv(reply, sv_sub(line, 1, line.n - 1));
	buf_release(&all);
}

void
redis_rig_ask(const struct redis_rig *g, const char *words, struct buf *reply)
{
	struct buf q = BUF_INIT, none = BUF_INIT;
	struct sv rest = sv_cstr(words), word;
	unsigned n = 0;

	while (sv_cut(&rest, ' ', &word)) {
		put_word(&q, word);
		n++;
	}
	rest = buf_view(&q);
	q = (struct buf)BUF_INIT;
	buf_printf(&q, "*%u\r\n", n);
	buf_sv(&q, rest);
	ask(g, &q, reply == NULL ? &none : reply);
	free((char *)(uintptr_t)rest.p);
	buf_release(&q);
	buf_release(&none);
}

void
redis_rig_set(const struct redis_rig *g, struct sv key, struct sv value)
{
	struct buf q = BUF_INIT, reply = BUF_INIT;

	BUF_LIT(&q, "*3\r\n");
	put_word(&q, SV("SET"));
	put_word(&q, key);
	put_word(&q, value);
	ask(g, &q, &reply);
	assert_true(sv_is(buf_view(&reply), "OK"));
	buf_release(&q);
	buf_release(&reply);
}

void
redis_rig_only_key(const struct redis_rig *g, struct buf *key)
{
	struct buf n = BUF_INIT;

	redis_rig_ask(g, "DBSIZE", &n);
	assert_true(sv_is(buf_view(&n), "1"));
	redis_rig_ask(g, "RANDOMKEY", key);
	buf_release(&n);
}

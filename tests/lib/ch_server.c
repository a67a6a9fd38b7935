/* SPDX-License-Identifier: ISC */
/* ch_server: see ch_server.h. */
#include "lib/ch_server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/canned.h"

static void
die(const char *what)
{
	fprintf(stderr, "ch_server: %s\n", what);
	abort();
}

static void
child(const char *script, const char *dir, const char *const *options)
{
	const char *argv[64] = { "python3", "-B", script, getenv("SPANFS_CHDB"), dir };
	size_t n = 5;

	for (; options != NULL && *options != NULL && n < 62; options++)
		argv[n++] = *options;
	argv[n] = NULL;
	execvp("python3", (char *const *)(uintptr_t)argv);
	_exit(127);
}

void
ch_server_start(struct ch_server *s, const char *scheme, const char *const *options)
{
	const char *src = getenv("SRC");
	char script[4096], line[16] = "", path[128];
	int in[2], out[2];
	size_t n = 0;

	if (src == NULL || getenv("SPANFS_CHDB") == NULL)
		die("SRC and SPANFS_CHDB must be set");
	snprintf(script, sizeof script, "%s/tests/clickhouse/server.py", src);
	snprintf(s->dir, sizeof s->dir, "/tmp/spanfs-ch.XXXXXX");
	if (mkdtemp(s->dir) == NULL || pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0)
		die("no directory, no pipe");
	snprintf(path, sizeof path, "%s/db", s->dir);
	s->pid = fork();
	if (s->pid == 0) {
		dup2(in[0], 0);
		dup2(out[1], 1);
		child(script, path, options);
	}
	close(in[0]);
	close(out[1]);
	s->hold = in[1];
	while (n + 1 < sizeof line && read(out[0], line + n, 1) == 1 && line[n] != '\n')
		n++;
	close(out[0]);
	s->port = (unsigned)strtoul(line, NULL, 10);
	if (s->port == 0)
		die("the server did not start");
	snprintf(s->url, sizeof s->url, "%s://127.0.0.1:%u", scheme, s->port);
}

void
ch_server_stop(struct ch_server *s)
{
	char command[128];

	close(s->hold);
	waitpid(s->pid, NULL, 0);
	snprintf(command, sizeof command, "rm -rf '%s'", s->dir);
	if (system(command) != 0)
		die(command);
}

struct ch_client *
ch_server_connect(const struct ch_server *s, uint64_t timeout_ns)
{
	struct ch_options o = { .url = sv_cstr(s->url), .timeout_ns = timeout_ns };
	struct ch_client *c = NULL;
	struct err e = ERR_INIT;

	if (ch_client_new(&o, &c, &e) != 0)
		die(e.msg);
	return c;
}

int
ch_rows(struct ch_client *c, struct sv sql, const struct ch_param *params, size_t n,
    const char *format, struct buf *rows, struct ch_outcome *o, struct err *e)
{
	struct ch_question q = { .sql = sql, .params = params, .n_params = n, .format = sv_cstr(format) };
	struct ch_reply *r = NULL;
	struct sv piece;
	int rc = ch_ask(c, &q, o, &r, e);

	while (rc == 0)
		if ((rc = ch_read(r, &piece, e)) == 0)
			buf_sv(rows, piece);
	if (r != NULL && o != NULL)
		*o = *ch_reply_outcome(r);
	ch_close(r);
	return rc > 0 ? 0 : rc;
}

void
ch_rows_refused(struct ch_client *c, const char *sql, int want, int code, const char *words)
{
	struct buf rows = BUF_INIT;
	struct err e = ERR_INIT;
	struct ch_outcome o;

	int rc = ch_rows(c, sv_cstr(sql), NULL, 0, "RowBinary", &rows, &o, &e);

	if (rc != want || o.code != code)
		fail_msg("%s: %d, code %d: %s", sql, rc, o.code, e.msg);
	if (strstr(e.msg, words) == NULL)
		fail_msg("%s: %s", sql, e.msg);
	buf_release(&rows);
}

int
ch_server_as(const struct ch_server *s, const char *user, const char *password, struct ch_outcome *o, struct err *e)
{
	struct ch_options opts = { .url = sv_cstr(s->url), .user = sv_cstr(user),
		.password = sv_cstr(password), .timeout_ns = 5000000000 };
	struct ch_client *c = NULL;
	struct buf rows = BUF_INIT;
	int rc;

	assert_int_equal(ch_client_new(&opts, &c, e), 0);
	rc = ch_rows(c, SV("SELECT 1"), NULL, 0, "RowBinary", &rows, o, e);
	if (rc == 0)
		assert_true(sv_is(buf_view(&rows), "\1"));
	buf_release(&rows);
	ch_client_free(c);
	return rc;
}

static void
request(const struct ch_server *s, const char *url, struct sv body)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons((uint16_t)s->port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct buf b = BUF_INIT;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char some[4096];
	ssize_t n;

	buf_printf(&b, "POST %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %zu\r\n\r\n", url, body.n);
	buf_sv(&b, body);
	if (fd < 0 || connect(fd, (struct sockaddr *)&at, sizeof at) < 0 || !canned_send(fd, b.p, b.n))
		die("no connection");
	b.n = 0;
	while ((n = recv(fd, some, sizeof some, 0)) > 0)
		buf_put(&b, some, (size_t)n);
	close(fd);
	if (!sv_starts(buf_view(&b), SV("HTTP/1.1 200 ")) || sv_find(buf_view(&b), SV("\nCode: ")) >= 0) {
		fprintf(stderr, "%.*s\n", SV_ARG(buf_view(&b)));
		die("a statement failed");
	}
	buf_release(&b);
}

void
ch_server_tell(const struct ch_server *s, const char *path)
{
	request(s, path, SV_EMPTY);
}

void
ch_server_do(const struct ch_server *s, struct sv sql)
{
	request(s, "/", sql);
}

void
ch_server_insert(const struct ch_server *s, const char *sql, struct sv rows)
{
	struct buf url = BUF_INIT;

	BUF_LIT(&url, "/?query=");
	for (; *sql != '\0'; sql++)
		buf_putc(&url, *sql == ' ' ? '+' : *sql);
	request(s, buf_cstr(&url), rows);
	buf_release(&url);
}

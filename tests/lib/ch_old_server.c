/* SPDX-License-Identifier: ISC */
/* ch_old_server: see ch_server.h. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/ch_server.h"

static void
die(const char *what)
{
	fprintf(stderr, "ch_old_server: %s\n", what);
	abort();
}

static void __attribute__((format(printf, 3, 4)))
write_file(const struct ch_server *s, const char *name, const char *fmt, ...)
{
	char path[128];
	va_list ap;
	FILE *f;

	snprintf(path, sizeof path, "%s/%s", s->dir, name);
	f = fopen(path, "we");
	if (f == NULL)
		die(path);
	va_start(ap, fmt);
	vfprintf(f, fmt, ap);
	va_end(ap);
	if (fclose(f) != 0)
		die(path);
}

/* A port that nobody has now. The server can't be asked which it took, so it is told one. */
static unsigned
free_port(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof at;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&at, n) < 0 || getsockname(fd, (struct sockaddr *)&at, &n) < 0)
		die("no port");
	close(fd);
	return ntohs(at.sin_port);
}

static void
configure(const struct ch_server *s)
{
	write_file(s, "config.xml", "<yandex>\n"
	    "<logger><level>warning</level><log>%s/log</log><errorlog>%s/err</errorlog></logger>\n"
	    "<http_port>%u</http_port><listen_host>127.0.0.1</listen_host>\n"
	    "<path>%s/</path><tmp_path>%s/tmp/</tmp_path><users_config>users.xml</users_config>\n"
	    "<default_profile>default</default_profile><default_database>default</default_database>\n"
	    "<mark_cache_size>67108864</mark_cache_size>\n</yandex>\n",
	    s->dir, s->dir, s->port, s->dir, s->dir);
	write_file(s, "users.xml", "<yandex>\n"
	    "<profiles><default/><fixed><readonly>1</readonly></fixed></profiles>\n"
	    "<quotas><default/></quotas>\n<users>\n"
	    "<default><password></password><networks><ip>127.0.0.1</ip></networks>"
	    "<profile>default</profile><quota>default</quota></default>\n"
	    "<u><password>secret</password><networks><ip>127.0.0.1</ip></networks>"
	    "<profile>default</profile><quota>default</quota></u>\n"
	    "<ro><password>pw</password><networks><ip>127.0.0.1</ip></networks>"
	    "<profile>fixed</profile><quota>default</quota></ro>\n"
	    "</users>\n</yandex>\n");
}

static void
run(const struct ch_server *s)
{
	char config[128];
	int out;

	snprintf(config, sizeof config, "--config-file=%s/config.xml", s->dir);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (chdir(s->dir) == 0 && (out = open("out", O_WRONLY | O_CREAT | O_CLOEXEC, 0600)) >= 0) {
		dup2(out, 1);
		dup2(out, 2);
		/* Where it is, for users whose PATH has no place of administrators. */
		execl("/usr/sbin/clickhouse-server", "clickhouse-server", config, (char *)NULL);
	}
	_exit(127);
}

static bool
listens(const struct ch_server *s)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons((uint16_t)s->port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool yes = fd >= 0 && connect(fd, (struct sockaddr *)&at, sizeof at) == 0;

	if (fd >= 0)
		close(fd);
	return yes;
}

void
ch_old_server_again(struct ch_server *s)
{
	const struct timespec wait = { 0, 50000000 };

	s->pid = fork();
	if (s->pid == 0)
		run(s);
	for (int i = 0; i < 1200; i++) {
		if (listens(s))
			return;
		if (waitpid(s->pid, NULL, WNOHANG) != 0)
			break;
		nanosleep(&wait, NULL);
	}
	die("Debian's clickhouse-server did not start");
}

void
ch_old_server_start(struct ch_server *s)
{
	char path[128];

	*s = (struct ch_server){ .hold = -1, .port = free_port() };
	snprintf(s->dir, sizeof s->dir, "/tmp/spanfs-ch.XXXXXX");
	if (mkdtemp(s->dir) == NULL)
		die("no directory");
	snprintf(path, sizeof path, "%s/tmp", s->dir);
	if (mkdir(path, 0700) < 0)
		die(path);
	snprintf(s->url, sizeof s->url, "http://127.0.0.1:%u", s->port);
	configure(s);
	ch_old_server_again(s);
}

void
ch_old_server_end(const struct ch_server *s)
{
	kill(s->pid, SIGKILL);
	waitpid(s->pid, NULL, 0);
}

void
ch_old_server_stop(struct ch_server *s)
{
	char command[128];

	ch_old_server_end(s);
	snprintf(command, sizeof command, "rm -rf '%s'", s->dir);
	if (system(command) != 0)
		die(command);
}

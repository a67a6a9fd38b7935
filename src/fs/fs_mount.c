/* SPDX-License-Identifier: ISC */
/*
 * fs_mount: the session from mounting to unmounting.
 *
 * The calling thread runs libfuse's loop, whose workers run the handlers. One more thread, the
 * attendant, tells the caller when the mount answers, acts on signals, and looks after calls
 * that were interrupted and reads that wait. Signal handlers and other threads wake it by a byte
 * in a pipe: a signal's number, FS_READY, FS_KICK or FS_QUIT.
 *
 * SIGTERM and SIGINT detach the mountpoint: nobody finds it any more, and the loop ends when
 * the last open file is closed. A second one ends the loop at once, and readers get errors.
 *
 * Debian's libfuse 3.14 accepts FUSE_CAP_PARALLEL_DIROPS but does not tell the kernel, which
 * then lets one lookup of a directory wait for another. It is put into the INIT reply on its
 * way out.
 */
#include "fs_i.h"

#include <errno.h>
#include <linux/fuse.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

#define WATCH_MS 25	/* how often calls that were interrupted, and reads that wait, are looked at */

/* ---- libfuse's messages ---- */

static pthread_mutex_t message_lock = PTHREAD_MUTEX_INITIALIZER;
static char message[256];	/* the line being said: it may come in pieces */
static char last_message[256];	/* the last complaint, whole */

static void fuse_says(enum fuse_log_level, const char *, va_list)
    __attribute__((format(printf, 2, 0)));

static void
fuse_says(enum fuse_log_level level, const char *fmt, va_list ap)
{
	char *end;
	size_t n;

	pthread_mutex_lock(&message_lock);
	n = strlen(message);
	vsnprintf(message + n, sizeof message - n, fmt, ap);
	end = strchr(message, '\n');
	if (end != NULL || strlen(message) == sizeof message - 1) {
		if (end != NULL)
			*end = '\0';
		log_msg(level <= FUSE_LOG_ERR ? LOG_LV_ERROR : level <= FUSE_LOG_WARNING ?
		    LOG_LV_WARN : level <= FUSE_LOG_INFO ? LOG_LV_INFO : LOG_LV_DEBUG,
		    "%s", message);
		if (level <= FUSE_LOG_WARNING)
			memcpy(last_message, message, sizeof last_message);
		message[0] = '\0';
	}
	pthread_mutex_unlock(&message_lock);
}

static int
fuse_failed(const char *what, struct err *e)
{
	int code;

	pthread_mutex_lock(&message_lock);
	code = err_set(e, ERR_IO, -1, "%s%s%s", what, last_message[0] != '\0' ? ": " : "",
	    last_message);
	pthread_mutex_unlock(&message_lock);
	return code;
}

/* ---- operations ---- */

static void
fs_init(void *arg, struct fuse_conn_info *conn)
{
	struct fs *fs = arg;

	conn->want |= conn->capable & (FUSE_CAP_PARALLEL_DIROPS | FUSE_CAP_ASYNC_READ |
	    FUSE_CAP_ASYNC_DIO | FUSE_CAP_READDIRPLUS | FUSE_CAP_READDIRPLUS_AUTO |
	    FUSE_CAP_AUTO_INVAL_DATA | FUSE_CAP_CACHE_SYMLINKS);
	conn->want &= ~(unsigned)(FUSE_CAP_SPLICE_READ | FUSE_CAP_SPLICE_WRITE |
	    FUSE_CAP_SPLICE_MOVE | FUSE_CAP_WRITEBACK_CACHE);
	conn->max_background = 64;
	conn->congestion_threshold = 48;
	fs->name_max = attr_name_max(conn->proto_minor);
	fs_tell(fs, FS_READY);
}

static void
fs_flush(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct handle *h = (struct handle *)(uintptr_t)fi->fh;

	(void)ino;
	reply_code(req, h->kind == HANDLE_COMMAND ? control_flush(req, h) : 0);
}

static void
set_ops(struct fuse_lowlevel_ops *ops)
{
	*ops = (struct fuse_lowlevel_ops){
		.init = fs_init,
		.lookup = fs_lookup,
		.forget = fs_forget,
		.forget_multi = fs_forget_multi,
		.getattr = fs_getattr,
		.setattr = fs_setattr,
		.readlink = fs_readlink,
		.open = fs_open,
		.read = fs_read,
		.poll = fs_poll,
		.write = control_write,
		.flush = fs_flush,
		.release = fs_release,
		.opendir = fs_opendir,
		.readdir = fs_readdir,
		.readdirplus = fs_readdirplus,
		.releasedir = fs_releasedir,
		.statfs = fs_statfs,
		.access = fs_access,
		.getxattr = fs_getxattr,
		.listxattr = fs_listxattr,
	};
	attr_refuse_writes(ops);
}

#if FUSE_VERSION < FUSE_MAKE_VERSION(3, 17)
static ssize_t
hooked_writev(int fd, struct iovec *iov, int n, void *arg)
{
	struct fuse_init_out *out;

	(void)arg;
	if (n == 2 && iov[1].iov_len == sizeof *out) {
		out = iov[1].iov_base;
		if (out->major == FUSE_KERNEL_VERSION && out->max_write != 0)
			out->flags |= FUSE_PARALLEL_DIROPS;
	}
	return writev(fd, iov, n);
}

static ssize_t
plain_read(int fd, void *p, size_t n, void *arg)
{
	(void)arg;
	return read(fd, p, n);
}

static int
hook_replies(struct fuse_session *session)
{
	static const struct fuse_custom_io io = {
		.writev = hooked_writev,
		.read = plain_read,
	};

	return fuse_session_custom_io(session, &io, fuse_session_fd(session));
}
#else
static int
hook_replies(struct fuse_session *session)
{
	(void)session;
	return 0;
}
#endif

/* ---- session ---- */

static int
add_options(struct fuse_args *args, const struct fs_opts *o)
{
	char *opts = NULL, *fsname = NULL;
	int rc = -1;

	if (asprintf(&fsname, "fsname=%s", o->name != NULL ? o->name : "spanfs") < 0)
		return -1;
	if (fuse_opt_add_opt_escaped(&opts, fsname) == 0 &&
	    fuse_opt_add_opt(&opts, "subtype=spanfs,nosuid,nodev,noexec") == 0 &&
	    (!o->allow_other ||
	    fuse_opt_add_opt(&opts, "allow_other,default_permissions") == 0) &&
	    (o->fuse_options == NULL || o->fuse_options[0] == '\0' ||
	    fuse_opt_add_opt(&opts, o->fuse_options) == 0) &&
	    fuse_opt_add_arg(args, "spanfs") == 0 &&
	    (!o->debug || fuse_opt_add_arg(args, "-d") == 0) &&
	    fuse_opt_add_arg(args, "-o") == 0 && fuse_opt_add_arg(args, opts) == 0)
		rc = 0;
	free(fsname);
	free(opts);
	return rc;
}

static int
session_new(struct fs *fs, struct err *e)
{
	struct fuse_args args = FUSE_ARGS_INIT(0, NULL);
	struct fuse_lowlevel_ops ops;
	int code = 0;

	set_ops(&ops);
	fuse_set_log_func(fuse_says);
	last_message[0] = '\0';
	if (add_options(&args, fs->opts) != 0)
		code = err_nomem(e);
	else if ((fs->session = fuse_session_new(&args, &ops, sizeof ops, fs)) == NULL)
		code = fuse_failed("mount options", e);
	else if (fuse_session_mount(fs->session, fs->mountpoint) != 0)
		code = fuse_failed("mount", e);
	else if (hook_replies(fs->session) != 0) {
		fuse_session_unmount(fs->session);
		code = fuse_failed("mount", e);
	}
	fuse_opt_free_args(&args);
	return code;
}

/* ---- signals ---- */

static int signal_pipe = -1;
static atomic_int leaving;	/* lock-free: also read by the signal handler */

static void
on_signal(int sig)
{
	char byte = (char)sig;
	int saved = errno;

	/* When leaving, a signal only serves to wake the loop. A full pipe will be read. */
	while (!leaving && write(signal_pipe, &byte, 1) < 0 && errno == EINTR)
		;
	errno = saved;
}

static const int caught[] = { SIGTERM, SIGINT, SIGHUP, SIGPIPE };
#define N_CAUGHT (sizeof caught / sizeof *caught)

static void
catch_signals(struct fs *fs, struct sigaction old[N_CAUGHT])
{
	struct sigaction sa = { .sa_flags = 0 };	/* no SA_RESTART: see leave_now */

	signal_pipe = fs->wake[1];
	leaving = 0;
	sigemptyset(&sa.sa_mask);
	for (size_t i = 0; i < N_CAUGHT; i++) {
		sa.sa_handler = caught[i] == SIGPIPE ? SIG_IGN : on_signal;
		sigaction(caught[i], &sa, &old[i]);
	}
}

static void
restore_signals(const struct sigaction old[N_CAUGHT])
{
	for (size_t i = 0; i < N_CAUGHT; i++)
		sigaction(caught[i], &old[i], NULL);
	signal_pipe = -1;
}

/* ---- the attendant ---- */

/* Ends the loop: it waits in sem_wait, which only a signal ends. */
static void
leave_now(struct fs *fs)
{
	leaving = 1;
	fuse_session_exit(fs->session);
	pthread_kill(fs->loop_thread, SIGTERM);
}

static void
on_terminate(struct fs *fs)
{
	struct err err = ERR_INIT;

	if (fs->detached) {
		leave_now(fs);
		return;
	}
	log_info("unmounting %s", fs->mountpoint);
	fs->detached = true;
	followers_end(fs);
	if (mountpoint_detach(fs->mountpoint, &err) < 0) {
		log_warn("%s", err.msg);
		fs->detached = false;	/* libfuse shall try */
		leave_now(fs);
	}
}

/*
 * The kernel's first question is being answered: whoever comes is served from now on. The mount is
 * not asked for that, see mountpoint_set_readahead.
 */
static bool
announce(struct fs *fs)
{
	mountpoint_set_readahead(fs->mountpoint, fs->opts->readahead_bytes);
	return fs->cb == NULL || fs->cb->ready == NULL ||
	    fs->cb->ready(fs->cb->arg, &fs->failure) == 0;
}

/* False: time to end. */
static bool
attend(struct fs *fs, char what, bool *watching)
{
	switch (what) {
	case FS_QUIT:
		return false;
	case FS_READY:
		if (!announce(fs))
			leave_now(fs);
		break;
	case FS_KICK:
		*watching = true;
		break;
	case SIGHUP:
		if (fs->cb != NULL && fs->cb->hup != NULL)
			fs->cb->hup(fs->cb->arg);
		break;
	default:
		on_terminate(fs);
	}
	return true;
}

static int
unwatch_mounts(int fd)
{
	if (fd >= 0)
		close(fd);
	return -1;
}

/*
 * Changes of the table of mounts: somebody may unmount while files are open (-z), which nobody
 * tells the daemon; who follows is then at the end. -1: can't be told.
 */
static int
watch_mounts(const struct fs *fs)
{
	int fd = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);

	if (fd >= 0 && !mountpoint_is_there(fs->mountpoint))
		return unwatch_mounts(fd);
	return fd;
}

static void *
attendant_main(void *arg)
{
	struct fs *fs = arg;
	struct pollfd p[2] = { { .fd = fs->wake[0], .events = POLLIN }, { .fd = -1 } };
	bool watching = false;
	char bytes[64];
	ssize_t n;

	p[1].fd = watch_mounts(fs);
	for (;;) {
		if (poll(p, 2, watching || leaving ? WATCH_MS : -1) < 0)
			continue;
		n = (p[0].revents & POLLIN) != 0 ? read(fs->wake[0], bytes, sizeof bytes) : 0;
		if (p[1].revents != 0 && !mountpoint_is_there(fs->mountpoint)) {
			followers_end(fs);
			p[1].fd = unwatch_mounts(p[1].fd);
		}
		for (ssize_t i = 0; i < n; i++)
			if (!attend(fs, bytes[i], &watching)) {
				(void)unwatch_mounts(p[1].fd);
				return NULL;
			}
		if (leaving)
			leave_now(fs);	/* again: the loop may just have looked away */
		if (watching)
			watching = calls_watch(fs);
	}
}

/* ---- the loop ---- */

static int
run_loop(struct fs *fs, struct err *e)
{
	struct fuse_loop_config *config = fuse_loop_cfg_create();
	int rc;

	if (config == NULL)
		return err_nomem(e);
	fuse_loop_cfg_set_clone_fd(config, 0);
	fuse_loop_cfg_set_max_threads(config, fs->opts->threads == 0 ? 4 : fs->opts->threads);
	rc = fuse_session_loop_mt(fs->session, config);
	fuse_loop_cfg_destroy(config);
	/* Above 0 is a signal: a clean end. */
	return rc >= 0 ? 0 : err_set(e, ERR_IO, -1, "reading from the kernel: %s",
	    strerror(-rc));
}

static int
serve(struct fs *fs, struct err *e)
{
	struct sigaction old[N_CAUGHT];
	int code;

	fs->loop_thread = pthread_self();
	catch_signals(fs, old);
	if (pthread_create(&fs->attendant, NULL, attendant_main, fs) != 0) {
		restore_signals(old);
		return err_set(e, ERR_NOMEM, -1, "no thread to be had");
	}
	code = run_loop(fs, e);
	leaving = 1;
	fs_tell(fs, FS_QUIT);
	pthread_join(fs->attendant, NULL);
	followers_release(fs);
	calls_end(fs);
	restore_signals(old);
	if (fs->failure.code < 0) {
		if (e != NULL)
			*e = fs->failure;
		return fs->failure.code;
	}
	return code;
}

/* True if the kernel has let go: then libfuse closes, but unmounts nothing. */
static bool
connection_gone(struct fuse_session *session)
{
	struct pollfd p = { .fd = fuse_session_fd(session) };

	return poll(&p, 1, 0) == 1 && (p.revents & POLLERR) != 0;
}

static void
fs_release_all(struct fs *fs)
{
	while (fs->handles != NULL)
		handle_free(fs, fs->handles);
	pthread_cond_destroy(&fs->follow.moved);
	pthread_mutex_destroy(&fs->follow.lock);
	nodes_release(fs);
	if (fs->session != NULL)
		fuse_session_destroy(fs->session);
	for (int i = 0; i < 2; i++)
		if (fs->wake[i] >= 0)
			close(fs->wake[i]);
	free(fs->mountpoint);
	pthread_cond_destroy(&fs->calls_gone);
	pthread_mutex_destroy(&fs->calls_lock);
	pthread_mutex_destroy(&fs->files_lock);
}

int
fs_mount(struct engine *engine, const struct fs_opts *opts, const struct fs_callbacks *cb,
    struct err *e)
{
	struct fs fs = {
		.engine = engine,
		.opts = opts,
		.cb = cb,
		.entry_timeout_s = (double)opts->entry_timeout_ns / 1e9,
		.started_ns = clock_wall_ns(),
		.name_max = 255,
		.uid = getuid(),
		.gid = getgid(),
		.wake = { -1, -1 },
		.failure = ERR_INIT,
	};
	int code;

	pthread_mutex_init(&fs.files_lock, NULL);
	pthread_mutex_init(&fs.calls_lock, NULL);
	pthread_cond_init(&fs.calls_gone, NULL);
	followers_init(&fs);
	if ((code = nodes_init(&fs, e)) == 0 &&
	    (code = mountpoint_prepare(opts->mountpoint, opts->store, &fs.mountpoint, e)) == 0 &&
	    pipe2(fs.wake, O_CLOEXEC | O_NONBLOCK) != 0)
		code = err_errno(e, "pipe");
	if (code == 0 && (code = session_new(&fs, e)) == 0) {
		code = serve(&fs, e);
		/* By the name of a detached mount another might be met. */
		if (!fs.detached || connection_gone(fs.session))
			fuse_session_unmount(fs.session);
	}
	fs_release_all(&fs);
	return code;
}

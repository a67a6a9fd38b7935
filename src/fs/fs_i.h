/* SPDX-License-Identifier: ISC */
/*
 * fs_i: what the mount's own files share.
 *
 *   fs_mount       session, options, readiness, signals, the loop, the end     fs_mount.c
 *   fs_mountpoint  what stands at the mountpoint before, unmounting            fs_mountpoint.c
 *   node           inode table: identity, lookup counts                        fs_node.c
 *   fs_dir         lookup, readlink, listings                                  fs_dir.c
 *   fs_file        results: open, read, release                                fs_file.c
 *   fs_follow      follow.jsonl: open, read, poll                              fs_follow.c
 *   follower       its lines, made by a thread                                 fs_follower.c
 *   followers      all of the mount: what wakes and what ends them             fs_followers.c
 *   fs_attr        getattr, xattrs, statfs, and everything that answers EROFS  fs_attr.c
 *   fs_control     README and .spanfs                                          fs_control.c
 *   fs_lister      who has just listed a directory                             fs_lister.c
 *   call           a request that waits for the engine, interrupts             fs_call.c
 *   fs_reply       error codes to errno: the one table                         fs_reply.c
 *
 * Locks: fs.nodes_lock (table, counts); fs.files_lock (struct file, the list of handles, what
 * stat has cost, who listed); fs.calls_lock (list of calls), then call.lock; fs.follow.lock
 * (followers), after call.lock. The engine, which calls back
 * under no lock of its own, is called with none of them held but for result_ref (files_lock)
 * and result_wait_cancel (call.lock). libfuse holds a lock of its own around the interrupt
 * function; see fs_call.c.
 */
#ifndef FS_FS_I_H
#define FS_FS_I_H

#ifndef FUSE_USE_VERSION
#define FUSE_USE_VERSION 312
#endif
#include <fuse_lowlevel.h>

#include <pthread.h>
#include <sys/stat.h>

#include "fs/fs.h"

#define NEGATIVE_TIMEOUT_S 2.0	/* unknown names */
#define SETTLED_TIMEOUT_S 2.0	/* attributes of a result whose size is known */

/* ---- nodes ---- */

enum node_kind {
	NODE_DIR,	/* a query path; the root */
	NODE_LINK,	/* K -> .K, V -> .=V */
	NODE_RESULT,	/* spans.jsonl, plan, ~%more */
	NODE_FOLLOW,	/* follow.jsonl */
	NODE_README,
	NODE_CONTROL_DIR,	/* .spanfs, .spanfs/stats */
	NODE_CONTROL_FILE,	/* made anew at each open */
	NODE_COMMAND,	/* .spanfs/control */
};

/* State of a NODE_RESULT, under fs.files_lock. */
struct file {
	struct result *res;	/* of the handles: all cached ones share it, else the newest's */
	unsigned n_open;	/* handles */
	unsigned n_cached;	/* of them, those that the page cache serves */
	uint64_t cached_id;	/* result whose pages the kernel may hold; 0: none */
	uint64_t cached_digest;	/* result_digest of that one; 0: not known */
	uint64_t told_id;	/* result whose size the kernel may believe; 0: none */
	uint64_t switched_ns;	/* when cached_id last changed */
	uint64_t told_size, told_mtime_ns;	/* what the kernel was last told; 0 */
	char *error;		/* the last failure in words */
};

/* The content of a NODE_CONTROL_FILE when it was last made, under fs.files_lock. */
struct text_file {
	unsigned n_open;
	struct buf text;
	uint64_t made_mono_ns, made_wall_ns;
	bool by_stat;		/* for its size, and not opened since */
	uint32_t uid;		/* whom it was made for: each user is shown own paths */
};

struct node {
	struct node *hash_next;
	struct node *parent;	/* holds a reference; the root: NULL */
	uint64_t n_lookup;	/* the kernel's references */
	unsigned refs;		/* ours: children, handles, calls; one for n_lookup != 0 */
	enum node_kind kind;
	bool retired;		/* the next lookup of the name makes a new node */
	uint64_t basis;		/* hash of the path as typed */
	uint64_t ino;		/* st_ino: of `basis`; of .K and .=V its directory's */
	struct path *path;	/* NODE_DIR: its own; of links and results: see node_dir_path */
	union {
		struct file *file;	/* NODE_RESULT */
		struct {		/* NODE_DIR: what stat has cost here lately */
			uint64_t since_ns, spent_ns;
		} stat_spent;
		struct text_file *text;	/* NODE_CONTROL_FILE */
	};
	uint32_t name_len;
	char name[];		/* NUL-terminated */
};

struct node_table {
	struct node **slots;
	size_t n, cap;
};

/* ---- open files ---- */

enum handle_kind { HANDLE_RESULT, HANDLE_FOLLOW, HANDLE_TEXT, HANDLE_COMMAND, HANDLE_DIR };

struct handle {
	enum handle_kind kind;
	struct handle *prev, *next;	/* under fs.files_lock */
	struct node *node;	/* a reference */
	struct result *res;	/* HANDLE_RESULT: a reference */
	bool cached;		/* HANDLE_RESULT: through the page cache */
	struct follower *follower;	/* HANDLE_FOLLOW */
	struct buf text;	/* HANDLE_TEXT: content; HANDLE_COMMAND: an unfinished line */
	pthread_mutex_t lock;	/* HANDLE_COMMAND: guards text */
	struct arena arena;	/* HANDLE_DIR: holds the entries */
	struct entry *entries;
	size_t n_entries;
};

/* ---- the mount ---- */

struct call;
struct follower;

struct lister {
	uint64_t basis;		/* of the directory */
	uint64_t seen_ns;	/* 0: none */
	uint32_t tid;		/* the thread that listed it */
};
#define LISTER_SETS 64
#define LISTER_WAYS 4

/* A thread that was told to walk a path again, since a retired node was there. */
struct walker {
	uint64_t basis;		/* of the file; 0: none */
	uint32_t tid;
};
#define WALKERS 64

struct fs {
	struct engine *engine;
	const struct fs_opts *opts;
	const struct fs_callbacks *cb;
	struct fuse_session *session;
	char *mountpoint;	/* absolute */
	double entry_timeout_s;
	uint64_t started_ns;
	unsigned name_max;
	uid_t uid;
	gid_t gid;

	pthread_mutex_t nodes_lock;
	struct node_table nodes;
	struct node *root;

	pthread_mutex_t files_lock;
	struct handle *handles;
	struct lister listers[LISTER_SETS][LISTER_WAYS];
	struct walker walkers[WALKERS];	/* by thread; under files_lock */

	pthread_mutex_t calls_lock;
	pthread_cond_t calls_gone;
	struct call *calls;
	size_t n_calls;		/* not yet freed */
	atomic_bool watched;	/* the attendant looks after reads that wait, or has been woken for it */

	struct {
		pthread_mutex_t lock;	/* guards all that followers share, and what each is */
		pthread_cond_t moved;	/* bytes were taken, there may be a commit, or it is over */
		uint64_t n_commits;	/* times that there may have been one */
		struct follower *followers;	/* that have a thread, */
		unsigned n_threads;	/* and how many these are */
		bool over;		/* the mount ends: so do they */
		bool watching;
		pthread_t watcher;
		struct commit_watch *watch;
		int wake;		/* eventfd; -1: none */
	} follow;

	int wake[2];		/* pipe to the attendant thread; see fs_mount.c */
	pthread_t attendant, loop_thread;
	bool detached;		/* by the attendant: the mountpoint is free again */
	struct err failure;	/* of the attendant: why the mount was given up */
};

static inline struct fs *
fs_of(fuse_req_t req)
{
	return fuse_req_userdata(req);
}

/* ---- fs_wake.c ---- */

/* What is told to the attendant beside the numbers of signals. */
#define FS_READY 0x7d
#define FS_KICK 0x7e
#define FS_QUIT 0x7f
void fs_tell(struct fs *, int what);
/* Wakes the attendant: a call was interrupted and is waiting on, or a read waits. Any thread. */
void fs_kick(struct fs *);

/* ---- fs_reply.c ---- */

/* The errno of an error code. */
int errno_of(int code);
void reply_code(fuse_req_t, int code);
struct requester requester_of(fuse_req_t);
/*
 * Remembers an error of the path of `dir`, or of "/name" in it. err->off is within the name, or
 * else within the path.
 */
void note_error(struct fs *, const struct node *dir, const char *name, bool in_name,
    struct requester, const struct err *);
/* A name that programs look for by themselves: no word of a query, never worth an error text. */
bool is_probe(const char *name);

/* ---- fs_node.c ---- */

int nodes_init(struct fs *, struct err *) WARN_UNUSED;
void nodes_release(struct fs *);	/* whatever is left; no request may run */
size_t nodes_count(struct fs *);	/* that there are: IUsed of "df -i" */
struct node *node_of(struct fs *, fuse_ino_t);
fuse_ino_t node_id(const struct fs *, const struct node *);
/* Under no lock. A child that is known already, with one more lookup counted, or NULL. */
struct node *node_find(struct fs *, struct node *parent, const char *name);
/*
 * Enters a child, taking `path` over (NULL for others than directories), with one lookup
 * counted; if it was entered meanwhile, that one. NULL: out of memory (path is released).
 */
struct node *node_enter(struct fs *, struct node *parent, const char *name, enum node_kind,
    struct path *path);
/* From now on a lookup of the name makes a new node. */
void node_retire(struct fs *, struct node *);
struct node *node_ref(struct fs *, struct node *);
void node_unref(struct fs *, struct node *);
void node_forget(struct fs *, struct node *, uint64_t n);
/* Of a child by its name, entered or not. */
uint64_t child_basis(const struct node *parent, const char *name, size_t n);
uint64_t basis_ino(uint64_t basis);
/* The path that a node is, or for links and files, that of their directory. */
struct path *node_dir_path(const struct node *);

/* ---- fs_dir.c ---- */

void fs_lookup(fuse_req_t, fuse_ino_t, const char *);
void fs_forget(fuse_req_t, fuse_ino_t, uint64_t);
void fs_forget_multi(fuse_req_t, size_t, struct fuse_forget_data *);
void fs_readlink(fuse_req_t, fuse_ino_t);
void fs_opendir(fuse_req_t, fuse_ino_t, struct fuse_file_info *);
void fs_readdir(fuse_req_t, fuse_ino_t, size_t, off_t, struct fuse_file_info *);
void fs_readdirplus(fuse_req_t, fuse_ino_t, size_t, off_t, struct fuse_file_info *);
void fs_releasedir(fuse_req_t, fuse_ino_t, struct fuse_file_info *);

/* ---- fs_file.c ---- */

void fs_open(fuse_req_t, fuse_ino_t, struct fuse_file_info *);
void fs_read(fuse_req_t, fuse_ino_t, size_t, off_t, struct fuse_file_info *);
void fs_release(fuse_req_t, fuse_ino_t, struct fuse_file_info *);
/* The engine's result for a file's node. */
/* A reference of the result whose attributes hold without asking: that of open handles; or NULL. */
struct result *file_open_result(struct fs *, struct node *);
int file_result(fuse_req_t, struct node *, struct result **, struct err *) WARN_UNUSED;
/* Remembers why a result's file failed, for user.spanfs.error; false if it said so already. */
bool file_set_error(struct fs *, struct node *, const char *msg);
/* Remembers, notes for .spanfs/errors and replies that a file has no result. */
void file_fail(fuse_req_t, struct node *, const struct err *);

/* ---- fs_follow.c ---- */

void follow_open(fuse_req_t, struct node *, struct fuse_file_info *);
void follow_read(fuse_req_t, struct handle *, size_t, struct fuse_file_info *);
void fs_poll(fuse_req_t, fuse_ino_t, struct fuse_file_info *, struct fuse_pollhandle *);

/* ---- fs_follower.c ---- */

struct follower_wait;

struct follower {
	struct fs *fs;
	struct node *node;	/* a reference */
	struct requester who;
	struct follower *next, *prev;	/* those that have a thread */
	unsigned refs;
	struct following *at;	/* its thread's, but for following_cancel; NULL: closed */
	struct buf made;	/* from `taken` on to be given */
	size_t taken;
	bool stop;		/* nobody reads any more */
	bool cancelled;		/* who reads is to be told so */
	bool ended;		/* nothing more will be made, */
	int code;		/* since it failed; or 0 */
	struct follower_wait *waits, **tail;
	struct fuse_pollhandle *poll;	/* to be told of bytes; or NULL */
};


int follower_open(struct fs *, struct node *, struct requester, struct follower **,
    struct err *) WARN_UNUSED;
void follower_close(struct follower *);		/* the handle's reference */
struct follower *follower_ref(struct follower *);
void follower_unref(struct follower *);
#define FOLLOWER_NOTHING 1
/* 0: up to max bytes, none at the end; FOLLOWER_NOTHING: not now; <0: it failed. */
int follower_take(struct follower *, size_t max, struct buf *) WARN_UNUSED;
/* Waits for that: as result_read does, with follower_wait_cancel to give up. */
int follower_read(struct follower *, size_t max, result_fn, void *arg, struct follower_wait **,
    struct err *) WARN_UNUSED;
bool follower_wait_cancel(struct follower *, struct follower_wait *);
/* Whether a read would not wait; if it would, the handle (NULL: none) is told when it does not. */
bool follower_poll(struct follower *, struct fuse_pollhandle *);

/* ---- fs_followers.c ---- */

void followers_init(struct fs *);
/* Its thread is to follow: from now on it would be woken. A thread less. */
int followers_join(struct fs *, struct follower *, struct err *) WARN_UNUSED;
void followers_leave(struct fs *);
/* What they have made is still given, then comes the end. Any thread. */
void followers_end(struct fs *);
/* Waits for their threads; the handles may still be there. */
void followers_release(struct fs *);

/* ---- fs_handle.c ---- */

struct handle *handle_new(struct fs *, enum handle_kind, struct node *);
void handle_free(struct fs *, struct handle *);

/* ---- fs_lister.c ---- */

/* A thread lists the directory. */
void lister_note(struct fs *, const struct node *dir, uint32_t tid);
/* True if a stat in the directory by that thread follows its process's listing of it. */
bool lister_asks(struct fs *, const struct node *dir, uint32_t tid);

/* ---- fs_attr.c ---- */

/* Attributes that need no waiting. Returns how long they hold, in seconds. */
double node_attr(struct fs *, struct node *, struct stat *);
void fs_getattr(fuse_req_t, fuse_ino_t, struct fuse_file_info *);
void fs_setattr(fuse_req_t, fuse_ino_t, struct stat *, int, struct fuse_file_info *);
void fs_getxattr(fuse_req_t, fuse_ino_t, const char *, size_t);
void fs_listxattr(fuse_req_t, fuse_ino_t, size_t);
void fs_statfs(fuse_req_t, fuse_ino_t);
void fs_access(fuse_req_t, fuse_ino_t, int);
/* Puts in every operation that would change something: EROFS. */
void attr_refuse_writes(struct fuse_lowlevel_ops *);
/* f_namemax: the longest name that this kernel's FUSE passes. */
unsigned attr_name_max(unsigned proto_minor);

/* ---- fs_control.c ---- */

/* What a name in .spanfs or .spanfs/stats is; false: nothing. */
bool control_resolve(const struct node *dir, const char *name, enum node_kind *);
/* Makes the content of a control file anew for its size, unless it is open or was just made. */
int control_stat(struct fs *, struct node *, struct requester, struct err *) WARN_UNUSED;
void control_open(fuse_req_t, struct node *, struct fuse_file_info *);
void control_read(fuse_req_t, struct handle *, size_t, off_t);
void control_write(fuse_req_t, fuse_ino_t, const char *, size_t, off_t,
    struct fuse_file_info *);
/* Runs an unfinished last line; 0 or an error code. */
int control_flush(fuse_req_t, struct handle *);
void control_list(const struct node *dir, struct arena *, struct entry **, size_t *n);

/* ---- fs_call.c ---- */

enum call_kind { CALL_STAT, CALL_SIZE, CALL_OPEN, CALL_READ, CALL_FOLLOW };

struct call;
/* What the engine's answer leads to: replies. `data` is valid for the call. */
typedef void call_done(struct call *, int code, const void *data, size_t n);

/* A request that waits for a result. Freed by call_end, which is after the reply. */
struct call {
	struct call *prev, *next;	/* under fs.calls_lock */
	struct fs *fs;
	fuse_req_t req;
	struct requester who;
	enum call_kind kind;
	call_done *done;
	struct node *node;	/* a reference */
	struct result *res;	/* a reference; CALL_FOLLOW: NULL, */
	struct follower *follower;	/* and this is one */
	struct fuse_file_info fi;	/* CALL_OPEN */
	uint64_t off;		/* CALL_READ: of the next byte */
	size_t want;		/* CALL_READ: bytes yet to come; CALL_FOLLOW: the most */
	bool ahead;		/* CALL_READ: for the page cache, of which the kernel sends no INTERRUPT */
	struct buf got;		/* CALL_READ: pieces before the last */
	unsigned n_pieces;
	uint64_t begun_ns;

	pthread_mutex_t lock;	/* guards what follows */
	unsigned refs;
	void *wait;		/* the result's, the follower's; NULL: none */
	bool fired;		/* answered, or about to be */
	bool interrupted;	/* somebody pressed Ctrl-C, perhaps */
};

/* Takes over the references of node and result. NULL: out of memory, references are kept. */
struct call *call_new(fuse_req_t, enum call_kind, call_done *, struct node *, struct result *);
/* Asks the engine; the call's end is then certain, perhaps before this returns. */
void call_start(struct call *);
/* The message of a call that ended with `code`. */
void call_error(struct call *, int code, struct err *);
/* Looks after those that were interrupted, and those that read; true if any are left. */
bool calls_watch(struct fs *);
/* Gives up all calls and waits until none is left. */
void calls_end(struct fs *);
/* The text of /proc/PID/status, up to n bytes of it; 0: there is none. */
size_t process_status(pid_t, char *text, size_t n);
/* True if a process has a signal pending that ends it (or is gone). */
bool process_is_dying(pid_t);
/* The same from the text of /proc/PID/status; of any signal but SIGCHLD, those of jobs and such. */
bool status_is_dying(struct sv text);
bool status_is_signalled(struct sv text);
/* It has ended, and its parent does not know yet. */
bool status_is_over(struct sv text);

/* ---- fs_mountpoint.c ---- */

/* Resolves and checks the mountpoint, clearing a dead mount of ours away. *out is malloc'ed. */
int mountpoint_prepare(const char *mountpoint, const char *store, char **out, struct err *)
    WARN_UNUSED;
/* True if it is, or may be, where it was mounted. */
bool mountpoint_is_there(const char *mountpoint);
/* Detaches it now; open files go on being served. */
int mountpoint_detach(const char *mountpoint, struct err *) WARN_UNUSED;
/* Sets the kernel's read-ahead if allowed to. */
void mountpoint_set_readahead(const char *mountpoint, uint64_t bytes);
/* True if a line of /proc/self/mountinfo is a mount of spanfs at that directory. */
bool mountinfo_is_ours(struct sv line, struct sv mountpoint);

#endif

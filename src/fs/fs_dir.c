/* SPDX-License-Identifier: ISC */
/*
 * fs_dir: names to nodes, and what `ls` shows.
 *
 * A lookup takes the parent's path one segment further; it parses and nothing else, so it
 * never waits (a second asker of a name can't even be killed while the first waits). Where a
 * keyword may stand, K is a link to .K, and .K the directory that lists K's values; at later
 * arguments operators and values are links by the same rule, OP to .OP and V to .=V, so that a
 * value that begins with a dot is itself. Everything else is a real directory. So no walk goes
 * deeper than one level unless it follows links, and one that does finds the number of the
 * directory it came from, and stops.
 *
 * A listing is taken once per open, so that offsets mean the same until the close.
 */
#include "fs_i.h"

#include <errno.h>
#include <stdlib.h>

/* ---- what a name is ---- */

/* True if a name of the directory is the target of a link in it: a directory. */
static bool
is_target(const char *link, const char *name)
{
	return strncmp(name, link, strlen(link)) == 0;
}

static int
resolve_argument(struct fs *fs, const struct node *dir, const struct path_view *v,
    const char *name, enum node_kind *kind, struct path **path, struct err *e)
{
	int code;

	if (strcmp(name, "~%more") == 0) {
		*kind = NODE_RESULT;
		return 0;
	}
	if ((code = path_step(dir->path, sv_cstr(name), path, e)) < 0)
		return code;
	if ((code = engine_check_step(fs->engine, *path, e)) < 0) {
		path_unref(*path);
		*path = NULL;
		if (e != NULL && e->off >= 0)
			e->off = 0;	/* it is the last segment that is unknown */
		return code;
	}
	*kind = v->link == NULL || is_target(v->link, name) ? NODE_DIR : NODE_LINK;
	return 0;
}

static int
resolve_clause(const struct node *dir, const struct path_view *v, const char *name,
    enum node_kind *kind, struct path **path, struct err *e)
{
	int code;

	if (engine_known_file(sv_cstr(name))) {
		if (!v->complete)
			return err_set(e, ERR_SYNTAX, 0, v->depth > 0 ?
			    "a file can't stand in an open group: close it with 'end'" :
			    "a file can't stand here: a clause must follow");
		*kind = engine_is_followed(sv_cstr(name)) ? NODE_FOLLOW : NODE_RESULT;
		return 0;
	}
	if ((code = path_step(dir->path, sv_cstr(name), path, e)) < 0)
		return code;
	*kind = name[0] == '.' || path_view(*path).in_shards ? NODE_DIR : NODE_LINK;
	return 0;
}

/* What `name` in a directory is. *path is a reference for NODE_DIR, else NULL. */
static int
resolve(struct fs *fs, const struct node *dir, const char *name, enum node_kind *kind,
    struct path **path, struct err *e)
{
	struct path_view v;
	int code;

	*path = NULL;
	if (dir->kind == NODE_CONTROL_DIR)
		return control_resolve(dir, name, kind) ? 0 :
		    err_set(e, ERR_UNKNOWN, -1, "no such file");
	if (dir == fs->root && strcmp(name, "README") == 0) {
		*kind = NODE_README;
		return 0;
	}
	/* In every directory, so that .spanfs/errors is at hand; listed in the root alone. */
	if (strcmp(name, ".spanfs") == 0) {
		*kind = NODE_CONTROL_DIR;
		return 0;
	}
	v = path_view(dir->path);
	code = v.state == PATH_ARG ? resolve_argument(fs, dir, &v, name, kind, path, e) :
	    resolve_clause(dir, &v, name, kind, path, e);
	if (code == 0 && *kind != NODE_DIR && *path != NULL) {
		path_unref(*path);
		*path = NULL;
	}
	return code;
}

/*
 * True if a file is open with a result that is too old for anybody else: who asks for the name
 * (rsync compares sizes and times) is not to be told of that one for as long as it is open.
 */
static bool
is_outlived(struct fs *fs, struct node *x)
{
	struct result *res = x->kind == NODE_RESULT ? file_open_result(fs, x) : NULL;
	bool aged = res != NULL && result_info(res).aged;

	if (res != NULL)
		result_unref(res);
	return aged;
}

/* The node of a name, with one lookup counted. */
static int
lookup_node(struct fs *fs, struct node *dir, const char *name, struct node **out,
    struct err *e)
{
	enum node_kind kind = NODE_DIR;
	struct path *path;
	int code;

	if ((*out = node_find(fs, dir, name)) != NULL) {
		if (!is_outlived(fs, *out))
			return 0;
		node_retire(fs, *out);
		node_forget(fs, *out, 1);
	}
	if ((code = resolve(fs, dir, name, &kind, &path, e)) < 0)
		return code;
	if ((*out = node_enter(fs, dir, name, kind, path)) == NULL)
		return err_nomem(e);
	return 0;
}

static void
fill_entry(struct fs *fs, struct node *x, struct fuse_entry_param *entry)
{
	memset(entry, 0, sizeof *entry);
	entry->ino = node_id(fs, x);
	entry->generation = 1;
	entry->entry_timeout = fs->entry_timeout_s;
	entry->attr_timeout = node_attr(fs, x, &entry->attr);
}

/* Could be a misspelt keyword or file, rather than something a program looks for. */
static bool
looks_typed(const char *name)
{
	size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyz_-.");

	return n >= 2 && n <= 32 && name[n] == '\0' && !is_probe(name);
}

static void
refuse_lookup(fuse_req_t req, const struct node *dir, const char *name,
    const struct err *err)
{
	struct fuse_entry_param none = { .entry_timeout = NEGATIVE_TIMEOUT_S };

	/* Where a value is awaited, whatever a program does not look for by itself is typed. */
	if (err->code != ERR_UNKNOWN || (dir->kind == NODE_DIR && (looks_typed(name) ||
	    (path_view(dir->path).state == PATH_ARG && !is_probe(name)))))
		note_error(fs_of(req), dir, name, true, requester_of(req), err);
	if (err->code == ERR_UNKNOWN)
		fuse_reply_entry(req, &none);
	else
		reply_code(req, err->code);
}

void
fs_lookup(fuse_req_t req, fuse_ino_t ino, const char *name)
{
	struct fs *fs = fs_of(req);
	struct node *dir = node_of(fs, ino), *x;
	struct fuse_entry_param entry;
	struct err err = ERR_INIT;

	if (dir->kind != NODE_DIR && dir->kind != NODE_CONTROL_DIR) {
		fuse_reply_err(req, ENOTDIR);
		return;
	}
	if (lookup_node(fs, dir, name, &x, &err) < 0) {
		refuse_lookup(req, dir, name, &err);
		return;
	}
	fill_entry(fs, x, &entry);
	if (fuse_reply_entry(req, &entry) != 0)
		node_forget(fs, x, 1);
}

void
fs_forget(fuse_req_t req, fuse_ino_t ino, uint64_t n)
{
	struct fs *fs = fs_of(req);

	node_forget(fs, node_of(fs, ino), n);
	fuse_reply_none(req);
}

void
fs_forget_multi(fuse_req_t req, size_t count, struct fuse_forget_data *forgets)
{
	struct fs *fs = fs_of(req);

	for (size_t i = 0; i < count; i++)
		node_forget(fs, node_of(fs, forgets[i].ino), forgets[i].nlookup);
	fuse_reply_none(req);
}

void
fs_readlink(fuse_req_t req, fuse_ino_t ino)
{
	struct node *x = node_of(fs_of(req), ino);
	struct buf target = BUF_INIT;
	const char *text;

	if (x->kind != NODE_LINK) {
		fuse_reply_err(req, EINVAL);
		return;
	}
	buf_str(&target, path_view(x->parent->path).link);
	buf_str(&target, x->name);
	if ((text = buf_cstr(&target)) == NULL)
		fuse_reply_err(req, ENOMEM);
	else
		fuse_reply_readlink(req, text);
	buf_release(&target);
}

/* ---- listings ---- */

/* The engine's listing with what the root has besides, names NUL-terminated. */
static int
take_listing(struct fs *fs, struct handle *h, struct err *e)
{
	bool root = h->node == fs->root, shards = false;
	struct entry *list;
	size_t n, k = 0;
	int code;

	if (h->node->kind == NODE_CONTROL_DIR) {
		control_list(h->node, &h->arena, &h->entries, &h->n_entries);
		return h->entries == NULL ? err_nomem(e) : 0;
	}
	code = engine_list(fs->engine, h->node->path, &h->arena, &list, &n, e);
	if (code < 0)
		return code;
	if ((h->entries = arena_array(&h->arena, n + 3, struct entry)) == NULL)
		return err_nomem(e);
	if (root) {
		h->entries[k++] = (struct entry){ SV(".spanfs"), ENTRY_DIR };
		h->entries[k++] = (struct entry){ SV("README"), ENTRY_FILE };
	}
	for (size_t i = 0; i < n; i++, k++) {
		const char *name = arena_cstr(&h->arena, list[i].name);

		if (name == NULL)
			return err_nomem(e);
		h->entries[k] = (struct entry){ sv_new(name, list[i].name.n), list[i].kind };
		if (root && sv_is(list[i].name, "shards")) {
			h->entries[k].kind = ENTRY_DIR;
			shards = true;
		}
	}
	if (root && !shards)
		h->entries[k++] = (struct entry){ SV("shards"), ENTRY_DIR };
	h->n_entries = k;
	return 0;
}

void
fs_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct fs *fs = fs_of(req);
	struct node *dir = node_of(fs, ino);
	struct err err = ERR_INIT;
	struct handle *h;

	if (dir->kind != NODE_DIR && dir->kind != NODE_CONTROL_DIR) {
		fuse_reply_err(req, ENOTDIR);
		return;
	}
	if ((h = handle_new(fs, HANDLE_DIR, dir)) == NULL) {
		fuse_reply_err(req, ENOMEM);
		return;
	}
	if (take_listing(fs, h, &err) < 0) {
		note_error(fs, dir, NULL, false, requester_of(req), &err);
		handle_free(fs, h);
		reply_code(req, err.code);
		return;
	}
	fi->fh = (uint64_t)(uintptr_t)h;
	if (fuse_reply_open(req, fi) != 0)
		handle_free(fs, h);
}

void
fs_releasedir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	(void)ino;
	handle_free(fs_of(req), (struct handle *)(uintptr_t)fi->fh);
	fuse_reply_err(req, 0);
}

static mode_t
entry_mode(enum entry_kind kind)
{
	return kind == ENTRY_DIR ? S_IFDIR | 0555 : kind == ENTRY_LINK ? S_IFLNK | 0777 :
	    S_IFREG | 0644;
}

/* An entry of the listing by its offset: 0 and 1 are . and .. */
static const char *
entry_at(const struct handle *h, size_t at, struct stat *st)
{
	const struct entry *x;

	memset(st, 0, sizeof *st);
	if (at < 2) {
		const struct node *up = at == 1 ? h->node->parent : NULL;

		st->st_ino = up != NULL ? up->ino : h->node->ino;
		st->st_mode = entry_mode(ENTRY_DIR);
		return at == 0 ? "." : "..";
	}
	if (at - 2 >= h->n_entries)
		return NULL;
	x = &h->entries[at - 2];
	st->st_ino = basis_ino(child_basis(h->node, x->name.p, x->name.n));
	st->st_mode = entry_mode(x->kind);
	return x->name.p;
}

/*
 * The node and attributes of an entry, for READDIRPLUS; ino 0 says that the kernel must ask
 * (result files, whose size is not known, and whatever can't be resolved).
 */
static void
plus_entry(struct fs *fs, const struct handle *h, size_t at, const char *name,
    struct fuse_entry_param *entry)
{
	struct node *x;

	if (at < 2 || h->node->kind != NODE_DIR || h->entries[at - 2].kind == ENTRY_FILE ||
	    lookup_node(fs, h->node, name, &x, NULL) < 0)
		return;
	fill_entry(fs, x, entry);
}

static void
list(fuse_req_t req, size_t size, off_t off, const struct handle *h, bool plus)
{
	struct fs *fs = fs_of(req);
	struct fuse_entry_param entry;
	char *out = malloc(size);
	size_t n = 0, need;
	const char *name;

	if (out == NULL || off < 0) {
		fuse_reply_err(req, out == NULL ? ENOMEM : EINVAL);
		free(out);
		return;
	}
	lister_note(fs, h->node, requester_of(req).pid);
	for (size_t at = (size_t)off;; at++) {
		memset(&entry, 0, sizeof entry);
		if ((name = entry_at(h, at, &entry.attr)) == NULL)
			break;
		need = plus ? fuse_add_direntry_plus(req, NULL, 0, name, NULL, 0) :
		    fuse_add_direntry(req, NULL, 0, name, NULL, 0);
		if (need > size - n)
			break;
		if (plus) {
			plus_entry(fs, h, at, name, &entry);
			fuse_add_direntry_plus(req, out + n, size - n, name, &entry,
			    (off_t)at + 1);
		} else
			fuse_add_direntry(req, out + n, size - n, name, &entry.attr,
			    (off_t)at + 1);
		n += need;
	}
	fuse_reply_buf(req, out, n);
	free(out);
}

void
fs_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
    struct fuse_file_info *fi)
{
	(void)ino;
	list(req, size, off, (struct handle *)(uintptr_t)fi->fh, false);
}

void
fs_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
    struct fuse_file_info *fi)
{
	(void)ino;
	list(req, size, off, (struct handle *)(uintptr_t)fi->fh, true);
}

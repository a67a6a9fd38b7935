/* SPDX-License-Identifier: ISC */
/* mount_opts: see mount_opts.h. */
#include "mount_opts.h"

#include <stdio.h>
#include <string.h>

/* Words of fstab and mount(8) that are somebody else's business, or always so here. */
static const char *const ignored[] = {
	"rw", "ro", "auto", "noauto", "user", "nouser", "users", "owner", "nofail", "_netdev",
	"defaults", "exec", "suid", "dev", "nosuid", "nodev", "noexec", "atime", "noatime",
	"relatime", "async",
};
/* Words that libfuse knows. */
static const char *const for_fuse[] = {
	"allow_root", "default_permissions", "auto_unmount", "setuid", "max_read", "dirsync",
	"sync", "context", "fscontext", "defcontext", "rootcontext", "drop_privileges",
};

void
mount_opts_init(struct mount_opts *m)
{
	*m = (struct mount_opts){ .fuse = "" };
	arena_init(&m->arena);
}

void
mount_opts_release(struct mount_opts *m)
{
	arena_release(&m->arena);
}

static bool
in_list(struct sv word, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (sv_is(word, list[i]))
			return true;
	return false;
}

static bool
is_mount_key(struct sv key)
{
	for (size_t i = 0; i < N_CONF_KEYS; i++)
		if (strcmp(conf_table[i].section, "mount") == 0 &&
		    sv_is(key, conf_table[i].name))
			return true;
	return false;
}

int
mount_opts_set(struct mount_opts *m, const char *text)
{
	struct cmd_settings *s = &m->settings;

	if (s->n_sets == m->cap_sets) {
		size_t cap = m->cap_sets == 0 ? 16 : m->cap_sets * 2;
		const char **v = arena_array(&m->arena, cap, const char *);

		if (v == NULL)
			return EXIT_FAILED;
		if (s->n_sets != 0)
			memcpy(v, s->sets, s->n_sets * sizeof *v);
		s->sets = v;
		m->cap_sets = cap;
	}
	s->sets[s->n_sets++] = text;
	return text == NULL ? EXIT_FAILED : EXIT_DONE;
}

static int
add_word(struct mount_opts *m, struct sv word)
{
	struct sv key = word, rest = word;

	if (word.n == 0 || sv_starts(word, SV("x-")) || sv_starts(word, SV("fsname=")) ||
	    sv_starts(word, SV("subtype=")) ||
	    in_list(word, ignored, sizeof ignored / sizeof *ignored))
		return EXIT_DONE;
	if (sv_chr(word, '=') >= 0)
		(void)sv_cut(&rest, '=', &key);
	if (sv_is(word, "create")) {
		m->create = true;
		return EXIT_DONE;
	}
	if (sv_is(word, "allow_other"))
		return mount_opts_set(m, "mount.allow_other=yes");
	if (in_list(key, for_fuse, sizeof for_fuse / sizeof *for_fuse)) {
		m->fuse = arena_printf(&m->arena, "%s%s%.*s", m->fuse,
		    m->fuse[0] == '\0' ? "" : ",", SV_ARG(word));
		return m->fuse == NULL ? EXIT_FAILED : EXIT_DONE;
	}
	/* Those that lack their value are told so where values are known. */
	if (sv_chr(key, '.') >= 0)
		return mount_opts_set(m, arena_cstr(&m->arena, word));
	if (is_mount_key(key))
		return mount_opts_set(m, arena_printf(&m->arena, "mount.%.*s", SV_ARG(word)));
	fprintf(stderr, "spanfs: -o %.*s: unknown option; expected one of mount(8) or FUSE, create, "
	    "a key of [mount], or section.key=value (see spanfs(1), spanfs.ini(5))\n",
	    SV_ARG(word));
	return EXIT_USAGE;
}

int
mount_opts_add(struct mount_opts *m, const char *text)
{
	struct sv rest = sv_cstr(text), word;
	int code = EXIT_DONE;

	while (code == EXIT_DONE && sv_cut(&rest, ',', &word))
		code = add_word(m, word);
	if (code == EXIT_FAILED)
		fprintf(stderr, "spanfs: out of memory\n");
	return code;
}

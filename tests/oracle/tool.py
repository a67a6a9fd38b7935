# SPDX-License-Identifier: ISC
"""The programs under test, asked as anybody would: spanctl import and query, or a mount."""
import errno
import os
import re
import subprocess

import nasty
import times


class Answer:
    """What came: the bytes, or an error (an errno's name where it is known, else "")."""

    def __init__(self, data=None, error=None, words=""):
        self.data, self.error, self.words = data, error, words


class Tool:
    def __init__(self, spanctl, store, options=()):
        self.spanctl, self.store = spanctl, store
        self.options = ["-o", "mount.now=" + times.stamp(nasty.NOW, trim=True)]
        for o in options:
            self.options += ["-o", o]

    def command(self, *args, options=()):
        argv = [self.spanctl, "-s", self.store] + self.options
        for o in options:
            argv += ["-o", o]
        return argv + list(args)

    def load(self, files, directory, options=()):
        """Imports them, each a commit; the mark mN stands where N of them were in."""
        for i, data in enumerate(files):
            name = os.path.join(directory, "in%d.jsonl" % i)
            with open(name, "wb") as f:
                f.write(data)
            self.run("import", name, options=options)
            if i == 0:
                self.mark("m0", "0")
            self.mark("m%d" % (i + 1))

    def run(self, *args, options=()):
        p = subprocess.run(self.command(*args, options=options), stderr=subprocess.PIPE,
                           stdout=subprocess.PIPE)
        if p.returncode != 0:
            raise SystemExit("%s: %s" % (args[0], p.stderr.decode("utf-8", "replace")))

    def mark(self, *args):
        self.run("mark", "set", *args)

    def ask(self, path, options=()):
        p = subprocess.run(self.command("query", path, options=options),
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120)
        words = p.stderr.decode("utf-8", "replace")
        if p.returncode == 0:
            return Answer(data=p.stdout)
        return Answer(error="" if p.returncode == 2 else "status %d" % p.returncode, words=words)

    def rules(self):
        """Names of the optimizer's rules, from the complaint about a wrong one."""
        p = subprocess.run(self.command("query", "/count", options=["query.rules_off=no-rule"]),
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        m = re.search(rb"some of ([a-z -]+)", p.stderr)
        return m.group(1).decode().split() if m else []


class Mount:
    """A mount of a tool's store: errors have their errno there. What a mount can't be asked
    (settings of one query, more links than the kernel follows) goes to the tool."""
    MOST = 24       # segments; each may be a link
    NAME, PATH = 255, 4000

    def __init__(self, spanfs, tool, directory):
        self.tool = tool
        self.point = os.path.join(directory, "mnt")
        self.root = os.fsencode(self.point)
        os.mkdir(self.point)
        subprocess.run([spanfs, tool.store, self.point] + tool.options, check=True)

    def close(self):
        subprocess.run(["fusermount3", "-u", self.point], check=True)

    def ask(self, path, options=()):
        segs = path.split(b"/")
        if options or len(segs) > self.MOST or len(path) > self.PATH or \
                any(len(s) > self.NAME for s in segs):
            return self.tool.ask(path, options)
        try:
            with open(self.root + b"/" + path.lstrip(b"/"), "rb") as f:
                return Answer(data=f.read())
        except OSError as e:
            return Answer(error=errno.errorcode.get(e.errno, str(e.errno)))

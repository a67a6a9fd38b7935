#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Compares what spanctl answers with what the evaluator says, byte by byte.

    run.py --spanctl PATH [-n N] [--seed S] [--sweep] [--path PATH ...] [--mount SPANFS] ...

A failure prints the path, the first difference and the arguments that repeat it; the last line
is "N passed, N failed", and the exit status 1 if any failed.
"""
import argparse
import json
import os
import random
import shutil
import sys
import tempfile
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import answer          # noqa: E402
import fields          # noqa: E402
import nasty           # noqa: E402
import paths           # noqa: E402
import usage           # noqa: E402
from names import Bad  # noqa: E402
from spans import read_requests  # noqa: E402
from tool import Mount, Tool  # noqa: E402

WORKERS = 2


class Stop(Exception):
    """The first difference was enough."""


class Case:
    """A path to compare, with the settings it is asked under."""

    def __init__(self, path, options=(), note=""):
        self.path, self.options, self.note = path, tuple(options), note


def same(file, want, got):
    fn = answer.SAME.get(file)
    return fn(want, got) if fn else want == got


def difference(want, got):
    """Where two answers begin to differ, in words."""
    a, b = want.split(b"\n"), got.split(b"\n")
    i = next((i for i, (x, y) in enumerate(zip(a, b)) if x != y), min(len(a), len(b)))
    def show(lines):
        if i >= len(lines):
            return "nothing"
        line, other = lines[i], (b if lines is a else a)[i:i + 1]
        at = next((k for k, (x, y) in enumerate(zip(line, other[0] if other else b""))
                   if x != y), 0)
        at = max(0, at - 40)
        return ("..." if at else "") + line[at:at + 160].decode("utf-8", "replace")
    return "line %d\n    expected %s\n    got      %s" % (i + 1, show(a), show(b))


def run_sql(url, text):
    with urllib.request.urlopen(urllib.request.Request(url, data=text.encode())) as answer_:
        answer_.read()


# The exporter's table with json: true.
JSON_TABLE = """CREATE TABLE %s.otel_traces (Timestamp DateTime64(9), TraceId String, SpanId String,
    ParentSpanId String, TraceState String, SpanName LowCardinality(String),
    SpanKind LowCardinality(String), ServiceName LowCardinality(String), ResourceAttributes JSON,
    ScopeName String, ScopeVersion String, SpanAttributes JSON, Duration UInt64,
    StatusCode LowCardinality(String), StatusMessage String,
    Events Nested (Timestamp DateTime64(9), Name LowCardinality(String), Attributes JSON),
    Links Nested (TraceId String, SpanId String, TraceState String, Attributes JSON))
    ENGINE = MergeTree PARTITION BY toDate(Timestamp)
    ORDER BY (ServiceName, SpanName, toDateTime(Timestamp))"""


class Runner:
    def __init__(self, args):
        self.args = args
        self.passed = self.failed = 0
        self.kinds = {}
        self.dir = tempfile.mkdtemp(prefix="spanfs-oracle.")
        self.files = nasty.make(args.seed, args.nasty, args.plain)
        self.tool = Tool(args.spanctl, os.path.join(self.dir, "store"),
                         usage.options() + args.query_option)
        self.tool.load(self.files, self.dir, args.o)
        self.store = answer.Store.of_commits(self.files, nasty.NOW, prices=usage.PRICES)
        if args.clickhouse:
            self.move(args.clickhouse)
        self.asker = self.mount = None
        if args.mount:
            self.mount = Mount(args.mount, self.tool, self.dir)
        self.asker = self.mount or self.tool

    def move(self, url):
        """The spans go to a ClickHouse, and are those that it has from now on: what its table
        doesn't keep is not looked for. There are no marks there, and any name may be meant."""
        there = ["clickhouse.url=" + url, "clickhouse.database=oracle_%d_%d" % (
            self.args.seed, os.getpid())]
        if self.args.json:
            run_sql(url, "CREATE DATABASE " + there[1].split("=")[1])
            run_sql(url, JSON_TABLE % there[1].split("=")[1])
        self.tool.run("export", "--create", "/", options=there)
        # What of spans with one start and ids comes first is open there, unless they are equal.
        run_sql(url, """ALTER TABLE oracle_%d_%d.otel_traces DELETE WHERE (Timestamp, TraceId, SpanId)
            IN (SELECT Timestamp, TraceId, SpanId FROM oracle_%d_%d.otel_traces
                GROUP BY Timestamp, TraceId, SpanId HAVING uniqExact(cityHash64(*)) > 1)
            SETTINGS mutations_sync = 2""" % ((self.args.seed, os.getpid()) * 2))
        self.tool = Tool(self.args.spanctl, "clickhouse",
                         usage.options() + there + ["browse.strict_names=no"] + self.args.query_option)
        got = self.tool.ask(b"/otlp.jsonl")
        if got.data is None:
            raise SystemExit("run.py: nothing comes of ClickHouse: " + got.words)
        self.store = answer.Store.of_commits([got.data], nasty.NOW, False, usage.PRICES)
        self.store.marks = {}

    def close(self):
        if self.mount:
            self.mount.close()
        if self.args.keep:
            print("kept in %s" % self.dir)
        else:
            shutil.rmtree(self.dir, ignore_errors=True)

    def learn(self):
        """What was imported comes out: and gives the order of spans that are equal in
        start and ids."""
        got = self.asker.ask(b"/otlp.jsonl")
        if got.data is None:
            self.fail(Case(b"/otlp.jsonl"), "no answer: " + got.words)
            return
        order = []
        for s, why in read_requests(got.data):
            if not s:
                self.fail(Case(b"/otlp.jsonl"), "not strict OTLP: " + why)
                return
            order.append(answer.content(s))
        self.store.learn_ties(order)
        got = self.asker.ask(b"/traces.jsonl")
        if got.data is not None:
            self.store.learn_roots([json.loads(l) for l in got.data.splitlines()])

    def want(self, path):
        """(bytes, None) or (None, errno) by the evaluator."""
        try:
            return answer.answer(self.store, path), None
        except Bad as e:
            return None, e.code

    def verdict(self, path, got):
        """None, or what is wrong with the answer to a path."""
        want, code = self.want(path)
        if got.error is not None and got.error.startswith("status"):
            return "%s: %s" % (got.error, got.words.strip())
        if want is None:
            if got.data is not None:
                return "expected %s, got %r" % (code, got.data[:200])
            if got.error and got.error != code:
                return "expected %s, got %s" % (code, got.error)
            return None
        if got.data is None:
            return "expected %r\n    got an error %s" % (want[:200], got.error + got.words[:300])
        file = path.rsplit(b"/", 1)[-1].decode("utf-8", "replace")
        return None if same(file, want, got.data) else difference(want, got.data)

    def fail(self, case, why, save=True):
        self.failed += 1
        args = self.args
        print("not ok %s%s\n  %s\n  again: run.py --spanctl %s --seed %d --nasty %d --plain %d%s "
              "--path '%s'" % (case.note and case.note + ": ", " ".join(case.options), why,
                               args.spanctl, args.seed, args.nasty, args.plain,
                               "".join(" --option " + o for o in case.options),
                               os.fsdecode(case.path)), flush=True)
        if args.stop:
            raise Stop

    def run(self, cases):
        """Asks in a small pool, compares in order."""
        def ask(case):
            return case, self.asker.ask(case.path, case.options)
        with ThreadPoolExecutor(WORKERS) as pool:
            for case, got in pool.map(ask, cases):
                why = self.verdict(case.path, got)
                if why is None:
                    self.passed += 1
                    if self.args.tap:
                        print("ok %s" % os.fsdecode(case.path))
                    continue
                if self.args.shrink:
                    case, why = self.shrink(case, why)
                self.fail(case, why)

    def shrink(self, case, why):
        """The same failure with fewer segments."""
        segs = case.path.split(b"/")[1:]
        tries, again = 0, True
        while again and tries < 150:
            again = False
            for n in (4, 3, 2, 1):
                for i in range(len(segs) - n):
                    part = segs[:i] + segs[i + n:]
                    path = b"/" + b"/".join(part)
                    want, code = self.want(path)
                    if want is None:
                        continue
                    tries += 1
                    worse = self.verdict(path, self.asker.ask(path, case.options))
                    if worse:
                        segs, why, again = part, worse, True
                        break
                if again:
                    break
        return Case(b"/" + b"/".join(segs), case.options, case.note), why

    # What is compared.

    def random_cases(self, n):
        rules = self.tool.rules()
        if not rules:
            raise SystemExit("run.py: no rules of the optimizer are named")
        maker = paths.Maker(self.args.seed, self.store, self.args.groups, self.args.relations,
                            self.args.parents)
        r = random.Random(self.args.seed)
        made = 0
        while made < n:
            path = maker.path()
            kind = r.random()
            cases = [Case(path)]
            if kind < 0.15:
                rule = r.choice(rules + ["all"])
                cases = [Case(path, ["query.rules_off=" + rule], "rule %s off" % rule)]
            elif kind < 0.20:
                cases = [Case(path, ["query.threads=%d" % r.choice([1, 2, 4])], "threads")]
            elif kind < 0.35:
                cases = self.related(maker, path, r)
            yield from cases
            made += len(cases)

    def related(self, maker, path, r):
        """The canonical path, and another order of the clauses, have the same answer; pages
        are parts of the whole; and what A holds is what A and B, A and not B hold."""
        file = r.choice(["spans.jsonl", "traces.jsonl", "count", "spans.csv"])
        clauses = maker.clauses(file)
        whole = maker.join(clauses, file)
        want, code = self.want(maker.join(clauses, "query"))
        if want is None:
            return [Case(whole)]
        kind = r.randrange(3)
        if kind == 0:
            canonical = want.rstrip(b"\n").rstrip(b"/") + b"/" + file.encode()
            shuffled = list(clauses)
            r.shuffle(shuffled)
            return [Case(whole), Case(canonical, note="canonical"),
                    Case(maker.join(shuffled, file), note="another order")]
        if kind == 1:
            rest = [c for c in clauses if c[0] not in (b"limit", b"offset")]
            n = r.choice([1, 2, 7])
            return [Case(maker.join(rest + [[b"limit", b"%d" % n], [b"offset", b"%d" % (n * i)]],
                                    file), note="page") for i in range(3)]
        b = maker.filter()
        no = b[1:] if b[0] == b"not" else [b"not"] + b
        rest = [c for c in clauses if c[0] not in (b"limit", b"offset", b"sort", b"select")]
        return [Case(maker.join(rest + x, "count"), note="parts") for x in ([], [b], [no])]

    def sweep_cases(self, share=1.0):
        """Every field with every operator in every file, each cell on its own."""
        maker = paths.Maker(self.args.seed + 1, self.store)
        r = random.Random(self.args.seed + 1)
        names = maker.fields + maker.attrs + [b"duration_ns", b"spans", b"errors"]
        for name in names:
            for file in sorted(set(paths.FILES)):
                for op in paths.OPS:
                    for sign in ([], [b"not"]):
                        clause = sign + [b"where", maker.item(name), op.encode(),
                                         maker.argument(name, op)]
                        if r.random() < share:
                            yield Case(maker.join([clause], file), note="sweep")
                for clause in ([b"has", maker.item(name)], [b"not", b"has", maker.item(name)],
                               [b"sort", maker.item(name)],
                               [b"sort", maker.item(name) + b":desc"],
                               [b"select", maker.item(name)]):
                    if r.random() < share:
                        yield Case(maker.join([clause], file), note="sweep")


def arguments():
    p = argparse.ArgumentParser(prog="run.py")
    p.add_argument("--spanctl", default=os.environ.get("SPANCTL", "./spanctl"))
    p.add_argument("--mount", metavar="SPANFS", help="ask through a mount, for exact errors")
    p.add_argument("--clickhouse", metavar="URL", help="the same spans on that server")
    p.add_argument("--json", action="store_true", help="there, attributes in columns of JSON")
    p.add_argument("-n", type=int, default=300, help="generated paths")
    p.add_argument("--batch", type=int, default=2500, help="paths a seed; then the next")
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--nasty", type=int, default=90, help="nasty traces")
    p.add_argument("--plain", type=int, default=60, help="traces of a shop")
    p.add_argument("--sweep", type=float, default=0.0, help="share of the cells of the sweep")
    p.add_argument("--groups", type=float, default=0.0, help="share of paths with groups")
    p.add_argument("--relations", type=float, default=0.0, help="share of filters with them")
    p.add_argument("--parents", type=float, default=0.0,
                   help="share of keys and measures that are a parent's")
    p.add_argument("--path", action="append", default=[], help="only these paths")
    p.add_argument("--option", action="append", default=[], help="settings for --path")
    p.add_argument("-o", action="append", default=[], help="settings for the import")
    p.add_argument("--query-option", action="append", default=[], metavar="SETTING",
                   help="settings for everything that is asked")
    p.add_argument("--stop", action="store_true", help="at the first difference")
    p.add_argument("--shrink", action="store_true", help="a shorter path with the difference")
    p.add_argument("--tap", action="store_true", help="a line for what passes too")
    p.add_argument("--keep", action="store_true", help="keep the store")
    return p.parse_args()


def batch(args, n):
    """Compares with the data of args.seed; (passed, failed)."""
    began = time.monotonic()
    runner = Runner(args)
    try:
        runner.learn()
        if args.path:
            runner.run([Case(os.fsencode(p), args.option) for p in args.path])
        else:
            runner.run(runner.random_cases(n))
            if args.sweep:
                runner.run(runner.sweep_cases(args.sweep))
    except Stop:
        pass
    finally:
        runner.close()
    print("seed %d: %d spans, %d paths, %.0f s" % (
        args.seed, len(runner.store.spans), runner.passed + runner.failed,
        time.monotonic() - began), flush=True)
    return runner.passed, runner.failed


def main():
    args = arguments()
    passed = failed = 0
    left = 1 if args.path else args.n
    while left > 0:
        p, f = batch(args, min(left, args.batch))
        passed, failed = passed + p, failed + f
        left -= args.batch
        args.seed += 1
        args.sweep = 0.0     # of the first data
        if failed and args.stop:
            break
    print("%d passed, %d failed" % (passed, failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

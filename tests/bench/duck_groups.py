#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Compares generated aggregates with what DuckDB says of the same spans in SQL.

    duck_groups.py --spanctl PATH --store STORE --duckdb LIBDUCKDB.SO [-n N] [--seed S]

The spans go to DuckDB as a CSV of a few columns, so this shows that groups are right, and nothing of
the import. Integers and texts must be equal, floats within 1e-9 of each other. The library is that of
the bench (run.sh). The last line is "N passed, N failed"; the exit status is 1 if any failed.
"""
import argparse
import ctypes
import json
import os
import random
import subprocess
import sys
import tempfile
import urllib.parse

# Field as typed, its column, its type.
KEYS = [("service", "service", "VARCHAR"), ("name", "name", "VARCHAR"),
        ("kind", "kind", "VARCHAR"), ("status", "status", "VARCHAR"),
        ("http.route", "route", "VARCHAR"), ("user.id", "user_id", "VARCHAR"),
        ("http.request.method", "method", "VARCHAR"),
        ("http.response.status_code", "code", "BIGINT"),
        ("resource.service.version", "version", "VARCHAR")]
COLUMNS = [("start", "start_ns", "VARCHAR"), ("duration", "d", "BIGINT")] + KEYS
STEPS = {"1m": 60, "5m": 300, "20m": 1200, "1h": 3600, "day": 86400}


class Duck:
    """DuckDB by its C interface."""

    class Result(ctypes.Structure):
        _fields_ = [("a", ctypes.c_uint64 * 3), ("error", ctypes.c_char_p), ("b", ctypes.c_void_p)]

    def __init__(self, library):
        self.lib = ctypes.CDLL(library)
        self.lib.duckdb_value_varchar.restype = ctypes.c_void_p
        self.lib.duckdb_value_is_null.restype = ctypes.c_bool
        self.lib.duckdb_row_count.restype = ctypes.c_uint64
        self.lib.duckdb_column_count.restype = ctypes.c_uint64
        self.lib.duckdb_result_error.restype = ctypes.c_char_p
        self.db, self.conn = ctypes.c_void_p(), ctypes.c_void_p()
        if self.lib.duckdb_open(None, ctypes.byref(self.db)) != 0 or \
                self.lib.duckdb_connect(self.db, ctypes.byref(self.conn)) != 0:
            raise SystemExit("duck_groups.py: DuckDB does not open")

    def ask(self, sql):
        r = Duck.Result()
        ref = ctypes.byref(r)
        if self.lib.duckdb_query(self.conn, sql.encode(), ref) != 0:
            raise SystemExit("duck_groups.py: %s\n%s" % (
                (self.lib.duckdb_result_error(ref) or b"").decode(), sql))
        rows = []
        for row in range(self.lib.duckdb_row_count(ref)):
            line = []
            for col in range(self.lib.duckdb_column_count(ref)):
                at = (ref, ctypes.c_uint64(col), ctypes.c_uint64(row))
                if self.lib.duckdb_value_is_null(*at):
                    line.append(None)
                    continue
                p = self.lib.duckdb_value_varchar(*at)
                line.append(ctypes.string_at(p).decode())
                self.lib.duckdb_free(ctypes.c_void_p(p))
            rows.append(line)
        self.lib.duckdb_destroy_result(ref)
        return rows


def spanctl(args, path):
    p = subprocess.run([args.spanctl, "-s", args.store, "query", path], stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE)
    if p.returncode != 0:
        raise SystemExit("duck_groups.py: %s: %s" % (path, p.stderr.decode()))
    return p.stdout


def load(duck, args, file):
    with open(file, "wb") as f:
        f.write(spanctl(args, "/select/%s/spans.csv" % ",".join(c[0] for c in COLUMNS)))
    duck.ask("CREATE TABLE t AS SELECT * REPLACE (epoch_ns(start_ns::TIMESTAMP_NS) AS start_ns) "
             "FROM read_csv('%s', header = true, skip = 0, nullstr = '', columns = {%s})" % (
                 file, ", ".join("'%s': '%s'" % (c[1], c[2]) for c in COLUMNS)))


def quoted(text):
    return "'" + text.replace("'", "''") + "'"


class Case:
    """A path, and the SQL that means the same."""

    def __init__(self, rng, values, times):
        self.keys = rng.sample(KEYS, rng.choice([0, 1, 1, 1, 2, 2, 3]))
        self.step = rng.choice(list(STEPS)) if rng.random() < 0.35 else None
        where, clauses = [], []
        for key in rng.sample(KEYS, rng.choice([0, 0, 1, 1, 2])):
            value = rng.choice(values[key[1]])
            typed = {"service": "service/%s", "name": "name/%s", "kind": "kind/%s",
                     "status": "status/%s"}.get(key[0], "where/%s/eq/%%s" % key[0])
            clauses.append(typed % urllib.parse.quote(value, safe=""))
            where.append("%s = %s" % (key[1], quoted(value) if key[2] == "VARCHAR" else value))
        if rng.random() < 0.3:
            us = rng.choice([100, 1000, 5000, 100000])
            clauses.append("duration/ge/%dus" % us)
            where.append("d >= %d" % (us * 1000))
        if rng.random() < 0.4:
            a, b = sorted(rng.randrange(times[0], times[1]) for _ in range(2))
            clauses.append("since/%d/until/%d" % (a, b + 1))
            where.append("start_ns >= %d AND start_ns < %d" % (a, b + 1))
        self.aggs, self.columns = self.aggregates(rng)
        if self.keys:
            clauses.append("group/" + ",".join(k[0] for k in self.keys))
        if self.step:
            clauses.append("bucket/" + self.step)
        having = ""
        if (self.keys or self.step) and rng.random() < 0.25:
            n = rng.choice([1, 5, 50])
            clauses.append("having/count/gt/%d" % n)
            having = " HAVING count(*) > %d" % n
        self.path = "/" + "/".join(clauses + ["agg/" + ",".join(self.aggs)]) + "/groups.jsonl"
        by = [k[1] for k in self.keys]
        if self.step:
            ns = STEPS[self.step] * 10 ** 9
            by.insert(0, "epoch_ns(make_timestamp_ns(start_ns // %d * %d))" % (ns, ns))
        self.sql = "SELECT %s FROM t%s%s%s" % (
            ", ".join(by + self.columns), " WHERE " + " AND ".join(where) if where else "",
            " GROUP BY " + ", ".join(by) if by else "", having)
        self.n_by = len(by)

    @staticmethod
    def aggregates(rng):
        def rank(q, whole):
            return "list_sort(list(d))[((%d * count(*) + %d) // %d)::BIGINT]" % (
                q, whole - 1, whole)
        pool = [("count", "count(*)"), ("errors", "count(*) FILTER (WHERE status = 'error')"),
                ("error_rate", "count(*) FILTER (WHERE status = 'error') / nullif(count(*), 0)::DOUBLE"),
                ("sum:duration", "sum(d)"), ("avg:duration", "sum(d)::DOUBLE / count(*)"),
                ("min:duration", "min(d)"), ("max:duration", "max(d)"),
                ("p50:duration", rank(50, 100)), ("p95:duration", rank(95, 100)),
                ("p99.9:duration", rank(999, 1000)),
                ("distinct:user.id", "count(DISTINCT user_id)"),
                ("distinct:name", "count(DISTINCT name)"),
                ("max:http.response.status_code", "max(code)"),
                ("sum:http.response.status_code", "sum(code)")]
        picked = rng.sample(pool, rng.randint(1, 4))
        return [p[0] for p in picked], [p[1] for p in picked]


def same(want, got):
    """A text of DuckDB's, and a value of ours."""
    if want is None or got is None:
        return want is None and got is None
    if isinstance(got, float):
        return abs(float(want) - got) <= 1e-9 * max(abs(got), abs(float(want)))
    return str(got) == want


def bucket_ns(text):
    """RFC 3339 with nine digits as ns, as DuckDB has it."""
    import calendar
    import time
    return calendar.timegm(time.strptime(text[:19], "%Y-%m-%dT%H:%M:%S")) * 10 ** 9


def compare(case, want, got):
    table = {}
    for row in want:
        table[tuple(row[:case.n_by])] = row[case.n_by:]
    if len(table) != len(got):
        return "%d groups, not %d" % (len(got), len(table))
    for line in got:
        row = list(line.values())
        if case.step:
            row[0] = bucket_ns(row[0])
        key = tuple(None if v is None else str(v) for v in row[:case.n_by])
        if key not in table:
            return "a group %s that is none" % (key,)
        for i, v in enumerate(row[case.n_by:]):
            if not same(table[key][i], v):
                return "%s of %s is %s, not %s" % (case.aggs[i], key, v, table[key][i])
    return None


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("--spanctl", required=True)
    p.add_argument("--store", required=True)
    p.add_argument("--duckdb", required=True, metavar="LIBRARY")
    p.add_argument("-n", type=int, default=300)
    p.add_argument("--seed", type=int, default=1)
    args = p.parse_args()
    rng, duck, failed = random.Random(args.seed), Duck(args.duckdb), 0
    with tempfile.TemporaryDirectory(prefix="spanfs-duck.") as d:
        load(duck, args, os.path.join(d, "spans.csv"))
    values = {k[1]: [r[0] for r in duck.ask(
        "SELECT DISTINCT %s FROM t WHERE %s IS NOT NULL ORDER BY 1 LIMIT 200" % (k[1], k[1]))]
        for k in KEYS}
    lo, hi = (int(x) for x in duck.ask("SELECT min(start_ns), max(start_ns) FROM t")[0])
    for i in range(args.n):
        case = Case(rng, values, (lo, hi + 1))
        got = [json.loads(x) for x in spanctl(args, case.path).splitlines()]
        why = compare(case, duck.ask(case.sql), got)
        if why:
            failed += 1
            print("%s\n    %s\n    %s" % (case.path, case.sql, why))
    print("%d passed, %d failed" % (args.n - failed, failed))
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())

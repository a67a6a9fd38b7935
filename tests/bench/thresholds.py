#!/usr/bin/env python3
"""Where two ways of testing rows cross: the constants of include/filter/filter_cost.h.

    python3 tests/bench/thresholds.py BUILD STORE [NAME ...]

For each constant spanctl is built with a value that always takes the one way, with one that always
takes the other, and as it is; each of a row of paths, which lie on both sides of the threshold, is
then asked of a store, and the least time of its scan in RUNS is printed. BUILD is a build directory
with optimization, which is left as it was; STORE is best that of a bench (tests/bench/run.sh 1m).
Results must not differ, and it is said if they do.
"""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

RUNS = int(os.environ.get("RUNS", "15"))
SCAN = "query.rules_off=index,covering"	# conditions on columns
HUGE = 1 << 40


def after(*times):
    """rows of some share, by a condition that comes first and costs little"""
    return ["where/duration/gt/%s" % t for t in times]


SHARES = after("1us", "1ms", "5ms", "10ms", "50ms", "800ms", "3s", "8s")

# name: file, always the one way, always the other, settings, paths, what the ways are
PROBES = {
    "PICK_SHARE": ("filter/filter_chunk", 1, HUGE, [SCAN],
                   [s + "/where/http.response.body.size/gt/100" for s in SHARES],
                   "singly, all of the chunk"),
    "FIND_SHARE": ("filter/filter_column", HUGE, 1, [SCAN],
                   [s + "/where/guid%3Ax-request-id/contains/abc" for s in SHARES],
                   "all at once, singly"),
    "EAGER_VALUES": ("filter/filter_ready", HUGE, 0, [SCAN],
                     [s + "/where/url.path/re/.*1.*7" for s in SHARES] +
                     [s + "/where/user.id/re/.*1.*7" for s in SHARES],
                     "all values, those met"),
    "EAGER_WORDS": ("filter/filter_ready", HUGE, 0, [SCAN],
                    [s + "/where/url.path/contains/17" for s in SHARES] +
                    [s + "/where/user.id/contains/17" for s in SHARES],
                    "all values, those met"),
    "EAGER_RANGES": ("filter/filter_ready", HUGE, 0, [SCAN],
                     ["where/name/contains/%s" % w for w in ("GET", "e", "cart", "o")] +
                     ["where/url.path/contains/%s" % w for w in ("1", "17", "173", "e")],
                     "ranges, a set"),
    "SET_MOST": ("filter/filter_ready", HUGE, 0, [SCAN],
                 ["where/name/contains/e", "where/url.path/contains/1", "where/user.id/contains/1",
                  "where/user.id/contains/17", "where/user.id/contains/173"],
                 "a set, codes"),
    "FEW_VALUES": ("filter/filter_text", HUGE, 0, ["store.text_index=yes"],
                   ["where/http.route/re/.*cart.*", "where/url.path/re/.*1.*7.*3",
                    "where/user.id/re/.*1.*7.*3", "where/rpc.method/re/.*Get.*",
                    "where/db.query.text/re/.*17.*3.*"],
                   "values first, no index"),
    "VALUE_ROWS": ("filter/filter_text", 0, HUGE, ["store.text_index=yes"],
                   ["where/url.path/re/.*1.*7.*3", "where/user.id/re/.*1.*7.*3",
                    "where/db.query.text/re/.*17.*3.*"],
                   "values first, no index"),
    "MOST_CODES": ("filter/filter_postings", HUGE, 1, ["cost_model.cpu_index_tuple_cost=0.00001"],
                   ["where/http.response.status_code/ge/500", "where/url.path/starts/%2Fa",
                    "where/url.path/starts/%2Fapi%2Fproducts%2F1", "where/user.id/starts/1",
                    "where/user.id/starts/1000"],
                   "postings put together, no index"),
    "LEAST_SHARE": ("filter/filter_index", 1, HUGE, ["cost_model.cpu_index_tuple_cost=0.00001"],
                    ["where/http.response.status_code/ge/%d" % c for c in (200, 201, 300, 400, 500)] +
                    ["where/kind/eq/server", "where/kind/eq/client"],
                    "the list, the column"),
    "ALWAYS_ROWS": ("filter/filter_index", HUGE, 0, ["cost_model.cpu_index_tuple_cost=0.00001"],
                    ["service/payment/where/http.response.status_code/ge/%d" % c
                     for c in (200, 400, 500)],
                    "the list, the column"),
    "FEW_SHARE": ("filter/filter_index", 1, HUGE, [],
                  ["any/where/user.id/eq/1/where/%s/end" % c for c in (
                      "app.order.amount/gt/2000", "app.payment.amount/gt/2000",
                      "http.response.body.size/gt/100000", "url.full/contains/xyz")],
                  "the column in full, no index"),
    "SORT_ROWS": ("filter/filter_index", HUGE, 0, ["cost_model.cpu_index_tuple_cost=0.00001"],
                  ["where/http.response.status_code/in/%s" % c for c in (
                      "500,503", "500,503,504,502", "404,500", "301,302,404")] +
                  ["where/user.id/starts/%s" % c for c in ("1", "10", "100")],
                  "insertion, a bitmap"),
    "LIST_SHARE": ("../exec/op_scan", 1, HUGE, [],
                   ["where/http.response.status_code/eq/%d" % c for c in (503, 500, 404, 302, 200)] +
                   ["where/url.path/starts/%2Fapi", "where/url.path/starts/%2Fapi%2Fproducts%2F1"],
                   "as a list, by groups"),
    "LIST_ROWS": ("../exec/op_scan", HUGE, 0, [],
                  ["where/user.id/starts/%s" % c for c in ("1", "12", "123", "1234")] +
                  ["where/http.response.status_code/eq/%d" % c for c in (503, 500)],
                  "as a list, by groups"),
    "WAKE_ROWS": ("../exec/op_scan", 0, HUGE, [SCAN, "query.threads=2"],
                  ["service/%s/where/duration/gt/1s" % s for s in (
                      "fraud-detection", "payment", "inventory", "recommendation", "checkout",
                      "frontend-proxy", "frontend")],
                  "two threads, one"),
    "LIST_WEIGHT": ("../exec/op_scan", HUGE, 0, ["query.threads=2"],
                    ["where/http.response.status_code/eq/%d" % c for c in (503, 500, 404)] +
                    ["where/user.id/starts/%s" % c for c in ("12", "123", "1234")],
                    "two threads, one"),
    "TEXT_WEIGHT": ("../exec/op_scan", HUGE, 0, [SCAN, "query.threads=2"],
                    ["service/%s/text/timeout" % s for s in (
                        "fraud-detection", "payment", "inventory", "recommendation", "checkout")],
                    "two threads, one"),
}


def build(build_dir, source, define, out):
    """spanctl with one constant set, as `out`"""
    touch = os.path.join("src", "filter", source + ".c")
    touch = os.path.normpath(touch)
    obj = touch[:-2] + ".o"
    path = os.path.join(build_dir, obj)
    if os.path.exists(path):
        os.unlink(path)
    run = ["make", "-s", "-C", build_dir, "spanctl"]
    if define:
        run.append("CPPFLAGS=-D" + define)
    subprocess.run(run, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    if out:
        shutil.copy(os.path.join(build_dir, "spanctl"), out)


def ask(program, store, settings, path):
    """the scan's time in us, and how many rows matched"""
    cmd = [program, "-s", store, "-o", "query.threads=1"]
    for s in settings:
        cmd += ["-o", s]
    r = subprocess.run(cmd + ["query", path + "/agg/count/profile.json"], check=True,
                       stdout=subprocess.PIPE)
    p = json.loads(r.stdout)
    return p["scan_ns"] / 1000, p["rows_matched"], p["rows_scanned"]


def probe(build_dir, store, name, tmp):
    source, one, other, settings, paths, ways = PROBES[name]
    programs = []
    for value in (one, other, None):
        program = os.path.join(tmp, "spanctl.%s.%s" % (name, value))
        build(build_dir, source, None if value is None else "%s=%d" % (name, value), program)
        programs.append(program)
    print("%s: %s, as it is (us; the least of %d)" % (name, ways, RUNS))
    for path in paths:
        least = [float("inf")] * 3
        rows = [None] * 3
        for _ in range(RUNS):
            for i, program in enumerate(programs):
                us, n, scanned = ask(program, store, settings, path)
                least[i] = min(least[i], us)
                rows[i] = n
        wrong = "" if rows[0] == rows[1] == rows[2] else "  ROWS DIFFER: %s" % rows
        print("  %8d rows  %9.0f %9.0f %9.0f  %s%s" % (rows[0], *least, path, wrong))
    sys.stdout.flush()


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    build_dir, store = sys.argv[1:3]
    with tempfile.TemporaryDirectory() as tmp:
        for name in sys.argv[3:] or PROBES:
            probe(build_dir, store, name, tmp)
            build(build_dir, PROBES[name][0], None, None)


if __name__ == "__main__":
    main()

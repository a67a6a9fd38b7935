# SPDX-License-Identifier: ISC
"""Groups, aggregates, buckets, versus and compare, worked out by hand from the contract.

Six spans on Wednesday 2025-01-01 and the day after:
    1/1 a x 00:10 10ms k=1 error      2/1 a x 01:05 30ms k=2.5     3/1 a y 25:00 50ms k=[1,1,7] error
    1/2 b y 00:20 20ms k=2 (child)    2/2 b x 01:50 40ms k="z" (child)    4/1 c y 26:00 60ms
"""
import unittest

from small import ask, span, store

MS, MIN = 10 ** 6, 60 * 10 ** 9
ERROR = {"code": 2}
B1, B2 = "2025-01-01T", "2025-01-02T"
Z = ":00:00.000000000Z"


def six(now="2025-01-02T12:00:00Z"):
    return store(
        span(1, 1, "a", at=10 * MIN, lasts=10 * MS, service="x", k=1, _status=ERROR),
        span(1, 2, "b", parent=1, at=20 * MIN, lasts=20 * MS, service="y", k=2),
        span(2, 1, "a", at=65 * MIN, lasts=30 * MS, service="x", k=2.5),
        span(2, 2, "b", parent=1, at=110 * MIN, lasts=40 * MS, service="x", k="z"),
        span(3, 1, "a", at=1500 * MIN, lasts=50 * MS, service="y", k=[1, 1, 7], _status=ERROR),
        span(4, 1, "c", at=1560 * MIN, lasts=60 * MS, service="y"), now=now)


class Groups(unittest.TestCase):
    maxDiff = None

    def rows(self, st, table):
        """Lines of a path, then its rows as CSV without the header, `|` between."""
        for line in table.strip().splitlines():
            path, _, want = line.strip().partition(" ")
            with self.subTest(path=path):
                got = ask(st, path + "/groups.csv")
                if got.isupper() or got == "E2BIG":
                    self.assertEqual(got, want)
                else:
                    self.assertEqual("|".join(got.split("\n")[1:-1]), want)

    def lines(self, st, path, *want):
        with self.subTest(path=path):
            self.assertEqual(ask(st, path + "/groups.jsonl"), "".join(w + "\n" for w in want))

    def test_keys(self):
        self.rows(six(), """
            /agg/count 6
            /group/service x,3|y,3
            /group/name,service a,x,2|a,y,1|b,x,1|b,y,1|c,y,1
            /group/k 1,2|2,1|2.5,1|7,1|z,1|,1
            /group/status unset,4|error,2
            /distinct/k 1|2|2.5|7|z
            /distinct/service x|y
            /name/c/group/k ,1
            /name/c/distinct/k
            /group/root_name a,5|c,1
            /group/duration/limit/2 10000000,1|20000000,1""")
        self.lines(six(), "/name/a,c/group/k", '{"k":1,"count":2}', '{"k":2.5,"count":1}',
                   '{"k":7,"count":1}', '{"k":null,"count":1}')
        self.lines(six(), "/distinct/duration/limit/1", '{"duration_ns":10000000}')
        self.assertEqual(ask(six(), "/group/duration/agg/p95:duration,sum:k/limit/0/groups.csv"),
                         "duration_ns,p95_duration_ns,sum_k\n")

    def test_keys_keep_their_type(self):
        st = store(span(1, 1, k=500), span(1, 2, k=500.0), span(1, 3, k="500"), span(1, 4, k=True),
                   span(1, 5, k=[500, 500]), span(1, 6, k=[]), span(1, 7, k=None),
                   span(1, 8, k={"a": 1}))
        self.lines(st, "/group/k", '{"k":500,"count":2}', '{"k":500.0,"count":1}',
                   '{"k":"500","count":1}', '{"k":true,"count":1}', '{"k":{"a":1},"count":1}',
                   '{"k":null,"count":2}')

    def test_aggregates(self):
        self.rows(six(), """
            /group/service/agg/errors,error_rate x,1,0.3333333333333333|y,1,0.3333333333333333
            /group/service/agg/sum:k x,3.5|y,11
            /group/service/agg/avg:k x,1.75|y,2.75
            /group/service/agg/min:k,max:k x,1,2.5|y,1,7
            /service/y/agg/p0:k,p50:k,median:k,p75:k,p76:k,p100:k 1,1,1,2,7,7
            /service/y/agg/p99.9:k 7
            /group/service/agg/distinct:k x,3|y,3
            /agg/distinct:k 5
            /agg/sum:duration,avg:duration,p50:duration 210000000,35000000.0,30000000
            /agg/min:start,p50:start 2025-01-01T00:10:00.000000000Z,2025-01-01T01:05:00.000000000Z
            /agg/sum:start EINVAL
            /agg/hist:k "[[1,3],[2,1],[5,1],[10,1]]"
            /agg/hist:duration "[[10000000,1],[20000000,1],[50000000,3],[100000000,1]]"
            /name/a/status/ok/agg/count,sum:k,errors,error_rate,distinct:k,max:duration 0,,0,,0,
            /name/a/status/ok/group/service
            /agg/sum:trace_spans 10
            /agg/sum:name ""
            """)
        self.lines(six(), "/name/c/agg/sum:k,count", '{"sum_k":null,"count":1}')

    def test_numbers(self):
        st = store(span(1, 1, k=1e16), span(1, 2, k=1.0), span(1, 3, k=-1e16),
                   span(1, 4, j=2 ** 63 - 1), span(1, 5, j=1), span(1, 6, i=2 ** 63 - 1),
                   span(1, 7, i=-1), span(1, 8, h=[0, -3, 0.3, 0.1]))
        self.rows(st, """
            /agg/sum:k 1.0
            /agg/sum:j 9.223372036854776e+18
            /agg/sum:i 9223372036854775806
            /agg/hist:h "[[0,2],[0.1,1],[0.5,1]]" """)

    def test_events_count_a_span_once(self):
        st = store(span(1, 1, events=[("e", 0, {"k": 1}), ("e", 1, {"k": 2}), ("f", 2, {})]),
                   span(1, 2, events=[("e", 0, {"k": 4})]))
        self.rows(st, """
            /group/event:name e,2|f,1
            /agg/sum:event.k,count 7,2
            /group/event.k 1,1|2,1|4,1""")

    def test_tokens_and_scores(self):
        ev, key = "gen_ai.evaluation.result", "gen_ai.evaluation."
        use = ("gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens", "gen_ai.request.model")
        def llm(number, *v, **more):
            return span(1, number, **dict(zip(use, v)), **more)
        st = store(llm(1, 100, 10, "m-1", events=[(ev, 1, {key + "name": "rel", key + "score.value": 0.5}),
                                                  (ev, 2, {key + "name": "tox", key + "score.value": 1})]),
                   llm(2, 200, 0, "m-2", parent=1, events=[(ev, 1, {key + "name": "rel"})]),
                   llm(3, 7, 1, "other"), span(1, 4, parent=2, lasts=9), prices=(("m-*", 1.0, None, 2.0),))
        self.rows(st, """
            /agg/sum:tokens:total,avg:tokens:input,max:tokens:output 318,102.33333333333333,10
            /group/gen_ai.request.model/agg/sum:cost,count m-1,0.00012,1|m-2,0.0002,1|other,,1|,,1
            /group/score:name/agg/count,avg:score:value rel,2,0.75|tox,1,0.75|,2,
            /group/depth/agg/count,sum:self_duration 0,2,0|1,1,0|2,1,9
            /group/tokens:output/agg/distinct:cost 0,1|1,0|10,1|,0
            /agg/count,sum:cost/having/sum:cost/gt/0.0003 4,0.00032
            /distinct/tokens:input 7|100|200""")

    def test_rate(self):
        self.rows(six(), """
            /since/2025-01-01/until/2025-01-01T02/agg/rate %r
            /since/2025-01-01/until/2025-01-01T02/bucket/1h/agg/rate %s,%r|%s,%r
            /since/2025-01-01T00:15/until/2025-01-01T01/bucket/1h/agg/rate %s,%r
            /agg/rate %r
            /group/service/agg/rate x,%r|y,%r
            /name/c/agg/rate ""
            /name/a/status/ok/agg/rate ""
            /name/a/status/ok/on/2025-01-01/agg/rate 0.0""" % (
                4 / 7200, B1 + "00" + Z, 2 / 3600, B1 + "01" + Z, 2 / 3600, B1 + "00" + Z, 1 / 2700,
                6 / 93000, 3 / 93000, 3 / 93000))

    def test_buckets(self):
        d = {"a": B1 + "00" + Z, "b": B1 + "01" + Z, "c": B2 + "01" + Z, "d": B2 + "02" + Z,
             "e": B2 + "00" + Z, "t": "2024-12-26T00" + Z, "m": "2024-12-30T00" + Z}
        self.rows(six(), """
            /bucket/1h {a},2|{b},2|{c},1|{d},1
            /bucket/60m {a},2|{b},2|{c},1|{d},1
            /bucket/auto {a},2|{b},2|{c},1|{d},1
            /bucket/day {a},4|{e},2
            /bucket/7d {t},4|{e},2
            /bucket/week {m},6
            /bucket/month {a},6
            /bucket/day/group/service {a},x,3|{a},y,1|{e},y,2
            /bucket/0s EINVAL
            /bucket/5 EINVAL
            /since/2025-01-01/until/2025-02-01/bucket/auto {a},4|{e},2
            /since/2024-12-01/until/2025-02-01/bucket/auto {m},6
            /since/2024-01-01/until/2025-02-01/bucket/auto {a},6""".format(**d))
        self.rows(six(), "/since/2025-01-01/until/2025-01-01T02/bucket/auto " + "|".join(
            B1 + t + ":00.000000000Z,1" for t in ("00:10", "00:20", "01:05", "01:50")))

    def test_fill(self):
        a, b, c, d = (B1 + h + Z for h in ("00", "01", "02", "03"))
        four = "/since/2025-01-01/until/2025-01-01T04/bucket/1h"
        t = {"a": a, "b": b, "c": c, "d": d, "four": four, "noon": B1 + "12" + Z,
             "e": B2 + "00" + Z}
        self.rows(six(), """
            {four}/fill/zero {a},2|{b},2|{c},0|{d},0
            {four}/fill/null {a},2|{b},2|{c},|{d},
            {four}/fill/previous {a},2|{b},2|{c},2|{d},2
            {four}/fill/none {a},2|{b},2
            {four}/agg/avg:k,sum:k,errors/fill/zero {a},1.5,3,1|{b},2.5,2.5,0|{c},,0,0|{d},,0,0
            {four}/fill/zero/sort/bucket:desc/limit/2 {d},0|{c},0
            /bucket/12h/fill/zero {a},4|{noon},0|{e},2
            /group/service/bucket/day/fill/zero {a},x,3|{a},y,1|{e},x,0|{e},y,2
            /name/a/status/ok/since/2025-01-01/until/2025-01-01T02/bucket/1h/fill/zero {a},0|{b},0
            /name/a/status/ok/since/2025-01-01/until/2025-01-01T02/bucket/1h/group/k/fill/zero
            /name/a/status/ok/bucket/1h/fill/zero
            /service/y/since/2025-01-01/until/2025-01-01T02/bucket/1h/fill/previous {a},1|{b},1
            /name/a/since/2025-01-01T01/until/2025-01-01T03/bucket/1h/fill/previous {b},1|{c},1
            /on/2025-01-01/bucket/10ms/fill/zero E2BIG
            /group/service/fill/zero EINVAL
            /bucket/1h/fill/some EINVAL""".format(**t))
        self.rows(six(), "/service/x/status/unset/since/2025-01-01/until/2025-01-01T02/bucket/1h"
                  "/fill/previous %s,|%s,2" % (a, b))

    def test_having(self):
        self.rows(six(), """
            /group/service/agg/sum:k/having/sum:k/gt/5 y,11
            /group/service/having/count/ge/3 x,3|y,3
            /group/service/having/count/gt/3
            /group/name/having/p50:duration/ge/30ms a,3|c,1
            /group/name/having/p50:duration/gt/5 EINVAL
            /group/name/having/count/ge/2/having/count/le/2 b,2
            /group/name/agg/sum:k/having/sum:k/lt/100 a,12.5|b,2
            /group/name/agg/sum:k/having/sum:k/ne/2 a,12.5
            /group/name/having/count/in/1,2 b,2|c,1
            /group/name/having/count/between/2,3 a,3|b,2
            /group/name/having/max:start/lt/2025-01-02 b,2
            /group/name/having/nosuch/lt/1 EINVAL
            /group/name/having/count/re/1 EINVAL
            /having/count/gt/1 EINVAL""")

    def test_order_and_page(self):
        self.rows(six(), """
            /group/name/sort/count:desc a,3|b,2|c,1
            /group/name/sort/sum:k:desc a,3|b,2|c,1
            /group/name/sort/sum:k b,2|a,3|c,1
            /group/name/sort/name:desc c,1|b,2|a,3
            /group/name/sort/count/offset/1/limit/1 b,2
            /group/service/agg/count,sum:k/select/sum:k,service 3.5,x|11,y
            /group/name/sort/duration EINVAL""")
        for path, n in (("/group/name", 3), ("/group/name/limit/2", 2), ("/agg/sum:k", 1),
                        ("/group/name/having/count/gt/1", 2), ("/distinct/k", 5)):
            with self.subTest(path=path):
                self.assertEqual(ask(six(), path + "/count"), "%d\n" % n)

    def test_per_trace(self):
        self.rows(six(), """
            /per/trace/group/service x,2|y,2
            /per/trace/group/name a,3|c,1
            /name/b/per/trace/group/name/agg/count,errors a,2,1
            /name/b/per/trace/group/k 2,1|z,1
            /per/trace/group/service/agg/sum:k x,5.5|y,9
            /per/trace/group/service/agg/max:duration x,2700040000000|y,60000000
            /per/trace/bucket/day %s,2|%s,2
            /per/trace/agg/count,error_rate 4,0.5
            /per/trace/group/status unset,3|error,2
            /per/span/group/name EINVAL
            /per/trace EINVAL""" % (B1 + "00" + Z, B2 + "00" + Z))

    def test_versus(self):
        self.rows(six(), """
            /on/2025-01-02/group/service/versus/1d y,2,1,1
            /on/2025-01-02/group/service/versus/previous y,2,1,1
            /on/2025-01-02/group/service/agg/sum:k/versus/24h y,9,2,7
            /on/2025-01-02/agg/count/versus/1d 2,4,-2
            /since/2025-01-01T12/agg/count/versus/12h 2,4,-2
            /on/2025-01-02/bucket/1h/versus/1d %s,1,2,-1|%s,1,,
            /on/2025-01-02/agg/max:duration/versus/1d 60000000,40000000,20000000
            /agg/count/versus/1d EINVAL
            /until/2025-01-02/agg/count/versus/1d EINVAL
            /on/2025-01-02/versus/1d EINVAL""" % (B2 + "01" + Z, B2 + "02" + Z))
        early = "/since/2025-01-02T00/until/2025-01-02T03"
        self.rows(six(), """
            {e}/bucket/1h/fill/zero/versus/1d {b}00{z},0,2,-2|{b}01{z},1,2,-1|{b}02{z},1,,
            {e}/bucket/1h/fill/null/versus/1d {b}00{z},,2,|{b}01{z},1,2,-1|{b}02{z},1,,
            {e}/bucket/1h/fill/previous/versus/1d {b}00{z},,2,|{b}01{z},1,2,-1|{b}02{z},1,,
            {e}/bucket/1h/group/service/fill/zero/versus/1d {b}00{z},y,0,1,-1|{b}01{z},y,1,,|{b}02{z},y,1,,
            {e}/bucket/1h/having/count/gt/5/fill/zero/versus/1d {b}00{z},0,2,-2|{b}01{z},0,2,-2|{b}02{z},0,,
            {e}/bucket/1h/agg/sum:k/fill/zero/versus/1d {b}00{z},0,3,-3|{b}01{z},9,2.5,6.5|{b}02{z},,,
            """.format(e=early, b=B2, z=Z))
        self.assertEqual(
            ask(six(), "/on/2025-01-02/agg/max:duration/versus/1d/limit/0/groups.csv"),
            "max_duration_ns,prev_max_duration_ns,delta_max_duration_ns\n")

    def test_refused(self):
        st = six()
        for path in ("/group/service/spans.jsonl", "/distinct/k/spans.csv", "/groups.jsonl",
                     "/group/service/distinct/k/groups.jsonl", "/agg/p101:k/groups.jsonl",
                     "/agg/foo/groups.jsonl", "/agg/sum/groups.jsonl", "/not/group/k/groups.csv",
                     "/agg/count:k/groups.jsonl", "/group/a,,b/groups.jsonl",
                     "/group/k/group/k/groups.jsonl", "/any/group/k/end/groups.jsonl"):
            with self.subTest(path=path):
                self.assertEqual(ask(st, path), "EINVAL")
        for path in ("/group/nosuch/groups.csv", "/agg/sum:nosuch/groups.csv"):
            with self.subTest(path=path):
                self.assertEqual(ask(st, path), "ENOENT")

    def test_canonical(self):
        for path, want in (
                ("/agg/count/group/name", "/group/name/agg/count"),
                ("/fill/zero/bucket/60m", "/bucket/1h/fill/zero"),
                ("/bucket/1h/fill/none", "/bucket/1h"),
                ("/on/2025-01-02/agg/count/versus/24h", "/on/2025-01-02/agg/count/versus/1d"),
                ("/group/name/having/p50:duration/gt/60s/having/count/in/5",
                 "/group/name/having/count/eq/5/having/p50:duration/gt/1m"),
                ("/limit/1/per/trace/group/k,name", "/group/k,name/per/trace/limit/1"),
                ("/compare/name/b/name/a/end/root", "/root/compare/name/a/name/b/end")):
            with self.subTest(path=path):
                self.assertEqual(ask(six(), path + "/query"), want + "\n")

    def test_compare(self):
        st = store(span(1, 1, "a", k=1), span(1, 2, "a", k=1), span(1, 3, "b", k=1),
                   span(1, 4, "b", k=2), span(1, 5, "b", k=2), span(2, 1, "out", k=9))
        def row(field, value, n, share, m, other, diff):
            return '{"field":"%s","value":%s,"selection":%d,"selection_share":%r,"baseline":%d,' \
                '"baseline_share":%r,"difference":%r}\n' % (field, value, n, share, m, other, diff)
        want = row("name", '"a"', 2, 1.0, 0, 0.0, 1.0) + \
            row("name", '"b"', 0, 0.0, 3, 1.0, -1.0) + \
            row("span.k", 1, 2, 1.0, 1, 1 / 3, 1 - 1 / 3) + \
            row("span.k", 2, 0, 0.0, 2, 2 / 3, 0 - 2 / 3)
        got = ask(st, "/trace/1/compare/name/a/end/compare.jsonl")
        self.assertEqual(got[:len(want)], want)
        self.assertEqual(got.count("\n"), 8)
        self.assertEqual(ask(st, "/trace/1/compare/name/a/end/limit/4/compare.jsonl"), want)
        for sort, fields in (("baseline", "name span.k span.k"), ("field:desc", "status span.k"),
                             ("selection_share:desc,value", "kind status span.k")):
            got = ask(st, "/trace/1/compare/name/a/end/sort/%s/limit/%d/compare.jsonl" %
                      (sort, len(fields.split())))
            with self.subTest(sort=sort):
                self.assertEqual([l.split('"')[3] for l in got.splitlines()], fields.split())
        for path in ("/compare/root/end/sort/name/compare.jsonl",
                     "/compare/root/end/group/name/compare.jsonl",
                     "/compare/root/end/spans.jsonl", "/compare/root/end/count",
                     "/compare/root/end/select/name/compare.jsonl"):
            with self.subTest(path=path):
                self.assertEqual(ask(st, path), "EINVAL")
        self.assertEqual(ask(st, "/compare.jsonl"), "EINVAL")
        self.assertEqual(ask(st, "/compare/end/compare.jsonl"), "EINVAL")
        self.assertEqual(ask(st, "/not/compare/root/end/compare.jsonl"), "EINVAL")


class Columns(unittest.TestCase):
    def test_names_stand_once(self):
        st = store(span(1, 1, "a", count=5, duration_ns=7, p50_k=1, k=2))
        for path, want in (
                ("/group/count/agg/count", "EINVAL"), ("/group/count", "EINVAL"),
                ("/group/count/agg/errors", "count,errors\n5,0\n"),
                ("/group/count/agg/count/select/errors,count", "errors,count\n0,5\n"),
                ("/group/duration,duration_ns/agg/errors", "EINVAL"),
                ("/group/span.count,count/agg/errors", "span.count,count,errors\n5,5,0\n"),
                ("/group/p50_k/agg/p50:k", "EINVAL"), ("/agg/p50:k,count,p50:k", "p50_k,count\n2,1\n"),
                ("/distinct/count", "count\n5\n")):
            with self.subTest(path=path):
                self.assertEqual(ask(st, path + "/groups.csv"), want)
        self.assertEqual(ask(st, "/group/count/query"), "EINVAL")
        self.assertEqual(ask(st, "/select/duration,duration_ns/spans.csv"), "EINVAL")
        self.assertEqual(ask(st, "/select/span.k,k/spans.csv"), "span.k,k\n2,2\n")


class Parents(unittest.TestCase):
    """Trace 1: r (x, k=1) with children c (y) and d (y, k=5); g under c; o under nobody. Trace 2
    has ids of trace 1. In trace 3 two spans bear the id 1: s1 (x) and s2 (z), t is their child."""

    def store(self):
        return store(
            span(1, 1, "r", lasts=90 * MS, service="x", k=1, _status=ERROR),
            span(1, 2, "c", parent=1, lasts=40 * MS, service="y"),
            span(1, 3, "d", parent=1, lasts=20 * MS, service="y", k=5),
            span(1, 4, "g", parent=2, lasts=10 * MS, service="z"),
            span(1, 5, "o", parent=99, lasts=1 * MS, service="z"),
            span(2, 4, "p", parent=2, lasts=2 * MS, service="x"),
            span(3, 1, "s1", lasts=3 * MS, service="x", k=[7, 8]),
            span(3, 1, "s2", lasts=4 * MS, service="z", k="w"),
            span(3, 2, "t", parent=1, lasts=5 * MS, service="y"))

    def test_groups(self):
        st = self.store()
        for path, want in (
                ("/group/parent:service", "x,3|y,1|z,1|,5"),
                ("/group/parent:name,name/where/name/in/c,g,t", "c,g,1|r,c,1|s1,t,1|s2,t,1"),
                ("/group/parent:k", "1,2|7,1|8,1|w,1|,6"),
                ("/group/parent:status", "unset,2|error,2|,5"),
                ("/group/parent:depth", "0,3|1,1|,5"),
                ("/distinct/parent:name", "c|r|s1|s2"),
                ("/agg/count,sum:parent:duration,p50:parent:duration,max:parent:k",
                 "9,227000000,40000000,8"),
                ("/name/c,d/agg/avg:parent:child_count,min:parent:self_duration",
                 "2.0,50000000"),
                ("/trace/1/per/trace/group/parent:name", "c,1|r,1"),
                ("/name/t/agg/distinct:parent:service,sum:parent:duration_ns", "2,7000000"),
                ("/group/name/having/sum:parent:duration/ge/40ms", "c,1|d,1|g,1")):
            with self.subTest(path=path):
                got = ask(st, path + "/groups.csv").split("\n")[1:-1]
                self.assertEqual("|".join(got), want)
        self.assertEqual(ask(st, "/name/g/group/parent:duration/agg/max:parent:duration/groups.jsonl"),
                         '{"parent:duration_ns":40000000,"max_parent:duration_ns":40000000}\n')

    def test_sort(self):
        """Without a parent last; of two parents the least."""
        st = self.store()
        for path, want in (
                ("/has/parent_span_id/sort/parent:duration,name/select/name", "t g c d o p"),
                ("/has/parent_span_id/sort/parent:duration:desc,name/select/name", "c d g t o p"),
                ("/has/parent_span_id/sort/parent:name,name/select/name", "g c d t o p")):
            with self.subTest(path=path):
                got = ask(st, path + "/spans.csv").split("\n")[1:-1]
                self.assertEqual(" ".join(got), want)
        for path in ("/where/parent:name/eq/r/count", "/has/parent:name/count",
                     "/select/parent:name/spans.csv", "/group/parent:parent:name/groups.csv",
                     "/sort/parent:event:name/count", "/sort/parent:name/traces.csv"):
            with self.subTest(path=path):
                self.assertEqual(ask(st, path), "EINVAL")


class Relations(unittest.TestCase):
    def test_related(self):
        st = store(span(1, 1, "r"), span(1, 2, "c", parent=1), span(1, 3, "d", parent=1),
                   span(1, 4, "g", parent=2), span(1, 5, "o", parent=99),
                   span(2, 1, "p", parent=2), span(2, 2, "q", parent=1),
                   span(3, 1, "s1"), span(3, 1, "s2"), span(3, 2, "t", parent=1))
        for path, n in (
                ("/child/name/c/end", 1), ("/child/name/c,d/end", 1), ("/parent/name/r/end", 2),
                ("/child/root/end", 0), ("/descendant/name/g/end", 2),
                ("/ancestor/name/r/end", 3), ("/ancestor/name/o/end", 0),
                ("/sibling/name/c/end", 1), ("/sibling/name/o/end", 0),
                ("/sibling/root/end", 0), ("/trace-has/name/g/end", 5),
                ("/not/child/name/c/end", 9), ("/not/parent/root/end", 7),
                ("/child/child/name/g/end/end", 1), ("/child/name/c/parent/name/r/end/end", 1),
                ("/child/name/q/end", 1), ("/ancestor/name/q/end", 2),
                ("/child/name/t/end", 2), ("/parent/name/s1/end", 1), ("/parent/name/s2/end", 1)):
            with self.subTest(path=path):
                self.assertEqual(ask(st, path + "/count"), "%d\n" % n)
        self.assertEqual(ask(st, "/child/any/name/a/end/name/a/end/query"),
                         "/child/name/a/end\n")


if __name__ == "__main__":
    unittest.main()

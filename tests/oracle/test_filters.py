# SPDX-License-Identifier: ISC
"""Filters, times, encodings and files of the evaluator, worked out by hand from the contract."""
import json
import unittest

import names
from small import BASE, ask, span, store
import times
import values

S = 10 ** 9


class Cases(unittest.TestCase):
    def counts(self, st, table):
        for line in table.strip().splitlines():
            path, want = line.split()
            with self.subTest(path=path):
                self.assertEqual(ask(st, path + "/count").strip(), want)

    def queries(self, st, table):
        for line in table.strip().splitlines():
            path, want = line.split()
            with self.subTest(path=path):
                self.assertEqual(ask(st, path + "/query").strip(), want)


class Filters(Cases):
    def test_values_of_any_type(self):
        st = store(span(1, 1, k=500), span(1, 2, k="a"), span(1, 3, k=True), span(1, 4),
                   span(1, 5, k=[500]), span(1, 6, k=None), span(1, 7, k="500"),
                   span(1, 8, k=500.0), span(1, 9, k=[]), span(1, 10, k=[["500"], False]))
        self.counts(st, """
            /where/k/eq/500 4
            /where/k/eq/500.0 3
            /where/k/eq/5e2 3
            /where/k/eq/true 1
            /where/k/eq/false 1
            /where/k/ne/500 4
            /not/where/k/eq/500 6
            /has/k 9
            /not/has/k 1
            /where/k/in/a,500 5
            /where/k/notin/a,500 3
            /where/k/lt/b 2
            /where/k/ge/500 3
            /where/k/gt/500 0
            /where/k/between/1,1000 3
            /where/k/contains/0 1
            /where/k/notcontains/0 7
            /where/k/re/.* 2
            /where/k/nre/.* 6
            /where/k/starts/% 2
            /where/k/eq/% 0
            /where/k/between/5,1 EINVAL
            /where/k/between/1,b EINVAL
            /where/k/re/( EINVAL""")

    def test_exact_numbers(self):
        st = store(span(1, 1, k=2 ** 53), span(1, 2, k=2 ** 53 + 1), span(1, 3, k=2.0 ** 53),
                   span(1, 4, k=float("nan")), span(1, 5, k=-0.0), span(1, 6, k=2 ** 63 - 1))
        self.counts(st, """
            /where/k/eq/9007199254740993 1
            /where/k/eq/9007199254740992 2
            /where/k/lt/9007199254740993 3
            /where/k/eq/0 1
            /where/k/ge/-1e999 5
            /where/k/gt/9223372036854775806 1
            /where/k/ne/0 5
            /where/k/eq/NaN 0""")

    def test_service(self):
        st = store(span(1, 1, service=None), span(1, 2, service=""), span(1, 3, service=500),
                   span(1, 4, service="x"))
        self.counts(st, """
            /has/resource.service.name 3
            /where/resource.service.name/eq/% 1
            /where/resource.service.name/in/%,x 2
            /where/resource.service.name/eq/500 1
            /where/service.name/eq/500 1
            /where/resource.service.name/re/% 1
            /service/% 3
            /service/x 1
            /service/x,nosuch 1
            /service/nosuch ENOENT
            /not/service/nosuch 4
            /any/service/nosuch/end 0
            /where/nosuch/eq/1 ENOENT
            /not/where/nosuch/eq/1 4
            /has/nosuch ENOENT""")

    def test_events_and_links(self):
        st = store(span(1, 1, events=[("e", 1, {"k": 1}), ("f", 2, {"k": "x"}), ("g", 3, {})]),
                   span(1, 2, events=[("e", 1, {"k": None})], links=[(5, 5, {"k": 1})]),
                   span(1, 3))
        self.counts(st, """
            /where/event.k/eq/1 1
            /where/event.k/ne/1 1
            /has/event.k 2
            /where/event:name/eq/e 2
            /where/event:name/ne/e 1
            /not/where/event:name/eq/e 1
            /where/link:trace_id/eq/5 1
            /where/link.k/ge/1 1
            /has/event:name 2""")

    def test_groups(self):
        st = store(span(1, 1, "a", k=1), span(1, 2, "b", k=1), span(1, 3, "b"))
        self.counts(st, """
            /any/name/a/has/k/end 2
            /all/name/b/has/k/end 1
            /not/any/name/a/has/k/end 1
            /name/b/not/all/name/b/has/k/end 1
            /any/end EINVAL
            /any/name/a EINVAL
            /end EINVAL
            /not/not/root EINVAL
            /any/limit/1/end EINVAL
            /nosuch/x ENOENT
            /limit/1/limit/1 EINVAL""")
        self.assertEqual(ask(st, "/any" * 16 + "/root" + "/end" * 16 + "/count"), "3\n")
        self.assertEqual(ask(st, "/any" * 17 + "/root" + "/end" * 17 + "/count"), "E2BIG")
        self.assertEqual(ask(st, "/root" * 64 + "/count"), "3\n")
        self.assertEqual(ask(st, "/root" * 65 + "/count"), "E2BIG")
        self.assertEqual(ask(st, "/name/" + "a," * 999 + "a/count"), "1\n")
        self.assertEqual(ask(st, "/name/" + "a," * 1000 + "a/count"), "E2BIG")
        self.assertEqual(ask(st, "/name/" + "a" * 4096 + "/count"), "ENAMETOOLONG")

    def test_intrinsics(self):
        st = store(span(1, 1, lasts=1500 * 10 ** 6, _kind=2, _status={"code": 2}),
                   span(1, 2, parent=1, at=5, lasts=-5, _kind=77, _flags=257),
                   span(2, 1, parent=9, _status={"message": "m"}))
        self.counts(st, """
            /kind/server 1
            /kind/SERVER,77 2
            /where/kind/ne/server 2
            /status/error 1
            /status/UNSET 2
            /duration/eq/1.5s 1
            /duration/ge/1500ms 1
            /duration/eq/0s 2
            /duration/gt/5 EINVAL
            /where/duration_ns/gt/5 1
            /trace-duration/ge/1500ms 2
            /root 1
            /where/flags/eq/257 1
            /where/flags/ne/1 1
            /where/flags/eq/0 0
            /has/flags 1
            /where/spans/eq/2 2
            /where/trace_errors/eq/0 1
            /where/child_count/eq/1 1
            /has/status_message 1
            /where/status_message/ne/x 1
            /where/trace_id/starts/00000000000000000000000000000002 1
            /trace/2 1
            /span/1,2 3
            /where/span_id/contains/2 1
            /where/root_name/eq/op 3
            /where/name/gt/5 EINVAL
            /where/kind/lt/ok EINVAL
            /where/duration/re/x EINVAL
            /trace/xyz EINVAL""")

    def test_words(self):
        st = store(span(1, 1, "GET /cart", k="Connection refused", m={"x": ["deep_word"]}),
                   span(1, 2, scope={"name": "hidden"}, events=[("boom", 0, {"e": "in event"})],
                        links=[(1, 1, {"l": "linkword"})], _status={"message": "bad"}))
        self.counts(st, """
            /text/refused 1
            /text/CONNECTION,get 1
            /text/connec 0
            /text/deep_word 1
            /text/deep 0
            /text/hidden 0
            /text/boom%20event%20bad 1
            /text/linkword 0
            /text/svc 2
            /text/-- EINVAL""")


class Times(Cases):
    def test_forms(self):
        for text, want in (("1h30m", ("back", 5400 * S)), (".5h", ("back", 1800 * S)),
                           ("90min", ("back", 5400 * S)), ("now", ("back", 0, "now")),
                           ("today", ("day", 0, "today")), ("11:00", ("day", 39600 * S, "11:00")),
                           ("123456789", ("abs", 123456789 * S)),
                           ("123456789012", ("abs", 123456789012 * 10 ** 6)),
                           ("123456789012345", ("abs", 123456789012345 * 1000)),
                           ("123456789012345678", ("abs", 123456789012345678)),
                           ("1970-01", ("abs", 0)), ("1970-01-02", ("abs", 86400 * S)),
                           ("1970-01-01T01:00+01:00", ("abs", 0)),
                           ("1970-01-01T00:00:00.5Z", ("abs", S // 2))):
            with self.subTest(text=text):
                self.assertEqual(times.read_moment(text.encode()), want)

    def test_refused(self):
        for text in ("2025", "12345678", "2025-13", "2025-02-30", "2025-01-01T25", "1x", "", "-1h",
                     "30m1h", "1h1h", "tomorrow", "2025-01-01T14Z", "24:00", "1e3s", "5"):
            with self.subTest(text=text), self.assertRaises(names.Bad):
                times.read_moment(text.encode())

    def test_ranges(self):
        st = store(span(1, 1, at=0), span(1, 2, at=3600 * S), span(1, 3, at=3600 * S - 1))
        self.counts(st, """
            /since/2025-01 3
            /until/2025-01 0
            /until/2025-01-01T01 2
            /since/2025-01-01T01 1
            /on/2025-01-01T00 2
            /on/yesterday 3
            /on/today 0
            /since/24h 3
            /since/23h 1
            /until/23h 2
            /since/1960-01-01 3
            /until/1960-01-01 0
            /since/9999-01 0
            /until/9999-01 3
            /since/1h/until/2h EINVAL
            /since/now/until/now EINVAL
            /since/today/until/24h EINVAL
            /on/2025-01-01/since/2025-01-02 EINVAL
            /since/yesterday/until/1h 3
            /where/start/lt/2025-01-01T01:00 2""")

    def test_names(self):
        self.assertEqual(times.duration_text(5400 * S), "90m")
        self.assertEqual(times.duration_text(14 * times.DAY), "2w")
        self.assertEqual(times.stamp(times.END), "2554-07-21T23:34:33.709551615Z")
        self.assertEqual(times.stamp(0), "1970-01-01T00:00:00.000000000Z")
        self.assertEqual(times.date_of(times.days_of(2000, 2, 29)), (2000, 2, 29))


class Encoding(Cases):
    def test_items(self):
        for data, want in ((b"", b"%"), (b"a/b", b"a%2Fb"), (b"a,b:c%", b"a%2Cb%3Ac%25"),
                           (b".env", b"%2Eenv"), (b"a.-", b"a.-"), (b"-x", b"%2Dx"),
                           (b"\xff", b"%FF"), ("é".encode(), "é".encode()), (b"\0\x7f", b"%00%7F"),
                           ("\u202e\u200b\u0085".encode(), b"%E2%80%AE%E2%80%8B%C2%85")):
            with self.subTest(data=data):
                self.assertEqual(names.encode(data), want)
                self.assertEqual(names.decode(want), data)

    def test_refused(self):
        st = store(span(1, 1))
        self.counts(st, """
            /name/a,,b EINVAL
            /name/%zz EINVAL
            /name/a% EINVAL
            /name/%~00000000000000000000000000000000 ENOENT
            /.name/op 1
            /where/name/.eq/.=op 1
            /where/name/eq/.op 0""")

    def test_numbers(self):
        for text, want in ((b"5", 5), (b"-0", 0), (b"+5", 5), (b".5", 0.5), (b"5.", 5.0),
                           (b"1e3", 1000.0), (b"0x10", None), (b"NaN", None), (b"", None),
                           (b" 5", None), (b"1_0", None)):
            with self.subTest(text=text):
                self.assertEqual(values.read_number(text), want)


class Canonical(Cases):
    def test_forms(self):
        st = store(span(1, 1, x=1, y=1, http=1))
        self.queries(st, """
            / /
            /limit/5/any/name/b/name/a/end/since/60m /since/1h/any/name/a/name/b/end/limit/5
            /name/b,a,b /name/a,b
            /where/name/in/x /name/x
            /where/resource.service.name/in/svc,x /service/svc,x
            /where/resource.service.name/eq/500 /where/resource.service.name/eq/500
            /where/x/in/1 /where/x/eq/1
            /where/x/notin/1,1 /where/x/ne/1
            /where/kind/eq/2 /kind/server
            /where/duration_ns/gt/60000000000 /duration/gt/1m
            /where/trace_duration/lt/1h /trace-duration/lt/1h
            /trace/AB /trace/000000000000000000000000000000ab
            /any/name/a/end /name/a
            /not/any/not/name/a/end /name/a
            /all/name/a/all/name/b/end/end /name/a/name/b
            /any/name/a/any/name/b/end/end /any/name/a/name/b/end
            /since/2025-01-01T00:00+01:00 /since/2024-12-31T23:00:00Z
            /until/11:00 /until/11:00
            /on/2025-01-01t05 /on/2025-01-01T05
            /select/y,x/sort/x:asc,y:desc/offset/0 /sort/x,y:desc/select/y,x
            /root/not/root /has/parent_span_id/root
            /not/has/parent_span_id /root
            /status/ERROR,ok /status/error,ok
            /where/x/eq/.5 /where/x/eq/%2E5
            /text/B%20a /text/a%20b""".replace("a%20b", "a_b").replace("B%20a", "A_b"))


class Files(Cases):
    def test_spans(self):
        st = store(span(1, 1, "a", at=1, lasts=5, b=[1, "x", None], a=0.5, z=b"\0",
                        events=[("e", 2, {})], links=[(2, 3, {})], _flags=1,
                        _droppedEventsCount=2), span(1, 2, at=9, lasts=-1, service=None))
        self.assertEqual(
            ask(st, "/spans.jsonl"),
            '{"trace_id":"%032x","span_id":"%016x","name":"op","kind":"unspecified","service":"",'
            '"start":"2025-01-01T00:00:00.000000009Z","duration_ns":0,'
            '"end":"2025-01-01T00:00:00.000000008Z","status":"unset"}\n'
            '{"trace_id":"%032x","span_id":"%016x","name":"a","kind":"unspecified","service":"svc",'
            '"start":"2025-01-01T00:00:00.000000001Z","duration_ns":5,"status":"unset",'
            '"attributes":{"a":0.5,"b":[1,"x",null],"z":{"@bytes":"AA=="}},'
            '"resource":{"service.name":"svc"},'
            '"events":[{"time":"2025-01-01T00:00:00.000000002Z","name":"e"}],'
            '"links":[{"trace_id":"%032x","span_id":"%016x"}],"flags":1,"dropped":{"events":2}}\n'
            % (1, 2, 1, 1, 2, 3))
        self.assertEqual(ask(st, "/select/b,duration,service,nosuch/spans.csv"),
                         'b,duration_ns,service,nosuch\n,0,,\n"[1,""x"",null]",5,svc,\n')
        self.assertEqual(ask(st, "/select/b,flags,service/spans.jsonl"),
                         '{"service":""}\n{"b":[1,"x",null],"flags":1,"service":"svc"}\n')
        self.assertEqual(ask(st, "/select/name/events.jsonl"), "EINVAL")

    def test_order(self):
        st = store(span(1, 1, k=5), span(1, 2, k="b"), span(1, 3, k=True), span(1, 4, k=[1]),
                   span(1, 5), span(1, 6, k=None), span(1, 7, k=4.5), span(1, 8, k="a"))
        def ids(path):
            return [l[-1] for l in ask(st, path + "/select/span_id/spans.csv").split()[1:]]
        self.assertEqual(ids("/sort/k"), list("71823456"))
        self.assertEqual(ids("/sort/k:desc"), list("43281756"))
        self.assertEqual(ids("/sort/k/offset/2/limit/3"), list("823"))
        self.assertEqual(ids(""), list("12345678"))
        self.assertEqual(ask(st, "/limit/3/count"), "3\n")
        self.assertEqual(ask(st, "/offset/6/count"), "2\n")

    def test_traces(self):
        st = store(span(1, 1, "late", at=100, lasts=100), span(1, 2, parent=1, at=50, lasts=1,
                                                               service="b"),
                   span(2, 1, "orphan", parent=9, at=7, lasts=1, _status={"code": 2}),
                   span(2, 2, "after", parent=1, at=8))
        self.assertEqual(
            ask(st, "/span/1/traces.jsonl"),
            '{"trace_id":"%032x","root_service":"svc","root_name":"late",'
            '"start":"2025-01-01T00:00:00.000000100Z","duration_ns":150,"spans":2,"errors":0,'
            '"services":["b","svc"],"matched":1}\n'
            '{"trace_id":"%032x","root_service":"svc","root_name":"orphan",'
            '"start":"2025-01-01T00:00:00.000000007Z","duration_ns":1,"spans":2,"errors":1,'
            '"services":["svc"],"matched":1}\n' % (1, 2))
        self.assertEqual(ask(st, "/sort/start/limit/1/select/spans,root_name/traces.csv"),
                         "spans,root_name\n2,orphan\n")
        self.assertEqual(ask(st, "/sort/name/traces.csv"), "EINVAL")

    def test_events(self):
        st = store(span(1, 1, "", events=[("x", 5, {"k": 1}), ("y", 9, {})]),
                   span(1, 2, "n", links=[(3, 4, {})]))
        self.assertEqual(
            ask(st, "/events.jsonl"),
            '{"trace_id":"%032x","span_id":"%016x","service":"svc",'
            '"time":"2025-01-01T00:00:00.000000009Z","name":"y"}\n'
            '{"trace_id":"%032x","span_id":"%016x","service":"svc",'
            '"time":"2025-01-01T00:00:00.000000005Z","name":"x","attributes":{"k":1}}\n'
            % (1, 1, 1, 1))
        self.assertEqual(
            ask(st, "/links.jsonl"),
            '{"trace_id":"%032x","span_id":"%016x","service":"svc","span_name":"n",'
            '"linked_trace_id":"%032x","linked_span_id":"%016x"}\n' % (1, 2, 3, 4))

    def test_events_by_their_own_fields(self):
        st = store(span(1, 1, events=[("b", 5, {"k": 1}), ("a", 9, {"k": 3}), ("c", 7, {})]),
                   span(1, 2, "n", at=10, events=[("d", 20, {"k": 2})],
                        links=[(3, 4, {"w": 1}), (2, 9, {"w": 2})]))
        def names(path):
            return "".join(json.loads(l)["name"] for l in ask(st, path).splitlines())
        self.assertEqual(names("/sort/event.k/events.jsonl"), "bdac")
        self.assertEqual(names("/sort/event.k:desc/events.jsonl"), "adbc")
        self.assertEqual(names("/sort/event:name:desc/limit/2/events.jsonl"), "dc")
        self.assertEqual(names("/sort/event:time/events.jsonl"), "bcad")
        self.assertEqual(names("/sort/start,event:name/events.jsonl"), "abcd")
        self.assertEqual([json.loads(l)["linked_span_id"][-1] for path in (
            "/sort/link:trace_id/links.jsonl", "/sort/link.w:desc/links.jsonl")
            for l in ask(st, path).splitlines()], list("9494"))
        for path in ("/sort/event.k/spans.jsonl", "/sort/event.k/links.jsonl",
                     "/sort/link.w/events.jsonl", "/sort/event:name/count",
                     "/sort/event.k/traces.jsonl", "/sort/event.k,link.w/events.jsonl"):
            self.assertEqual(ask(st, path), "EINVAL", path)
        self.assertEqual(ask(st, "/sort/event.k/query"), "/sort/event.k\n")

    def test_depth_and_self_duration(self):
        st = store(span(1, 1, lasts=100), span(1, 2, parent=1, at=10, lasts=20),
                   span(1, 3, parent=1, at=20, lasts=30), span(1, 4, parent=3, at=0, lasts=200),
                   span(1, 5, parent=9, at=3, lasts=4),
                   span(2, 1, parent=2, lasts=5), span(2, 2, parent=1, at=1, lasts=2),
                   span(2, 3, parent=2, at=2, lasts=3))
        self.assertEqual(
            ask(st, "/sort/trace_id,span_id/select/depth,self_duration/spans.csv"),
            "depth,self_duration_ns\n0,60\n1,20\n1,0\n2,200\n0,4\n,3\n,0\n,3\n")
        self.counts(st, """
            /where/depth/ge/1 3
            /not/has/depth 3
            /where/self_duration/gt/30ns 2
            /where/depth/gt/1s EINVAL
            /where/self_duration/gt/30 EINVAL""")

    def test_tokens_and_cost(self):
        prices = (("gpt*", 2.0, 1.0, 10.0), ("gpt-4?", 4.0, None, 0.0))
        new = {"gen_ai.usage.input_tokens": 1000, "gen_ai.usage.output_tokens": 100}
        st = store(span(1, 1, **new, **{"gen_ai.request.model": "gpt-5",
                                        "gen_ai.usage.cache_read.input_tokens": 400}),
                   span(1, 2, **{"gen_ai.usage.prompt_tokens": 7, "gen_ai.request.model": "gpt-5",
                                 "gen_ai.response.model": "gpt-4o"}),
                   span(1, 3, **new, **{"llm.model_name": "llama"}),
                   span(1, 4, **{"llm.usage.total_tokens": 12}),
                   span(1, 5, **{"gen_ai.usage.input_tokens": -1, "llm.token_count.prompt": 3.0}),
                   span(1, 6, **{"gen_ai.usage.input_tokens": "9"}), span(1, 7), prices=prices)
        self.assertEqual(
            ask(st, "/sort/span_id/select/tokens:input,tokens:output,tokens:total,cost/spans.csv"),
            "tokens:input,tokens:output,tokens:total,cost\n1000,100,1100,0.0026\n"
            "7,,7,2.8e-05\n1000,100,1100,\n,,12,\n3,,3,\n,,,\n,,,\n")
        self.counts(st, """
            /has/tokens:input 4
            /has/tokens:total 5
            /not/has/tokens:total 2
            /where/tokens:total/ge/12 3
            /where/tokens:input/ne/7 3
            /where/tokens:output/between/100,200 2
            /has/cost 2
            /where/cost/gt/0.001 1
            /where/cost/ne/0.0026 1
            /where/cost/eq/x 0
            /where/tokens:input/gt/x EINVAL
            /where/tokens:input/contains/1 EINVAL""")

    def test_scores(self):
        ev = "gen_ai.evaluation.result"
        key = "gen_ai.evaluation."
        st = store(span(1, 1, events=[(ev, 5, {key + "name": "rel", key + "score.value": 0.5}),
                                      (ev, 6, {key + "name": "tox", key + "score.label": "pass",
                                               key + "explanation": "why"}),
                                      ("other", 7, {key + "name": "no"})]),
                   span(1, 2, events=[(ev, 9, {key + "score.value": 1.0, "k": 1})]), span(1, 3))
        self.assertEqual(
            ask(st, "/scores.jsonl"),
            '{"trace_id":"%032x","span_id":"%016x","time":"2025-01-01T00:00:00.000000009Z",'
            '"value":1.0}\n'
            '{"trace_id":"%032x","span_id":"%016x","time":"2025-01-01T00:00:00.000000006Z",'
            '"name":"tox","label":"pass","explanation":"why"}\n'
            '{"trace_id":"%032x","span_id":"%016x","time":"2025-01-01T00:00:00.000000005Z",'
            '"name":"rel","value":0.5}\n' % (1, 2, 1, 1, 1, 1))
        self.assertEqual(ask(st, "/sort/score:value/limit/1/scores.jsonl").count("0.5"), 1)
        self.assertEqual(ask(st, "/sort/score:value/spans.jsonl"), "EINVAL")
        self.counts(st, """
            /where/score:name/eq/rel 1
            /where/score:name/ne/rel 1
            /where/score:value/gt/0.7 1
            /where/score:name/eq/no 0
            /has/score:label 1
            /not/has/score:value 1""")

    def test_otlp_comes_back(self):
        import answer
        st = store(span(1, 1, k=[None, {}, float("inf"), -0.0]), span(1, 1, k=1), span(1, 1, k=1),
                   span(2, 2, service=None, events=[("e", 1, {"": 1, "x": 2})]))
        again = answer.Store.read(ask(st, "/otlp.jsonl").encode(), st.now)
        self.assertEqual(ask(st, "/count"), "3\n")
        self.assertEqual(ask(again, "/spans.jsonl"), ask(st, "/spans.jsonl"))

    def test_repairs(self):
        import answer
        raw = (b'{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"%032x","spanId":"%016x",'
               b'"name":"n\xff\xe2\x82x\\ud800"}]}]}]}' % (1, 1))
        st = answer.Store.read(raw, BASE)
        self.assertEqual(st.spans[0].name, "n\ufffd\ufffdx\ufffd")
        self.assertEqual(ask(st, "/where/name/re/n.+/count"), "1\n")


if __name__ == "__main__":
    unittest.main()

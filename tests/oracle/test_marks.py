# SPDX-License-Identifier: ISC
"""mark of the evaluator, worked out by hand from the contract."""
import unittest

from small import ask, commits, span

S = 10 ** 9


def three():
    """The second import has a late span and one that was there; the third nothing new."""
    return commits([span(1, 1, "a", at=5 * S), span(1, 2, "b", parent=1, at=6 * S)],
                   [span(1, 3, "c", parent=1, at=S), span(1, 2, "b", parent=1, at=6 * S),
                    span(2, 4, "d", at=9 * S)],
                   [span(2, 4, "d", at=9 * S)])


class Marks(unittest.TestCase):
    def lines(self, table):
        st = three()
        for line in table.strip().splitlines():
            path, want = line.split()
            with self.subTest(path=path):
                self.assertEqual(ask(st, path).strip(), want)

    def test_what_came_after(self):
        self.lines("""
            /mark/m0/count 4
            /mark/m1/count 2
            /mark/m2/count 0
            /mark/m3/count 0
            /mark/m1/name/c/count 1
            /mark/m1/name/b/count 0
            /mark/m1/not/name/c/count 1
            /since/2025-01-01T00:00:02/mark/m1/count 1
            /until/2025-01-01T00:00:02/mark/m1/count 1
            /mark/m1/until/2025-01-01/on/2025-01-01/count EINVAL
            /mark/m1/limit/1/offset/1/count 1""")

    def test_rows_and_groups(self):
        st = three()
        names = [line.split(",")[0] for line in
                 ask(st, "/mark/m1/select/name/spans.csv").splitlines()[1:]]
        self.assertEqual(names, ["d", "c"])
        # The whole trace is told of, as under any range; only `matched` counts what came.
        rows = ask(st, "/mark/m1/name/c/traces.jsonl")
        self.assertIn('"spans":3', rows)
        self.assertIn('"matched":1', rows)
        self.assertEqual(ask(st, "/mark/m1/group/name/groups.csv"),
                         "name,count\nc,1\nd,1\n")

    def test_where_it_may_stand(self):
        self.lines("""
            /mark/m9/count ENOENT
            /mark/nightly/count ENOENT
            /mark/.m1/count EINVAL
            /mark/m1,m2/count EINVAL
            /mark/%/count EINVAL
            /not/mark/m1/count EINVAL
            /any/mark/m1/end/count EINVAL
            /mark/m1/mark/m1/count EINVAL""")

    def test_canonical(self):
        self.lines("""
            /limit/1/mark/m1/query /mark/m1/limit/1
            /mark/m1/group/name/root/query /root/mark/m1/group/name
            /.mark/%6d1/since/1h/query /since/1h/mark/m1
            /agg/count/mark/m0/not/name/a/query /not/name/a/mark/m0/agg/count""")


if __name__ == "__main__":
    unittest.main()

#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Runs the evaluator's own tests; a line "ok" or "not ok" each, then "N passed, N failed"."""
import os
import sys
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))


class Result(unittest.TestResult):
    def __init__(self):
        super().__init__()
        self.passed = 0
        self.bad = set()

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        self.passed += err is None
        if err is None:
            print("ok %s" % subtest.id())

    def addSuccess(self, test):
        self.passed += 1
        print("ok %s" % test.id())


def main():
    result = Result()
    here = os.path.dirname(os.path.abspath(__file__))
    unittest.defaultTestLoader.discover(here, "test_*.py").run(result)
    for test, trace in result.failures + result.errors:
        print("not ok %s\n%s" % (test.id(), trace))
    failed = len(result.failures) + len(result.errors)
    print("%d passed, %d failed" % (result.passed, failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

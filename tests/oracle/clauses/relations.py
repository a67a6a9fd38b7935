# SPDX-License-Identifier: ISC
"""child parent descendant ancestor sibling trace-has: a related span of the trace matches."""
from language import Between, Filter, clause


def children(s):
    return [c for c in s.trace.spans if c.parent == s.span_id and c is not s]


def parents(s):
    return [p for p in s.trace.spans if s.parent and p.span_id == s.parent and p is not s]


def steps(one):
    """What one or more steps reach; a cycle ends."""
    def fn(s):
        found, todo = [], one(s)
        while todo:
            t = todo.pop()
            if t not in found:
                found.append(t)
                todo += one(t)
        return found
    return fn


def siblings(s):
    return [t for t in s.trace.spans if s.parent and t.parent == s.parent and t is not s]


RELATIONS = {"child": lambda s: children(s), "parent": parents, "descendant": steps(children),
             "ancestor": steps(parents), "sibling": siblings,
             "trace-has": lambda s: s.trace.spans}


def relation(word):
    def holds(self, span):
        return any(all(f.holds(r) for f in self.inner) for r in RELATIONS[word](span))
    clause(type(word, (Between, Filter), {"keyword": word, "holds": holds}))


for _word in RELATIONS:
    relation(_word)

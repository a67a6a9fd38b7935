# SPDX-License-Identifier: ISC
"""The files that there are. A new one is a file of its own, named here."""
from files import spans, traces, events, otlp, groups, contrast, plain

"""`python -m benchmarks [NAME...]`: all of them, or those named."""

from __future__ import annotations

import sys

from benchmarks import accuracy, checkpoint, classify, start
from benchmarks.measuring import report

BENCHMARKS = {"start": start.results, "classify": classify.results, "checkpoint": checkpoint.results}

unknown = set(sys.argv[1:]) - set(BENCHMARKS)
if unknown:
    raise SystemExit(f"there is no benchmark {min(unknown)}; there are {', '.join(BENCHMARKS)}")
for name in sys.argv[1:] or BENCHMARKS:
    report(name, BENCHMARKS[name]())
    print()
    if name == "classify":
        accuracy.tell()

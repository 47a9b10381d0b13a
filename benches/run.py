"""`make bench`: the table of ratios beside real Podmans, Docker, runc, crun and conmon, and the chart, into docs/benchmarks.md.

All sides use stores below one directory of the same file system; nothing is deleted there between timed runs, for ext4
without a journal is slow just after large deletions. Usage: `benches/run.py [--only WORD] [--rounds N] [--no-write]
[--no-newer] [--directory DIR]`.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benches import cases, measure, report


def main() -> int:
    """Measure what was asked for, print the table, write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", action="append", default=[], help="only cases whose name contains this word")
    parser.add_argument("--rounds", type=int, help="pairs for every case, in place of each case's own number")
    parser.add_argument("--no-write", action="store_true", help="print only; leave docs/ alone")
    parser.add_argument(
        "--inputs", type=Path, default=Path("/var/tmp/libpod-bench-inputs"), help="where the inputs are kept"
    )
    parser.add_argument(
        "--directory",
        type=Path,
        default=Path("/tmp"),
        help="where the stores are made; a tmpfs takes the disk out of the figures",
    )
    parser.add_argument(
        "--no-newer", action="store_true", help="leave out Podman 5.8, Docker and crun, which need a root of their own"
    )
    options = parser.parse_args()
    if os.geteuid() != 0:
        sys.exit("benches/run.py: needs root, as real containers do")
    with tempfile.TemporaryDirectory(prefix="lb-", dir=options.directory.resolve()) as directory:
        bench = cases.Bench(Path(directory), options.inputs, newer=not options.no_newer)
        outcomes = []
        try:
            for case in bench.cases(options.only):
                if options.only and not any(word in case.name for word in options.only):
                    case.close()
                    continue
                outcome = measure.run(case, rounds=options.rounds)
                outcomes.append(outcome)
                print(report.row(outcome), flush=True)
            print()
            print(report.table(outcomes))
            if not options.no_write and not options.only:
                report.write(outcomes, Path(__file__).resolve().parent.parent / "docs", bench.newer)
        finally:
            bench.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())

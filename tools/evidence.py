#!/usr/bin/env python3
"""Writes the README's evidence section from the reports in load/reports that git knows.

tools/evidence.py              writes it
tools/evidence.py --check      changes nothing; exit status 1 if the README differs from the
                               reports, or a report from itself
tools/evidence.py --self-test  plants contradictions in a report and sees each of them found
"""

import difflib
import sys
from pathlib import Path

from evidence import planted
from evidence.bench_section import PATH as BENCH
from evidence.bench_section import problems_of_bench
from evidence.cluster_section import problems_of_cluster
from evidence.contradictions import problems_of
from evidence.reports import FLASH_SALE, FLASH_SALE_ON_CLUSTER, bench, newest
from evidence.section import section

ROOT = Path(__file__).resolve().parent.parent
BEGIN = "<!-- evidence: written by `make evidence` from load/reports -->\n"
END = "<!-- end of evidence -->\n"


def with_section(readme, text):
    before, begin, rest = readme.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        sys.exit("evidence: README.md has lost the comments that mark the section")
    return f"{before}{begin}\n{text}\n{end}{after}"


def main():
    if "--self-test" in sys.argv:
        failures = planted.failures()
        print("\n".join(failures), end="\n" if failures else "")
        return 1 if failures else 0
    report, cluster = newest(FLASH_SALE, ROOT), newest(FLASH_SALE_ON_CLUSTER, ROOT)
    file = ROOT / "README.md"
    readme = file.read_text()
    measured = bench(ROOT)
    wanted = with_section(readme, section(report, cluster, measured))
    problems = [f"{report.folder}: {problem}" for problem in problems_of(report)] if report else []
    if cluster:
        found = problems_of(cluster) + problems_of_cluster(cluster)
        problems += [f"{cluster.folder}: {problem}" for problem in found]
    if measured:
        problems += [f"{BENCH}: {problem}" for problem in problems_of_bench(measured)]
    for problem in problems:
        print(f"evidence: {problem}")
    if "--check" not in sys.argv:
        file.write_text(wanted)
    elif wanted != readme:
        print("evidence: README.md and the reports differ; run `make evidence`:")
        lines = difflib.unified_diff(readme.splitlines(), wanted.splitlines(), lineterm="", n=0)
        print("\n".join(list(lines)[2:22]))
        return 1
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())

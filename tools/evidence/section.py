"""The section as Markdown: a function of the reports and of nothing else."""

from evidence.bench_section import bench_section
from evidence.cluster_section import cluster_section
from evidence.flash_sale import flash_sale

NOTHING_YET = """\
No report is committed yet: `make load` makes one, `make evidence` writes this section from it.
"""


def section(report, cluster, bench):
    parts = [flash_sale(report) if report else NOTHING_YET]
    if cluster:
        parts.append(cluster_section(cluster))
    if bench:
        parts.append(bench_section(bench))
    return "\n".join(parts)

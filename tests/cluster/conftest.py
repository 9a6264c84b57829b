"""One deployed shop for the whole test program; tests run in the order of their files."""

import os
import shutil
import signal
import tempfile
from pathlib import Path

import pytest
from cluster_under_test import ClusterUnderTest, bring_up_cluster
from figures import Figures
from settings import require_leave_to_break, rounds

from shop import processes
from shop.terminal import say

NEEDS_NO_CLUSTER = "parts_test.py"
_figures = Figures()


def pytest_generate_tests(metafunc):
    """A test that asks for `round_` runs once, or more often with FULL=1."""
    if "round_" in metafunc.fixturenames:
        metafunc.parametrize("round_", rounds(), ids=lambda number: f"round-{number + 1}")


@pytest.fixture(scope="session")
def figures():
    return _figures


@pytest.fixture(scope="session")
def cluster():
    processes.end_in_order_on_signals()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    require_leave_to_break()
    take_down = bring_up_cluster()
    folder = Path(tempfile.mkdtemp(prefix="doorbuster-cluster-test-", dir="/var/tmp"))
    try:
        under_test = ClusterUnderTest(folder)
        try:
            under_test.start()
            yield under_test
        finally:
            under_test.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        take_down()


@pytest.fixture(scope="session")
def shop(cluster):
    """Deployed by the first test. Where only others were chosen, what is there is taken as it is:
    a deploy would change it if the checkout has changed."""
    if cluster.shop is None:
        if cluster.kubectl.find("deployment", "gateway") is None:
            cluster.deploy("deploy")
        cluster.open()
    cluster.start_prober()
    return cluster


@pytest.fixture
def on_node(cluster):
    """For tests that look into the node's kernel. A cluster that is brought up by a command is on
    this machine: to skip them there would be to test less than is said."""
    if cluster.why_not_node and os.environ.get("CLUSTER_COMMAND"):
        pytest.fail(f"the cluster's node can't be looked into: {cluster.why_not_node}")
    if cluster.why_not_node:
        pytest.skip(f"only where the cluster's node is this machine: {cluster.why_not_node}")


def pytest_terminal_summary(terminalreporter):
    counts = count_of_outcomes(terminalreporter.stats)
    _figures.notes["tests"] = counts
    text = _figures.text()
    if text:
        terminalreporter.section("what was measured")
        terminalreporter.write_line(text)
        terminalreporter.write_line(f"  as JSON: {_figures.write()}")
        say()
    terminalreporter.write_line(
        "tests on the cluster: " + ", ".join(f"{n} {name}" for name, n in counts.items())
    )


def count_of_outcomes(stats):
    """Of the tests that need a cluster. One that could not begin says nothing about the shop."""
    counts = dict.fromkeys(("passed", "failed", "skipped", "not begun"), 0)
    for name in counts:
        reports = stats.get("error" if name == "not begun" else name, ())
        counts[name] = sum(NEEDS_NO_CLUSTER not in report.nodeid for report in reports)
    return counts

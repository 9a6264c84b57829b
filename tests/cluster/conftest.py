"""One deployed shop for the whole test program; tests run in the order of their files."""

import os
import shutil
import signal
import tempfile
from pathlib import Path

import pytest
from cluster_under_test import ClusterUnderTest, bring_up_cluster
from figures import Figures

from shop import processes
from shop.terminal import say

FULL_ROUNDS = 3
_figures = Figures()


def rounds():
    return range(FULL_ROUNDS if os.environ.get("FULL") else 1)


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
    take_down = bring_up_cluster()
    folder = Path(tempfile.mkdtemp(prefix="doorbuster-cluster-test-", dir="/var/tmp"))
    try:
        under_test = ClusterUnderTest(folder)
        under_test.start()
        try:
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
    """For tests that look into the node's kernel."""
    if cluster.why_not_node:
        pytest.skip(f"only where the cluster's node is this machine: {cluster.why_not_node}")


def pytest_terminal_summary(terminalreporter):
    text = _figures.text()
    if text:
        terminalreporter.section("what was measured")
        terminalreporter.write_line(text)
        terminalreporter.write_line(f"  as JSON: {_figures.write()}")
        say()

"""One shop for a whole test program; each test makes the sales it needs."""

import signal

import pytest
from declared_answers import declared_answers
from shop_under_test import LocalShopUnderTest

from shop import processes


@pytest.fixture(scope="session")
def shop():
    """A shop of its own, empty at first. Everything it started ends with the tests."""
    processes.end_in_order_on_signals()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    under_test = LocalShopUnderTest()
    try:
        under_test.start()
        yield under_test
    finally:
        under_test.stop()


@pytest.fixture(autouse=True)
def answers_are_declared():
    """Every problem that a test was answered is one that the contract lists."""
    yield
    undeclared = declared_answers.take_undeclared()
    assert not undeclared, "\n".join(undeclared)

"""tools/bench/figures_test.py: the pure part of the bench. Run by ctest, label style."""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from bench import figures, pgbench, wrk
from bench.figures import Figures, Metric
from shop.trouble import Trouble


class Summary(unittest.TestCase):
    def test_min_median_max_of_an_odd_number(self):
        told = figures.summary([3.0, 1.0, 2.0])
        self.assertEqual((told["min"], told["median"], told["max"]), (1.0, 2.0, 3.0))
        self.assertEqual(told["values"], [3.0, 1.0, 2.0])

    def test_four_digits_are_kept(self):
        self.assertEqual(figures.rounded(0.123456), 0.1235)
        self.assertEqual(figures.rounded(18123.7), 18124.0)
        self.assertEqual(figures.rounded(0), 0.0)


class Best(unittest.TestCase):
    def test_the_highest_wins_and_fewer_connections_on_a_tie(self):
        self.assertEqual(figures.best([(1, 700), (4, 900), (16, 900), (64, 100)]), (4, 900))


class Goals(unittest.TestCase):
    def test_at_least_and_at_most(self):
        self.assertTrue(figures.is_met(Metric("a", "x", True, 10), 10))
        self.assertFalse(figures.is_met(Metric("a", "x", True, 10), 9.9))
        self.assertTrue(figures.is_met(Metric("a", "us", False, 180), 180))
        self.assertFalse(figures.is_met(Metric("a", "us", False, 180), 181))
        self.assertIsNone(figures.is_met(Metric("a", "x"), 1))

    def test_every_metric_has_one_name(self):
        names = [metric.name for metric in figures.METRICS]
        self.assertEqual(len(names), len(set(names)))

    def test_p99_against_the_mean_wait_of_a_closed_crowd(self):
        # 1,000 connections at 10,000/s wait 100 ms on average.
        self.assertAlmostEqual(figures.p99_over_mean(250, 10_000, 1000), 2.5)


class Units(unittest.TestCase):
    def test_details_have_theirs_by_their_ending(self):
        self.assertEqual(figures.unit_of("sale.ratio"), "x")
        self.assertEqual(figures.unit_of("wrk.echo.requests_per_s"), "1/s")
        self.assertEqual(figures.unit_of("wrk.echo.requests_per_cpu_s"), "1/CPU s")
        self.assertEqual(figures.unit_of("unheard.of"), "")


class StrawMan(unittest.TestCase):
    def figures_with(self, lock, bare):
        made = Figures()
        for value in lock:
            made.add("sale.lock_per_request_per_s", value)
        for value in bare:
            made.add("pgbench.same_function_per_s.1", value)
        return made

    def test_an_honest_baseline_passes(self):
        self.assertIsNone(figures.straw_man_reason(self.figures_with([400, 10, 500], [1000])))

    def test_a_straw_man_is_named(self):
        told = figures.straw_man_reason(self.figures_with([399], [1000]))
        self.assertIn("straw man", told)


class Order(unittest.TestCase):
    def test_promised_metrics_come_first(self):
        made = Figures()
        made.add("a.detail", 1)
        made.add("start_ms", 2)
        made.add("sale.ratio", 3)
        self.assertEqual(made.names(), ["sale.ratio", "start_ms", "a.detail"])


class Reading(unittest.TestCase):
    WRK = "  1234 requests in 2.50s, 1.00MB read\nRequests/sec:    493.6\n"
    PGBENCH = (
        "number of transactions actually processed: 6120\n"
        "initial connection time = 3.1 ms\ntps = 1224.8 (without initial connection time)\n"
    )

    def test_wrk(self):
        self.assertEqual(wrk.parse(self.WRK), (1234, 2.5))

    def test_wrk_with_refusals_is_no_figure(self):
        for bad in ("  Non-2xx or 3xx responses: 7\n", "  Socket errors: connect 1, read 0\n"):
            with self.assertRaises(Trouble):
                wrk.parse(self.WRK + bad)
        with self.assertRaises(Trouble):
            wrk.parse("unable to connect")

    def test_pgbench(self):
        self.assertEqual(pgbench.parse(self.PGBENCH), (6120, 1224.8))
        with self.assertRaises(Trouble):
            pgbench.parse("")


if __name__ == "__main__":
    unittest.main()

"""tools/bench/figures_test.py: the pure part of the bench. Run by ctest, label style."""

import pathlib
import sys
import unittest
from urllib.parse import parse_qs, urlsplit

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from bench import catalogue, figures, overload, pgbench, wrk
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


class Percentile(unittest.TestCase):
    def test_is_the_least_value_that_so_many_do_not_exceed(self):
        hundred = list(range(100, 0, -1))
        self.assertEqual(figures.percentile(hundred, 0.99), 99)
        self.assertEqual(figures.percentile(hundred, 0.5), 50)
        self.assertEqual(figures.percentile([7], 0.99), 7)
        # Of few values it is the worst: one bad answer in ten is not to be overlooked.
        self.assertEqual(figures.percentile([1] * 9 + [500], 0.99), 500)


class Overload(unittest.TestCase):
    def test_the_fewest_connections_that_keep_the_shop_busy(self):
        found = overload.capacity_of([(50, 700), (100, 960), (200, 1000), (400, 990)])
        self.assertEqual((found.per_second, found.connections), (1000, 100))

    def report(self, **over):
        return {
            "arrivals_s": 2.0,
            "purchases": {"by_second": [900, 1100, 400]},
            "exchanges": {"sent": 20_000},
            "latency": {
                "purchase": {"p99_ms": 260.0},
                "not_served": {"count": 15_000, "p50_ms": 0.5, "p99_ms": 31.0},
            },
            "settings": {"connections": 4000},
        } | over

    def test_a_storm_is_told_in_parts_of_the_capacity(self):
        told = overload.storm_figures(self.report(), overload.Capacity(1000, 100))
        self.assertEqual(told["offered_x"], 10)
        self.assertEqual(told["refused_share"], 0.75)
        self.assertEqual((told["refusal_p50_ms"], told["refusal_p99_ms"]), (0.5, 31.0))

    def test_who_is_served_after_the_storm_does_not_count(self):
        told = overload.storm_figures(self.report(), overload.Capacity(1000, 100))
        self.assertEqual(told["served_share"], 1.0)

    def test_a_shop_that_sold_nothing_has_served_nobody(self):
        silent = self.report(purchases={"by_second": []})
        told = overload.storm_figures(silent, overload.Capacity(1000, 100))
        self.assertEqual(told["served_share"], 0.0)

    def test_every_figure_of_a_storm_is_promised_or_told(self):
        names = {metric.name for metric in figures.METRICS}
        for name in overload.storm_figures(self.report(), overload.Capacity(1000, 100)):
            for kind in ("rate", "connections"):
                self.assertIn(f"overload.{kind}.{name}", names)


class Catalogue(unittest.TestCase):
    def test_every_product_has_a_name_of_its_own(self):
        rows = list(catalogue.rows())
        self.assertEqual(len(rows), catalogue.PRODUCTS)
        self.assertEqual(len({row[0] for row in rows}), catalogue.PRODUCTS)
        self.assertTrue(all(len(row) == len(catalogue.COLUMNS) for row in rows))

    def test_every_search_finds_something(self):
        texts = [f"{row[0]} {row[2]} {row[1]}".lower() for row in catalogue.rows()]
        for path in catalogue.search_paths(20):
            words = parse_qs(urlsplit(path).query)["q"][0].lower().split()
            self.assertTrue(any(all(word in text for word in words) for text in texts), path)


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
        self.assertEqual(figures.unit_of("products.cpu_us_per_list.postgres"), "us")
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
    WRK = (
        "  Latency Distribution\n     50%  840.00us\n     75%    1.10ms\n     99%    1.20s \n"
        "  1234 requests in 2.50s, 1.00MB read\nRequests/sec:    493.6\n"
    )
    PGBENCH = (
        "number of transactions actually processed: 6120\n"
        "initial connection time = 3.1 ms\ntps = 1224.8 (without initial connection time)\n"
    )

    def test_wrk(self):
        load = wrk.parse(self.WRK)
        self.assertEqual((load.answered, load.seconds), (1234, 2.5))
        self.assertEqual((load.p50_ms, load.p99_ms), (0.84, 1200))
        self.assertAlmostEqual(load.per_second, 493.6)

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

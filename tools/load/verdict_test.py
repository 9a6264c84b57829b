"""Every reason that makes a run invalid or a shop fail, planted one at a time."""

import copy
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from load import verdict  # noqa: E402

SUMMARY = {
    "target": "shop",
    "iterations": 20,
    "dropped_iterations": 0,
    "users_most": 5,
    "purchases": 10,
    "unknown_outcomes": 0,
    "payments_acknowledged": 10,
    "payments_unknown": 0,
    "outcomes": {
        "bought": {"answers": 10},
        "no_answer": {"answers": 0},
        "unavailable": {"answers": 0},
    },
    "settings": {"users": 5, "clicksPerUser": 4, "rate": 0, "payShare": 1},
}
CPU = {"k6": 0.5, "tiers": {"gateway": 0.4}, "others": 0.01, "stolen": 0.0}
TALLY = {"allotted": 10, "remaining": 0, "sold": 10, "orders": 10, "adds_up": True}
SALE = {"state": "settled", "sold": 10}


def changed(parts, *steps, to):
    parts = copy.deepcopy(parts)
    target = parts
    for step in steps[:-1]:
        target = target[step]
    target[steps[-1]] = to
    return parts


def broken(summary=SUMMARY, tally=TALLY, sale=SALE):
    return [one["what"] for one in verdict.equalities(summary, tally, sale) if not one["holds"]]


class Validity(unittest.TestCase):
    def test_a_good_run_is_valid(self):
        self.assertEqual(verdict.invalid_reasons(SUMMARY, CPU), [])

    def test_each_reason_is_found(self):
        for summary, cpu, wanted in (
            (changed(SUMMARY, "dropped_iterations", to=1), CPU, "dropped"),
            (changed(SUMMARY, "iterations", to=19), CPU, "19 of 20"),
            (changed(SUMMARY, "users_most", to=4), CPU, "only 4"),
            (SUMMARY, changed(CPU, "k6", to=0.9), "bottleneck"),
            (SUMMARY, changed(CPU, "others", to=0.2), "not quiet"),
            (SUMMARY, changed(CPU, "stolen", to=0.2), "not quiet"),
            (SUMMARY, changed(CPU, "tiers", to={verdict.CLUSTER: 0.3}), "the cluster was not"),
        ):
            with self.subTest(wanted):
                self.assertIn(wanted, " ".join(verdict.invalid_reasons(summary, cpu)))

    def test_the_ceiling_itself_may_use_all_of_the_cpu(self):
        ceiling = changed(SUMMARY, "target", to="ceiling")
        self.assertEqual(verdict.invalid_reasons(ceiling, changed(CPU, "k6", to=0.9)), [])

    def test_a_shop_as_fast_as_the_ceiling_was_not_measured(self):
        self.assertEqual(verdict.invalid_reasons_together([50, 60, 70], [100, 100, 100]), [])
        self.assertTrue(verdict.invalid_reasons_together([95, 95, 95], [100, 100, 100]))
        self.assertTrue(verdict.invalid_reasons_together([50], []))

    def test_behind_an_ingress_it_may_be_as_fast(self):
        self.assertEqual(verdict.invalid_reasons_together([95], [100], None), [])
        self.assertTrue(verdict.invalid_reasons_together([95], [], None))


class Promises(unittest.TestCase):
    def made(self, rates, p95s):
        runs = [
            {"requests_per_s": rate, "latency_all": {"p95_ms": p95}}
            for rate, p95 in zip(rates, p95s)
        ]
        ceilings = [{"requests_per_s": 1000, "latency_all": {"p95_ms": 200}} for _ in runs]
        found = verdict.promises(runs, ceilings)
        return found["requests_per_s.over_ceiling"], found["p95_ms.over_ceiling"]

    def test_the_median_round_decides(self):
        rate, p95 = self.made([900, 650, 100], [100, 300, 900])
        self.assertEqual((rate["min"], rate["median"], rate["max"]), (0.1, 0.65, 0.9))
        self.assertEqual((p95["min"], p95["median"], p95["max"]), (0.5, 1.5, 4.5))
        self.assertTrue(rate["goal_met"] and p95["goal_met"])

    def test_each_is_missed_by_a_little(self):
        rate, p95 = self.made([900, 649, 100], [100, 301, 900])
        self.assertFalse(rate["goal_met"] or p95["goal_met"])


class Equalities(unittest.TestCase):
    def test_all_hold(self):
        self.assertEqual(broken(), [])

    def test_each_difference_is_found(self):
        self.assertIn("orders in the database", broken(tally=changed(TALLY, "orders", to=11))[0])
        self.assertIn("orders in the database", broken(tally=changed(TALLY, "orders", to=9))[0])
        self.assertEqual(["units add up"], broken(tally=changed(TALLY, "adds_up", to=False)))
        self.assertEqual(["every unit was taken"], broken(tally=changed(TALLY, "remaining", to=1)))
        twice = changed(SUMMARY, "outcomes", "bought", "answers", to=11)
        self.assertEqual(["each order was a 201 once"], broken(twice))
        unpaid = changed(SUMMARY, "payments_acknowledged", to=11)
        self.assertIn("units sold", broken(unpaid)[0])
        self.assertIn("settled", broken(sale=changed(SALE, "state", to="draining"))[0])

    def test_what_is_unknown_may_be_an_order_or_not(self):
        unknown = changed(changed(SUMMARY, "unknown_outcomes", to=1), "payments_unknown", to=1)
        unknown["outcomes"]["no_answer"]["answers"] = 6
        more = TALLY | {"orders": 11, "sold": 11}
        self.assertEqual(broken(unknown, more, SALE | {"sold": 11}), [])
        self.assertTrue(broken(unknown, TALLY | {"orders": 12}))


if __name__ == "__main__":
    unittest.main()

"""load/reports/bench.json and the table at the end."""

import json
import os

from bench import figures
from bench.figures import METRICS
from shop.terminal import table

NOTES = (
    "Co-located: the shop, its databases and the crowd share the machine's cores.",
    "sale.*: 1,000 connections, closed loop, own token per buyer, through the gateway, acknowledged"
    " after the commit; customers may buy again, limits are checked.",
    "sale.lock_per_request_per_s, sale.row_update_per_s: best of a sweep in each round, the"
    " same crowd through a gateway to load/baselines in order's place (ADR 0017).",
    "sale.cpu_us_per_purchase.*: user and system time of the processes; total includes auth,"
    " product and echo. first_request: total, with tokens nobody has verified yet.",
    "pay_per_s: orders bought and paid per second, so two requests each;"
    " sale.cpu_us_per_paid_order is both.",
    "echo.vs_nginx_return, gateway.vs_nginx_proxy: requests per second of the server's own CPU"
    " time, one worker each, 64 connections; the gateway checks a (known) token and counts the"
    " request against its account's limit, nginx does neither; _logging: both write a line, too.",
    "login_per_s: right passwords of 32 accounts through the gateway; one hashing thread"
    " (HASHING_THREADS), Argon2id with 19 MiB and two passes.",
    "products.list_per_s, products.search_per_s: pages of 20 out of 10,000 products, warm, 64"
    " connections: the first 50 pages, and 115 different searches, in turn.",
    "order.checkout_per_s: orders of two products, paid; 100 connections, closed loop; its CPU, as"
    " that of a page, is of all tiers.",
    "idle.rss_mib: of 10,000 connections to a gateway that have had one answer each (of"
    " idle.connections, scaled), while 200 buyers go on buying.",
    "overload.rate.*: a database whose commits take 20 ms, batches of 16; ten times what 200"
    " buyers in a closed loop get comes by the clock, over 4,000 connections.",
    "overload.connections.*: the shop as it is. The crowd shares its cores and can't ask ten times"
    " as often, so ten times the fewest connections that keep it busy ask again as soon as they"
    " have an answer; its refusals have no goal. Refusals of 0 ms: nobody was refused.",
    "overload.*: served_share is of capacity_per_s, recovered too, right afterwards;"
    " rss_growth_mib is the most that one room grew; health: /livez and /readyz of all rooms,"
    " admin: GET of the sale's audit, ten times a second each, on connections of their own.",
    "rss_mib: all rooms (order twice), PostgreSQL (proportional), three Redis and three sentinels,"
    " after the round's load. start_ms: all rooms at once until the last is ready.",
)


def build(numbers, context, rounds, invalid):
    by_name = {metric.name: metric for metric in METRICS}
    told = {}
    for name in numbers.names():
        entry = figures.summary(numbers.values(name))
        entry["unit"] = figures.unit_of(name)
        metric = by_name.get(name)
        if not metric:
            entry["detail"] = True
        if metric and metric.goal is not None:
            entry["goal"] = metric.goal
            entry["better"] = "higher" if metric.is_better_higher else "lower"
            entry["goal_met"] = figures.is_met(metric, entry["median"])
        told[name] = entry
    return {
        **context,
        "valid": not invalid,
        "invalid_because": invalid,
        "figures": told,
        "notes": list(NOTES),
        "rounds": rounds,
    }


def write(path, report):
    """As a whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(path.name + ".new")
    fresh.write_text(json.dumps(report, indent=2) + "\n")
    os.replace(fresh, path)


def closing_table(report):
    rows = [("", "unit", "min", "median", "max", "goal", "")]
    promised = {metric.name for metric in METRICS}
    for name, entry in report["figures"].items():
        if name not in promised:
            continue
        goal, met = "", ""
        if "goal" in entry:
            goal = (">= " if entry["better"] == "higher" else "<= ") + f"{entry['goal']:g}"
            met = "met" if entry["goal_met"] else "MISSED"
        numbers = [f"{entry[column]:,g}" for column in ("min", "median", "max")]
        rows.append((name, entry["unit"], *numbers, goal, met))
    return table(rows)

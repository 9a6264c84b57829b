"""What a load run leaves: the report in load/reports, and its verdict at the terminal."""

import json
import os
import shutil
from datetime import datetime, timezone

from load import verdict
from load.picture import take_picture
from shop.state_folder import CHECKOUT
from shop.terminal import say

REPORTS = CHECKOUT / "load" / "reports"


def cpu_shares(begin, end):
    """Of all CPU time that the machine had while the load lasted."""
    seconds = (end["seconds"] - begin["seconds"]) * os.cpu_count()
    tiers = {name: used - begin["tiers"].get(name, 0.0) for name, used in end["tiers"].items()}
    k6, busy = end["k6"] - begin["k6"], end["busy"] - begin["busy"]
    shares = {
        "k6": k6,
        "tiers": tiers,
        "others": max(0.0, busy - k6 - sum(tiers.values())),
        "stolen": end["stolen"] - begin["stolen"],
        "idle": max(0.0, seconds - busy - (end["stolen"] - begin["stolen"])),
    }
    return {
        name: {tier: round(each / seconds, 4) for tier, each in value.items()}
        if isinstance(value, dict)
        else round(value / seconds, 4)
        for name, value in shares.items()
    } | {"load_average": [begin["load_average"], end["load_average"]]}


def breached(summary):
    rules = [
        f"    {one['metric']} {one['rule']}" for one in summary["thresholds"] if not one["holds"]
    ]
    return "\n".join(rules)


def write_report(run):
    shops = [one for one in run.rounds if one["target"] == "shop"]
    ceilings = [one for one in run.rounds if one["target"] == "ceiling"]
    rates = [one["requests_per_s"] for one in shops]
    middle = shops[rates.index(verdict.median(rates))]
    ceiling_rates = [one["requests_per_s"] for one in ceilings]
    share_max = run.target.ceiling_share_max
    together = verdict.invalid_reasons_together(rates, ceiling_rates, share_max)
    invalid = together + [
        f"round {one['round']}, {one['target']}: {reason}"
        for one in run.rounds
        for reason in one["invalid"]
    ]
    stamp = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H%M%SZ")
    folder = REPORTS / f"{stamp}-{run.target.report_name}"
    folder.mkdir(parents=True)
    if os.path.exists(middle["dashboard"]):  # k6 draws none of a run shorter than its period
        shutil.copyfile(middle["dashboard"], folder / "dashboard.html")
        take_picture(folder / "dashboard.html", folder / "dashboard.png")
    for one in run.rounds:
        one.pop("dashboard", None)
    summary = {
        "scenario": "flash_sale",
        "valid": not invalid,
        "invalid": invalid,
        "thresholds_hold": all(one["k6_exit_code"] == 0 for one in run.rounds),
        "middle_round": middle["round"],
        "rounds": run.rounds,
    }
    if run.target.has_promises:
        summary["promises"] = verdict.promises(shops, ceilings)
    environment = run.environment | {"load_average_after": os.getloadavg()[0]}
    holds = all(audit["holds"] for audit in run.audits)
    write_json(folder / "summary.json", summary)
    write_json(folder / "audit.json", {"holds": holds, "rounds": run.audits})
    write_json(folder / "environment.json", environment)
    return folder, summary, holds


def write_json(path, value):
    path.write_text(json.dumps(value, indent=1) + "\n")


def say_verdict(run, folder, summary, holds):
    say(f"\n{folder.relative_to(CHECKOUT)}")
    for reason in summary["invalid"]:
        say(f"  INVALID: {reason}")
    for one in run.rounds:
        if one["k6_exit_code"] != 0:
            say(f"  round {one['round']}, {one['target']}, thresholds breached:\n{breached(one)}")
    for audit in run.audits:
        for check in audit["equalities"]:
            if not check["holds"]:
                say(f"  round {audit['round']}, not so: {check['what']}: {check['said']}")
        for finding in audit["invariants"]["findings"]:
            what = f"invariant {finding['invariant']}: {finding['description']}"
            say(f"  round {audit['round']}, {what}")
    broken = list(missed(summary.get("promises", {})))
    for promise in broken:
        say(f"  MISSED: {promise}")
    passed = holds and all(is_passed(one, summary["invalid"]) for one in run.rounds)
    passed = passed and (not broken or bool(summary["invalid"]))
    say(f"  {'the shop passed' if passed else 'the shop FAILED'}")
    return 1 if not passed else 3 if summary["invalid"] else 0


def is_passed(one, invalid):
    """Being slow in a run that is invalid says nothing about the shop; being wrong does."""
    return all(
        rule["holds"] or (invalid and rule["metric"].startswith("latency_"))
        for rule in one["thresholds"]
    )


def missed(promises):
    for name, entry in promises.items():
        if not entry["goal_met"]:
            bound = "at least" if entry["better"] == "higher" else "at most"
            yield f"{name} is {entry['median']}, promised is {bound} {entry['goal']}"

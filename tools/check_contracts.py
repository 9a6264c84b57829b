#!/usr/bin/env python3
"""Checks the contracts (contracts/README.md): their own rules, that the gateway, the rooms and the
C++ agree with them, and the table of docs/authorization.md.

    tools/check_contracts.py                  prints each problem; exit status 1 if any
    tools/check_contracts.py --write          writes docs/authorization.md
    tools/check_contracts.py --lint           grades them with Redocly's rules (needs node)
    tools/check_contracts.py --compatibility  against contracts/published (needs Go)
    tools/check_contracts.py --publish        copies what is compatible, or has a new version
    tools/check_contracts.py --self-test      plants violations and sees each of them found;
                                              with --lint or --compatibility those of that check

What can't be had on a machine (node, a recent Go) is reported as SKIPPED, with exit status 77.
"""

import argparse
import sys

from contracts import authorization, compatibility, lint, rules, self_test
from contracts.contract import ROOT, contract_files, read_all, room_names
from manifests import toolbox
from shop import terminal
from shop.trouble import Trouble

TABLE = ROOT / "docs" / "authorization.md"


def arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    mode = parser.add_mutually_exclusive_group()
    for name in ("write", "lint", "compatibility", "publish"):
        mode.add_argument(f"--{name}", action="store_true")
    parser.add_argument("--self-test", action="store_true")
    return parser.parse_args()


def problems_of_table(contracts):
    wanted = authorization.table(contracts)
    if not TABLE.exists() or TABLE.read_text(encoding="utf-8") != wanted:
        yield (
            f"{TABLE.relative_to(ROOT)} is not what the contracts say: read what changes, and run"
            " tools/check_contracts.py --write"
        )


def incompatible():
    yield from compatibility.problems(room_names())
    yield from compatibility.gone(room_names())


def report(what, problems):
    for problem in problems:
        terminal.say(problem)
    terminal.say(f"{what}: {len(problems)} problems")
    return 1 if problems else 0


def check(chosen):
    if chosen.lint:
        found = lint.failures() if chosen.self_test else lint.problems(contract_files())
        return report("contracts, lint", found)
    if chosen.compatibility:
        found = compatibility.failures() if chosen.self_test else list(incompatible())
        return report("contracts, compatibility", found)
    if chosen.publish:
        return report("contracts, publishing", compatibility.publish(room_names()))
    contracts = read_all()
    if chosen.self_test:
        return report("contracts, self-test", self_test.failures())
    if chosen.write:
        TABLE.write_text(authorization.table(contracts), encoding="utf-8")
        return 0
    problems = list(rules.all_problems(contracts, ROOT))
    return report("contracts", problems + list(problems_of_table(contracts)))


def main():
    terminal.prepare()
    try:
        return check(arguments())
    except toolbox.Skipped as why:
        terminal.say(f"contracts: SKIPPED: {why}")
        return toolbox.SKIPPED_STATUS
    except Trouble as trouble:
        print(f"check_contracts: {trouble}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())

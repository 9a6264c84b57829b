#!/usr/bin/env python3
"""Renders every overlay and combination of infra/k8s and grades what comes out, and the files it
is made from. Every finding must be gone, or accepted with a reason in an exceptions.yaml beside the
manifest.

    tools/check_manifests.py              prints each finding; exit status 1 if any
    tools/check_manifests.py --self-test  plants violations and sees each of them found
    tools/check_manifests.py --edges [k3s]  who may talk to whom, computed from the policies

The pinned graders are fetched and built into build/tools/manifests once; then it works offline.
What can't be had on a machine (no recent Go) is reported as SKIPPED; the exit status is then 77 if
nothing else was found.
"""

import argparse
import os
import sys

from manifests import toolbox
from shop import terminal
from shop.trouble import Trouble


def arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--self-test", action="store_true")
    mode.add_argument("--edges", nargs="?", const="k3s", metavar="RENDERING")
    return parser.parse_args()


def main():
    terminal.prepare()
    chosen = arguments()
    try:
        python = str(toolbox.own_python())
        if not toolbox.in_own_python():
            os.execv(python, [python, *sys.argv])
        # They need packages that are there only now.
        if chosen.self_test:
            from manifests import self_test

            return self_test.run()
        from manifests import report

        return report.print_edges(chosen.edges) if chosen.edges else report.run()
    except Trouble as trouble:
        print(f"check_manifests: {trouble}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())

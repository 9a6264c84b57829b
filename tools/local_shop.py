#!/usr/bin/env python3
"""A whole shop on this machine's loopback address.

  up               start it and leave it running; data is kept from run to run
  down [--wipe]    stop it; --wipe forgets its data, secrets and logs too
  status           what runs, and the ways in
  run -- CMD ...   run a command with what it needs to reach the running shop: the operator's
                   command `doorbuster` in PATH, DOORBUSTER_URL, an administrator's
                   DOORBUSTER_TOKEN, credentials as *_FILE
  run --fresh -- CMD ...   the same in an empty shop of its own, which ends with the command

DOORBUSTER_PORT (8080), DOORBUSTER_INTERNAL_PORTS (17400: the first of the others) and
DOORBUSTER_STATE (the folder) choose other places; DOORBUSTER_BIN other programs.
"""

import argparse
import os
import signal
import subprocess
import sys

from shop import processes, terminal
from shop.rooms import program
from shop.shop import ADMIN_EMAIL, Shop
from shop.terminal import pairs, say
from shop.trouble import Trouble

NOT_RUNNING = "no shop is running here: start one with `make up`"


def up():
    shop = Shop.find()
    if shop and not shop.dead_parts():
        say(f"It is running already.\n\n{ways_in(shop)}")
        return 0
    program("doorbuster")
    if shop:
        shop.state.unlock()
    shop = Shop.make("up", bound=False)
    say("Starting the shop")
    try:
        shop.start()
        seed_catalogue(shop)
    except BaseException as failure:
        shop.stop(quickly=True)
        if isinstance(failure, Trouble):
            say("If kept data of another version is in the way: tools/local_shop.py down --wipe")
        raise
    say(f"\nThe shop is open.\n\n{ways_in(shop)}")
    return 0


def seed_catalogue(shop):
    if "catalogue" not in shop.state.facts():
        with terminal.Step("a small catalogue"):
            shop.command("catalogue", "seed", DOORBUSTER_TOKEN=shop.admin_token())
        shop.state.remember("catalogue", True)


def ways_in(shop):
    run = "tools/local_shop.py run --"
    return pairs(
        [
            ("address", shop.url()),
            ("catalogue", f"curl {shop.url()}/api/v1/products"),
            ("flash sales", f"curl {shop.url()}/api/v1/flash-sales"),
            ("administrator", ADMIN_EMAIL),
            ("  its password", f"in {shop.state.secrets / 'admin-password'}"),
            ("  a token", f"{run} doorbuster admin token --email {ADMIN_EMAIL}"),
            ("operator's command", f"{run} doorbuster --help"),
            ("logs", str(shop.state.logs)),
            ("stop", "make down   (forget its data too: tools/local_shop.py down --wipe)"),
        ]
    )


def down(wipe):
    shop = Shop.find()
    if shop is None:
        say("No shop was running here.")
        return 0
    shop.stop()
    if wipe:
        shop.state.wipe()
    say("The shop is closed" + (", its data forgotten." if wipe else "; its data is kept."))
    return 0


def status():
    shop = Shop.find()
    if shop is None or not shop.launcher.alive_names():
        say(NOT_RUNNING)
        return 1
    rows = [("part", "pid", "ready")]
    for name in shop.part_names():
        alive = shop.launcher.is_alive(name)
        ready = name not in shop.rooms.ports or shop.rooms.is_ready(name)
        pid = str(shop.launcher.pid(name)) if alive else "-"
        rows.append((name, pid, "dead" if not alive else "yes" if ready else "no"))
    say(terminal.table(rows))
    say(f"\n{ways_in(shop)}")
    return 1 if shop.dead_parts() else 0


def run(command, fresh):
    if not fresh:
        shop = Shop.find()
        if shop is None or shop.dead_parts():
            raise Trouble(NOT_RUNNING)
        shop.state.unlock()
        return execute(shop, command)
    shop = Shop.make(f"fresh-{os.getpid()}", bound=True)
    try:
        shop.start()
        return execute(shop, command)
    finally:
        shop.stop(quickly=True)
        shop.state.wipe()


def execute(shop, command):
    token = {"DOORBUSTER_TOKEN": shop.admin_token()}
    environment = {**os.environ, **shop.operator_environment(), **token}
    try:
        before = processes.die_with_this_process(signal.SIGTERM)
        return subprocess.run(command, env=environment, preexec_fn=before).returncode
    except FileNotFoundError:
        raise Trouble(f"there is no command {command[0]}") from None


def arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    actions = parser.add_subparsers(dest="action", required=True)
    actions.add_parser("up")
    actions.add_parser("down").add_argument("--wipe", action="store_true")
    actions.add_parser("status")
    running = actions.add_parser("run")
    running.add_argument("--fresh", action="store_true")
    running.add_argument("command", nargs="+")
    return parser.parse_args()


def main():
    chosen = arguments()
    terminal.prepare()
    processes.end_in_order_on_signals()
    if chosen.action == "up":
        return up()
    if chosen.action == "down":
        return down(chosen.wipe)
    if chosen.action == "status":
        return status()
    return run(chosen.command, chosen.fresh)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Trouble as trouble:
        sys.exit(f"local_shop: {trouble}")
    except KeyboardInterrupt:
        sys.exit(130)

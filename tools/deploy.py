#!/usr/bin/env python3
"""The shop on a Kubernetes cluster, for example k3s: the one that KUBECONFIG names.

  deploy [--no-catalogue]   secrets, images, manifests; waits, migrates, tries it. Again: changes
                            nothing, or only what is new
  deploy --closed           the same, but makes no administrator and no catalogue and tries
                            nothing: for a restore, with the rooms scaled to 0
  status                    what runs, and what is wrong with what doesn't
  run -- doorbuster ...     the operator's command, in a Job inside the cluster
  preflight                 the same as `run -- doorbuster preflight`: fit for a sale?
  rotate-keys               another signing key, in a quarter of an hour; nobody notices
                            [--known-everywhere-s 75 --token-lifetime-s 600]
  address                   where the shop is
  undeploy                  removes what runs; volumes and secrets stay
  undeploy --data [--yes]   removes those too: all orders and accounts are lost

OVERLAY (k3s) is a folder of infra/k8s/overlays or a path; NAMESPACE (ecommerce) another place;
IMAGE_REGISTRY and IMAGE_TAG name images that are published; DOORBUSTER_URL the ingress, where the
cluster doesn't tell; KUBECTL another kubectl (1.27 or newer).
"""

import argparse
import sys

from cluster import status
from cluster.deployment import Deployment, ways_in
from cluster.ingress_address import shop_url
from cluster.key_rotation import (
    KNOWN_EVERYWHERE_SECONDS,
    KNOWN_EVERYWHERE_SECONDS_MIN,
    TOKEN_LIFETIME_SECONDS,
    TOKEN_LIFETIME_SECONDS_MIN,
    KeyRotation,
)
from cluster.kubectl import Kubectl
from cluster.operator_job import CRON_JOB, OperatorJob
from cluster.undeployment import undeploy
from shop import processes, terminal
from shop.terminal import say
from shop.trouble import Trouble


def deploy(kubectl, *, seed, closed):
    say(f"Deploying into {kubectl.namespace}")
    Deployment(kubectl).deploy(seed=seed, closed=closed)
    if closed:
        say(
            "\nApplied; what has pods is ready. Nothing was tried: once every room has pods again,"
            " `make deploy` does."
        )
        return 0
    say("\nThe shop is open.\n")
    ways_in(kubectl)
    return 0


def run(kubectl, command):
    """With or without the program's name in front."""
    arguments = command[1:] if command[0] == CRON_JOB else command
    return OperatorJob(kubectl, arguments).run()


def seconds(least, most):
    def read(text):
        number = int(text)
        if not least <= number <= most:
            raise argparse.ArgumentTypeError(f"not between {least} and {most}")
        return number

    return read


def arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    actions = parser.add_subparsers(dest="action", required=True)
    deploying = actions.add_parser("deploy")
    deploying.add_argument("--no-catalogue", action="store_true", help="no products to begin with")
    deploying.add_argument(
        "--closed",
        action="store_true",
        help="makes no administrator or catalogue, tries nothing: the rooms may have no pods",
    )
    for name in ("status", "address"):
        actions.add_parser(name)
    rotating = actions.add_parser("rotate-keys")
    rotating.add_argument(
        "--known-everywhere-s",
        type=seconds(KNOWN_EVERYWHERE_SECONDS_MIN, 3600),
        default=KNOWN_EVERYWHERE_SECONDS,
        help="by then every room has fetched the keys: TOKEN_KEYS_REFRESH_MS and caches",
    )
    rotating.add_argument(
        "--token-lifetime-s",
        type=seconds(TOKEN_LIFETIME_SECONDS_MIN, TOKEN_LIFETIME_SECONDS),
        default=TOKEN_LIFETIME_SECONDS,
        help="how long access tokens live: auth's ACCESS_TOKEN_LIFETIME_S",
    )
    actions.add_parser("preflight").add_argument("arguments", nargs="*")
    actions.add_parser("run").add_argument("command", nargs="+")
    removing = actions.add_parser("undeploy")
    removing.add_argument("--data", action="store_true")
    removing.add_argument("--yes", action="store_true")
    return parser.parse_args()


def main():
    chosen = arguments()
    terminal.prepare()
    processes.end_in_order_on_signals()
    kubectl = Kubectl()
    if chosen.action == "deploy":
        return deploy(kubectl, seed=not chosen.no_catalogue, closed=chosen.closed)
    if chosen.action == "undeploy":
        undeploy(kubectl, data=chosen.data, confirmed=chosen.yes)
        return 0
    kubectl.require_cluster()
    if chosen.action == "run":
        return run(kubectl, chosen.command)
    if chosen.action == "preflight":
        return run(kubectl, ["preflight", *chosen.arguments])
    if chosen.action == "rotate-keys":
        KeyRotation(
            kubectl,
            known_everywhere=chosen.known_everywhere_s,
            token_lifetime=chosen.token_lifetime_s,
        ).run()
        return 0
    if chosen.action == "address":
        say(shop_url(kubectl))
        return 0
    return 0 if status.show(kubectl) else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Trouble as trouble:
        sys.exit(f"deploy: {trouble}")
    except KeyboardInterrupt:
        sys.exit(130)

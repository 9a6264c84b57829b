"""The shop taken off the cluster; what can't be made again stays unless told otherwise."""

import json
import sys
import time

from cluster.ownership import CLUSTER_LABEL, PART_OF, SHOP, require_nothing_foreign
from cluster.release import Release
from shop.terminal import Step, say
from shop.trouble import Trouble

# With a `Cluster` CloudNativePG would remove its volumes.
KEPT = (
    "Namespace",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "Secret",
    "Cluster",
    "ObjectStore",
)
# Of former releases and other overlays too, which the present manifests don't name.
KINDS = (
    "deployments,statefulsets,jobs,cronjobs,services,ingresses,poddisruptionbudgets,"
    "horizontalpodautoscalers,configmaps"
)
POLICIES = "networkpolicies"
# What belongs to a Cluster is CloudNativePG's to make and to remove.
OURS = f"--selector={PART_OF}={SHOP},!{CLUSTER_LABEL}"
CLUSTERS = "clusters.postgresql.cnpg.io"
UNKNOWN_KIND = "doesn't have a resource type"
GONE_SECONDS = 300
POLL_SECONDS = 1


def undeploy(kubectl, *, data, confirmed):
    kubectl.require_cluster()
    if kubectl.find("namespace", kubectl.namespace) is None:
        say(f"There is no namespace {kubectl.namespace}: nothing is deployed.")
        return
    if data:
        require_nothing_foreign(kubectl)
        require_confirmation(kubectl, confirmed)
        remove_all(kubectl)
    else:
        remove_what_runs(kubectl)


def remove_what_runs(kubectl):
    release = Release(kubectl)
    release.prepare()
    keeps_cluster = has_cluster(kubectl)
    listed = to_remove(release.objects, keeps_cluster)
    kinds = KINDS if keeps_cluster else f"{KINDS},{POLICIES}"
    with Step("everything that runs is removed"):
        limit = f"--timeout={GONE_SECONDS}s"
        whole = json.dumps({"apiVersion": "v1", "kind": "List", "items": listed})
        for which in (("--filename=-",), (kinds, OURS)):
            kubectl.run(
                "delete",
                *which,
                "--ignore-not-found",
                limit,
                input=whole if which == ("--filename=-",) else None,
                timeout=GONE_SECONDS + 30,
            )
        wait_until_gone(kubectl)
    claims = [one["metadata"]["name"] for one in kubectl.items("persistentvolumeclaims")]
    say(
        f"\nThe shop is closed. Kept in {kubectl.namespace}: its secrets, and the volumes"
        f" {', '.join(claims) or '(there were none)'}.\n"
        "Open it again with `make deploy`; forget them with `tools/deploy.py undeploy --data`."
    )


def has_cluster(kubectl):
    """Whether CloudNativePG's instances go on running here."""
    done = kubectl.attempt("get", CLUSTERS, "--output=name")
    if done.returncode != 0 and UNKNOWN_KIND not in done.stderr:
        raise Trouble(f"whether there is a Cluster that stays is unknown: {done.stderr.strip()}")
    return done.returncode == 0 and bool(done.stdout.strip())


def to_remove(objects, keeps_cluster):
    """A database that runs on isn't left without the policies that shield it."""
    kept = (*KEPT, "NetworkPolicy") if keeps_cluster else KEPT
    return [one for one in objects if one["kind"] not in kept]


def wait_until_gone(kubectl, seconds=GONE_SECONDS):
    deadline = time.monotonic() + seconds
    while left := [one["metadata"]["name"] for one in kubectl.items("pods", OURS)]:
        if time.monotonic() > deadline:
            raise Trouble(
                f"still there after {seconds} s: {', '.join(left)}. Does their node answer?"
                f" `kubectl -n {kubectl.namespace} describe pod {left[0]}` tells; try again then."
            )
        time.sleep(POLL_SECONDS)


def remove_all(kubectl):
    volumes = volumes_of(kubectl)
    with Step(f"namespace {kubectl.namespace} is removed, with its data"):
        limit = f"--timeout={GONE_SECONDS}s"
        kubectl.run("delete", "namespace", kubectl.namespace, limit, timeout=GONE_SECONDS + 30)
    kept = [name for name, policy in volumes if policy != "Delete"]
    if kept:
        say(
            f"\nThese volumes are kept by their own rule, with the data in them: {', '.join(kept)}."
            f"\nTo forget them too:  kubectl delete pv {' '.join(kept)}, and remove their folders."
        )
    else:
        say("\nThe shop, its data and its secrets are gone.")


def volumes_of(kubectl):
    """Names and rules of the volumes that are bound to this namespace."""
    return [
        (one["metadata"]["name"], one["spec"].get("persistentVolumeReclaimPolicy", "Delete"))
        for one in kubectl.items("persistentvolumes")
        if one["spec"].get("claimRef", {}).get("namespace") == kubectl.namespace
    ]


def require_confirmation(kubectl, confirmed):
    if confirmed:
        return
    if not sys.stdin.isatty():
        raise Trouble("all orders and accounts would be lost: say so with --yes")
    say(f"All orders, accounts, backups and secrets in {kubectl.namespace} will be lost.")
    if input(f"Type {kubectl.namespace} to go on: ").strip() != kubectl.namespace:
        raise Trouble("nothing was removed")

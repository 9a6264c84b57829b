"""The shop taken off the cluster; what can't be made again stays unless told otherwise."""

import json
import sys

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
    "deployments,statefulsets,jobs,cronjobs,services,ingresses,networkpolicies,"
    "poddisruptionbudgets,horizontalpodautoscalers,configmaps"
)
OURS = "--selector=app.kubernetes.io/part-of=doorbuster"
GONE_SECONDS = 300


def undeploy(kubectl, *, data, confirmed):
    kubectl.require_cluster()
    if kubectl.find("namespace", kubectl.namespace) is None:
        say(f"There is no namespace {kubectl.namespace}: nothing is deployed.")
        return
    if data:
        require_confirmation(kubectl, confirmed)
        remove_all(kubectl)
    else:
        remove_what_runs(kubectl)


def remove_what_runs(kubectl):
    release = Release(kubectl)
    release.prepare()
    listed = [one for one in release.objects if one["kind"] not in KEPT]
    with Step("everything that runs is removed"):
        limit = f"--timeout={GONE_SECONDS}s"
        whole = json.dumps({"apiVersion": "v1", "kind": "List", "items": listed})
        for which in (("--filename=-",), (KINDS, OURS)):
            kubectl.run(
                "delete",
                *which,
                "--ignore-not-found",
                limit,
                input=whole if which == ("--filename=-",) else None,
                timeout=GONE_SECONDS + 30,
            )
        wait = ("wait", "pod", OURS, "--for=delete", limit)
        kubectl.attempt(*wait, timeout=GONE_SECONDS + 30)
    claims = [one["metadata"]["name"] for one in kubectl.items("persistentvolumeclaims")]
    say(
        f"\nThe shop is closed. Kept in {kubectl.namespace}: its secrets, and the volumes"
        f" {', '.join(claims) or '(there were none)'}.\n"
        "Open it again with `make deploy`; forget them with `tools/deploy.py undeploy --data`."
    )


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

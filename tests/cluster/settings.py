"""What the environment says about a run of the cluster test."""

import os

import pytest

from cluster.kubectl import NAMESPACE

FULL_ROUNDS = 3
NO = ("", "0", "no", "false")


def rounds():
    """How often each fault is tried: FULL=1 repeats them."""
    return range(1 if os.environ.get("FULL", "").lower() in NO else FULL_ROUNDS)


def require_leave_to_break():
    """Every one of these tests breaks or erases something. Only a cluster that was given to be
    tried out, or somebody who says so, has nothing there that is worth more than this test."""
    namespace = os.environ.get("NAMESPACE", NAMESPACE)
    if os.environ.get("CLUSTER_COMMAND") or os.environ.get("ERASE") == namespace:
        return
    pytest.exit(
        f"the cluster test deletes pods, secrets and data in the namespace {namespace} of the"
        f" cluster that KUBECONFIG names. If they may be lost, say so: ERASE={namespace}. If not,"
        " choose another NAMESPACE, or a cluster to try things on: CLUSTER_COMMAND",
        returncode=2,
    )

"""Whether the nodes can fetch images from a registry that this machine can't ask: they try it, in
a pod of its own, before anything that runs is replaced by something that can't."""

import json
import secrets
import time

from shop.trouble import Trouble

SECONDS = 600
POLL_SECONDS = 0.5
MADE_SECONDS = 20
NEVER_FETCHED = ("ImagePullBackOff", "ErrImageNeverPull", "InvalidImageName")
NOT_DECIDED = ("ErrImagePull", "ContainerCreating", "PodInitializing", "")


def require_pulled(kubectl, images):
    name = f"image-trial-{secrets.token_hex(4)}"
    try:
        make_pod(kubectl, trial_pod(name, images))
        wait_pulled(kubectl, name, len(images))
    finally:
        kubectl.attempt("delete", "pod", name, "--ignore-not-found", "--wait=false")


def make_pod(kubectl, pod):
    """A namespace that was just made has no service account for its first moments."""
    deadline = time.monotonic() + MADE_SECONDS
    while True:
        done = kubectl.attempt("create", "--filename=-", input=json.dumps(pod))
        if done.returncode == 0:
            return
        if "serviceaccount" not in done.stderr or time.monotonic() > deadline:
            raise Trouble(f"no pod can be made to try the images: {done.stderr.strip()}")
        time.sleep(POLL_SECONDS)


def wait_pulled(kubectl, name, count):
    deadline = time.monotonic() + SECONDS
    left = {}
    while time.monotonic() < deadline:
        statuses = kubectl.json("get", "pod", name)["status"].get("containerStatuses", [])
        left = {one["image"]: waiting_of(one) for one in statuses}
        failed = {image: one for image, one in left.items() if one.get("reason") in NEVER_FETCHED}
        if failed:
            raise Trouble(why_not(failed))
        if len(statuses) == count and all(is_pulled(one) for one in statuses):
            return
        time.sleep(POLL_SECONDS)
    pending = [image for image, one in left.items() if one.get("reason", "") in NOT_DECIDED]
    raise Trouble(f"{SECONDS} s were not enough to fetch {', '.join(pending) or 'the images'}")


def waiting_of(status):
    return status.get("state", {}).get("waiting") or {}


def is_pulled(status):
    """Its program is none: that it couldn't be started says that the image is there."""
    if waiting_of(status):
        return waiting_of(status).get("reason", "") not in (*NEVER_FETCHED, *NOT_DECIDED)
    return bool(status.get("state"))


def why_not(failed):
    lines = [f"  {image}: {one.get('message', one['reason'])}" for image, one in failed.items()]
    return (
        "the nodes can't fetch these images, so nothing was changed:\n"
        + "\n".join(lines)
        + "\n  Push them first (tools/images.py push), name others (IMAGE_REGISTRY, IMAGE_TAG), or"
        " let the nodes log in (imagePullSecrets of the namespace's service account)"
    )


def trial_pod(name, images):
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"app.kubernetes.io/name": "image-trial"}},
        "spec": {
            "restartPolicy": "Never",
            "automountServiceAccountToken": False,
            "terminationGracePeriodSeconds": 0,
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": 65532,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [trial_container(number, image) for number, image in enumerate(images)],
        },
    }


def trial_container(number, image):
    return {
        "name": f"image-{number}",
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["/there-is-no-such-program"],
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
    }

"""Which images the cluster's nodes have, and bringing them those that are missing."""

import os
import shlex
import shutil
import subprocess
import time

from cluster.kubectl import K3S_CONFIGURATION
from shop.trouble import Trouble

LOAD_SECONDS = 600
# The kubelet looks every thirty seconds, tells every ten, and at most so many.
TOLD_SECONDS = 60
TOLD_MAX = 50
POLL_SECONDS = 1


def missing_images(kubectl, images):
    """What a pod could not be started with, by name of the node; nodes that lack nothing, and
    those that say they have more than they list, are left out."""
    missing = {}
    for node in kubectl.items("nodes"):
        if node["spec"].get("unschedulable"):
            continue
        listed = node["status"].get("images") or ()
        names = {name for one in listed for name in one.get("names") or ()}
        lacking = [image for image in images if image not in names]
        if lacking and len(listed) < TOLD_MAX:
            missing[node["metadata"]["name"]] = lacking
    return missing


def wait_until_told(kubectl, images):
    """After loading, until each node says so; what is still missing after that."""
    deadline = time.monotonic() + TOLD_SECONDS
    while True:
        missing = missing_images(kubectl, images)
        if not missing or time.monotonic() > deadline:
            return missing
        time.sleep(POLL_SECONDS)


def can_load():
    return bool(os.environ.get("CLUSTER_COMMAND")) or is_k3s_server()


def is_k3s_server():
    """Root on the machine that runs k3s's containerd."""
    return bool(shutil.which("k3s")) and os.geteuid() == 0 and K3S_CONFIGURATION.exists()


def load(archive):
    given = os.environ.get("CLUSTER_COMMAND")
    if given:
        command = [*shlex.split(given), "load", str(archive)]
    else:
        command = ["k3s", "ctr", "--namespace", "k8s.io", "images", "import", str(archive)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=LOAD_SECONDS)
    except subprocess.TimeoutExpired:
        raise Trouble(f"{' '.join(command[:2])} took over {LOAD_SECONDS} s") from None
    if done.returncode != 0:
        raise Trouble(f"the node did not take the images: {done.stderr.strip()[-2000:]}")


def how_to_bring(missing):
    """For a person, where this command has no way to the nodes itself."""
    nodes = ", ".join(sorted(missing))
    images = sorted({image for lacking in missing.values() for image in lacking})
    listed = "\n".join(f"    {image}" for image in images)
    return (
        f"not there on {nodes}:\n{listed}\n"
        "Bring them there in one of these ways, then repeat:\n"
        "  make images-save, copy build/images/doorbuster.tar to each node, and there:\n"
        "      sudo k3s ctr images import doorbuster.tar\n"
        "  IMAGE_REGISTRY=registry.example.com/doorbuster tools/images.py push, and\n"
        "      IMAGE_REGISTRY=registry.example.com/doorbuster make deploy\n"
        "  on the k3s server itself, as root: make deploy"
    )

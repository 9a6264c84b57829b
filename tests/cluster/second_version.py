"""Another version of a room: the same image under another tag, as a release that changed nothing
that a test would have to build."""

import subprocess

import host_processes

from shop.trouble import Trouble

SUFFIX = "-once-more"


class SecondVersion:
    """`with SecondVersion(kubectl, pod) as image: ...`; the tag is removed afterwards."""

    def __init__(self, kubectl, pod):
        self._address = host_processes.containerd_address(pod)
        item = kubectl.json("get", "pod", pod.name)
        self._image = full_name(item["spec"]["containers"][0]["image"])

    def __enter__(self):
        self._images("tag", self._image, self._image + SUFFIX)
        return self._image + SUFFIX

    def __exit__(self, kind, error, trace):
        self._images("remove", self._image + SUFFIX)

    def _images(self, *arguments):
        command = ["ctr", f"--address={self._address}", "--namespace=k8s.io", "images", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise Trouble(f"`{' '.join(command)}`: {done.stderr.strip()}")


def full_name(image):
    """As containerd has it, where a manifest may leave the registry out."""
    first = image.split("/")[0]
    return image if "." in first or ":" in first else f"docker.io/{image}"

"""The images that the node's containerd has."""

import subprocess
from pathlib import Path

import host_processes

from images.oci_archive import images_inside
from shop.trouble import Trouble

COMMAND_SECONDS = 120
NODE_NAMESPACE = "k8s.io"


class NodeImages:
    """Of the containerd that runs `pod`."""

    def __init__(self, pod):
        client = host_processes.containerd_client()
        address = f"--address={host_processes.containerd_address(pod)}"
        self._command = [*client, address, f"--namespace={NODE_NAMESPACE}", "images"]

    def run(self, *arguments):
        command = [*self._command, *map(str, arguments)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=COMMAND_SECONDS)
        except subprocess.TimeoutExpired:
            raise Trouble(f"`{' '.join(command)}` took over {COMMAND_SECONDS} s") from None
        if done.returncode != 0:
            raise Trouble(f"`{' '.join(command)}`: {done.stderr.strip()}")

    def inside(self, names, folder):
        """{name: ImageInside}; `folder` takes the archive that is looked into."""
        archive = Path(folder) / "images-of-the-node.tar"
        try:
            self.run("export", archive, *names)
            return images_inside(archive)
        finally:
            archive.unlink(missing_ok=True)


def full_name(image):
    """As containerd has it, where a manifest may leave the registry out."""
    first = image.split("/")[0]
    is_registry = "." in first or ":" in first or first == "localhost"
    return image if is_registry else f"docker.io/{image}"

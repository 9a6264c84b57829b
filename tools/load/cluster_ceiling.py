"""The ceiling of a cluster: an nginx pod behind the shop's own ingress, for the run only."""

import os

from images import bringing
from images.recipe import reference
from load.ceiling import SETTINGS
from shop.rooms import answers_ok
from shop.trouble import Trouble
from shop.waiting import wait_until

COMPONENT = SETTINGS.parent
NAME, PATH = "ceiling", "/ceiling"
START_SECONDS = 60
REACHED_SECONDS = 20
KUSTOMIZATION = """\
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
namespace: {namespace}
components:
  - {component}
images:
  - name: localhost/doorbuster/nginx
    newName: {name}
    newTag: {tag}
"""


class ClusterCeiling:
    def __init__(self, kubectl, meter, shop_url, folder):
        self._kubectl = kubectl
        self.cpu_seconds = meter.read
        self._folder = folder
        self.url = shop_url + PATH

    def start(self):
        self._folder.mkdir(exist_ok=True)
        name, _, tag = self._image().rpartition(":")
        text = KUSTOMIZATION.format(
            namespace=self._kubectl.namespace,
            component=os.path.relpath(COMPONENT, self._folder.resolve()),
            name=name,
            tag=tag,
        )
        (self._folder / "kustomization.yaml").write_text(text)
        self._kubectl.run("apply", "--kustomize", self._folder)
        self._wait(f"{name}:{tag}")
        said = self._kubectl.run("exec", f"deployment/{NAME}", "--", "sh", "-c", "nginx -v 2>&1")
        self.version = said.partition("version: ")[2].strip()

    def stop(self):
        if (self._folder / "kustomization.yaml").exists():
            self._kubectl.run("delete", "--kustomize", self._folder, "--ignore-not-found")

    def _image(self):
        """That of this checkout, brought to the node like those of a deployment."""
        chosen = os.environ.get("CEILING_IMAGE")
        if not chosen:
            bringing.bring(self._kubectl, ["nginx"])
        return chosen or reference("nginx")

    def _wait(self, image):
        limit = f"--timeout={START_SECONDS}s"
        done = self._kubectl.attempt(
            *("rollout", "status", f"deployment/{NAME}", limit), timeout=2 * START_SECONDS
        )
        if done.returncode != 0:
            said = done.stderr.strip() or done.stdout.strip()
            raise Trouble(
                f"the ceiling's pod did not start: {said}\nIs its image {image} on the node? Load"
                " it, or name another nginx: CEILING_IMAGE=NAME:TAG"
            )
        wait_until(
            lambda: answers_ok(f"{self.url}/readyz"),
            REACHED_SECONDS,
            what=f"the ingress passes {PATH} on to the ceiling",
        )

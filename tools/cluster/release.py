"""What a deployment applies: an overlay, with the images of this checkout."""

import fcntl
import hashlib
import json
import os
import re
from pathlib import Path

from cluster.kubectl import NAMESPACE, NO_RIGHTS, WHICH_RIGHTS
from images.recipe import NAMES, recipe_of, registry, version
from shop.state_folder import CHECKOUT
from shop.trouble import Trouble

OVERLAYS = CHECKOUT / "infra" / "k8s" / "overlays"
FOLDER = CHECKOUT / "build" / "deploy"
OVERLAY = "k3s"
MIGRATION = "migrate"
COMMON = "common"
# On the pods of whoever is told the ConfigMap `common`: its name never changes, so only another
# value here makes a rollout of a changed one.
COMMON_ANNOTATION = "doorbuster/common-configuration"
# A ConfigMap that is read as variables is named as `envFrom`, or below `valueFrom`.
REFERENCES = ("configMapRef", "configMapKeyRef")
NAME_LENGTH_MAX = 63
ADVICE = (
    (NO_RIGHTS, WHICH_RIGHTS),
    ("no matches for kind", "This cluster lacks what the overlay builds on: install that first."),
    (
        "updates to statefulset spec",
        "A StatefulSet keeps its volumes' size and its name for life. Let go of its pods, which"
        " run on:  kubectl delete statefulset NAME --cascade=orphan  and deploy again.",
    ),
    (
        "field is immutable",
        "Delete that object, which holds no data if it is no volume, and deploy again.",
    ),
)
# By the server: it costs a tenth of what kubectl takes to find out the differences itself.
APPLY = ("apply", "--server-side", "--force-conflicts")
APPLY_SECONDS = 300


class Release:
    """`kubectl apply -k` of `folder` is the deployment; `objects` are what that applies."""

    def __init__(self, kubectl, overlay=None):
        self._kubectl = kubectl
        self.overlay = overlay_folder(overlay or os.environ.get("OVERLAY") or OVERLAY)
        self.name = os.environ.get("IMAGE_TAG") or recipe_of("doorbuster").tag()
        self.folder = FOLDER if kubectl.namespace == NAMESPACE else FOLDER / kubectl.namespace
        self.objects = []
        self._lock_file = None

    def prepare(self):
        """Rendered once: what is added after that changes neither names nor images."""
        self._lock()
        self._write(self.kustomization([]))
        self.objects = self._render()
        self._write(self.kustomization(self._annotations()))

    def images(self):
        """Every image that its pods name."""
        found = set()
        for one in self.objects:
            for spec in pod_specs(one):
                containers = spec["containers"] + spec.get("initContainers", [])
                found |= {container["image"] for container in containers}
        return sorted(found)

    def own_images(self):
        """By this project's names of them."""
        own = {f"{registry()}/{name}:{recipe_of(name).tag()}": name for name in NAMES}
        return [own[image] for image in self.images() if image in own]

    def workloads(self, kind):
        """Names of the objects of a kind."""
        return [one["metadata"]["name"] for one in self.objects if one["kind"] == kind]

    def namespace_object(self):
        return next(one for one in self.objects if one["kind"] == "Namespace")

    def migration(self):
        """Name of the Job that brings the schemas to this release; None if there is none."""
        names = [name for name in self.workloads("Job") if name.startswith(MIGRATION)]
        return names[0] if names else None

    def apply(self):
        """Names of what was made, and of what was changed."""
        kinds = ",".join(sorted({one["kind"].lower() for one in self.objects}))
        before = {identity(one): content(one) for one in self._kubectl.items(kinds)}
        whole = (*APPLY, "--output=json", "--kustomize", self.folder)
        done = self._kubectl.attempt(*whole, timeout=APPLY_SECONDS)
        if done.returncode != 0:
            raise Trouble(f"not all of it was applied: {explain(done.stderr.strip())}")
        made, changed = [], []
        for one in json_documents(done.stdout):
            if identity(one) not in before:
                made.append(identity(one))
            elif before[identity(one)] != content(one):
                changed.append(identity(one))
        return made, changed

    def kustomization(self, annotations):
        whole = {
            "apiVersion": "kustomize.config.k8s.io/v1beta1",
            "kind": "Kustomization",
            "resources": [os.path.relpath(self.overlay, self.folder)],
            "images": [
                {
                    "name": f"localhost/doorbuster/{name}",
                    "newName": f"{registry()}/{name}",
                    "newTag": recipe_of(name).tag(),
                }
                for name in NAMES
            ],
            "patches": [rename_migration(self.name), *annotations],
        }
        if self._kubectl.namespace != NAMESPACE:
            whole["namespace"] = self._kubectl.namespace
        return whole

    def _lock(self):
        """Until this process ends: a second one would write the same files."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._lock_file = open(self.folder / "lock", "w")
        try:
            fcntl.flock(self._lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            place = self._kubectl.namespace
            raise Trouble(f"another command here works on {place}: wait for it") from None

    def _annotations(self):
        common = [one for one in self.objects if is_named(one, "ConfigMap", COMMON)]
        if not common:
            return []
        value = digest_of(common[0].get("data") or {})
        return [annotate(one, value) for one in self.objects if is_told_common(one)]

    def _write(self, kustomization):
        text = json.dumps(kustomization, indent=2)
        (self.folder / "kustomization.yaml").write_text(f"# Written by tools/deploy.py.\n{text}\n")

    def _render(self):
        """kustomize writes YAML only; a creation that isn't one turns it into JSON."""
        text = self._kubectl.run("kustomize", self.folder)
        dry = ("create", "--dry-run=client", "--validate=false", "--output=json", "--filename=-")
        done = self._kubectl.attempt(*dry, input=text)
        if done.returncode != 0:
            raise Trouble(f"{self.overlay.name} can't be applied: {explain(done.stderr.strip())}")
        return list(json_documents(done.stdout))


def overlay_folder(chosen):
    """A name below infra/k8s/overlays, or a path to an overlay of one's own."""
    for folder in (OVERLAYS / chosen, Path(chosen).absolute()):
        if (folder / "kustomization.yaml").exists():
            return folder
    known = ", ".join(sorted(path.parent.name for path in OVERLAYS.glob("*/kustomization.yaml")))
    raise Trouble(f"OVERLAY={chosen}: there is no such overlay; there are {known}")


def explain(said):
    for mark, advice in ADVICE:
        if mark in said:
            return f"{said}\n  {advice}"
    return said


def json_documents(text):
    """Objects one after the other; lists of objects are opened."""
    decoder = json.JSONDecoder()
    position = 0
    while match := re.compile(r"\S").search(text, position):
        one, position = decoder.raw_decode(text, match.start())
        yield from one["items"] if one["kind"] == "List" else [one]


def rename_migration(release):
    """A Job can't be changed, so each release has one of its own."""
    suffix = re.sub(r"[^a-z0-9]+", "-", release.lower()).strip("-") or version()
    name = f"{MIGRATION}-{suffix}"[:NAME_LENGTH_MAX].rstrip("-")
    return {
        "target": {"kind": "Job", "name": f"{MIGRATION}.*"},
        "patch": json.dumps([{"op": "replace", "path": "/metadata/name", "value": name}]),
        "options": {"allowNameChange": True},
    }


def annotate(workload, value):
    """A patch of the pods' template."""
    template = {"metadata": {"annotations": {COMMON_ANNOTATION: value}}}
    return {
        "patch": json.dumps(
            {
                "apiVersion": workload["apiVersion"],
                "kind": workload["kind"],
                "metadata": {"name": workload["metadata"]["name"]},
                "spec": {"template": template},
            }
        )
    }


def is_told_common(one):
    """Of what runs on and on: a Job reads it when it starts."""
    if one["kind"] not in ("Deployment", "StatefulSet"):
        return False
    text = json.dumps(one["spec"]["template"])
    return any(f'"{reference}": {{"name": "{COMMON}"' in text for reference in REFERENCES)


def identity(one):
    return f"{one['kind'].lower()}/{one['metadata']['name']}"


def content(one):
    """Without what the cluster itself writes into an object."""
    whole = {key: value for key, value in one.items() if key != "status"}
    by_cluster = ("managedFields", "resourceVersion", "generation", "creationTimestamp")
    metadata = {key: value for key, value in one["metadata"].items() if key not in by_cluster}
    return whole | {"metadata": metadata}


def is_named(one, kind, name):
    return one["kind"] == kind and one["metadata"]["name"] == name


def digest_of(data):
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()[:12]


def pod_specs(one):
    """Wherever an object holds the template of pods."""
    spec = one.get("spec") or {}
    if one["kind"] == "Pod":
        yield spec
    elif one["kind"] == "CronJob":
        yield spec["jobTemplate"]["spec"]["template"]["spec"]
    elif "template" in spec and "spec" in spec["template"]:
        yield spec["template"]["spec"]

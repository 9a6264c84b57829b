"""Rules for each pod by itself."""

from manifests import quantities
from manifests.objects import NAME_LABEL
from manifests.references import references_of, secret_modes

RESOURCES = (
    ("requests", "cpu"),
    ("requests", "memory"),
    ("limits", "memory"),
    ("requests", "ephemeral-storage"),
    ("limits", "ephemeral-storage"),
)
OTHERS_MODE = 0o007


def resources(workload, _):
    for container in workload.containers():
        given = container.get("resources") or {}
        for kind, what in RESOURCES:
            if what not in (given.get(kind) or {}):
                yield "resources", f"container {container['name']} has no {kind}.{what}"
        if "cpu" in (given.get("limits") or {}):
            name = container["name"]
            yield "cpu-limit", f"container {name} has a CPU limit: throttled with cores idle"
        yield from _limits_below_requests(container["name"], given)


def _limits_below_requests(name, given):
    for what, limit in (given.get("limits") or {}).items():
        request = (given.get("requests") or {}).get(what, limit)
        if quantities.parse(request) > quantities.parse(limit):
            yield "resources", f"container {name} requests more {what} than its limit"


def service_account(workload, _):
    if workload.spec.get("automountServiceAccountToken") is not False:
        yield "service-account-token", "automountServiceAccountToken is not false"
    if workload.spec.get("serviceAccountName", "default") != "default":
        yield "service-account-token", "runs as a service account of its own"
    for volume in workload.spec.get("volumes") or []:
        for source in (volume.get("projected") or {}).get("sources") or []:
            if "serviceAccountToken" in source:
                yield "service-account-token", f"volume {volume['name']} projects a token"
    if workload.spec.get("enableServiceLinks") is not False:
        yield "service-links", "enableServiceLinks is not false: variables of all Services appear"


def images(workload, _):
    for container in workload.containers():
        image = container.get("image", "")
        tag = image.rpartition("/")[2].partition(":")[2].partition("@")[0]
        if "@sha256:" not in image and tag in ("", "latest"):
            yield "image-tag", f"image {image or 'none'} of {container['name']} has no fixed tag"
        if container.get("imagePullPolicy") != "IfNotPresent":
            yield "image-pull", f"{container['name']} doesn't pull IfNotPresent: imported images"


def labels(workload, _):
    if workload.labels.get("app.kubernetes.io/part-of") != "doorbuster":
        yield "labels", "its pods lack the label app.kubernetes.io/part-of: doorbuster"
    if NAME_LABEL not in workload.labels:
        yield "labels", f"its pods lack the label {NAME_LABEL}"
    selector = workload.manifest["spec"].get("selector") or {}
    if workload.is_long_running() and set(selector.get("matchLabels") or {}) != {NAME_LABEL}:
        yield "labels", f"selects by something else than {NAME_LABEL}: it can never be changed"


def secrets(workload, context):
    for each in references_of(workload):
        if each.kind != "Secret":
            continue
        described = context.secrets.get(each.name)
        if described is None:
            yield "secret-key", f"nobody makes a Secret {each.name}: add it to secrets.yaml"
            continue
        known = described["keys"]
        if workload.pod_name() not in described["pods"]:
            yield "secret-pod", f"Secret {each.name} isn't for these pods: see secrets.yaml"
        if each.key is not None and each.key not in known:
            yield "secret-key", f"Secret {each.name} has no key {each.key}: see secrets.yaml"
        elif each.key is not None and known[each.key].get("optional") and not each.optional:
            yield "secret-key", f"{each.name}/{each.key} may be absent, and is required here"
        if each.way == "environment":
            yield "secret-environment", f"Secret {each.name} is in the environment; mount it"
    for name, mode in secret_modes(workload):
        if mode is None or mode & OTHERS_MODE:
            yield "secret-mode", f"volume {name} lets everybody in the pod read secrets; use 0440"


def configuration(workload, context):
    maps = {each["metadata"]["name"]: each for each in context.rendering.of("ConfigMap")}
    for each in references_of(workload):
        if each.kind != "ConfigMap" or each.optional:
            continue
        held = maps.get(each.name)
        if held is None:
            yield "configuration-key", f"there is no ConfigMap {each.name}"
        elif each.key is not None and each.key not in {
            **(held.get("data") or {}),
            **(held.get("binaryData") or {}),
        }:
            yield "configuration-key", f"ConfigMap {each.name} has no key {each.key}"


RULES = (resources, service_account, images, labels, secrets, configuration)

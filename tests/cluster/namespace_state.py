"""All objects of the namespace without what changes by itself, to see that nothing was changed."""

import hashlib
import json

# Written by controllers all the time, or about other objects.
IGNORED = ("events", "leases", "endpoints", "endpointslices", "pods.metrics")
# Kubernetes' own; somebody else's custom kinds may come and go meanwhile.
GROUPS = ("", "apps", "autoscaling", "batch", "policy")
CHANGING_METADATA = ("resourceVersion", "managedFields")


def snapshot(kubectl):
    """{kind/name: generation or fingerprint}; statuses don't count, uids do."""
    listed = kubectl.run(
        "api-resources", "--verbs=list", "--namespaced", "--output=name", timeout=60
    )
    kinds = [kind for kind in listed.split() if is_watched(kind)]
    return {_name(item): _fingerprint(item) for item in kubectl.items(",".join(kinds))}


def is_watched(kind):
    group = kind.partition(".")[2]
    return not kind.startswith(IGNORED) and (group in GROUPS or group.endswith(".k8s.io"))


def differences(before, after):
    lines = [f"made: {name}" for name in sorted(after.keys() - before.keys())]
    lines += [f"gone: {name}" for name in sorted(before.keys() - after.keys())]
    lines += [
        f"changed: {name}" for name in sorted(before.keys() & after.keys())
        if before[name] != after[name]
    ]  # fmt: skip
    return lines


def _name(item):
    return f"{item['kind']}/{item['metadata']['name']}"


def _fingerprint(item):
    metadata = {
        name: value for name, value in item["metadata"].items() if name not in CHANGING_METADATA
    }
    kept = {name: value for name, value in item.items() if name != "status"}
    text = json.dumps(kept | {"metadata": metadata}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()

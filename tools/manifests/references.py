"""What pods refer to: keys of Secrets and ConfigMaps, by whichever way."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Reference:
    """`key` is None where the whole object is taken; `way` is "file" or "environment"."""

    kind: str
    name: str
    key: str
    way: str
    optional: bool


def references_of(workload):
    for container in workload.containers():
        yield from _of_environment(container)
    for volume in workload.spec.get("volumes") or []:
        yield from _of_volume(volume)


def _of_environment(container):
    for source in container.get("envFrom") or []:
        for field, kind in (("secretRef", "Secret"), ("configMapRef", "ConfigMap")):
            if field in source:
                yield _reference(kind, source[field], None, "environment")
    for variable in container.get("env") or []:
        source = variable.get("valueFrom") or {}
        for field, kind in (("secretKeyRef", "Secret"), ("configMapKeyRef", "ConfigMap")):
            if field in source:
                yield _reference(kind, source[field], source[field]["key"], "environment")


def _of_volume(volume):
    sources = (volume.get("projected") or {}).get("sources") or [volume]
    for source in sources:
        for field, kind in (("secret", "Secret"), ("configMap", "ConfigMap")):
            if field in source:
                yield from _of_files(kind, source[field])


def _of_files(kind, source):
    keys = [item["key"] for item in source.get("items") or []] or [None]
    for key in keys:
        yield _reference(kind, source, key, "file")


def _reference(kind, source, key, way):
    name = source.get("name") or source.get("secretName")
    return Reference(kind, name, key, way, source.get("optional", False))


def secret_modes(workload):
    """(volume, mode) of each volume with secrets; None where Kubernetes chooses, which is 0644."""
    for volume in workload.spec.get("volumes") or []:
        if "secret" in volume:
            yield volume["name"], volume["secret"].get("defaultMode")
        projected = volume.get("projected") or {}
        if any("secret" in source for source in projected.get("sources") or []):
            yield volume["name"], projected.get("defaultMode")

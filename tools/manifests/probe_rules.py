"""A liveness probe asks its own process only: one that depends on a neighbour turns the neighbour's
trouble into restarts of everything. Of an exec probe the scripts that it runs are read too."""

import json
import re

HANDLERS = ("httpGet", "tcpSocket", "exec", "grpc")
VARIABLE = re.compile(r"\$\{?(\w+)")
COMMENT = re.compile(r"(?:^|\s)#[^\n]*")
WORD = re.compile(r"[A-Za-z0-9./-]+")
CLUSTER_DOMAIN = {"ecommerce", "svc", "cluster", "local", ""}
OWN_ADDRESSES = ("127.0.0.1", "localhost")


def probes(workload, context):
    if not workload.is_long_running():
        return
    for container in workload.spec.get("containers") or []:
        name = container["name"]
        liveness, readiness = container.get("livenessProbe"), container.get("readinessProbe")
        for kind, probe in (("liveness", liveness), ("readiness", readiness)):
            if not probe:
                yield "probes", f"container {name} has no {kind} probe"
        if liveness and readiness and _handler(liveness) == _handler(readiness):
            yield "probes-equal", f"{name}: what isn't ready is killed; liveness must ask for less"
        if liveness:
            for neighbour in sorted(set(_neighbours(liveness, container, workload, context))):
                yield "liveness-neighbour", f"liveness of {name} asks {neighbour}"


def _handler(probe):
    return json.dumps({name: probe.get(name) for name in HANDLERS}, sort_keys=True)


def _neighbours(probe, container, workload, context):
    for kind in ("httpGet", "tcpSocket"):
        host = (probe.get(kind) or {}).get("host")
        if host and host not in OWN_ADDRESSES:
            yield host
        port = (probe.get(kind) or {}).get("port")
        ports = {each for known in container.get("ports") or [] for each in known.values()}
        if port is not None and port not in ports:
            yield f"port {port}, which isn't one of its own"
    if "exec" in probe:
        text = _text_of(probe["exec"]["command"], container, workload, context)
        yield from _named_in(text, _environment(container, context), _services(context))


def _services(context):
    names = context.rendering.names("Service")
    for workload in context.rendering.workloads:
        if workload.kind == "StatefulSet":
            pods = context.rendering.pods_of(workload)
            names |= {f"{workload.name}-{ordinal}" for ordinal in range(pods)}
    return names


def _named_in(text, environment, services):
    """Services named in a script, by themselves or through a variable."""
    text = COMMENT.sub("", text)
    for variable in set(VARIABLE.findall(text)):
        text += f" {environment.get(variable, '')}"
    for word in WORD.findall(text):
        # `redis.conf` and `/etc/redis` are no hosts; `redis-0.redis` and `//redis` are.
        first, *rest = word.removeprefix("//").split(".")
        if first in services and set(rest) <= services | CLUSTER_DOMAIN:
            yield first


def _environment(container, context):
    maps = {each["metadata"]["name"]: each for each in context.rendering.of("ConfigMap")}
    variables = {}
    for source in container.get("envFrom") or []:
        name = (source.get("configMapRef") or {}).get("name")
        variables |= (maps.get(name) or {}).get("data") or {}
    variables |= {each["name"]: each.get("value", "") for each in container.get("env") or []}
    return variables


def _text_of(command, container, workload, context):
    """The command, and the text of each file of a ConfigMap that it names."""
    maps = {each["metadata"]["name"]: each for each in context.rendering.of("ConfigMap")}
    volumes = {each["name"]: each for each in workload.spec.get("volumes") or []}
    text = "\n".join(command)
    for mount in container.get("volumeMounts") or []:
        name = (volumes.get(mount["name"], {}).get("configMap") or {}).get("name")
        for key, content in ((maps.get(name) or {}).get("data") or {}).items():
            if f"{mount['mountPath'].rstrip('/')}/{key}" in text:
                text += "\n" + content
    return text


RULES = (probes,)

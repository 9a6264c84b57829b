"""What was rendered, as objects of Kubernetes, and the pods that it would start."""

from dataclasses import dataclass, field

import yaml

from manifests.network_edges import End

NAME_LABEL = "app.kubernetes.io/name"
# Where each kind keeps the template of its pods.
TEMPLATES = {
    "Deployment": ("spec", "template"),
    "StatefulSet": ("spec", "template"),
    "DaemonSet": ("spec", "template"),
    "Job": ("spec", "template"),
    "CronJob": ("spec", "jobTemplate", "spec", "template"),
}
Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True)
class Finding:
    """`subject` is Kind/name of an object, or a file's path from the top of the checkout."""

    grader: str
    check: str
    subject: str
    message: str

    def __str__(self):
        return f"{self.subject}: {self.message} [{self.grader} {self.check}]"


class Workload:
    """An object that starts pods."""

    def __init__(self, manifest):
        self.manifest = manifest
        self.kind = manifest["kind"]
        self.name = manifest["metadata"]["name"]
        self.namespace = manifest["metadata"].get("namespace", "default")
        self.template = inside(manifest, *TEMPLATES[self.kind]) or {}
        self.spec = self.template.get("spec") or {}
        self.labels = inside(self.template, "metadata", "labels") or {}

    def title(self):
        return f"{self.kind}/{self.name}"

    def pod_name(self):
        """What edges and policies call its pods."""
        return self.labels.get(NAME_LABEL, self.name)

    def containers(self):
        return (self.spec.get("initContainers") or []) + (self.spec.get("containers") or [])

    def is_long_running(self):
        return self.kind in ("Deployment", "StatefulSet", "DaemonSet")

    def end(self):
        ports = tuple(
            (port["name"], port["containerPort"])
            if "name" in port
            else (str(port["containerPort"]), port["containerPort"])
            for container in self.containers()
            for port in container.get("ports") or []
        )
        return End(namespace=self.namespace, labels=self.labels, ports=ports)


class ManagedPods:
    """The pods that CloudNativePG makes of a Cluster: for the network they take the place of a
    workload's."""

    PORTS = (("postgresql", 5432), ("metrics", 9187), ("status", 8000))

    def __init__(self, cluster):
        self._name = cluster["metadata"]["name"]
        self.namespace = cluster["metadata"].get("namespace", "default")
        inherited = inside(cluster, "spec", "inheritedMetadata", "labels") or {}
        self.labels = {
            **inherited,
            "cnpg.io/cluster": self._name,
            "cnpg.io/podRole": "instance",
            "cnpg.io/instanceRole": "primary",
        }

    def title(self):
        return f"Cluster/{self._name}"

    def pod_name(self):
        return self._name

    def end(self):
        return End(namespace=self.namespace, labels=self.labels, ports=self.PORTS)


@dataclass
class Rendering:
    """One overlay with the components that were laid over it."""

    name: str
    text: str
    manifests: list = field(init=False)
    workloads: list = field(init=False)

    def __post_init__(self):
        self.manifests = [each for each in yaml.load_all(self.text, Loader) if each]
        self.workloads = [Workload(each) for each in self.manifests if each["kind"] in TEMPLATES]

    def pods(self):
        """All that start pods, with those that an operator starts."""
        return self.workloads + [ManagedPods(each) for each in self.of("Cluster")]

    def of(self, kind):
        return [each for each in self.manifests if each["kind"] == kind]

    def names(self, kind):
        return {each["metadata"]["name"] for each in self.of(kind)}

    def pods_of(self, workload):
        """How many run at the same time at least: an autoscaler has the last word."""
        for scaler in self.of("HorizontalPodAutoscaler"):
            target = scaler["spec"]["scaleTargetRef"]
            if (target["kind"], target["name"]) == (workload.kind, workload.name):
                return scaler["spec"].get("minReplicas", 1)
        return workload.manifest["spec"].get("replicas", 1)


def title_of(manifest):
    return f"{manifest['kind']}/{manifest['metadata']['name']}"


def inside(value, *names):
    for name in names:
        if not isinstance(value, dict):
            return None
        value = value.get(name)
    return value

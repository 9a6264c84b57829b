"""CPU time by tier of a shop in pods, and of what a cluster needs for itself."""

from load.pod_cgroups import cpu_seconds_of, own_cpu_seconds, pod_cgroups, processes_called
from load.verdict import CLUSTER

NAME = "app.kubernetes.io/name"
INGRESS = "ingress controller"
TIER_OF = {
    "postgres": "PostgreSQL",
    "redis": "Redis and sentinels",
    "redis-sentinel": "Redis and sentinels",
    "ceiling": "the ceiling's nginx",
}
CONTROLLER = "traefik"
OWN_PROCESSES = (
    "k3s", "k3s-server", "k3s-agent", "kubelet", "kube-apiserver", "kube-controller-manager",
    "kube-scheduler", "kube-proxy", "etcd", "containerd", "containerd-shim-runc-v2", "coredns",
    "metrics-server", "local-path-provisioner",
)  # fmt: skip


class ClusterMeter:
    """Remembers what each pod and process had used when it was last seen, for those that go."""

    def __init__(self, kubectl):
        self._kubectl = kubectl
        self._seen = {}

    def is_on_a_node(self):
        """Whether the shop's pods run on the machine that this is called on."""
        here = pod_cgroups()
        mine = self._kubectl.items("pods", f"--selector={NAME}=gateway")
        return any(pod["metadata"]["uid"] in here for pod in mine)

    def read(self):
        """Seconds by tier; nothing where the pods run elsewhere, since nobody can see it."""
        folders = pod_cgroups()
        if not folders:
            return {}
        for pod in self._kubectl.items("pods", "--all-namespaces"):
            uid = pod["metadata"]["uid"]
            seconds = cpu_seconds_of(folders[uid]) if uid in folders else None
            if seconds is not None:
                self._seen[uid] = (self._tier(pod["metadata"]), seconds)
        for tier, names in ((INGRESS, (CONTROLLER,)), (CLUSTER, OWN_PROCESSES)):
            for pid in processes_called(names):
                self._seen[pid] = (tier, own_cpu_seconds(pid))
        tiers = {}
        for tier, seconds in self._seen.values():
            tiers[tier] = tiers.get(tier, 0.0) + seconds
        return tiers

    def _tier(self, metadata):
        name = metadata.get("labels", {}).get(NAME, "")
        if name == CONTROLLER:
            return INGRESS
        if metadata["namespace"] != self._kubectl.namespace:
            return CLUSTER
        return TIER_OF.get(name, name or "pods without a name")

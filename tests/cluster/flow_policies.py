"""Whether the NetworkPolicies in force allow what was seen."""

from flow_recorder import BEFORE, NODE
from host_processes import resolvers

from manifests.network_edges import EVERY_POD, End, allowed, places_of, read_table

DNS_PORT = 53
DNS = "dns"
DNS_LABEL = "k8s-app=kube-dns"
# Edges of the table that no test can have seen, by caller and target; None is any target.
NOT_IN_A_TEST = {
    ("gateway", "redis"): "no gateway of this version asks Redis",
    ("gateway", "redis-sentinel"): "no gateway of this version asks Redis",
    ("metrics-scraper", None): "no scraper runs here; metrics are read through the API's proxy",
    ("base-backup", None): "only the component wal-archive has one",
}
NOT_USED = "nothing needed it in this run"
# The node's own traffic is let in by every implementation. An ingress controller that is no pod is
# among it, as on a machine where it runs beside the cluster.
INGRESS_CONTROLLER = "traefik"
# Flows that a test made in a pod's name say nothing about what the pods themselves use.
CALLED = "called by the test"
PLANTED = "planted by the test"
NOT_THEIR_OWN = {CALLED, PLANTED, BEFORE}


class FlowPolicies:
    def __init__(self, kubectl, pod_watch):
        self._namespace = kubectl.namespace
        self._policies = kubectl.items("networkpolicies")
        self._table = read_table()
        self._places = places_of(self._table)
        self._kinds = {pod.kind for pod in pod_watch.pods()}
        self._elsewhere = pods_elsewhere(kubectl)
        self._behind = pods_behind_services(kubectl, pod_watch)
        self._name_servers = name_servers(kubectl, pod_watch)

    def allow(self, edge, sighting):
        return edge.source == NODE or all(
            self._allow(edge, source, destination, sighting.addresses)
            for source, destination in sighting.ends
        )

    def never_seen(self, edges):
        """{edge: why}, of the table's edges between kinds of pods that are here, or from one of its
        places. `edges`: {Edge: Sighting}."""
        own = [edge for edge, sighting in edges.items() if set(sighting.phases) - NOT_THEIR_OWN]
        seen = {(self._place_of(edge.source), edge.destination, edge.port) for edge in own}
        missing = {}
        for entry in self._table["edges"]:
            for source in _each(entry["from"]):
                for target in _each(entry["to"]):
                    edge = (source, target, entry["port"])
                    if source != EVERY_POD and target in self._kinds and edge not in seen:
                        missing[f"{source} -> {target}:{entry['port']}"] = why_not_seen(
                            source, target
                        )
        return missing

    def _allow(self, edge, source, destination, addresses):
        """What was sent to a Service's address before the node knew where that leads has reached
        nobody; it counts as sent to the pods behind it."""
        if destination is None and edge.destination in self._behind:
            pods = self._behind[edge.destination]
            return all(self._allow(edge, source, pod, addresses) for pod in pods)
        here = self._end(source, edge.source)
        there = self._end(destination, edge.destination)
        is_dns = edge.port == DNS_PORT and addresses <= self._name_servers
        if is_dns and not there.is_pod():
            there = self._places[DNS]  # who resolves names here is no pod, on k3s it is this one
        return allowed(self._policies, here, there, edge.port, edge.protocol)

    def _end(self, pod, address):
        if pod:
            return End(namespace=self._namespace, labels=pod.labels, address=pod.address)
        return self._elsewhere.get(address) or End(address=None if address == NODE else address)

    def _place_of(self, source):
        if source == NODE:
            return INGRESS_CONTROLLER
        end = self._elsewhere.get(source)
        for name, place in self._places.items():
            is_there = end and place.namespace == end.namespace
            if is_there and place.labels.items() <= end.labels.items():
                return name
        return source


def why_not_seen(caller, target):
    return NOT_IN_A_TEST.get((caller, target)) or NOT_IN_A_TEST.get((caller, None), NOT_USED)


def name_servers(kubectl, pod_watch):
    """Addresses of those that the cluster's pods ask for names: the one that the kubelet tells
    them, and whoever stands behind it."""
    selector = f"--selector={DNS_LABEL}"
    found = {address for pod in pod_watch.serving("order") for address in resolvers(pod)}
    for item in kubectl.items("services", "--all-namespaces", selector):
        found.add(item["spec"]["clusterIP"])
    for one in kubectl.items("endpointslices", "--all-namespaces", selector):
        found.update(address for end in one["endpoints"] or [] for address in end["addresses"])
    return found


def pods_behind_services(kubectl, pod_watch):
    """{address of a Service: its Pods}, of Services that have any."""
    behind = {}
    for item in kubectl.items("services"):
        selector = (item["spec"].get("selector") or {}).items()
        pods = [pod for pod in pod_watch.pods() if selector <= pod.labels.items()]
        if selector and pods:
            behind[item["spec"]["clusterIP"]] = pods
    return behind


def pods_elsewhere(kubectl):
    """{address: End} of the pods of other namespaces that have an address of their own."""
    namespaces = {
        item["metadata"]["name"]: item["metadata"].get("labels", {})
        for item in kubectl.items("namespaces")
    }
    return {
        item["status"]["podIP"]: End(
            namespace=item["metadata"]["namespace"],
            labels=item["metadata"].get("labels", {}),
            namespace_labels=namespaces.get(item["metadata"]["namespace"], {}),
            address=item["status"]["podIP"],
        )
        for item in kubectl.items("pods", "--all-namespaces")
        if item["metadata"]["namespace"] != kubectl.namespace
        and item["status"].get("podIP")
        and not item["spec"].get("hostNetwork")
    }


def _each(value):
    return value if isinstance(value, list) else [value]

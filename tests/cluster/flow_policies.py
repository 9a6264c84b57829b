"""Whether the NetworkPolicies in force allow what was seen."""

from flow_recorder import NODE
from manifests.network_edges import EVERY_POD, End, allowed, places_of, read_table

DNS_PORT = 53
DNS = "dns"


class FlowPolicies:
    def __init__(self, kubectl, pod_watch):
        self._namespace = kubectl.namespace
        self._policies = kubectl.items("networkpolicies")
        self._places = places_of(read_table())
        self._kinds = {pod.kind for pod in pod_watch.pods()}

    def allow(self, edge, sighting):
        """Every implementation lets the node itself in."""
        return edge.source == NODE or all(
            self._allow(edge, source, destination) for source, destination in sighting.ends
        )

    def _allow(self, edge, source, destination):
        """Whoever it is that resolves names here, the policies know it by its labels on k3s."""
        here = self._end(source) or End(address=edge.source)
        there = self._end(destination) or End(address=edge.destination)
        if destination is None and edge.port == DNS_PORT:
            there = self._places[DNS]
        return allowed(self._policies, here, there, edge.port, edge.protocol)

    def never_seen(self, edges):
        """Of the table's edges between kinds of pods that are here."""
        seen = {(edge.source, edge.destination, edge.port) for edge in edges}
        missing = []
        for entry in read_table()["edges"]:
            for source in _each(entry["from"]):
                for destination in _each(entry["to"]):
                    edge = (source, destination, entry["port"])
                    if source != EVERY_POD and destination in self._kinds and edge not in seen:
                        missing.append(f"{source} -> {destination}:{entry['port']}")
        return missing

    def _end(self, pod):
        return pod and End(namespace=self._namespace, labels=pod.labels, address=pod.address)


def _each(value):
    return value if isinstance(value, list) else [value]

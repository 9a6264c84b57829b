"""The policies that were rendered against the table of edges, both ways."""

from collections import defaultdict

from manifests import network_edges

PORTS_TOLD_MAX = 6


def pods_of(rendering):
    return {each.pod_name(): each.end() for each in rendering.pods()}


def computed(rendering, table):
    pods, places = pods_of(rendering), network_edges.places_of(table)
    policies = rendering.of("NetworkPolicy")
    return network_edges.computed_edges(policies, pods, places, expected(rendering, table))


def expected(rendering, table):
    present = (pods_of(rendering), network_edges.places_of(table))
    return network_edges.expected_edges(table, present, bool(rendering.of("Cluster")))


def edges(rendering, context):
    open_ones = computed(rendering, context.edges)
    wanted = expected(rendering, context.edges)
    for subject, ports in _by_pair(open_ones - wanted):
        yield subject, "edge-open", f"is no edge, and the policies let through {ports}"
    for subject, ports in _by_pair(wanted - open_ones):
        yield subject, "edge-closed", f"is an edge, and the policies don't let through {ports}"


def _by_pair(found):
    pairs = defaultdict(list)
    for caller, target, port, protocol in sorted(found):
        pairs[f"{caller} -> {target}"].append(f"{port}/{protocol}")
    for subject, ports in pairs.items():
        more = f" and {len(ports) - PORTS_TOLD_MAX} more" if len(ports) > PORTS_TOLD_MAX else ""
        yield subject, ", ".join(ports[:PORTS_TOLD_MAX]) + more


def edges_of_nobody(renderings, context):
    """Edges whose ends are nowhere: a name was mistyped, or something is gone."""
    seen = set().union(*(expected(each, context.edges) for each in renderings))
    seen = {(caller, target) for caller, target, _, _ in seen}
    groups = {network_edges.EVERY_POD: [], network_edges.EVERY_PLACE: []}
    for edge in network_edges.lines_of(context.edges, has_cluster=True):
        for caller, target in network_edges.pairs_of(edge, groups):
            if (caller, target) not in seen:
                yield f"{caller} -> {target}", "edge-nowhere", "is in no rendering"


RULES = (edges,)

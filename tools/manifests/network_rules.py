"""The policies that were rendered against the table of edges, both ways."""

from manifests import network_edges


def pods_of(rendering):
    return {each.pod_name(): each.end() for each in rendering.workloads}


def computed(rendering, table):
    pods, places = pods_of(rendering), network_edges.places_of(table)
    policies = rendering.of("NetworkPolicy")
    edges = network_edges.computed_edges(policies, pods, places, expected(rendering, table))
    return edges


def expected(rendering, table):
    kinds = {each["kind"] for each in rendering.manifests}
    present = (pods_of(rendering), network_edges.places_of(table))
    return network_edges.expected_edges(table, present, kinds)


def edges(rendering, context):
    open_ones = computed(rendering, context.edges)
    wanted = expected(rendering, context.edges)
    for caller, target, port, protocol in sorted(open_ones - wanted):
        message = f"{port}/{protocol} is open, and isn't an edge"
        yield f"{caller} -> {target}", "edge-open", message
    for caller, target, port, protocol in sorted(wanted - open_ones):
        message = f"{port}/{protocol} is an edge, and the policies close it"
        yield f"{caller} -> {target}", "edge-closed", message


def edges_of_nobody(renderings, context):
    """Edges whose ends are nowhere: a name was mistyped, or something is gone."""
    seen = set().union(*(expected(each, context.edges) for each in renderings))
    pairs = {(caller, target) for caller, target, _, _ in seen}
    for edge in context.edges["edges"]:
        callers = edge["from"] if isinstance(edge["from"], list) else [edge["from"]]
        targets = edge["to"] if isinstance(edge["to"], list) else [edge["to"]]
        for caller in callers:
            for target in targets:
                if caller != network_edges.EVERY_POD and (caller, target) not in pairs:
                    yield f"{caller} -> {target}", "edge-nowhere", "is in no rendering"


RULES = (edges,)

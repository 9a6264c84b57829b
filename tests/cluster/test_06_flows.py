"""All that the tests before made pods say to each other, against the NetworkPolicies in force."""

import edge_calls
from flow_policies import PLANTED, FlowPolicies


def test_every_flow_is_allowed_by_the_network_policies(shop, figures, on_node):
    policies = FlowPolicies(shop.kubectl, shop.pods)
    seen = shop.flows.edges()
    forbidden = [edge for edge, sighting in seen.items() if not policies.allow(edge, sighting)]
    figures.edges = {
        "seen": {str(edge): dict(sighting.phases) for edge, sighting in seen.items()},
        "forbidden": {str(edge): sorted(seen[edge].phases) for edge in forbidden},
        "never_seen": policies.never_seen(seen),
    }
    assert seen, "conntrack saw nothing"
    assert not forbidden


def test_a_flow_without_an_edge_is_noticed(shop, on_node):
    """Last of all: what was planted must not be found by the test above."""
    caller, target = shop.pods.serving("echo")[0], shop.pods.serving("auth")[0]
    shop.flows.phase(PLANTED)
    try:
        edge_calls.connect(caller, target.address, 8080)
    finally:
        shop.flows.forget(caller.address, target.address)
    policies = FlowPolicies(shop.kubectl, shop.pods)
    planted = {
        edge: sighting
        for edge, sighting in shop.flows.edges().items()
        if (edge.source, edge.destination) == ("echo", "auth")
    }
    assert planted, "conntrack did not see a connection that was made"
    assert not any(policies.allow(edge, sighting) for edge, sighting in planted.items())

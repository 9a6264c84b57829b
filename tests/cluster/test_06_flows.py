"""All that the tests before made pods say to each other, against the NetworkPolicies in force."""

import edge_calls
import pytest
from flow_policies import PLANTED, FlowPolicies

FIRST_TEST = "test_from_nothing_to_the_first_purchase"
# What each part of the test must have made the pods say, as (caller, target, port). The ingress
# controller is a pod on one cluster and the node itself on another.
ANYBODY = None
SAID = {
    "deploy": ("migrate", "postgres", 5432),
    "none; backup": (ANYBODY, "gateway", 8080),
    "backup": ("backup", "postgres", 5432),
    "Redis master pod deleted": ("order", "redis", 6379),
    "all sentinels deleted": ("order", "redis-primary", 6379),
    "rollout restart of all": ("gateway", "order", 8080),
}


@pytest.fixture
def seen(shop, on_node):
    """{Edge: Sighting}; connection tracking must have told of all there was."""
    shop.flows.phase("flows")
    shop.flows.require_complete()
    shop.flows.note_present_flows()
    return shop.flows.edges()


def test_every_part_of_the_test_made_flows(shop, seen, request):
    """Those that were run; of a whole run each."""
    is_whole = any(item.name == FIRST_TEST for item in request.session.items)
    begun = set(SAID) if is_whole else set(SAID) & shop.flows.phases()
    said = {
        (phase, source, edge.destination, edge.port)
        for edge, sighting in seen.items()
        for phase in sighting.phases
        for source in (edge.source, ANYBODY)
    }
    assert {(phase, *SAID[phase]) for phase in begun} - said == set()


def test_every_flow_is_allowed_by_the_network_policies(shop, figures, seen):
    policies = FlowPolicies(shop.kubectl, shop.pods)
    forbidden = [edge for edge, sighting in seen.items() if not policies.allow(edge, sighting)]
    figures.edges = {
        "seen": {str(edge): dict(sighting.phases) for edge, sighting in seen.items()},
        "forbidden": {str(edge): sorted(seen[edge].phases) for edge in forbidden},
        "never_seen": policies.never_seen(seen),
        "losses": shop.flows.losses,
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
    shop.flows.require_complete()
    planted = {
        edge: sighting
        for edge, sighting in shop.flows.edges().items()
        if (edge.source, edge.destination) == ("echo", "auth")
    }
    assert planted, "conntrack did not see a connection that was made"
    assert not any(policies.allow(edge, sighting) for edge, sighting in planted.items())

"""What Kubernetes documents of NetworkPolicies, as cases with the answer that is right."""

from manifests.network_edges import End, allowed

CALLER = End("shop", {"app": "caller"}, address="10.42.0.7")
TARGET = End("shop", {"app": "target"}, address="10.42.0.8", ports=(("http", 8080),))
OTHER = End("other", {"app": "caller"}, {"team": "blue"}, address="10.42.0.9")
OUTSIDE = End(address="203.0.113.7")


def _policy(namespace="shop", selector=None, **spec):
    return {
        "metadata": {"name": "p", "namespace": namespace},
        "spec": {"podSelector": selector or {}, **spec},
    }


def _ingress(*rules, **more):
    return _policy(policyTypes=["Ingress"], ingress=list(rules), **more)


def _egress(*rules, **more):
    return _policy(policyTypes=["Egress"], egress=list(rules), **more)


def _pods(**labels):
    return {"podSelector": {"matchLabels": labels}}


def _expression(operator, *values):
    each = {"key": "app", "operator": operator, **({"values": list(values)} if values else {})}
    return {"from": [{"podSelector": {"matchExpressions": [each]}}]}


TEAM_BLUE = {"matchLabels": {"team": "blue"}}
FROM_BLUE = {"from": [{"namespaceSelector": TEAM_BLUE}]}
FROM_BLUE_AND_OTHER = {"from": [{"namespaceSelector": TEAM_BLUE, **_pods(app="nobody")}]}
FROM_BLUE_OR_NOBODY = {"from": [{"namespaceSelector": TEAM_BLUE}, _pods(app="nobody")]}
BLOCK = {"from": [{"ipBlock": {"cidr": "203.0.113.0/24", "except": ["203.0.113.8/29"]}}]}
BLOCK_AWAY = {"from": [{"ipBlock": {"cidr": "203.0.113.0/24", "except": ["203.0.113.0/28"]}}]}

# (what, policies, caller, target, port, protocol, right answer)
CASES = [
    ("no policy at all", [], CALLER, TARGET, 1, "TCP", True),
    ("none selects it", [_ingress(selector={"matchLabels": {"app": "b"}})], CALLER, TARGET, 1,
     "TCP", True),
    ("of another namespace", [_ingress(namespace="other")], CALLER, TARGET, 1, "TCP", True),
    ("no rule", [_ingress()], CALLER, TARGET, 1, "TCP", False),
    ("an empty rule", [_ingress({})], CALLER, TARGET, 1, "TCP", True),
    ("rules only add", [_ingress(), _ingress({})], CALLER, TARGET, 1, "TCP", True),
    ("egress is denied by itself", [_egress(), _ingress({})], CALLER, TARGET, 1, "TCP", False),
    ("ingress doesn't concern a caller", [_ingress(selector={"matchLabels": {"app": "caller"}})],
     CALLER, TARGET, 1, "TCP", True),
    ("types left out: Ingress", [_policy()], CALLER, TARGET, 1, "TCP", False),
    ("types left out, egress there", [_policy(selector={"matchLabels": {"app": "caller"}},
                                              egress=[])], CALLER, TARGET, 1, "TCP", False),
    ("a peer", [_ingress({"from": [_pods(app="caller")]})], CALLER, TARGET, 1, "TCP", True),
    ("not that peer", [_ingress({"from": [_pods(app="b")]})], CALLER, TARGET, 1, "TCP", False),
    ("a peer is of the policy's namespace", [_ingress({"from": [_pods(app="caller")]})], OTHER,
     TARGET, 1, "TCP", False),
    ("a namespace", [_ingress(FROM_BLUE)], OTHER, TARGET, 1, "TCP", True),
    ("not that namespace", [_ingress(FROM_BLUE)], CALLER, TARGET, 1, "TCP", False),
    ("namespace and pod", [_ingress(FROM_BLUE_AND_OTHER)], OTHER, TARGET, 1, "TCP", False),
    ("namespace or pod", [_ingress(FROM_BLUE_OR_NOBODY)], OTHER, TARGET, 1, "TCP", True),
    ("all namespaces", [_ingress({"from": [{"namespaceSelector": {}}]})], OTHER, TARGET, 1, "TCP",
     True),
    ("all namespaces isn't outside", [_ingress({"from": [{"namespaceSelector": {}}]})], OUTSIDE,
     TARGET, 1, "TCP", False),
    ("outside, an empty rule", [_ingress({})], OUTSIDE, TARGET, 1, "TCP", True),
    ("a block", [_ingress(BLOCK)], OUTSIDE, TARGET, 1, "TCP", True),
    ("a block, except", [_ingress(BLOCK_AWAY)], OUTSIDE, TARGET, 1, "TCP", False),
    ("a block elsewhere", [_ingress(BLOCK)], CALLER, TARGET, 1, "TCP", False),
    ("the port", [_ingress({"ports": [{"port": 8080}]})], CALLER, TARGET, 8080, "TCP", True),
    ("another port", [_ingress({"ports": [{"port": 8080}]})], CALLER, TARGET, 8081, "TCP", False),
    ("another protocol", [_ingress({"ports": [{"port": 8080}]})], CALLER, TARGET, 8080, "UDP",
     False),
    ("a named port", [_ingress({"ports": [{"port": "http"}]})], CALLER, TARGET, 8080, "TCP", True),
    ("its name is the target's, also for egress", [_egress({"ports": [{"port": "http"}]},
     selector={"matchLabels": {"app": "caller"}})], CALLER, TARGET, 8080, "TCP", True),
    ("no such name", [_ingress({"ports": [{"port": "x"}]})], CALLER, TARGET, 8080, "TCP", False),
    ("a range", [_ingress({"ports": [{"port": 80, "endPort": 90}]})], CALLER, TARGET, 90, "TCP",
     True),
    ("beyond it", [_ingress({"ports": [{"port": 80, "endPort": 90}]})], CALLER, TARGET, 91, "TCP",
     False),
    ("all ports of a protocol", [_ingress({"ports": [{"protocol": "UDP"}]})], CALLER, TARGET, 9,
     "UDP", True),
    ("In", [_ingress(_expression("In", "a", "caller"))], CALLER, TARGET, 1, "TCP", True),
    ("NotIn", [_ingress(_expression("NotIn", "caller"))], CALLER, TARGET, 1, "TCP", False),
    ("Exists", [_ingress(_expression("Exists"))], CALLER, TARGET, 1, "TCP", True),
    ("DoesNotExist", [_ingress(_expression("DoesNotExist"))], CALLER, TARGET, 1, "TCP", False),
    ("a pod to itself is judged like any", [_ingress()], TARGET, TARGET, 1, "TCP", False),
]  # fmt: skip


def wrong_answers():
    for what, policies, caller, target, port, protocol, right in CASES:
        answer = allowed(policies, caller, target, port, protocol)
        if answer != right:
            yield what, f"says {answer}"


def count():
    return len(CASES)

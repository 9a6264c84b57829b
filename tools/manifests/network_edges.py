"""Which pod may talk to which, computed from NetworkPolicies as Kubernetes does it, and compared
with the table infra/k8s/edges.yaml.

A connection is allowed if the caller's egress and the target's ingress allow it; a pod that no
policy selects for a direction is open in that direction; policies only ever add. What isn't in
the model: traffic of the node itself, which is let in everywhere."""

import dataclasses
import ipaddress
from pathlib import Path

TABLE = Path(__file__).resolve().parents[2] / "infra" / "k8s" / "edges.yaml"
EVERY_POD = "every pod"
EVERY_PLACE = "every place"
NAMESPACE_NAME = "kubernetes.io/metadata.name"
# Nobody listens there: a policy that names no port is seen by these being open.
PORTS_OF_NOBODY = (1, 65535)
PROTOCOLS = ("TCP", "UDP", "SCTP")


@dataclasses.dataclass(frozen=True)
class End:
    """Of a connection: a pod, or with neither namespace nor labels an address outside. `ports` are
    the named ports of a pod's containers, as (name, number)."""

    namespace: str = None
    labels: dict = dataclasses.field(default_factory=dict)
    namespace_labels: dict = None
    address: str = None
    ports: tuple = ()

    def is_pod(self):
        return self.namespace is not None

    def labels_of_namespace(self):
        own = {} if self.namespace_labels is None else self.namespace_labels
        return {NAMESPACE_NAME: self.namespace, **own}


def allowed(policies, source, target, port, protocol="TCP"):
    """Whether `source` may open a connection to `target`, both an End, where these NetworkPolicies
    (as parsed from YAML or JSON) are in force."""
    return _let_through(_rules_between(policies, source, target), target, port, protocol)


def _rules_between(policies, source, target):
    """What the caller's egress and the target's ingress allow, each as a list of lists of ports; of
    these an empty one is every port."""
    return (
        _rules(policies, "Egress", source, target),
        _rules(policies, "Ingress", target, source),
    )


def _let_through(rules_of_both, target, port, protocol):
    return all(
        any(_is_port(ports, target, port, protocol) for ports in rules) for rules in rules_of_both
    )


def _rules(policies, direction, selected, peer):
    """Those of the policies that concern `selected` whose peer is `peer`."""
    concerned = [policy for policy in policies if _concerns(policy, direction, selected)]
    if not concerned:
        return [[]]
    rules = []
    for policy in concerned:
        for rule in policy["spec"].get(direction.lower()) or []:
            peers = rule.get("to" if direction == "Egress" else "from")
            if not peers or any(_is_peer(policy, each, peer) for each in peers):
                rules.append(rule.get("ports") or [])
    return rules


def _concerns(policy, direction, pod):
    spec = policy["spec"]
    types = spec.get("policyTypes") or ["Ingress"] + (["Egress"] if "egress" in spec else [])
    return (
        pod.is_pod()
        and direction in types
        and policy["metadata"].get("namespace", "default") == pod.namespace
        and selects(spec.get("podSelector") or {}, pod.labels)
    )


def _is_peer(policy, peer, end):
    if "ipBlock" in peer:
        return _in_block(peer["ipBlock"], end)
    if not end.is_pod():
        return False
    if "namespaceSelector" in peer:
        if not selects(peer["namespaceSelector"] or {}, end.labels_of_namespace()):
            return False
    elif end.namespace != policy["metadata"].get("namespace", "default"):
        return False
    return selects(peer.get("podSelector") or {}, end.labels)


def _in_block(block, end):
    """A pod whose address is unknown may have any: it is in every block."""
    if end.address is None:
        return True
    address = ipaddress.ip_address(end.address)
    return address in ipaddress.ip_network(block["cidr"]) and not any(
        address in ipaddress.ip_network(each) for each in block.get("except") or []
    )


def _is_port(rules, receiver, port, protocol):
    if not rules:
        return True
    for rule in rules:
        if rule.get("protocol", "TCP") != protocol:
            continue
        wanted = rule.get("port")
        if wanted is None:
            return True
        if isinstance(wanted, str):
            wanted = dict(receiver.ports).get(wanted)
        if wanted is not None and wanted <= port <= rule.get("endPort", wanted):
            return True
    return False


def selects(selector, labels):
    """Whether a LabelSelector matches; an empty one matches all."""
    for name, value in (selector.get("matchLabels") or {}).items():
        if labels.get(name) != value:
            return False
    for each in selector.get("matchExpressions") or []:
        key, operator, values = each["key"], each["operator"], each.get("values") or []
        met = {
            "In": labels.get(key) in values,
            "NotIn": labels.get(key) not in values,
            "Exists": key in labels,
            "DoesNotExist": key not in labels,
        }[operator]
        if not met:
            return False
    return True


def computed_edges(policies, pods, places, table):
    """Every (caller, target, port, protocol) that these policies allow, of all there could be.
    `pods` are {name: End} of the shop, `places` those outside; between two places it is nothing of
    ours. `table` are the edges that are expected: their ports are among those asked for."""
    ends = {**places, **pods}
    ports = _ports_worth_asking(policies, pods, table)
    edges = set()
    for caller, source in ends.items():
        for target, receiver in ends.items():
            if caller in pods or target in pods:
                rules = _rules_between(policies, source, receiver)
                edges |= {
                    (caller, target, port, protocol)
                    for port in ports
                    for protocol in PROTOCOLS
                    if _let_through(rules, receiver, port, protocol)
                }
    return edges


def _ports_worth_asking(policies, pods, table):
    ports = set(PORTS_OF_NOBODY) | {port for _, _, port, _ in table}
    ports |= {number for pod in pods.values() for _, number in pod.ports}
    for policy in policies:
        for direction in ("ingress", "egress"):
            for rule in policy["spec"].get(direction) or []:
                for each in rule.get("ports") or []:
                    ports |= {each[k] for k in ("port", "endPort") if isinstance(each.get(k), int)}
    return sorted(ports)


def expected_edges(table, present, has_cluster=False):
    """The table's edges as (caller, target, port, protocol), of those whose ends are `present`:
    names of pods, then those of places. `has_cluster` if CloudNativePG runs PostgreSQL."""
    pods, places = present
    groups = {EVERY_POD: list(pods), EVERY_PLACE: list(places)}
    edges = set()
    for edge in lines_of(table, has_cluster):
        for caller, target in pairs_of(edge, groups):
            if {caller, target} <= {*pods, *places}:
                for port in _each(edge["port"]):
                    for protocol in _each(edge.get("protocol", "TCP")):
                        edges.add((caller, target, port, protocol))
    return edges


def lines_of(table, has_cluster):
    return table["edges"] + (table.get("edges_with_cluster", []) if has_cluster else [])


def pairs_of(edge, groups):
    """Callers and targets of a line of the table."""

    def names(field):
        return [name for each in _each(edge[field]) for name in groups.get(each, [each])]

    return [(caller, target) for caller in names("from") for target in names("to")]


def _each(value):
    return value if isinstance(value, list) else [value]


def places_of(table):
    return {
        name: End(
            namespace=place.get("namespace"),
            labels=place.get("labels", {}),
            address=place.get("address"),
        )
        for name, place in table["places"].items()
    }


def read_table(path=TABLE):
    import yaml  # here, so that whoever only evaluates policies doesn't need the package

    return yaml.safe_load(Path(path).read_text(encoding="utf-8"))

"""What the cluster test computes, without a cluster."""

import io
import json
import os
import subprocess
import types

import flow_policies
import namespace_state
import pytest
import settings
from cluster_under_test import bring_up_cluster
from crowd_log import failed_requests, purchase_times
from disruption import Disruption
from failover_watch import Look, first_renewal
from fault_sale import longest_gap_ms
from flow_recorder import NODE, Edge, Flow, FlowRecorder, Sighting, read_flow
from pod_watch import PodWatch

from shop.trouble import Trouble

THROUGH_A_SERVICE = (
    "    [NEW] tcp      6 120 SYN_SENT src=10.42.0.7 dst=10.43.12.9 sport=40000 dport=8080"
    " [UNREPLIED] src=10.42.0.9 dst=10.42.0.7 sport=8080 dport=40000"
)
ESTABLISHED = (
    "tcp      6 86399 ESTABLISHED src=10.42.0.7 dst=10.42.0.8 sport=40001 dport=6379"
    " src=10.42.0.8 dst=10.42.0.7 sport=6379 dport=40001 [ASSURED] mark=0 use=1"
)
PING = (
    "    [NEW] icmp     1 30 src=10.42.0.7 dst=10.42.0.8 type=8 code=0 id=1"
    " [UNREPLIED] src=10.42.0.8 dst=10.42.0.7 type=0 code=0 id=1"
)


def test_a_flow_goes_to_who_answers_and_not_to_the_service():
    assert read_flow(THROUGH_A_SERVICE) == Flow("10.42.0.7", "10.42.0.9", 8080, "TCP")
    assert read_flow(ESTABLISHED) == Flow("10.42.0.7", "10.42.0.8", 6379, "TCP")
    assert read_flow(PING) is None
    assert read_flow("conntrack v1.4.7 (conntrack-tools): 3 flow entries") is None


def looks(*states):
    return [Look(number, *state) for number, state in enumerate(states)]


def test_a_lease_is_renewed_when_it_lives_longer_than_before():
    running_out = [("master", "a", 2000), ("master", "a", 1800), ("master", "a", -2)]
    assert first_renewal(looks(*running_out), ()) is None
    renewed = looks(*running_out, ("master", "a", 3000))
    assert first_renewal(renewed, ()) == renewed[-1]


def test_a_lease_by_the_former_run_or_at_a_replica_is_none():
    former = looks(("master", "a", 100), ("master", "a", 3000))
    assert first_renewal(former, {"a"}) is None
    replica = looks(("slave", "b", 100), ("slave", "b", 3000))
    assert first_renewal(replica, {"a"}) is None
    taken = looks(("master", "a", 100), ("master", "b", -2), ("master", "b", 3000))
    assert first_renewal(taken, {"a"}) == taken[-1]


def test_requests_without_an_answer_or_with_5xx_have_failed(tmp_path):
    log = tmp_path / "log.tsv"
    log.write_text("kind\tstatus\tcode\ntake\t201\t\ntake\t0\t\npay\t503\tbusy\ntake\t409\t\n")
    assert failed_requests(log) == {"0": 1, "503": 1}


def test_a_purchase_counts_when_it_is_acknowledged(tmp_path):
    log = tmp_path / "log.tsv"
    lines = ["answered_us\tkind\tstatus", "9000000\ttake\t201", "8000000\ttake\t201"]
    lines += ["1000000\tpay\t201", "2000000\ttake\t503", "0\ttake\t0"]
    log.write_text("\n".join(lines) + "\n")
    assert purchase_times(log) == [8.0, 9.0]


def report(longest_gap_ms, last_at_ms, arrivals_s):
    purchases = {"longest_gap_ms": longest_gap_ms, "last_at_ms": last_at_ms}
    return {"purchases": purchases, "arrivals_s": arrivals_s}


def test_a_gap_that_is_open_at_the_end_of_arrivals_counts():
    assert longest_gap_ms(report(200, 9_000, 10)) == 1_000
    assert longest_gap_ms(report(1_200, 9_000, 10)) == 1_200
    assert longest_gap_ms(report(200, 12_000, 10)) == 200
    assert longest_gap_ms(report(0, None, 10)) == 10_000


@pytest.mark.parametrize("said, refused", [
    ("Error from server (TooManyRequests): Cannot evict pod as it would violate the pod's"
     " disruption budget.", True),
    ("Error from server (TooManyRequests): the server has received too many requests and has asked"
     " us to try again later", False),
])  # fmt: skip
def test_only_the_budget_refuses_an_eviction(said, refused):
    class Refusing:
        namespace = "here"

        def attempt(self, *arguments, input):
            return subprocess.CompletedProcess(arguments, 1, "", said)

    disruption = Disruption(Refusing(), pod_watch=None)
    pod = types.SimpleNamespace(name="redis-0")
    if refused:
        assert disruption.evict(pod) is False
    else:
        with pytest.raises(Trouble):
            disruption.evict(pod)


OVERRUN = [
    "NOTICE: Netlink socket buffer size has been set to 268435456 bytes.\n",
    "WARNING: We have hit ENOBUFS! We are losing events.\n",
    "This message means that the current netlink socket buffer size is too small.\n",
    "Please, check --buffer-size in conntrack(8) manpage.\n",
]


def recorder_that_hears(*lines):
    recorder = FlowRecorder(pod_watch=None)
    recorder._process = types.SimpleNamespace(poll=lambda: None, stderr=iter(lines))
    return recorder


def test_lost_flows_are_made_up_for_from_the_table_of_connections(monkeypatch):
    recorder = recorder_that_hears(*OVERRUN)
    table = subprocess.CompletedProcess((), 0, f"{ESTABLISHED}\n{ESTABLISHED}\n", "")
    monkeypatch.setattr(subprocess, "run", lambda *command, **options: table)
    recorder._read_complaints()
    recorder.require_complete()
    assert recorder.losses == 1
    assert [flow for flow, _ in recorder._seen] == [read_flow(ESTABLISHED)]


def test_a_record_with_a_hole_is_not_judged(monkeypatch):
    other = recorder_that_hears("Operation failed: something else\n")
    other._read_complaints()
    with pytest.raises(Trouble, match="something else"):
        other.require_complete()

    def fail(*command, **options):
        raise subprocess.CalledProcessError(1, command)

    monkeypatch.setattr(subprocess, "run", fail)
    lost = recorder_that_hears(*OVERRUN)
    lost._read_complaints()
    with pytest.raises(Trouble, match="ENOBUFS"):
        lost.require_complete()


COMMAND = """#!/bin/sh
echo "$1" >>"$0.calls"
ups=$(grep -c up "$0.calls")
case $1 in
up) echo "$0.kubeconfig" ;;
status) [ "$ups" -ge "$WHOLE_AFTER" ] || echo "kube-proxy STOPPED" ;;
esac
"""


@pytest.mark.parametrize("whole_after, ups", [(1, 1), (2, 2), (3, None)])
def test_a_part_that_ends_as_the_cluster_comes_up_is_started_again(
    monkeypatch, tmp_path, whole_after, ups
):
    command = tmp_path / "cluster"
    command.write_text(COMMAND)
    command.chmod(0o700)
    monkeypatch.setenv("CLUSTER_COMMAND", str(command))
    monkeypatch.setenv("WHOLE_AFTER", str(whole_after))
    monkeypatch.setenv("KUBECONFIG", "another")
    if ups is None:
        with pytest.raises(Trouble, match="kube-proxy"):
            bring_up_cluster()
        return
    bring_up_cluster()
    calls = (tmp_path / "cluster.calls").read_text().split()
    assert calls.count("up") == ups and os.environ["KUBECONFIG"] == f"{command}.kubeconfig"


class OnlyNames:
    """A kubectl of a cluster whose one policy lets pods ask for names."""

    namespace = "ecommerce"

    def items(self, kinds, *options):
        place = {
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}},
            "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}},
        }
        rule = {"to": [place], "ports": [{"port": 53, "protocol": "UDP"}]}
        spec = {"podSelector": {}, "policyTypes": ["Egress"], "egress": [rule]}
        policy = {"metadata": {"name": "dns", "namespace": "ecommerce"}, "spec": spec}
        return [policy] if kinds == "networkpolicies" else []


@pytest.mark.parametrize("address, named, may", [
    ("198.18.0.1", NODE, True), ("198.18.0.2", NODE, False), ("203.0.113.7", "203.0.113.7", False),
])  # fmt: skip
def test_only_the_name_servers_of_the_cluster_are_asked_for_names(
    monkeypatch, address, named, may
):
    monkeypatch.setattr(flow_policies, "name_servers", lambda *of: {"198.18.0.1"})
    events = [event("ADDED", "order-a", "1", "2026-01-01T00:00:00Z", "10.42.0.7")]
    watch = PodWatch(kubectl=None)
    watch._read_events(io.StringIO("".join(json.dumps(one) + "\n" for one in events)))
    policies = flow_policies.FlowPolicies(OnlyNames(), watch)
    sighting = Sighting()
    sighting.add("sale", 1, watch.one("order-a"), None, address)
    assert policies.allow(Edge("order", named, 53, "UDP"), sighting) == may


def test_the_cluster_test_asks_before_it_breaks_anything(monkeypatch):
    monkeypatch.delenv("CLUSTER_COMMAND", raising=False)
    monkeypatch.setenv("NAMESPACE", "shop")
    for value in ("", "ecommerce", "1"):
        monkeypatch.setenv("ERASE", value)
        with pytest.raises(pytest.exit.Exception):
            settings.require_leave_to_break()
    monkeypatch.setenv("ERASE", "shop")
    settings.require_leave_to_break()


@pytest.mark.parametrize("value, rounds", [("", 1), ("0", 1), ("no", 1), ("1", 3)])
def test_full_rounds_are_asked_for(monkeypatch, value, rounds):
    monkeypatch.setenv("FULL", value)
    assert len(settings.rounds()) == rounds


def item(name, uid="1", *, status=None, version="1", **spec):
    metadata = {"name": name, "uid": uid, "resourceVersion": version}
    return {"kind": "Thing", "metadata": metadata, "spec": spec, "status": status}


class Listing:
    """A kubectl that lists the given items."""

    def __init__(self, *items):
        self._items = items

    def run(self, *arguments, **options):
        return "things\nevents\nleases.coordination.k8s.io\nothers.example.com\n"

    def items(self, kinds):
        assert kinds == "things"
        return self._items


def test_what_was_made_changed_or_removed_is_told_and_a_status_is_not():
    before = namespace_state.snapshot(Listing(item("a"), item("b"), item("c", size=1)))
    same = namespace_state.snapshot(
        Listing(item("a", status="ready", version="2"), item("b"), item("c", size=1))
    )
    assert namespace_state.differences(before, same) == []
    other = namespace_state.snapshot(Listing(item("a", uid="2"), item("c", size=2), item("d")))
    assert namespace_state.differences(before, other) == [
        "made: Thing/d", "gone: Thing/b", "changed: Thing/a", "changed: Thing/c",
    ]  # fmt: skip


def event(kind, name, uid, created, address=None):
    return {
        "type": kind,
        "object": {
            "kind": "Pod",
            "metadata": {
                "name": name, "uid": uid, "creationTimestamp": created,
                "labels": {"app.kubernetes.io/name": name.partition("-")[0]},
            },
            "status": {"podIP": address} if address else {},
        },
    }  # fmt: skip


def test_an_address_belongs_to_the_pod_that_was_made_last_before_the_flow():
    events = [
        event("ADDED", "order-a", "1", "2026-01-01T00:00:00Z", "10.42.0.7"),
        event("DELETED", "order-a", "1", "2026-01-01T00:00:00Z", "10.42.0.7"),
        event("ADDED", "redis-0", "2", "2026-01-01T00:10:00Z"),
        event("MODIFIED", "redis-0", "2", "2026-01-01T00:10:00Z", "10.42.0.7"),
    ]
    lines = [json.dumps(events[0]), *(json.dumps(one, indent=4) for one in events[1:])]
    watch = PodWatch(kubectl=None)
    watch._read_events(io.StringIO("\n".join(lines) + "\n"))
    made = 1767225600
    assert watch.owner("10.42.0.7", made + 30).kind == "order"
    assert watch.owner("10.42.0.7", made + 601).kind == "redis"
    assert watch.owner("10.42.0.7", made - 60) is None
    assert [pod.name for pod in watch.pods()] == ["redis-0"]

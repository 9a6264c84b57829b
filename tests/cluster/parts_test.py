"""What the cluster test computes, without a cluster."""

import io
import json

import namespace_state
from failover_watch import Look, first_renewal
from fault_sale import failed_requests
from flow_recorder import Flow, read_flow
from pod_watch import PodWatch

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
    running_out = [("a", "master", 2000), ("a", "master", 1800), ("a", "master", -2)]
    assert first_renewal(looks(*running_out), None) is None
    renewed = looks(*running_out, ("a", "master", 3000))
    assert first_renewal(renewed, None) == renewed[-1]


def test_a_lease_at_the_former_master_or_at_a_replica_is_none():
    former = looks(("a", "master", 100), ("a", "master", 3000))
    assert first_renewal(former, "a") is None
    replica = looks(("b", "slave", 100), ("b", "slave", 3000))
    assert first_renewal(replica, "a") is None
    taken = looks(("a", "master", 100), ("b", "master", -2), ("b", "master", 3000))
    assert first_renewal(taken, "a") == taken[-1]


def test_requests_without_an_answer_or_with_5xx_have_failed(tmp_path):
    log = tmp_path / "log.tsv"
    log.write_text("kind\tstatus\tcode\ntake\t201\t\ntake\t0\t\npay\t503\tbusy\ntake\t409\t\n")
    assert failed_requests(log) == {"0": 1, "503": 1}


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

"""Every flow that the node's connection tracking sees, as pods that talked to pods.

A cluster that doesn't enforce NetworkPolicies can't show that they allow enough. So all that is
really said is written down, and held against the policies afterwards."""

import re
import subprocess
import threading
import time
from collections import Counter
from dataclasses import dataclass, field

from host_processes import own_addresses

from shop import processes
from shop.trouble import Trouble

# All connections of the machine are told of, those of others too. What waits to be read takes
# memory only while it waits.
BUFFER_BYTES = 128 * 1024 * 1024
PRIORITY = "-10"
LOST = "WARNING: We have hit ENOBUFS!"
# What conntrack explains beside that, and what it says of its buffer.
REMARKS = ("NOTICE: ", "This message means", "Please, check")
FIELD = re.compile(r"\b(src|dst|sport|dport)=(\S+)")
PROTOCOL = re.compile(r"\b(tcp|udp|sctp)\b")
NODE = "(node)"
BEFORE = "before"  # what was opened before the recorder was there


@dataclass(frozen=True)
class Flow:
    """From address to address."""

    source: str
    destination: str
    port: int
    protocol: str


@dataclass(frozen=True)
class Edge:
    source: str  # kind of pod, NODE, or the address of somebody else
    destination: str
    port: int
    protocol: str

    def __str__(self):
        return f"{self.source} -> {self.destination}:{self.port}/{self.protocol}"


@dataclass
class Sighting:
    phases: Counter = field(default_factory=Counter)
    ends: list = field(default_factory=list)  # (Pod, Pod), None for who is none; by their labels
    addresses: set = field(default_factory=set)  # where it went

    def add(self, phase, count, source, destination, address):
        self.phases[phase] += count
        self.addresses.add(address)
        labels = (source and source.labels, destination and destination.labels)
        if labels not in [(one and one.labels, other and other.labels) for one, other in self.ends]:
            self.ends.append((source, destination))


def name_of(pod, address, node_addresses):
    if pod:
        return pod.kind
    return NODE if address in node_addresses else address


def read_flow(line):
    """Of a line of conntrack. Whoever opened it is the original direction's source; where it
    really went, behind a Service's address, is the source of the reply's direction."""
    protocol = PROTOCOL.search(line)
    fields = FIELD.findall(line)
    if protocol is None or len(fields) < 8:
        return None
    original, reply = dict(fields[:4]), dict(fields[4:8])
    return Flow(original["src"], reply["src"], int(reply["sport"]), protocol.group(1).upper())


class FlowRecorder:
    def __init__(self, pod_watch):
        self._pods = pod_watch
        self._lock = threading.Lock()
        self._seen = {}  # (flow, phase) -> (first seen, count)
        self._phase = BEFORE
        self._phases = {BEFORE}
        self._process = None
        self._readers = []
        self._complaints = []
        self.losses = 0  # how often events were lost, and made up for

    def start(self):
        self.note_present_flows()
        self._process = subprocess.Popen(
            [
                *("nice", "-n", PRIORITY, "conntrack", "--event", "--event-mask", "NEW"),
                *("--buffer-size", str(BUFFER_BYTES)),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            preexec_fn=processes.die_with_this_process(9),
        )
        self._readers = [
            threading.Thread(target=read, daemon=True)
            for read in (self._read, self._read_complaints)
        ]
        for reader in self._readers:
            reader.start()

    def stop(self):
        if self._process is None:
            return
        self._process.terminate()
        self._process.wait()
        for reader in self._readers:
            reader.join()

    def require_complete(self):
        """Trouble if anything may have been missed since the start."""
        if self._process.poll() is not None or self._complaints:
            said = "".join(self._complaints).strip()
            raise Trouble(f"conntrack did not tell of all flows: {said}")

    def phase(self, name):
        with self._lock:
            self._phase = name
            self._phases.add(name)

    def phases(self):
        """All that have begun."""
        with self._lock:
            return set(self._phases)

    @staticmethod
    def forget(source, destination):
        """The kernel's record of flows between two addresses, before somebody else finds it."""
        command = ["conntrack", "--delete", f"--orig-src={source}", f"--orig-dst={destination}"]
        subprocess.run(command, capture_output=True, check=False)

    def edges(self):
        """{Edge: Sighting}: what had a pod of the namespace at one end or both."""
        with self._lock:
            seen = dict(self._seen)
        node = own_addresses()
        edges = {}
        for (flow, phase), (first_seen, count) in seen.items():
            source = self._pods.owner(flow.source, first_seen)
            destination = self._pods.owner(flow.destination, first_seen)
            if source is None and destination is None:
                continue
            if phase == BEFORE and not (source and destination):
                continue  # its other end may be a pod that is gone, of which nothing is known
            edge = Edge(
                name_of(source, flow.source, node),
                name_of(destination, flow.destination, node),
                flow.port,
                flow.protocol,
            )
            edges.setdefault(edge, Sighting()).add(
                phase, count, source, destination, flow.destination
            )
        return edges

    def note_present_flows(self):
        """Connections that no event has told of: they were opened before the recorder was there,
        or are remembered in spite of a lost event."""
        listed = subprocess.run(
            ["conntrack", "--dump"], capture_output=True, text=True, check=True
        ).stdout
        with self._lock:
            known = {flow for flow, _ in self._seen}
        for line in listed.splitlines():
            self._note(line, without=known)

    def _read(self):
        for line in self._process.stdout:
            self._note(line)

    def _read_complaints(self):
        """Lost events are made up for at once from the kernel's table: it remembers a connection
        for ten seconds at least after its end."""
        for line in self._process.stderr:
            if line.startswith(LOST):
                try:
                    self.note_present_flows()
                    self.losses += 1
                except (OSError, subprocess.SubprocessError) as error:
                    self._complaints.append(f"{line}and no table of connections: {error}\n")
            elif not line.startswith(REMARKS):
                self._complaints.append(line)

    def _note(self, line, without=()):
        flow = read_flow(line)
        if flow is None or flow in without:
            return
        with self._lock:
            key = (flow, self._phase)
            first_seen, count = self._seen.get(key, (time.time(), 0))
            self._seen[key] = (first_seen, count + 1)

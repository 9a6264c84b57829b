"""The edges of infra/k8s/edges.yaml, each called from its caller's own network: through the Service
where the target has one, in the target's own language."""

import json

import host_processes

from manifests.network_edges import EVERY_POD, read_table
from shop.trouble import Trouble

# Runs on the host in the network of the pod. Says what came back; an answer of any kind means
# that the way there and back is good, and that the right server stands at its end.
ASK = r"""
import json, socket, struct, sys

host, port, language, name = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]
SSL_REQUEST = struct.pack("!ii", 8, 80877103)
QUESTIONS = {
    "redis": (b"PING\r\n", (b"-NOAUTH", b"+PONG")),
    "postgres": (SSL_REQUEST, (b"S", b"N")),
    "http": (b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", (b"HTTP/1.1 ",)),
}

def ask_dns():
    labels = b"".join(bytes([len(one)]) + one.encode() for one in name.split("."))
    question = struct.pack("!6H", 7, 0x100, 1, 0, 0, 0) + labels + b"\0" + struct.pack("!2H", 1, 1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as way:
        way.settimeout(3)
        way.sendto(question, (host, port))
        answer = way.recv(4096)
    flags, answers = struct.unpack("!H", answer[2:4])[0], struct.unpack("!H", answer[6:8])[0]
    return flags & 15 == 0 and answers > 0, f"rcode {flags & 15}, {answers} answers"

def ask():
    question, good = QUESTIONS[language]
    with socket.create_connection((host, port), timeout=3) as way:
        way.settimeout(3)
        way.sendall(question)
        answer = way.recv(64)
    return answer.startswith(good), answer.decode("latin-1").split("\r\n")[0]

print(json.dumps(ask_dns() if language == "dns" else ask()))
"""
LANGUAGES = {6379: "redis", 26379: "redis", 5432: "postgres", 8080: "http", 9080: "http", 53: "dns"}


def callable_edges(deployed):
    """(caller, target, port) of the table, both ends of which are `deployed` kinds of pods; the
    resolver's is `dns`. The name of each is the test's."""
    found = []
    for edge in read_table()["edges"]:
        callers = deployed if edge["from"] == EVERY_POD else _each(edge["from"])
        for caller in callers:
            for target in _each(edge["to"]):
                if caller in deployed and (target in deployed or target == "dns"):
                    found.append((caller, target, edge["port"]))
    return found


def call(cluster, caller, target, port):
    """Returns what the target answered; Trouble if it wasn't the right one, or nobody did."""
    pods = cluster.pods.serving(caller)
    if not pods:
        raise Trouble(f"no pod of {caller} is ready")
    pod = pods[0]
    said = []
    for host in _hosts(cluster, pod, target):
        name = f"gateway.{cluster.kubectl.namespace}.svc.cluster.local"
        answer = host_processes.ask_from(pod, ASK, host, port, LANGUAGES[port], name)
        is_good, text = json.loads(answer)
        if not is_good:
            raise Trouble(f"{caller} -> {host}:{port} answered: {text}")
        said.append(text)
    return said


def _hosts(cluster, pod, target):
    """Where a caller goes: the pod's own resolver, the Services that are named after the target or
    after one pod of it, or its pods where there is no such Service."""
    if target == "dns":
        return host_processes.resolvers(pod)[:1]
    services = {
        item["metadata"]["name"]: item["spec"]["clusterIP"]
        for item in cluster.kubectl.items("services")
    }
    pods = [one.name for one in cluster.pods.serving(target)]
    named = [services.get(name, "None") for name in (target, *pods)]
    addresses = [address for address in named if address != "None"]
    return addresses or [one.address for one in cluster.pods.serving(target)]


def _each(value):
    return value if isinstance(value, list) else [value]


ASK_ROLE = r"""
import socket, sys

host, password = sys.argv[1], sys.stdin.readline().strip()
with socket.create_connection((host, 6379), timeout=3) as way:
    way.settimeout(3)
    way.sendall(f"AUTH {password}\r\nROLE\r\n".encode())
    said = b""
    while said.count(b"\r\n") < 4:
        said += way.recv(256)
print(said.decode().split("\r\n")[3])
"""


def role_behind(pod, host, password):
    """What the Redis behind an address says it is; the password goes through standard input."""
    return host_processes.ask_from(pod, ASK_ROLE, host, input=f"{password}\n").strip()


CONNECT = """
import socket, sys
socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=3).close()
"""


def connect(pod, host, port):
    host_processes.ask_from(pod, CONNECT, host, port)

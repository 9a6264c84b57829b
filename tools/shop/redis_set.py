"""The shop's private Redis: a master, two replicas and the three sentinels that watch them."""

import socket

from shop.ports import LOOPBACK
from shop.state_folder import write_private
from shop.trouble import Trouble
from shop.waiting import wait_until

MASTER_NAME = "doorbuster"
NODES = ("redis-1", "redis-2", "redis-3")  # the first one is the master of a fresh shop
SENTINELS = ("sentinel-1", "sentinel-2", "sentinel-3")
QUORUM = 2
DOWN_AFTER_MS = 1500
READY_SECONDS = 30
GRACE_SECONDS = 5
ANSWER_SECONDS = 1.0

# Nothing is saved: Redis holds leases and counters, which are worthless after a restart.
# min-replicas-to-write stays 0: with one replica promoted and the old master dead, a higher number
# would refuse the lease until the other replica has followed. A lost write is harmless here, as
# the fence that decides comes from PostgreSQL.
NODE_SETTINGS = """\
bind 127.0.0.1
port {port}
dir {folder}
requirepass {password}
masterauth {password}
save ""
appendonly no
min-replicas-to-write 0
repl-diskless-sync-delay 0
replica-announce-ip 127.0.0.1
maxmemory 64mb
maxmemory-policy noeviction
{replica_of}
"""

SENTINEL_SETTINGS = """\
bind 127.0.0.1
port {port}
dir {folder}
sentinel monitor {master_name} 127.0.0.1 {master_port} {quorum}
sentinel auth-pass {master_name} {password}
sentinel down-after-milliseconds {master_name} {down_after_ms}
sentinel failover-timeout {master_name} 5000
sentinel parallel-syncs {master_name} 1
"""


class RedisSet:
    """`node_ports` and `sentinel_ports` in the order of NODES and SENTINELS."""

    def __init__(self, state, launcher, node_ports, sentinel_ports):
        self._state = state
        self._launcher = launcher
        self.node_ports = dict(zip(NODES, node_ports))
        self.sentinel_ports = dict(zip(SENTINELS, sentinel_ports))
        self._password = state.secret("redis-password")

    def start_nodes(self):
        """From scratch each time: who was whose replica in a former run no longer matters."""
        master_port = self.node_ports[NODES[0]]
        for name, port in self.node_ports.items():
            self._start_node(name, port, None if port == master_port else master_port)

    def start_sentinels(self):
        """After the replicas have joined: a sentinel asks a master for its replicas once when it
        meets it, and then only every ten seconds."""
        master_port = self.node_ports[NODES[0]]
        wait_until(
            lambda: self._replicas_joined(master_port),
            READY_SECONDS,
            what="both replicas have joined the master",
            log=self._state.log(NODES[0]),
            still_running=lambda: self._launcher.is_alive(NODES[0]),
        )
        for name, port in self.sentinel_ports.items():
            settings = SENTINEL_SETTINGS.format(
                port=port,
                folder=self._state.redis,
                master_name=MASTER_NAME,
                master_port=master_port,
                quorum=QUORUM,
                password=self._password,
                down_after_ms=DOWN_AFTER_MS,
            )
            self._start(name, "redis-sentinel", settings)

    def wait_ready(self):
        """Until each sentinel knows both replicas and both other sentinels: a failover before
        that may find nobody to promote, or no majority."""
        for name in SENTINELS:
            wait_until(
                lambda: self._knows_everybody(self.sentinel_ports[name]),
                READY_SECONDS,
                what=f"{name} knows the replicas and the other sentinels",
                log=self._state.log(name),
                still_running=lambda: self._launcher.is_alive(name),
            )

    def start_one(self, name):
        """Again, after it died: a node follows the present master, a sentinel knows from its
        file, which it keeps up to date, whom it watches."""
        if name in self.sentinel_ports:
            command = ["redis-sentinel", self._state.redis / f"{name}.conf"]
            self._launcher.start(name, command, log=self._state.log(name), environment={})
        else:
            self._start_node(name, self.node_ports[name], self.master_port())

    def sentinel_addresses(self):
        return ",".join(f"{LOOPBACK}:{port}" for port in self.sentinel_ports.values())

    def first_address(self):
        return f"{LOOPBACK}:{self.node_ports[NODES[0]]}"

    def master_port(self):
        """Where the sentinels say the master is; None while none of them answers."""
        for port in self.sentinel_ports.values():
            try:
                command = ("SENTINEL", "GET-MASTER-ADDR-BY-NAME", MASTER_NAME)
                address = ask(port, None, *command)
            except OSError:
                continue
            if address:
                return int(address[1])
        return None

    def node_at(self, port):
        return next(name for name, its_port in self.node_ports.items() if its_port == port)

    def ask_node(self, port, *command):
        return ask(port, self._password, *command)

    def stop(self):
        self._launcher.stop([*SENTINELS, *NODES], grace_seconds=GRACE_SECONDS)

    def _start_node(self, name, port, master_port):
        settings = NODE_SETTINGS.format(
            port=port,
            folder=self._state.redis,
            password=self._password,
            replica_of=f"replicaof {LOOPBACK} {master_port}" if master_port else "",
        )
        self._start(name, "redis-server", settings)

    def _start(self, name, program, settings):
        file = self._state.redis / f"{name}.conf"
        write_private(file, settings)
        command = [program, file]
        self._launcher.start(name, command, log=self._state.log(name), environment={})

    def _replicas_joined(self, master_port):
        try:
            answer = self.ask_node(master_port, "ROLE")
        except OSError:
            return False
        return answer[0] == "master" and len(answer[2]) == len(NODES) - 1

    def _knows_everybody(self, sentinel_port):
        try:
            answer = ask(sentinel_port, None, "SENTINEL", "MASTER", MASTER_NAME)
        except OSError:
            return False
        facts = dict(zip(answer[::2], answer[1::2]))
        return (
            facts.get("flags") == "master"
            and facts.get("num-slaves") == str(len(NODES) - 1)
            and facts.get("num-other-sentinels") == str(len(SENTINELS) - 1)
        )


def ask(port, password, *command):
    """One command to a Redis or a sentinel on a connection of its own; OSError without an
    answer. Returns text, numbers, None and lists of these."""
    with socket.create_connection((LOOPBACK, port), ANSWER_SECONDS) as connection:
        stream = connection.makefile("rwb")
        if password:
            _send(stream, ("AUTH", password))
            _receive(stream)
        _send(stream, command)
        return _receive(stream)


def _send(stream, command):
    parts = [str(part).encode() for part in command]
    stream.write(b"*%d\r\n" % len(parts))
    for part in parts:
        stream.write(b"$%d\r\n%b\r\n" % (len(part), part))
    stream.flush()


def _receive(stream):
    line = stream.readline()
    if not line.endswith(b"\r\n"):
        raise ConnectionError("Redis closed the connection")
    kind, rest = line[:1], line[1:-2].decode()
    if kind == b"-":
        if rest.startswith(("LOADING", "MASTERDOWN")):
            raise ConnectionError(rest)
        raise Trouble(f"Redis refused a command: {rest}")
    if kind == b":":
        return int(rest)
    if kind == b"$":
        return None if rest == "-1" else stream.read(int(rest) + 2)[:-2].decode(errors="replace")
    if kind == b"*":
        return None if rest == "-1" else [_receive(stream) for _ in range(int(rest))]
    return rest

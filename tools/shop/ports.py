"""Which ports a shop listens on."""

import errno
import random
import socket
from pathlib import Path

from shop.trouble import Trouble

LOOPBACK = "127.0.0.1"
LOWEST = 10000


def is_free(port):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
            return True
        except OSError as error:
            if error.errno in (errno.EADDRINUSE, errno.EACCES):
                return False
            raise


def random_free(count):
    """Free ports below those that the kernel gives to outgoing connections: a crowd opens
    thousands of these, and a server must find its port free again after a restart."""
    first_outgoing = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    candidates = list(range(LOWEST, max(first_outgoing, LOWEST + 5000)))
    random.shuffle(candidates)
    chosen = []
    for port in candidates:
        if is_free(port):
            chosen.append(port)
        if len(chosen) == count:
            return chosen
    raise Trouble(f"no {count} free ports on {LOOPBACK}")


def require_free(ports, how_to_choose):
    taken = [port for port in ports if not is_free(port)]
    if taken:
        listed = ", ".join(str(port) for port in taken)
        raise Trouble(f"taken on {LOOPBACK}: {listed}. {how_to_choose}")

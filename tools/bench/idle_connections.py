"""Many connections that nobody uses: what they cost the gateway."""

import resource
import socket

from bench import memory, wrk
from shop.ports import LOOPBACK
from shop.trouble import Trouble

WANTED = 10_000
ANSWER_SECONDS = 10
# Of the files that a process may have open, so many are for everything else: at the gateway its
# connections to the rooms, and the customers who go on buying.
OTHER_FILES = 3_000
UNITS = 400_000
BUYERS = 200
SALE_SECONDS = 2
REQUEST = b"GET /api/v1/echo HTTP/1.1\r\nHost: shop\r\n\r\n"


def possible():
    """As many as are wanted, or as many as this process and the gateway may hold."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return WANTED if hard == resource.RLIM_INFINITY else max(0, min(WANTED, hard - OTHER_FILES))


def measure_idle(bench, numbers):
    """At a gateway of its own: what other connections left behind would serve these."""
    count = possible()
    bench.start_gateway("gateway-idle", CONNECTIONS_MAX=str(count + OTHER_FILES))
    try:
        port = bench.port("gateway-idle")
        wrk.run(port, "/api/v1/echo", seconds=wrk.WARM_SECONDS)
        sale = bench.open_sale(UNITS)
        pid = bench.shop.launcher.pid("gateway-idle")
        before = memory.resident_mib(pid)
        idle = IdleConnections(port, count)
        try:
            grown = memory.resident_mib(pid) - before
            options = ("--connections", BUYERS, "--duration-s", SALE_SECONDS)
            report = bench.crowd(
                sale, *options, "--purchases-per-customer", 0, at="gateway-idle"
            )
            bench.require_all_sold(sale, report)
            lost = count - idle.still_open()
            if lost or not idle.still_answer(every=100):
                raise Trouble(f"{lost} of {count} idle connections were lost in a sale")
        finally:
            idle.close()
    finally:
        bench.stop_rooms(["gateway-idle"])
    numbers.add("idle.connections", count)
    numbers.add("idle.rss_mib", grown * WANTED / count)
    numbers.add("idle.sale_purchases_per_s", report["purchases"]["per_second"])


class IdleConnections:
    """Each has had one answer and is kept, as a browser keeps it. Must be closed."""

    def __init__(self, port, count):
        self._open = []
        try:
            for _ in range(count):
                self._open.append(_used_once(port))
        except OSError as error:
            self.close()
            raise Trouble(f"no {count} connections to the gateway: {error}") from None

    def __len__(self):
        return len(self._open)

    def still_open(self):
        return sum(_is_open(connection) for connection in self._open)

    def still_answer(self, every):
        """Whether each `every`th of them is served as on its first day."""
        return all(_is_answered(connection) for connection in self._open[::every])

    def close(self):
        for connection in self._open:
            connection.close()


def _used_once(port):
    connection = socket.create_connection((LOOPBACK, port), ANSWER_SECONDS)
    if not _is_answered(connection):
        connection.close()
        raise ConnectionError("a new connection was not served")
    return connection


def _is_answered(connection):
    connection.setblocking(True)
    connection.settimeout(ANSWER_SECONDS)
    try:
        connection.sendall(REQUEST)
        return connection.recv(65536).startswith(b"HTTP/1.1 200 ")
    except OSError:
        return False


def _is_open(connection):
    connection.setblocking(False)
    try:
        return connection.recv(1, socket.MSG_PEEK) != b""
    except BlockingIOError:
        return True
    except OSError:
        return False

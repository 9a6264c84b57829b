"""What it is like inside while somebody storms the shop: each room's answers to its probes, an
administrator's requests, and memory."""

from bench import figures, memory
from bench.probes import Probe, Prober
from shop.rooms import ROOMS

HEALTH_PATHS = ("/livez", "/readyz")


class Watch:
    """Open it (`with`) around the storm; read it afterwards. Asks from as many threads as there are
    probes, so the storm itself has to come from another process."""

    def __init__(self, shop, admin_token, sale):
        rooms = shop.rooms
        self._pids = {name: shop.launcher.pid(name) for name in ROOMS}
        self._health = [
            Probe(name, rooms.ports[name].health, path) for name in ROOMS for path in HEALTH_PATHS
        ]
        audit = f"/api/v1/flash-sales/{sale}/audit"
        self._admin = [Probe("admin", rooms.ports["gateway"].serving, audit, admin_token)]
        self._prober = Prober([*self._health, *self._admin])
        self._before = {}
        self.growth_mib = {}  # by room: its peak above what it had before

    def __enter__(self):
        self._before = {name: memory.resident_mib(pid) for name, pid in self._pids.items()}
        for pid in self._pids.values():
            memory.forget_peak(pid)
        self._prober.__enter__()
        return self

    def __exit__(self, *reason):
        self._prober.__exit__(*reason)
        self.growth_mib = {
            name: memory.peak_mib(pid) - self._before[name] for name, pid in self._pids.items()
        }

    @property
    def most_growth_mib(self):
        return max(self.growth_mib.values())

    @property
    def health_p99_ms(self):
        return _p99(self._health)

    @property
    def admin_p99_ms(self):
        return _p99(self._admin)

    @property
    def failures(self):
        return [failure for probe in self._prober.probes for failure in probe.failures]


def _p99(probes):
    return figures.percentile([ms for probe in probes for ms in probe.milliseconds], 0.99)

"""CPU time by tier, so that a figure says what it cost and where."""

from shop.processes import cpu_seconds
from shop.redis_set import NODES, SENTINELS

TIERS = {
    "gateway": ("gateway",),
    "order, both pods": ("order-1", "order-2"),
    "auth": ("auth",),
    "product": ("product",),
    "echo": ("echo",),
    "payment": ("payment",),
    "PostgreSQL": ("postgres",),
    "Redis and sentinels": (*NODES, *SENTINELS),
}


class TierMeter:
    """Remembers what each process had used when it was last read, for those that die."""

    def __init__(self, launcher):
        self._launcher = launcher
        self._last_seen = {}

    def read(self):
        """Seconds of CPU time by tier since the processes were started."""
        for names in TIERS.values():
            for name in names:
                if self._launcher.is_alive(name):
                    self._last_seen[name] = cpu_seconds(self._launcher.pid(name))
        return {
            tier: sum(self._last_seen.get(name, 0.0) for name in names)
            for tier, names in TIERS.items()
        }


def spent(before, after):
    return {tier: after[tier] - before[tier] for tier in after}

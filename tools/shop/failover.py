"""Kills the Redis master and watches the shop find the new one."""

import time
from dataclasses import dataclass

from shop.trouble import Trouble

POLL_SECONDS = 0.02


@dataclass(frozen=True)
class Failover:
    old_master: str
    new_master: str
    seconds_to_elect: float  # until the sentinels name another master
    seconds_to_use: float  # until an order pod has renewed or taken the sale's lease there


def kill_master(redis, launcher, sale, *, limit_seconds):
    """Returns when the new master is in use; Trouble after `limit_seconds`."""
    old_port = redis.master_port()
    old_name = redis.node_at(old_port)
    launcher.kill(old_name)
    killed = time.monotonic()
    deadline = killed + limit_seconds
    while (new_port := redis.master_port()) in (None, old_port):
        _pause(deadline, "the sentinels named no new master")
    elected = time.monotonic()
    _wait_for_fresh_lease(redis, new_port, sale, deadline)
    return Failover(
        old_master=old_name,
        new_master=redis.node_at(new_port),
        seconds_to_elect=elected - killed,
        seconds_to_use=time.monotonic() - killed,
    )


def _wait_for_fresh_lease(redis, port, sale, deadline):
    """The lease's remaining time only ever shrinks unless a pod renews or takes it, which works
    on a master alone: when it has grown, the new master is in use."""
    shortest = None
    while True:
        remaining = _lease_remaining_ms(redis, port, sale)
        if remaining is not None:
            if shortest is not None and remaining > shortest:
                return
            shortest = remaining
        _pause(deadline, "no order pod used the new master")


def _lease_remaining_ms(redis, port, sale):
    """0 without a lease; None while the node doesn't answer as a master."""
    try:
        if redis.ask_node(port, "ROLE")[0] != "master":
            return None
        keys = redis.ask_node(port, "KEYS", f"*{sale}*")
        return max([redis.ask_node(port, "PTTL", key) for key in keys] + [0])
    except OSError:
        return None


def _pause(deadline, complaint):
    if time.monotonic() > deadline:
        raise Trouble(f"{complaint} in time")
    time.sleep(POLL_SECONDS)

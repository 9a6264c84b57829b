"""Whether the shop uses Redis, as a sentinel's pod sees it: the master that the sentinels name,
what that one says of itself, which run of Redis it is, and how long a sale's lease has to live."""

import subprocess
import threading
import time
from dataclasses import dataclass

from shop.trouble import Trouble

# One look a line: role, run and milliseconds that the lease still has (-2: none) at the master.
# The shell runs in the pod, because a kubectl for each look would cost more than the shop does.
LOOK_AGAIN_AND_AGAIN = r"""
export REDISCLI_AUTH="$(cat /run/secrets/common/sentinel-password)"
redis_password="$(cat /run/secrets/common/redis-password)"
while :; do
    master=$(redis-cli -t 1 -p 26379 SENTINEL get-master-addr-by-name doorbuster 2>/dev/null \
        | head -n 1)
    printf 'ROLE\nPTTL doorbuster:{sale:%s}:lease\nINFO server\n' "$1" \
        | REDISCLI_AUTH="$redis_password" timeout 1 redis-cli -h "${master:-127.0.0.1}" \
            2>/dev/null \
        | awk '{ gsub(/\r/, "") }
               NR == 1 { role = $0 }
               /^# Server/ { lease = former }
               /^run_id:/ { run = substr($0, 8) }
               { former = $0 }
               END { print role, run, lease }'
    sleep 0.2
done
"""


@dataclass(frozen=True)
class Look:
    at: float  # time.monotonic()
    role: str
    run: str  # of this start of this Redis: after a restart it is another
    lease_ms: int


class FailoverWatch:
    """`with FailoverWatch(kubectl, "redis-sentinel-0", sale) as watch: ...`"""

    def __init__(self, kubectl, sentinel_pod, sale):
        self._kubectl = kubectl
        self._pod = sentinel_pod
        self._sale = sale
        self._changed = threading.Condition()
        self._looks = []
        self._process = None
        self._reader = None

    def __enter__(self):
        self._process = self._kubectl.start(
            "exec", self._pod, "--", "sh", "-c", LOOK_AGAIN_AND_AGAIN, "look", self._sale,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        return self

    def __exit__(self, kind, error, trace):
        self._process.kill()
        self._process.wait()
        self._reader.join()

    def wait_for_renewal(self, seconds, *, not_by=(), after=0.0):
        """Until an order pod has taken or renewed the sale's lease: its remaining time has grown,
        which works at a master alone. `not_by`: runs of Redis that don't count, as they are to die.
        Returns the Look that showed it."""
        deadline = time.monotonic() + seconds
        with self._changed:
            while True:
                looks = [look for look in self._looks if look.at >= after]
                found = first_renewal(looks, not_by)
                if found:
                    return found
                left = deadline - time.monotonic()
                if left <= 0:
                    raise Trouble(
                        f"no order pod used a Redis master within {seconds} s;"
                        f" the last looks: {self._looks[-3:]}"
                    )
                self._changed.wait(left)

    def _read(self):
        for line in self._process.stdout:
            words = line.split()
            if len(words) != 3 or not words[2].lstrip("-").isdigit():
                continue
            with self._changed:
                self._looks.append(Look(time.monotonic(), words[0], words[1], int(words[2])))
                self._changed.notify_all()


def first_renewal(looks, not_by):
    """The first look at which a lease had longer to live than at a former one of the same run."""
    shortest = {}
    for look in looks:
        if look.role != "master" or look.run in not_by:
            continue
        known = shortest.get(look.run)
        if known is not None and look.lease_ms > max(known, 0):
            return look
        shortest[look.run] = look.lease_ms if known is None else min(known, look.lease_ms)
    return None

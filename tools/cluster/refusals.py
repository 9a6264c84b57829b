"""Pods that admission or a quota doesn't let come to be: only an event tells."""

import time

from cluster.evidence import time_of_event

ASK_EVERY_SECONDS = 5
# Whatever is put right meanwhile, as a new namespace's account, is tried again within seconds.
LASTING_SECONDS = 15


class Refusals:
    """What was refused since this was made. By the events that were there already, not by the
    time: the cluster's clock may be another."""

    def __init__(self, kubectl, clock=time.monotonic):
        self._kubectl = kubectl
        self._clock = clock
        self._first_seen = {}
        self._events, self._asked = self._read(), clock()
        self._former = {mark_of(event) for event in self._events}

    def latest_of(self, standing):
        """Empty if no pod of it was refused."""
        if self._clock() - self._asked > ASK_EVERY_SECONDS:
            self._events, self._asked = self._read(), self._clock()
        for event in reversed(self._events):
            is_about = event["involvedObject"].get("uid") == standing.maker
            if standing.maker and is_about and mark_of(event) not in self._former:
                return event["message"]
        return ""

    def lasting_of(self, standing):
        """The same, once it has had no pod at all for a while."""
        said = "" if standing.pods else self.latest_of(standing)
        if not said:
            self._first_seen.pop(standing.name, None)
            return ""
        first = self._first_seen.setdefault(standing.name, self._clock())
        return said if self._clock() - first >= LASTING_SECONDS else ""

    def _read(self):
        found = self._kubectl.items("events", "--field-selector=reason=FailedCreate")
        return sorted(found, key=time_of_event)


def mark_of(event):
    """An event that happens again is the same object, counted on."""
    times = (event.get("series") or {}).get("count") or event.get("count")
    return event["metadata"].get("uid"), times, time_of_event(event)

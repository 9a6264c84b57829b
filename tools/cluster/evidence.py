"""What the cluster knows of a pod beyond its status: events, its log, what a room itself says."""

import datetime
import time
import urllib.error
import urllib.request

from cluster.pod_trouble import PodTrouble, pod_trouble
from cluster.port_forward import PortForward
from shop.ports import LOOPBACK
from shop.trouble import Trouble

ASK_EVERY_SECONDS = 5
ANSWER_SECONDS = 3
LOG_LINES = 12
HEALTH_PORT = 9080
ROOM = ("app.kubernetes.io/component", "room")


class Evidence:
    """Asks seldom, and only about pods that have been there for a while: most are just young."""

    def __init__(self, kubectl):
        self._kubectl = kubectl
        self._known = {}

    def trouble_of(self, pod):
        """A PodTrouble, or None for a pod that is as it should be."""
        age = age_seconds(pod["metadata"]["creationTimestamp"])
        is_young = age < ASK_EVERY_SECONDS
        trouble = pod_trouble(pod, [] if is_young else self._events(pod), age)
        if trouble and not trouble.final and not trouble.crashed and not is_young:
            said = self._readiness(pod)
            return PodTrouble(said) if said else trouble
        return trouble

    def log_of(self, pod):
        """The end of it, of the container that crashed last if one did; begins a new line."""
        for which in (["--previous"], []):
            done = self._kubectl.attempt("logs", name_of(pod), f"--tail={LOG_LINES}", *which)
            if done.returncode == 0 and done.stdout.strip():
                lines = "\n".join(f"    {line}" for line in done.stdout.splitlines())
                return f"\n  the end of its log:\n{lines}"
        return ""

    def _events(self, pod):
        return self._now_and_then(("events", uid_of(pod)), lambda: self._read_events(pod))

    def _read_events(self, pod):
        chosen = f"--field-selector=involvedObject.uid={uid_of(pod)}"
        return sorted(self._kubectl.items("events", chosen), key=time_of_event)

    def _readiness(self, pod):
        """What a room says about itself, which its probe doesn't pass on."""
        is_room = pod["metadata"].get("labels", {}).get(ROOM[0]) == ROOM[1]
        statuses = pod.get("status", {}).get("containerStatuses", ())
        if not is_room or not any("running" in one.get("state", {}) for one in statuses):
            return ""
        return self._now_and_then(("ready", uid_of(pod)), lambda: self._ask_readiness(pod))

    def _ask_readiness(self, pod):
        try:
            with PortForward(self._kubectl, f"pod/{name_of(pod)}", HEALTH_PORT) as way:
                url = f"http://{LOOPBACK}:{way.port}/readyz"
                urllib.request.urlopen(url, timeout=ANSWER_SECONDS).close()
        except urllib.error.HTTPError as error:
            return error.read().decode(errors="replace").strip()
        except (Trouble, OSError):
            return ""
        return ""

    def _now_and_then(self, key, ask):
        when, said = self._known.get(key, (0.0, None))
        if said is None or time.monotonic() - when > ASK_EVERY_SECONDS:
            said = ask()
            self._known[key] = (time.monotonic(), said)
        return said


def name_of(pod):
    return pod["metadata"]["name"]


def uid_of(pod):
    return pod["metadata"]["uid"]


def time_of_event(event):
    times = (event.get("lastTimestamp"), event.get("eventTime"))
    return next((one for one in times if one), event["metadata"]["creationTimestamp"])


def age_seconds(timestamp):
    then = datetime.datetime.fromisoformat(timestamp.replace("Z", "+00:00"))
    return (datetime.datetime.now(datetime.timezone.utc) - then).total_seconds()

"""The pods of the namespace as the cluster reports them: who is there now, and who had an address
when. Fed by one `kubectl get --watch`, so that waiting costs nothing and notices at once."""

import json
import subprocess
import threading
import time
from dataclasses import dataclass
from datetime import datetime

from shop.trouble import Trouble

RESTART_SECONDS = 0.5
KIND_LABEL = "app.kubernetes.io/name"


@dataclass(frozen=True)
class Pod:
    name: str
    uid: str
    kind: str  # the label app.kubernetes.io/name: order, redis, ...
    labels: dict
    address: str | None
    created: float  # Unix time
    is_ready: bool
    is_ending: bool
    is_finished: bool  # a Job's pod that has done its work
    phase: str
    waiting_for: tuple  # reasons of containers that wait: ImagePullBackOff, ...
    container_ids: tuple

    @classmethod
    def read(cls, item):
        metadata, status = item["metadata"], item.get("status", {})
        labels = metadata.get("labels", {})
        containers = status.get("containerStatuses", [])
        conditions = {one["type"]: one["status"] for one in status.get("conditions", [])}
        return cls(
            name=metadata["name"],
            uid=metadata["uid"],
            kind=labels.get(KIND_LABEL, ""),
            labels=labels,
            address=status.get("podIP"),
            created=unix_time(metadata["creationTimestamp"]),
            is_ready=conditions.get("Ready") == "True",
            is_ending="deletionTimestamp" in metadata,
            is_finished=status.get("phase") in ("Succeeded", "Failed"),
            phase=status.get("phase", ""),
            waiting_for=tuple(
                one["state"]["waiting"].get("reason", "")
                for one in containers
                if "waiting" in one.get("state", {})
            ),
            container_ids=tuple(
                one["containerID"].rpartition("/")[2]
                for one in containers
                if one.get("containerID")
            ),
        )

    def is_serving(self):
        return self.is_ready and not self.is_ending


def unix_time(timestamp):
    return datetime.fromisoformat(timestamp.replace("Z", "+00:00")).timestamp()


class PodWatch:
    def __init__(self, kubectl):
        self._kubectl = kubectl
        self._changed = threading.Condition()
        self._pods = {}
        self._seen = {}  # by uid: the last known state of each pod that ever was
        self._process = None
        self._stopping = False
        self._thread = threading.Thread(target=self._follow, daemon=True)

    def start(self):
        self._thread.start()

    def stop(self):
        self._stopping = True
        if self._process:
            self._process.kill()
        self._thread.join()

    # -- who is there ----------------------------------------------------------------------------

    def pods(self, kind=None):
        with self._changed:
            return self._select(kind)

    def serving(self, kind):
        return [pod for pod in self.pods(kind) if pod.is_serving()]

    def one(self, name):
        """The present pod of that name; None between two of them."""
        return next((pod for pod in self.pods() if pod.name == name), None)

    def wait(self, condition, seconds, what):
        """Waits until `condition(pods)` of all present pods; returns what it returned."""
        deadline = time.monotonic() + seconds
        with self._changed:
            while not (met := condition(self._select(None))):
                left = deadline - time.monotonic()
                if left <= 0:
                    raise Trouble(f"{seconds} s were not enough for: {what}; {self._summary()}")
                self._changed.wait(left)
            return met

    def wait_serving(self, kind, count, seconds=60, *, without=()):
        """Waits for `count` ready pods, none of which has a uid of `without`."""

        def enough(pods):
            good = [pod for pod in pods if pod.kind == kind and pod.is_serving()]
            return len([pod for pod in good if pod.uid not in without]) >= count

        self.wait(enough, seconds, f"{count} pods of {kind} are ready")

    def wait_gone(self, uids, seconds=60):
        gone = set(uids)
        self.wait(
            lambda pods: not gone & {pod.uid for pod in pods}, seconds, "deleted pods are gone"
        )

    # -- who had an address ----------------------------------------------------------------------

    def owner(self, address, at):
        """The pod that had `address` at Unix time `at`. A pod's address is reported only after it
        may already have talked, so its creation counts and not the report."""
        with self._changed:
            owners = [
                pod
                for pod in self._seen.values()
                if pod.address == address and pod.created <= at + 1
            ]
        return max(owners, key=lambda pod: pod.created, default=None)

    # -- machinery -------------------------------------------------------------------------------

    def _select(self, kind):
        return [pod for pod in self._pods.values() if kind is None or pod.kind == kind]

    def _summary(self):
        def state(pod):
            words = [pod.phase, *pod.waiting_for]
            words += ["ready"] * pod.is_ready + ["ending"] * pod.is_ending
            return f"{pod.name} ({', '.join(words)})"

        return "pods: " + "; ".join(state(pod) for pod in self._select(None))

    def _follow(self):
        while not self._stopping:
            command = ["get", "pods", "--watch", "--output-watch-events", "--output=json"]
            self._process = self._kubectl.start(
                *command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
            )
            try:
                self._forget_the_gone()
                self._read_events(self._process.stdout)
            finally:
                self._process.kill()
                self._process.wait()
            time.sleep(RESTART_SECONDS)

    def _forget_the_gone(self):
        """What was deleted between two watches is told by neither. Called while the new one runs,
        which tells of every pod that comes after this list."""
        if not self._pods:
            return
        try:
            there = {item["metadata"]["uid"] for item in self._kubectl.items("pods")}
        except Trouble:
            return
        with self._changed:
            self._pods = {uid: pod for uid, pod in self._pods.items() if uid in there}
            self._changed.notify_all()

    def _read_events(self, stream):
        decoder = json.JSONDecoder()
        text = ""
        for line in stream:
            text += line
            if line.rstrip("\n") != "}" and not line.startswith("{"):
                continue
            while text.strip():
                try:
                    event, end = decoder.raw_decode(text.lstrip())
                except ValueError:
                    break
                text = text.lstrip()[end:]
                self._take(event)

    def _take(self, event):
        item = event["object"]
        if item.get("kind") != "Pod":
            return
        pod = Pod.read(item)
        with self._changed:
            if event["type"] == "DELETED":
                self._pods.pop(pod.uid, None)
            else:
                self._pods[pod.uid] = pod
            known = self._seen.get(pod.uid)
            if pod.address or known is None:
                self._seen[pod.uid] = pod
            self._changed.notify_all()

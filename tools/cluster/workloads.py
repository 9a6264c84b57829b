"""What runs in the namespace at one moment, and what of it isn't as it should be."""

from dataclasses import dataclass

from cluster.pod_trouble import container_statuses, has_condition

KINDS = "deployments,statefulsets,jobs,replicasets,pods,horizontalpodautoscalers"
REVISION = "deployment.kubernetes.io/revision"
DATABASE = {"app.kubernetes.io/name": "postgres"}
# A migration may be cut off by an update of the database itself; it is then tried again.
FAILURES_TOLERATED = 1
BROKEN = (
    "CrashLoopBackOff",
    "CreateContainerConfigError",
    "CreateContainerError",
    "ErrImageNeverPull",
    "ErrImagePull",
    "ImagePullBackOff",
    "InvalidImageName",
    "RunContainerError",
)


@dataclass(frozen=True)
class Standing:
    """A workload that isn't done: `pods` are those it is waited for, `maker` the uid of the
    object that makes them."""

    name: str
    text: str
    pods: tuple = ()
    failed: str = ""
    maker: str = ""


class Workloads:
    def __init__(self, objects):
        self._objects = objects

    @classmethod
    def read(cls, kubectl):
        return cls(kubectl.items(KINDS))

    def of_kind(self, kind):
        return [one for one in self._objects if one["kind"] == kind]

    def find(self, kind, name):
        found = [one for one in self.of_kind(kind) if one["metadata"]["name"] == name]
        return found[0] if found else None

    def unfinished(self, names):
        """Of the workloads (kind, name) those that aren't as their manifests say."""
        standings = (self._standing(kind, name) for kind, name in names)
        return [one for one in standings if one is not None]

    def below_minimum(self):
        """Deployments that their autoscaler would enlarge when it gets to it: (name, pods)."""
        for scaler in self.of_kind("HorizontalPodAutoscaler"):
            target = scaler["spec"]["scaleTargetRef"]
            least = scaler["spec"].get("minReplicas", 1)
            deployment = self.find(target["kind"], target["name"])
            if deployment and 0 < deployment["spec"].get("replicas", 1) < least:
                yield target["name"], least

    def broken_pods(self):
        """Pods that are only retried every few minutes by now, whatever was put right since."""
        for pod in self.of_kind("Pod"):
            states = [one.get("state", {}).get("waiting") or {} for one in container_statuses(pod)]
            owned = pod["metadata"].get("ownerReferences")
            if owned and any(state.get("reason") in BROKEN for state in states):
                yield pod

    def pods_of(self, owner):
        identity = owner["metadata"]["uid"]
        return [
            pod
            for pod in self.of_kind("Pod")
            if not pod["metadata"].get("deletionTimestamp")
            and any(
                one["uid"] == identity for one in pod["metadata"].get("ownerReferences") or ()
            )
        ]

    def _standing(self, kind, name):
        found = self.find(kind, name)
        if found is None:
            return Standing(name, "isn't there yet")
        if kind == "Deployment":
            return self._deployment(found)
        if kind == "StatefulSet":
            return self._stateful_set(found)
        return self._job(found)

    def _deployment(self, one):
        wanted = one["spec"].get("replicas", 1)
        status = one.get("status", {})
        is_seen = status.get("observedGeneration", 0) >= one["metadata"]["generation"]
        new = status.get("updatedReplicas", 0)
        available = status.get("availableReplicas", 0)
        if is_seen and new == wanted == available == status.get("replicas", 0):
            return None
        newest = self._newest_replica_set(one) if is_seen else None
        pods = tuple(self.pods_of(newest)) if newest else ()
        ready = sum(has_condition(pod, "Ready", "True") for pod in pods)
        text = f"{min(ready, wanted)} of {wanted} ready"
        if ready >= wanted and is_seen:
            text = "former pods end"
        maker = newest["metadata"]["uid"] if newest else ""
        return Standing(one["metadata"]["name"], text, pods, maker=maker)

    def _newest_replica_set(self, deployment):
        revision = deployment["metadata"].get("annotations", {}).get(REVISION)
        for one in self.of_kind("ReplicaSet"):
            owners = one["metadata"].get("ownerReferences") or ()
            is_owned = any(owner["uid"] == deployment["metadata"]["uid"] for owner in owners)
            if is_owned and one["metadata"]["annotations"].get(REVISION) == revision:
                return one
        return None

    def _stateful_set(self, one):
        wanted = one["spec"].get("replicas", 1)
        status = one.get("status", {})
        is_seen = status.get("observedGeneration", 0) >= one["metadata"]["generation"]
        newest = status.get("updateRevision")
        pods = tuple(
            pod
            for pod in self.pods_of(one)
            if pod["metadata"].get("labels", {}).get("controller-revision-hash") == newest
        )
        ready = sum(has_condition(pod, "Ready", "True") for pod in pods)
        if is_seen and ready == wanted == status.get("readyReplicas", 0):
            return None
        text = f"{ready} of {wanted} ready"
        return Standing(one["metadata"]["name"], text, pods, maker=one["metadata"]["uid"])

    def _job(self, one):
        if has_condition(one, "Complete", "True"):
            return None
        name = one["metadata"]["name"]
        pods = tuple(sorted(self.pods_of(one), key=lambda it: it["metadata"]["creationTimestamp"]))
        status = one.get("status", {})
        if has_condition(one, "Failed", "True"):
            reasons = [each for each in status["conditions"] if each["type"] == "Failed"]
            return Standing(name, "failed", pods, reasons[0].get("message", "it failed"))
        failures = self._failures_with_database(pods)
        if failures > FAILURES_TOLERATED:
            return Standing(name, "fails", pods, f"{failures} of its pods failed")
        text = "runs" if status.get("active") else "starts"
        return Standing(name, text, pods, maker=one["metadata"]["uid"])

    def _failures_with_database(self, pods):
        """Before the database is ready it isn't a migration's fault that it fails: on a first
        deployment its image may take longer to come. Where an operator makes the database's pods,
        none counts, and the Job's own limit decides."""
        ready_since = min(
            (
                each["lastTransitionTime"]
                for pod in self.of_kind("Pod")
                if DATABASE.items() <= pod["metadata"].get("labels", {}).items()
                for each in pod.get("status", {}).get("conditions") or ()
                if each["type"] == "Ready" and each["status"] == "True"
            ),
            default=None,
        )
        if ready_since is None:
            return 0
        ends = [ended_at(pod) for pod in pods if pod["status"].get("phase") == "Failed"]
        return sum(end >= ready_since for end in ends)


def ended_at(pod):
    """Timestamps of Kubernetes can be compared as texts; an empty one comes before all."""
    states = [one.get("state", {}).get("terminated") or {} for one in container_statuses(pod)]
    return max((state.get("finishedAt") or "" for state in states), default="")


def keeps_failing(job):
    """Whoever starts anew needn't wait for its next try, which comes ever later."""
    if has_condition(job, "Complete", "True"):
        return False
    failures = job.get("status", {}).get("failed", 0)
    return has_condition(job, "Failed", "True") or failures > FAILURES_TOLERATED

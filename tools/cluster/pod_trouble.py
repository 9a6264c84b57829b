"""Why a pod isn't ready, as the cluster says it, and what to do about it."""

import re
from dataclasses import dataclass

ADVICE = {
    "ErrImageNeverPull": "bring the image to the node: make images-save, k3s ctr images import",
    "ImagePullBackOff": "bring the image to the node, or name a registry that has it"
    " (IMAGE_REGISTRY, IMAGE_TAG)",
    "InvalidImageName": "IMAGE_REGISTRY or IMAGE_TAG is no name of an image",
    "CreateContainerConfigError": "a secret, a ConfigMap or a key of it is missing: `make deploy`"
    " makes missing secrets",
    "CreateContainerError": "the container runtime refuses it: kubectl describe pod POD",
    "RunContainerError": "the program can't be started: is the image for this processor?",
    "CrashLoopBackOff": "what it said last is above; all of it: kubectl logs POD --previous",
}
# A crash may be an accident, and so may a start that failed; what comes again is none.
MAY_BE_ACCIDENTS = ("CrashLoopBackOff", "RunContainerError", "CreateContainerError")
CRASHES_TOLERATED = 1
UNSCHEDULABLE_TOLERATED_SECONDS = 60
OF_IMAGES = ("Pulling", "Pulled", "Failed", "BackOff")
MISSING_OBJECT = re.compile(
    r'(secret|configmap) "[^"]+" not found|references non-existent (secret|config) key'
)


@dataclass(frozen=True)
class PodTrouble:
    """`final`: waiting won't help. `crashed`: its log says more. `busy`: it works in silence."""

    text: str
    final: bool = False
    advice: str = ""
    crashed: bool = False
    busy: bool = False

    def told(self, pod):
        """With the name of the pod in commands to copy."""
        advice = f"\n  {self.advice.replace('POD', pod)}" if self.advice else ""
        return f"{pod}: {self.text}{advice}"


def pod_trouble(pod, events, age_seconds):
    """None for a pod that is ready or has ended well. `events`: those about this pod."""
    status = pod.get("status", {})
    if status.get("phase") == "Succeeded" or has_condition(pod, "Ready", "True"):
        return None
    unschedulable = next(
        (one for one in status.get("conditions", ()) if one.get("reason") == "Unschedulable"), None
    )
    if unschedulable:
        return not_scheduled(unschedulable, age_seconds)
    for container in container_statuses(pod):
        found = container_trouble(container)
        if found:
            return found
    return not_started(pod, events) or not_ready(events)


def not_scheduled(condition, age_seconds):
    return PodTrouble(
        f"no node takes it: {condition.get('message', '')}",
        final=age_seconds > UNSCHEDULABLE_TOLERATED_SECONDS,
        advice="free the resources it names, or add a node: kubectl describe nodes",
    )


def container_trouble(container):
    """None if it runs or is about to."""
    waiting = container.get("state", {}).get("waiting") or {}
    reason = waiting.get("reason", "")
    restarts = container.get("restartCount", 0)
    if reason in ADVICE:
        crashed = reason == "CrashLoopBackOff"
        said = last_words(container) if crashed else waiting.get("message", "")
        return PodTrouble(
            f"{reason}: {said}".rstrip(": "),
            final=reason not in MAY_BE_ACCIDENTS or restarts > CRASHES_TOLERATED,
            advice=ADVICE[reason],
            crashed=crashed,
        )
    if reason == "ErrImagePull":
        return PodTrouble(f"{reason}: {waiting.get('message', '')}")
    ended = container.get("state", {}).get("terminated")
    if ended and ended.get("exitCode"):
        return PodTrouble(f"ended: {how_it_ended(ended)}", crashed=True)
    return None


def not_started(pod, events):
    """Its volumes come before its containers: a missing secret shows only as an event."""
    creating = [
        one
        for one in container_statuses(pod)
        if (one.get("state", {}).get("waiting") or {}).get("reason")
        in ("ContainerCreating", "PodInitializing")
    ]
    if not creating and container_statuses(pod):
        return None
    of_image = [one["reason"] for one in events if one.get("reason") in OF_IMAGES]
    if of_image and of_image[-1] == "Pulling":
        return PodTrouble("its image is being fetched", busy=True)
    failed = [one for one in events if one.get("type") == "Warning"]
    if not failed:
        return PodTrouble("its containers are being made")
    said = failed[-1].get("message", "")
    missing = bool(MISSING_OBJECT.search(said))
    advice = ADVICE["CreateContainerConfigError"] if missing else ""
    return PodTrouble(said, final=missing, advice=advice)


def not_ready(events):
    unhealthy = [one["message"] for one in events if one.get("reason") == "Unhealthy"]
    return PodTrouble(unhealthy[-1].strip().rstrip(":") if unhealthy else "not ready yet")


def last_words(container):
    return how_it_ended(container.get("lastState", {}).get("terminated") or {})


def how_it_ended(terminated):
    code, reason = terminated.get("exitCode"), terminated.get("reason", "")
    said = (terminated.get("message") or "").strip()
    killed = f" ({reason})" if reason not in ("", "Error", "Completed") else ""
    return f"exit code {code}{killed}" + (f", {said}" if said else "")


def container_statuses(pod):
    status = pod.get("status", {})
    return [*status.get("initContainerStatuses", ()), *status.get("containerStatuses", ())]


def has_condition(one, kind, value):
    conditions = one.get("status", {}).get("conditions") or ()
    return any(each["type"] == kind and each["status"] == value for each in conditions)

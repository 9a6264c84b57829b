"""What runs on the cluster, and what of it doesn't."""

from cluster.evidence import Evidence, name_of
from cluster.pod_trouble import container_statuses, has_condition
from cluster.workloads import Workloads
from shop import terminal
from shop.terminal import say

SHOWN = ("StatefulSet", "Deployment")


def show(kubectl):
    """True if all of it is ready."""
    now = Workloads.read(kubectl)
    used = usage(kubectl)
    rows = [("workload", "ready", "restarts", "CPU", "memory", "image")]
    troubles = []
    evidence = Evidence(kubectl)
    for kind in SHOWN:
        for one in now.of_kind(kind):
            pods = pods_named(now, one)
            rows.append(row_of(one, pods, used))
            found = ((pod, evidence.trouble_of(pod)) for pod in pods)
            troubles += [trouble.told(name_of(pod)) for pod, trouble in found if trouble]
    if len(rows) == 1:
        say(f"Nothing runs in {kubectl.namespace}: open a shop with `make deploy`.")
        return False
    say(terminal.table(rows))
    for told in troubles:
        say(f"\n  {told}")
    names = [(kind, one["metadata"]["name"]) for kind in SHOWN for one in now.of_kind(kind)]
    return not now.unfinished(names) and not troubles


def pods_named(now, workload):
    """By label: a Deployment's pods are its ReplicaSets'."""
    wanted = workload["spec"]["selector"]["matchLabels"].items()
    return [
        pod
        for pod in now.of_kind("Pod")
        if wanted <= pod["metadata"].get("labels", {}).items()
        and not pod["metadata"].get("deletionTimestamp")
    ]


def row_of(workload, pods, used):
    ready = sum(has_condition(pod, "Ready", "True") for pod in pods)
    restarts = sum(one.get("restartCount", 0) for pod in pods for one in container_statuses(pod))
    image = workload["spec"]["template"]["spec"]["containers"][0]["image"]
    cpu = sum(used.get(name_of(pod), (0, 0))[0] for pod in pods)
    memory = sum(used.get(name_of(pod), (0, 0))[1] for pod in pods)
    return (
        workload["metadata"]["name"],
        f"{ready}/{workload['spec'].get('replicas', 1)}",
        str(restarts),
        f"{cpu}m" if used else "-",
        f"{memory} MiB" if used else "-",
        image.rpartition(":")[2],
    )


def usage(kubectl):
    """Millicores and MiB by pod; empty where the cluster has no metrics-server."""
    done = kubectl.attempt("top", "pods", "--no-headers")
    if done.returncode != 0:
        return {}
    rows = (line.split() for line in done.stdout.splitlines())
    return {row[0]: (number(row[1]), number(row[2])) for row in rows if len(row) >= 3}


def number(text):
    digits = "".join(character for character in text if character.isdigit())
    return int(digits or 0)

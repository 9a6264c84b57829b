"""Ways to take pods away."""

import json

from shop.trouble import Trouble

# The API server's throttling is a 429 too, and says nothing about the budget.
REFUSED_BY_BUDGET = ("TooManyRequests", "would violate the pod's disruption budget")


class Disruption:
    def __init__(self, kubectl, pod_watch):
        self._kubectl = kubectl
        self._pods = pod_watch

    def delete(self, pods, *, at_once=False):
        """`at_once`: without the grace that lets a pod finish, as if its node were lost."""
        names = [f"pod/{pod.name}" for pod in pods]
        grace = ["--grace-period=0", "--force"] if at_once else []
        self._kubectl.run("delete", "--wait=false", *grace, *names)

    def evict(self, pod):
        """Through the API that drains a node; False if the budget doesn't allow it now."""
        eviction = {
            "apiVersion": "policy/v1",
            "kind": "Eviction",
            "metadata": {"name": pod.name, "namespace": self._kubectl.namespace},
        }
        path = f"/api/v1/namespaces/{self._kubectl.namespace}/pods/{pod.name}/eviction"
        done = self._kubectl.attempt(
            "create", "--raw", path, "--filename=-", input=json.dumps(eviction)
        )
        if done.returncode == 0:
            return True
        if not all(words in done.stderr for words in REFUSED_BY_BUDGET):
            raise Trouble(f"the eviction of {pod.name} went wrong: {done.stderr.strip()}")
        return False

    def budgets(self):
        """{kind of pod: how many may be evicted now}, of every PodDisruptionBudget."""
        return {
            item["spec"]["selector"]["matchLabels"]["app.kubernetes.io/name"]: item["status"].get(
                "disruptionsAllowed", 0
            )
            for item in self._kubectl.items("poddisruptionbudgets")
        }

    def deployments(self):
        return [item["metadata"]["name"] for item in self._kubectl.items("deployments")]

    def restart(self, deployments):
        self._kubectl.run("rollout", "restart", *(f"deployment/{name}" for name in deployments))

    def wait_rolled_out(self, deployments, seconds=180):
        for name in deployments:
            arguments = ("rollout", "status", f"--timeout={seconds}s", f"deployment/{name}")
            self._kubectl.run(*arguments, timeout=seconds + 10)

    def scale(self, workload, count):
        self._kubectl.run("scale", workload, f"--replicas={count}")

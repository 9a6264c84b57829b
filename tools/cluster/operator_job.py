"""The operator's command inside the cluster: a Job made from the suspended CronJob."""

import copy
import json
import secrets
import subprocess
import sys
import time

from cluster.admin_door import admin_token
from cluster.evidence import Evidence
from shop.trouble import Trouble

CRON_JOB = "doorbuster"
TOKEN = "DOORBUSTER_TOKEN"
# What acts through the gateway as the administrator; everything else goes to the servers behind
# it, or signs its own tokens.
WITH_TOKEN = ("sale", "catalogue")
START_SECONDS = 120
POLL_SECONDS = 0.2


class OperatorJob:
    """`run` gives the exit code; the Job, and the Secret with its token, are gone afterwards."""

    def __init__(self, kubectl, arguments):
        self._kubectl = kubectl
        self._arguments = arguments
        self._name = f"{CRON_JOB}-{secrets.token_hex(4)}"

    def run(self, output=sys.stdout):
        template = self._template()
        token = admin_token(self._kubectl) if needs_token(self._arguments) else None
        try:
            if token:
                self._create(token_secret(self._name, token))
            job = job_from(template, self._name, self._arguments, with_token=bool(token))
            self._create(job)
            pod = self._wait_started()
            self._stream(pod, output)
            return self._exit_code(pod)
        finally:
            self._delete()

    def _template(self):
        found = self._kubectl.find("cronjob", CRON_JOB)
        if found is None:
            raise Trouble(
                f"there is no CronJob {CRON_JOB} in {self._kubectl.namespace}: run `make deploy`"
            )
        return found["spec"]["jobTemplate"]

    def _create(self, one):
        self._kubectl.run("create", "--filename=-", input=json.dumps(one))

    def _delete(self):
        for kind in ("job", "secret"):
            self._kubectl.attempt(
                "delete", kind, self._name, "--ignore-not-found", "--wait=false"
            )

    def _wait_started(self):
        """Name of the pod, once it has begun or ended."""
        evidence = Evidence(self._kubectl)
        deadline = time.monotonic() + START_SECONDS
        why = "no pod was made"
        while time.monotonic() < deadline:
            for pod in self._kubectl.items("pods", f"--selector=job-name={self._name}"):
                name = pod["metadata"]["name"]
                if pod["status"].get("phase") in ("Running", "Succeeded", "Failed"):
                    return name
                trouble = evidence.trouble_of(pod)
                if trouble and trouble.final:
                    raise Trouble(trouble.told(name))
                why = trouble.told(name) if trouble else why
            time.sleep(POLL_SECONDS)
        raise Trouble(f"{START_SECONDS} s were not enough to start the command: {why}")

    def _stream(self, pod, output):
        process = self._kubectl.start("logs", "--follow", pod, stdout=subprocess.PIPE, text=True)
        try:
            for line in process.stdout:
                output.write(line)
                output.flush()
        finally:
            process.kill()
            process.wait()

    def _exit_code(self, pod):
        """The log ends a moment before the cluster knows how the pod ended."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            found = self._kubectl.find("pod", pod)
            if found is None:
                raise Trouble(f"the pod {pod} was deleted while it ran: what it did is unknown")
            for container in found["status"].get("containerStatuses", ()):
                ended = container["state"].get("terminated")
                if ended:
                    return ended["exitCode"]
            time.sleep(POLL_SECONDS)
        raise Trouble(f"the cluster doesn't say how {pod} ended")


def run_quietly(kubectl, *arguments):
    """What it printed; Trouble if it failed."""
    output = Kept()
    code = OperatorJob(kubectl, arguments).run(output)
    if code != 0:
        said = output.text.strip()
        raise Trouble(f"`doorbuster {' '.join(arguments)}` ended with {code}: {said}")
    return output.text


class Kept:
    def __init__(self):
        self.text = ""

    def write(self, text):
        self.text += text

    def flush(self):
        pass


def needs_token(arguments):
    asks_for_help = {"--help", "-h"} & set(arguments)
    return bool(arguments) and arguments[0] in WITH_TOKEN and not asks_for_help


def job_from(template, name, arguments, *, with_token):
    template = copy.deepcopy(template)
    spec = template["spec"]
    spec["backoffLimit"] = 0
    container = spec["template"]["spec"]["containers"][0]
    container["args"] = list(arguments)
    if with_token:
        source = {"secretKeyRef": {"name": name, "key": "token"}}
        container.setdefault("env", []).append({"name": TOKEN, "valueFrom": source})
    labels = template.get("metadata", {}).get("labels") or {}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, "labels": labels},
        "spec": spec,
    }


def token_secret(name, token):
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name},
        "stringData": {"token": token},
    }

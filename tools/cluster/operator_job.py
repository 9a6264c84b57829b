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
UNREACHABLE_SECONDS = 300
POLL_SECONDS = 0.2
FOLLOW_AGAIN_SECONDS = 1


class OperatorJob:
    """`run` gives the exit code; the Job, and the Secret with its token, are gone afterwards. One
    that runs while the cluster doesn't answer is left alone: only Ctrl-C ends a migration."""

    def __init__(self, kubectl, arguments):
        self._kubectl = kubectl
        self._arguments = arguments
        self._name = f"{CRON_JOB}-{secrets.token_hex(4)}"
        self._may_run = False

    def run(self, output=sys.stdout):
        template = self._template()
        token = admin_token(self._kubectl) if needs_token(self._arguments) else None
        try:
            self._start(template, token)
            pod = self._wait_started()
            code = self._follow(pod, output)
            self._may_run = False
            return code
        except KeyboardInterrupt:
            self._may_run = False
            raise
        finally:
            if not self._may_run:
                self._delete()

    def _template(self):
        found = self._kubectl.find("cronjob", CRON_JOB)
        if found is None:
            raise Trouble(
                f"there is no CronJob {CRON_JOB} in {self._kubectl.namespace}: run `make deploy`"
            )
        return found["spec"]["jobTemplate"]

    def _start(self, template, token):
        """A token's Secret is the Job's, so that it goes with it whoever removes that; the Job
        waits until it is there."""
        made = self._create(
            job_from(template, self._name, self._arguments, with_token=bool(token))
        )
        if token:
            self._create(token_secret(self._name, token, owner=made["metadata"]["uid"]))
            begin = json.dumps({"spec": {"suspend": False}})
            self._kubectl.run("patch", "job", self._name, "--type=merge", f"--patch={begin}")

    def _create(self, one):
        return self._kubectl.json("create", "--filename=-", input=json.dumps(one))

    def _delete(self):
        for kind in ("secret", "job"):
            self._kubectl.attempt(
                "delete", kind, self._name, "--ignore-not-found", "--wait=false"
            )

    def _wait_started(self):
        """Name of the pod, once it has begun or ended."""
        evidence = Evidence(self._kubectl)
        deadline = time.monotonic() + START_SECONDS
        why = "no pod was made"
        while time.monotonic() < deadline:
            try:
                pods = self._kubectl.items("pods", f"--selector=job-name={self._name}")
                seen = [(pod, evidence.trouble_of(pod)) for pod in pods]
                self._may_run = False
            except Trouble as unreachable:
                self._may_run, seen, why = True, [], str(unreachable)
            for pod, trouble in seen:
                name = pod["metadata"]["name"]
                if pod["status"].get("phase") in ("Running", "Succeeded", "Failed"):
                    self._may_run = True
                    return name
                if trouble and trouble.final:
                    raise Trouble(trouble.told(name))
                why = trouble.told(name) if trouble else why
            time.sleep(POLL_SECONDS)
        raise Trouble(f"{START_SECONDS} s were not enough to start the command: {why}")

    def _follow(self, pod, output):
        """The exit code. A log that breaks off, as where a load balancer ends what is silent for
        minutes, is followed again from where it broke off."""
        written = 0
        while True:
            written += self._stream(pod, output, written, "--follow")
            code = self._exit_code(pod)
            if code is not None:
                self._stream(pod, output, written)
                return code
            time.sleep(FOLLOW_AGAIN_SECONDS)

    def _stream(self, pod, output, skipped, *options):
        """How many characters more than those to be skipped there were."""
        process = self._kubectl.start(
            "logs", *options, pod, stdout=subprocess.PIPE, text=True, errors="replace"
        )
        written = 0
        try:
            for line in process.stdout:
                fresh = line[skipped:]
                skipped = max(0, skipped - len(line))
                if fresh:
                    output.write(fresh)
                    output.flush()
                    written += len(fresh)
        finally:
            process.kill()
            process.wait()
        return written

    def _exit_code(self, pod):
        """None while it runs. The log ends a moment before the cluster knows how the pod ended,
        and a cluster whose log broke off may be away for a while itself."""
        deadline = time.monotonic() + UNREACHABLE_SECONDS
        while True:
            try:
                found = self._kubectl.find("pod", pod)
                break
            except Trouble as trouble:
                if time.monotonic() > deadline:
                    raise Trouble(self._out_of_sight(pod, trouble)) from None
            time.sleep(FOLLOW_AGAIN_SECONDS)
        if found is None:
            self._may_run = False
            raise Trouble(f"the pod {pod} was deleted while it ran: what it did is unknown")
        for container in found["status"].get("containerStatuses", ()):
            ended = container["state"].get("terminated")
            if ended:
                return ended["exitCode"]
        if found["status"].get("phase") in ("Succeeded", "Failed"):
            self._may_run = False
            reason = found["status"].get("message") or found["status"].get("reason", "unknown")
            raise Trouble(f"the pod {pod} was ended, what it did is unknown: {reason}")
        return None

    def _out_of_sight(self, pod, trouble):
        here = f"kubectl -n {self._kubectl.namespace}"
        return (
            f"the cluster hasn't answered for {UNREACHABLE_SECONDS} s; the command runs on there.\n"
            f"  See it:  {here} logs --follow {pod}\n"
            f"  When it has ended:  {here} delete job {self._name}\n{trouble}"
        )


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
    # Somebody watches this one, and a long migration must not be cut off.
    spec.pop("activeDeadlineSeconds", None)
    spec["suspend"] = with_token
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


def token_secret(name, token, *, owner):
    job = {"apiVersion": "batch/v1", "kind": "Job", "name": name, "uid": owner}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "ownerReferences": [job]},
        "stringData": {"token": token},
    }

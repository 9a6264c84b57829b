"""The graders of rendered objects, each a class with a name, a version and run(renderings), which
gives findings or raises Skipped."""

import json
import os
import subprocess
from concurrent.futures import ThreadPoolExecutor

from manifests import schemas, toolbox
from manifests.objects import Finding, title_of

GRADE_SECONDS_MAX = 120
CUSTOM_GROUPS = ("postgresql.cnpg.io", "barmancloud.cnpg.io")


def run_program(command, text="", accepts=(0, 1)):
    """Its standard output; graders exit with 1 when they found something."""
    done = subprocess.run(
        [str(part) for part in command],
        input=text,
        capture_output=True,
        text=True,
        timeout=GRADE_SECONDS_MAX,
        cwd=toolbox.ROOT,
    )
    if done.returncode not in accepts or (done.returncode and not done.stdout.strip()):
        raise toolbox.Trouble(f"`{command[0]}` failed: {(done.stderr or done.stdout)[-1500:]}")
    return done.stdout


def unique(values):
    """Once each, by content: overlays have most objects in common."""
    return list({json.dumps(each, sort_keys=True, default=str): each for each in values}.values())


class Kubeconform:
    """Whether each object is one that Kubernetes knows: no unknown, missing or mistyped field, in
    the newest version and in the oldest that is promised."""

    name = "kubeconform"

    def run(self, renderings):
        program = toolbox.go_program(self.name)
        manifests = unique(each for rendering in renderings for each in rendering.manifests)
        schemas.provide({(each["apiVersion"], each["kind"]) for each in manifests})
        if any(each["apiVersion"].split("/")[0] in CUSTOM_GROUPS for each in manifests):
            schemas.provide_custom(toolbox.custom_resource_definitions())
        text = "\n---\n".join(json.dumps(each, default=str) for each in manifests)
        for version in schemas.KUBERNETES_VERSIONS:
            yield from self._graded(program, version, text)

    def _graded(self, program, version, text):
        custom = schemas.CUSTOM / "{{.ResourceKind}}{{.KindSuffix}}.json"
        command = [program, "-strict", "-output", "json", "-kubernetes-version", version]
        command += ["-schema-location", schemas.KUBERNETES, "-schema-location", custom, "-"]
        for each in json.loads(run_program(command, text))["resources"]:
            subject = f"{each['kind']}/{each['name']}"
            # What comes before is the path of a schema on this machine.
            message = " ".join(each["msg"].rpartition("#' - ")[2].split())
            yield Finding(self.name, "schema", subject, f"Kubernetes {version}: {message}")


class PodSecurity:
    """Whether a namespace with the level `restricted` would let each pod in."""

    name = "pod-security"

    def run(self, renderings):
        program = toolbox.pod_security_program()
        pods = unique(
            {
                "name": workload.title(),
                "metadata": workload.template.get("metadata") or {},
                "spec": workload.spec,
            }
            for rendering in renderings
            for workload in rendering.workloads
        )
        for each in json.loads(run_program([program], json.dumps(pods, default=str), (0,))):
            message = f"{each['reason']}: {each['detail']}"
            yield Finding(self.name, "restricted", each["name"], message)


class KubeScore:
    """Practice: probes, resources, budgets, policies, tags."""

    name = "kube-score"
    # Of 10; from here on it isn't a finding.
    FINE = 10

    def run(self, renderings):
        program = toolbox.go_program(self.name)
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            for findings in pool.map(lambda each: list(self._graded(program, each)), renderings):
                yield from findings

    def _graded(self, program, rendering):
        command = [program, "score", "--output-format", "json", "--kubernetes-version", "v1.34"]
        # What is accepted is written in exceptions.yaml, with its reason, and not in annotations.
        command += ["--disable-ignore-checks-annotations", "-"]
        for scored in json.loads(run_program(command, rendering.text)) or []:
            subject = title_of(
                {"kind": scored["type_meta"]["kind"], "metadata": scored["object_meta"]}
            )
            for check in scored["checks"]:
                if check["skipped"] or check["grade"] >= self.FINE:
                    continue
                for comment in check["comments"] or [{"path": "", "summary": "refused"}]:
                    message = f"{comment['path']}: {comment['summary']}".removeprefix(": ")
                    yield Finding(self.name, check["check"]["id"], subject, message)

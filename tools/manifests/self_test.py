"""Plants each violation in a shop without a fault, or in a tree of files, and sees it found by the
grader that should; and sees that the faultless shop has no finding."""

import tempfile
from pathlib import Path

import yaml

from manifests import network_edges_cases, toolbox
from manifests.exceptions import Exceptions
from manifests.file_graders import Actionlint, Hadolint, Shellcheck, Yamllint
from manifests.object_graders import Kubeconform, KubeScore, PodSecurity
from manifests.objects import Finding, Rendering
from manifests.own_rules import Context, OwnRules
from manifests.planted.objects import BY_GRADER, BY_OWN_RULES
from shop.terminal import say

PLANTED = Path(__file__).with_name("planted")
PLAIN = "planted"
# The shop's accepted findings, as exceptions.yaml has them for the project.
ACCEPTED_OF_KUBE_SCORE = {"CPU limit is not set", "ImagePullPolicy is not set to Always"}


def planted_context(shop):
    tables = yaml.safe_load((PLANTED / "tables.yaml").read_text(encoding="utf-8"))
    return Context(**tables, several_nodes=(), plain=PLAIN)


class SelfTest:
    def __init__(self):
        self.failures = []
        self.skipped = []
        self.checked = 0
        self._shop = (PLANTED / "shop.yaml").read_text(encoding="utf-8")

    def rendering_with(self, change):
        manifests = list(yaml.safe_load_all(self._shop))
        change(Found(manifests))
        return Rendering(PLAIN, yaml.safe_dump_all(manifests))

    def expect(self, what, findings, grader, check):
        """A finding of that grader and check; with no check, none at all."""
        self.checked += 1
        findings = [str(each) for each in findings if self._counts(each)]
        if check is None and findings:
            self.failures.append(f"{what}: found in what has no fault: {findings}")
        elif check is not None and not any(f"[{grader} {check}]" in each for each in findings):
            self.failures.append(f"{what}: {grader} {check} not found; said: {findings}")

    @staticmethod
    def _counts(finding):
        told = finding.message.partition(": ")[2]
        return finding.grader != "kube-score" or told not in ACCEPTED_OF_KUBE_SCORE

    def own_rules(self):
        grader = OwnRules(planted_context(self._shop))
        self.expect("the shop", grader.run([self.rendering_with(lambda _: None)]), "", None)
        for what, change, check in BY_OWN_RULES:
            findings = grader.run([self.rendering_with(change)])
            self.expect(what, findings, grader.name, check)

    def object_graders(self):
        for grader in (Kubeconform(), PodSecurity(), KubeScore()):
            try:
                faultless = grader.run([self.rendering_with(lambda _: None)])
                self.expect(f"{grader.name} on the shop", list(faultless), "", None)
            except toolbox.Skipped as why:
                self.skip(grader, why)
                continue
            for what, change, check in BY_GRADER[grader.name]:
                self.expect(what, grader.run([self.rendering_with(change)]), grader.name, check)

    def skip(self, grader, why):
        self.skipped.append(grader.name)
        say(f"  {grader.name} SKIPPED: {why}")

    def exit_statuses(self):
        """What a skipped grader would have found isn't known."""
        for failures, skipped, wanted in (((), (), 0), (("a",), ("b",), 1), ((), ("b",), 77)):
            self.checked += 1
            got = toolbox.exit_status(failures, skipped)
            if got != wanted:
                self.failures.append(f"{failures} found, {skipped} skipped: exit status {got}")

    def file_graders(self):
        for grader, files, check in PLANTED_FILES:
            with tempfile.TemporaryDirectory() as folder:
                for name, text in files.items():
                    path = Path(folder, name)
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_text(text, encoding="utf-8")
                try:
                    findings = list(grader.run(Path(folder)))
                except toolbox.Skipped as why:
                    self.skip(grader, why)
                    continue
            self.expect(f"{grader.name} {check} in {list(files)}", findings, grader.name, check)

    def exceptions(self):
        found = Finding("kube-score", "pod-probes", "Deployment/door", "room: no probe")
        for what, text, accepts, problem in PLANTED_EXCEPTIONS:
            with tempfile.TemporaryDirectory() as folder:
                Path(folder, "infra").mkdir()
                Path(folder, "infra", "exceptions.yaml").write_text(text, encoding="utf-8")
                exceptions = Exceptions(Path(folder))
                accepted = exceptions.accepts(found)
                problems = exceptions.problems + exceptions.unused({"kube-score"})
            if accepted != accepts:
                self.failures.append(f"exception {what}: accepts the finding: {accepted}")
            self.expect(f"exception {what}", problems, "exceptions", problem)

    def edges(self):
        for what, wrong in network_edges_cases.wrong_answers():
            self.failures.append(f"network edges, {what}: {wrong}")
        self.checked += network_edges_cases.count()


class Found:
    """The manifests of the shop by Kind/name, to be changed in place."""

    def __init__(self, manifests):
        self.all = manifests

    def __getitem__(self, title):
        kind, name = title.split("/")
        return next(
            each for each in self.all if (each["kind"], each["metadata"]["name"]) == (kind, name)
        )

    def remove(self, title):
        self.all.remove(self[title])

    def pod(self, title):
        return self[title]["spec"]["template"]["spec"]

    def container(self, title):
        return self.pod(title)["containers"][0]


WORKFLOW = """\
on: push
permissions: {contents: read}
jobs:
  build:
    runs-on: ubuntu-24.04
    steps:
      - run: %s
"""

PLANTED_FILES = [
    (Yamllint(), {"a.yaml": "a: 1\nb: [1, 2]\n"}, None),
    (Yamllint(), {"a.yaml": "a: 1\na: 2\n"}, "key-duplicates"),
    (Yamllint(), {"infra/a.yml": "- {a: yes}\n"}, "truthy"),
    (Yamllint(), {"a.yaml": "a: [1\n"}, "syntax"),
    (Hadolint(), {"images/Dockerfile": "FROM scratch\nCOPY a /a\nUSER 65532\n"}, None),
    (Hadolint(), {"images/Dockerfile": "FROM debian\nUSER 65532\n"}, "DL3006"),
    (
        Hadolint(),
        {"a.Dockerfile": "# hadolint ignore=DL3006\nFROM debian\nUSER 65532\n"},
        "DL3006",
    ),
    (Shellcheck(), {"a.sh": '#!/bin/sh\nprintf "%s" "$1"\n', "b": "rm $1\n"}, None),
    (Shellcheck(), {"a.sh": "#!/bin/sh\nrm $1\n"}, "SC2086"),
    (Shellcheck(), {"bin/run": "#!/usr/bin/env bash\nrm $1\n"}, "SC2086"),
    (Shellcheck(), {"a.sh": "#!/bin/sh\n# shellcheck disable=SC2086 # a list\nrm $1\n"}, None),
    (Shellcheck(), {"a.sh": "#!/bin/sh\n# shellcheck disable=SC2086\nrm $1\n"}, "no-reason"),
    (Actionlint(), {".github/workflows/a.yml": WORKFLOW % "make test"}, None),
    (Actionlint(), {".github/workflows/a.yml": WORKFLOW % "echo ${{ githob.ref }}"}, "expression"),
    (Actionlint(), {".github/workflows/a.yml": WORKFLOW % "rm $HOME/$1"}, "shellcheck"),
]

EXCEPTION = "- {grader: kube-score, check: %s, subject: %s, reason: %s}\n"
REASON = "one node is all there is"
PLANTED_EXCEPTIONS = [
    ("that fits", EXCEPTION % ("pod-probes", "Deployment/*", REASON), True, None),
    ("for another object", EXCEPTION % ("pod-probes", "Deployment/b", REASON), False, "unused"),
    ("for another check", EXCEPTION % ("pod-pro", "Deployment/door", REASON), False, "unused"),
    ("without a reason", EXCEPTION % ("pod-probes", "Deployment/*", "because"), False, "no-reason"),
    ("with no check", "- {grader: kube-score, subject: a, reason: b}\n", False, "malformed"),
    (
        "for another message",
        "- {grader: kube-score, check: pod-probes, subject: '*', message: 'x*', reason: "
        + REASON
        + "}\n",
        False,
        "unused",
    ),
]


def run():
    test = SelfTest()
    for part in (test.own_rules, test.edges, test.exceptions, test.object_graders):
        part()
    test.file_graders()
    test.exit_statuses()
    for failure in test.failures:
        say(failure)
    say(f"self-test: {test.checked} cases, {len(test.failures)} failed")
    return toolbox.exit_status(test.failures, test.skipped)

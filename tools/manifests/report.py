"""Runs all graders over the project and says what they found."""

import time
from collections import defaultdict

from manifests import network_rules, rendering, toolbox
from manifests.exceptions import Exceptions
from manifests.file_graders import Actionlint, Hadolint, Shellcheck, Yamllint
from manifests.object_graders import Kubeconform, KubeScore, PodSecurity
from manifests.own_rules import OwnRules, context_of_project
from shop.terminal import say
from shop.trouble import Trouble


class Report:
    def __init__(self, root):
        self._exceptions = Exceptions(root)
        self._ran = set()
        self._skipped = []
        self._findings = list(self._exceptions.problems)
        for finding in self._findings:
            say(f"    {finding}")

    def grade(self, grader, what):
        begin = time.monotonic()
        try:
            findings = sorted(set(grader.run(what)), key=str)
        except toolbox.Skipped as why:
            self._skipped.append(grader.name)
            say(f"  {grader.name:<13} SKIPPED: {why}")
            return
        self._ran.add(grader.name)
        self.add(grader.name, findings, time.monotonic() - begin)

    def add(self, name, findings, seconds):
        open_ones = [each for each in findings if not self._exceptions.accepts(each)]
        accepted = len(findings) - len(open_ones)
        note = f", {accepted} accepted with a reason" if accepted else ""
        say(f"  {name:<13} {seconds:5.1f} s  {len(open_ones)} findings{note}")
        for each in open_ones:
            say(f"    {each}")
        self._findings += open_ones

    def close(self):
        unused = self._exceptions.unused(self._ran)
        self.add("exceptions", unused, 0)
        for name in self._skipped:
            say(f"{name}: SKIPPED")
        say(f"manifests: {len(self._findings)} findings")
        return toolbox.exit_status(self._findings, self._skipped)


def run():
    begin = time.monotonic()
    report = Report(toolbox.ROOT)
    renderings, problems = rendering.render_all(rendering.combinations())
    say(f"  rendered: {', '.join(each.name for each in renderings)}")
    report.add("kustomize", problems, time.monotonic() - begin)
    own_rules = OwnRules(context_of_project(), complete=not problems)
    for grader in (own_rules, Kubeconform(), PodSecurity(), KubeScore()):
        report.grade(grader, renderings)
    for grader in (Yamllint(), Hadolint(), Shellcheck(), Actionlint()):
        report.grade(grader, toolbox.ROOT)
    return report.close()


def print_edges(name):
    """The table as the policies of one rendering make it."""
    chosen = [each for each in rendering.combinations() if each.name() == name]
    if not chosen:
        known = ", ".join(each.name() for each in rendering.combinations())
        raise Trouble(f"there is no rendering {name}; there are: {known}")
    renderings, problems = rendering.render_all(chosen)
    if problems:
        raise Trouble(str(problems[0]))
    targets = defaultdict(set)
    for caller, target, port, protocol in network_rules.computed(
        renderings[0], context_of_project().edges
    ):
        targets[caller].add(f"{target}:{port}/{protocol}")
    for caller in sorted(targets):
        say(f"{caller:<20} -> {', '.join(sorted(targets[caller]))}")
    return 0

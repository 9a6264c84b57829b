"""Findings that are accepted, each with its reason: exceptions.yaml in the folder of the manifest
or file concerned. One that matches nothing any more is itself a finding.

    - grader: kube-score
      check: container-image-pull-policy
      subject: "*"              # Kind/name or a path; * and ? stand for anything
      message: "*"              # may be left out
      reason: why it is right all the same
"""

from dataclasses import dataclass
from fnmatch import fnmatchcase

import yaml

from manifests.objects import Finding

NAME = "exceptions.yaml"
FIELDS = {"grader", "check", "subject", "message", "reason"}
REASON_CHARACTERS_MIN = 20


@dataclass(frozen=True)
class Accepted:
    path: str
    grader: str
    check: str
    subject: str
    reason: str
    message: str = "*"

    def covers(self, finding):
        return self.grader == finding.grader and all(
            fnmatchcase(getattr(finding, name), getattr(self, name))
            for name in ("check", "subject", "message")
        )


class Exceptions:
    def __init__(self, root, folder="infra"):
        self.problems = []
        self._accepted = []
        self._used = set()
        for path in sorted((root / folder).rglob(NAME)):
            name = str(path.relative_to(root))
            for entry in yaml.safe_load(path.read_text(encoding="utf-8")) or []:
                self._add(name, entry)

    def _add(self, path, entry):
        wrong = (set(entry) - FIELDS) | (FIELDS - {"message"} - set(entry))
        if wrong:
            self._problem(path, "malformed", f"{entry}: has or lacks {sorted(wrong)}")
        elif len(entry["reason"]) < REASON_CHARACTERS_MIN:
            self._problem(path, "no-reason", f"{entry['check']}: say why, in a sentence")
        else:
            self._accepted.append(Accepted(path, **entry))

    def _problem(self, path, check, message):
        self.problems.append(Finding("exceptions", check, path, message))

    def accepts(self, finding):
        """All that cover it count as used: a general one doesn't make a particular one stale."""
        covering = [each for each in self._accepted if each.covers(finding)]
        self._used.update(covering)
        return bool(covering)

    def unused(self, graders):
        """Those of graders that ran, and nothing of what they said needed them."""
        return [
            Finding(
                "exceptions",
                "unused",
                each.path,
                f"nothing is found by {each.grader} {each.check} on {each.subject}: remove it",
            )
            for each in self._accepted
            if each not in self._used and each.grader in graders
        ]

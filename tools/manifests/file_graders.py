"""The graders of files as they are written: YAML, image recipes, shell scripts, workflows. Each
looks at a tree and gives findings, or raises Skipped."""

import json
import os
import re
from pathlib import Path

from manifests import toolbox
from manifests.object_graders import run_program
from manifests.objects import Finding

SKIPPED_FOLDERS = {"build", ".git", ".local", "__pycache__", "node_modules"}
YAMLLINT = Path(__file__).with_name("yamllint.yaml")
SHEBANG = re.compile(rb"#!\s*(?:/usr/bin/env\s+|/bin/|/usr/bin/)(?:ba|da)?sh\b")
DISABLED = re.compile(r"#\s*shellcheck\s+disable=\S+(.*)")
REASON_CHARACTERS_MIN = 8


def files_of(root):
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(each for each in folders if each not in SKIPPED_FOLDERS)
        for name in sorted(names):
            yield Path(folder, name)


class _FileGrader:
    def files(self, root):
        return [path for path in files_of(root) if self.concerns(path, root)]

    def run(self, root):
        files = self.files(root)
        if files:
            for name, line, check, message in self.graded(files, root):
                subject = os.path.relpath(toolbox.ROOT / name, root)
                yield Finding(self.name, check, subject, f"line {line}: {message}")


class Yamllint(_FileGrader):
    name = "yamllint"
    LINE = re.compile(r"(.*?):(\d+):\d+: \[\w+\] (.*?)(?: \(([\w-]+)\))?$")

    def concerns(self, path, root):
        return path.suffix in (".yaml", ".yml")

    def graded(self, files, root):
        command = [toolbox.python_program("yamllint"), "-f", "parsable", "-c", YAMLLINT]
        for line in run_program([*command, *files], accepts=(0, 1, 2)).splitlines():
            name, number, message, check = self.LINE.match(line).groups()
            yield name, number, check or "syntax", message


class Hadolint(_FileGrader):
    name = "hadolint"

    def concerns(self, path, root):
        return path.name.endswith("Dockerfile")

    def graded(self, files, root):
        # What is accepted is written in exceptions.yaml, with its reason.
        command = [toolbox.python_program("hadolint"), "--disable-ignore-pragma", "-f", "json"]
        for each in json.loads(run_program([*command, *files])):
            yield each["file"], each["line"], each["code"], each["message"]


class Shellcheck(_FileGrader):
    """A line that switches a check off says why behind it."""

    name = "shellcheck"

    def concerns(self, path, root):
        if path.suffix == ".sh":
            return True
        if path.suffix or not path.is_file():
            return False
        with path.open("rb") as file:
            return bool(SHEBANG.match(file.read(64)))

    def graded(self, files, root):
        command = [toolbox.python_program("shellcheck"), "--norc", "-f", "json1"]
        for each in json.loads(run_program([*command, *files]))["comments"]:
            yield each["file"], each["line"], f"SC{each['code']}", each["message"]
        for path in files:
            for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
                disabled = DISABLED.search(line)
                if disabled and len(disabled.group(1).strip()) < REASON_CHARACTERS_MIN:
                    yield path, number, "no-reason", "switches a check off and doesn't say why"


class Actionlint(_FileGrader):
    """Also runs shellcheck on the workflows' steps."""

    name = "actionlint"

    def concerns(self, path, root):
        return path.suffix in (".yaml", ".yml") and path.parent == root / ".github" / "workflows"

    def graded(self, files, root):
        shellcheck = toolbox.python_program("shellcheck")
        command = [toolbox.go_program(self.name), "-format", "{{json .}}", "-pyflakes="]
        for each in json.loads(run_program([*command, f"-shellcheck={shellcheck}", *files])):
            yield each["filepath"], each["line"], each["kind"], each["message"]

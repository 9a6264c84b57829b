"""Whether a contract still serves those who rely on what was published (ADR 0032): oasdiff compares
the two, and here it is judged with their versions."""

import json
import subprocess
import tempfile
from pathlib import Path

from contracts.contract import ENDING, FOLDER, Contract, room_names
from manifests import toolbox
from shop.trouble import Trouble

PUBLISHED = FOLDER / "published"
# oasdiff's own levels, but for a new value in an answer, which clients are told to expect.
SEVERITY = Path(__file__).with_name("oasdiff-severity.txt")
COMPARE_SECONDS_MAX = 60


def problems(rooms, folder=FOLDER, published=PUBLISHED):
    """A line for each change that breaks callers without a new major version."""
    for room in rooms:
        old, new = published / f"{room}{ENDING}", folder / f"{room}{ENDING}"
        if not old.exists():
            continue
        before, after = Contract.read(room, published), Contract.read(room, folder)
        if after.version < before.version:
            yield f"{room}: its version {text_of(after)} is older than the published one"
        if after.version[0] > before.version[0]:
            continue
        breaking = [*broken_shapes(old, new), *lost_codes(before, after)]
        yield from (f"{room}: {each}" for each in breaking)
        if breaking:
            yield (
                f"{room}: make this compatible with {text_of(before)}, which is published, or set"
                f" info.version to {before.version[0] + 1}.0.0"
            )


def gone(rooms, published=PUBLISHED):
    """Published contracts of rooms that aren't there any more."""
    for room in room_names(published):
        if room not in rooms:
            yield f"{room}: it is published, and its contract is gone"


def broken_shapes(old, new):
    oasdiff = toolbox.go_program("oasdiff")
    command = [oasdiff, "breaking", old, new, "--format", "json", "--severity-levels", SEVERITY]
    done = subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, timeout=COMPARE_SECONDS_MAX
    )
    if done.returncode != 0:
        raise Trouble(f"oasdiff failed: {toolbox.said_by(done)}")
    errors = [each for each in json.loads(done.stdout) if each["level"] >= 3]
    return list(dict.fromkeys(line_of(each) for each in errors))


def line_of(error):
    return f"{error.get('operation', '')} {error.get('path', '')}: {error['text']}"


def lost_codes(before, after):
    """Clients decide by codes, which oasdiff doesn't know."""
    now = {each.name: each for each in after.operations}
    for operation in before.operations:
        if operation.name not in now:
            continue
        for status, codes in operation.codes.items():
            for code in codes:
                if code not in now[operation.name].codes.get(status, ()):
                    yield f"{operation.name}: {status} {code} is answered no more"


def text_of(contract):
    return ".".join(map(str, contract.version))


def publish(rooms, folder=FOLDER, published=PUBLISHED):
    """Copies what may be published; returns why the rest may not."""
    refused = list(problems(rooms, folder, published))
    for room in rooms:
        new, old = folder / f"{room}{ENDING}", published / f"{room}{ENDING}"
        if not old.exists() or old.read_bytes() == new.read_bytes():
            continue
        before, after = Contract.read(room, published), Contract.read(room, folder)
        if after.version <= before.version:
            refused.append(f"{room}: it has changed; raise its version above {text_of(before)}")
    if refused:
        return refused
    published.mkdir(exist_ok=True)
    for room in rooms:
        text = (folder / f"{room}{ENDING}").read_bytes()
        (published / f"{room}{ENDING}").write_bytes(text)
    return []


# -- self-test -------------------------------------------------------------------------------------

CONTRACT = """\
openapi: 3.1.0
info: { title: things, version: 1.2.0 }
paths:
  /api/v1/things:
    post:
      operationId: makeThing
      x-problem-codes:
        '409': [taken]
      requestBody:
        content:
          application/json:
            schema:
              type: object
              required: [name]
              properties:
                name: { type: string, maxLength: 100 }
                colour: { type: string }
      responses:
        '201':
          description: Made.
          content:
            application/json:
              schema:
                type: object
                required: [id]
                properties:
                  id: { type: string }
                  state: { type: string, enum: [new, old] }
        '409': { description: No. }
  /api/v1/things/{id}:
    get:
      operationId: getThing
      parameters: [{ name: id, in: path, required: true, schema: { type: string } }]
      responses:
        '204': { description: None. }
"""

# (what is there, what is put there instead, what must be said; None: nothing)
CHANGES = (
    ("", "", None),
    ("1.2.0", "1.3.0", None),
    ("1.2.0", "1.1.9", "is older than the published one"),
    ("required: [name]", "required: [name, colour]", "became required"),
    ("maxLength: 100", "maxLength: 99", "decreased"),
    ("maxLength: 100", "maxLength: 101", None),
    ("required: [id]", "required: []", "became optional"),
    ("enum: [new, old]", "enum: [new, old, lost]", None),
    ("[taken]", "[taken, full]", None),
    ("[taken]", "[full]", "POST /api/v1/things: 409 taken is answered no more"),
    ("  /api/v1/things/{id}:", "  /api/v1/thing/{id}:", "path removed"),
    ("'204'", "'200'", "removed"),
    ("                colour: { type: string }\n", "                colour: { type: integer }\n",
     "type"),
    ("[taken]", "[full]", "set info.version to 2.0.0"),
)  # fmt: skip


def failures():
    found = []
    for present, planted, wanted in CHANGES:
        changed = CONTRACT.replace(present, planted, 1)
        said = problems_between(CONTRACT, changed)
        if wanted is None and said:
            found.append(f"{planted!r} is compatible; said: {said}")
        elif wanted and not any(wanted in each for each in said):
            found.append(f"not found: {wanted!r} ({planted!r}); said: {said}")
        renewed = changed.replace(planted if "1.1" in planted else "1.2.0", "2.0.0")
        if said and problems_between(CONTRACT, renewed):
            found.append(f"a new major version may have {planted!r}")
    return found + list(failures_of_publishing())


def problems_between(before, after, judge=problems):
    with tempfile.TemporaryDirectory() as folder:
        published = Path(folder, "published")
        published.mkdir()
        Path(published, f"things{ENDING}").write_text(before, encoding="utf-8")
        Path(folder, f"things{ENDING}").write_text(after, encoding="utf-8")
        said = list(judge(["things"], Path(folder), published))
        is_copied = Path(published, f"things{ENDING}").read_text(encoding="utf-8") == after
        if judge is publish and is_copied == bool(said):
            said.append("it is published and refused, or neither")
        return said


def failures_of_publishing():
    longer = CONTRACT.replace("maxLength: 100", "maxLength: 101")
    shorter = CONTRACT.replace("maxLength: 100", "maxLength: 99").replace("1.2.0", "1.3.0")
    for after, wanted in (
        (longer, "raise its version above 1.2.0"),
        (longer.replace("1.2.0", "1.2.1"), None),
        (shorter, "decreased"),
        (shorter.replace("1.3.0", "2.0.0"), None),
    ):
        said = problems_between(CONTRACT, after, publish)
        if bool(said) != bool(wanted) or (wanted and not any(wanted in one for one in said)):
            yield f"publishing should say {wanted}; said: {said}"

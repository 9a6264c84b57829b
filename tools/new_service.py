#!/usr/bin/env python3
"""Makes a new room from echo: code, contract, tests, manifests, its line in each list of rooms.

    tools/new_service.py NAME            the room, which answers /api/v1/NAME
    tools/new_service.py NAME --gateway  also its route through the gateway and its place in a local
                                         shop (tools/shop) and a cluster's network
    tools/new_service.py --self-test     makes one in a copy of this tree, builds it, runs its tests

What it makes works at once; then replace the mirror by what the room is for. It refuses to touch
anything if one of the places it would change does not look as expected.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from contracts import authorization
from contracts.contract import read_all

ROOT = Path(__file__).resolve().parents[1]
TEMPLATE = "echo"
AUTOSCALERS = "infra/k8s/components/autoscaling/autoscalers.yaml"
NAME = re.compile(r"[a-z][a-z0-9]{1,30}")
# What can't be a namespace, or would clash with a target of the build.
RESERVED = {
    "auto", "bool", "break", "case", "catch", "char", "class", "const", "continue", "default",
    "delete", "do", "double", "else", "enum", "explicit", "export", "extern", "false", "float",
    "for", "friend", "goto", "if", "inline", "int", "long", "mutable", "namespace", "new",
    "operator", "private", "protected", "public", "register", "requires", "return", "short",
    "signed", "sizeof", "static", "std", "struct", "switch", "template", "this", "throw", "true",
    "try", "typedef", "typename", "union", "unsigned", "using", "virtual", "void", "volatile",
    "while", "main", "test", "all", "install", "clean", "help", "crowd", "doorbuster", "baseline",
}  # fmt: skip

README = """\
# {name}

Made from echo: it answers with the request as it arrived. Say here what the room owns, what it asks
of its neighbours, and how it fails.

| endpoint | what |
|---|---|
| any method `/api/v1/{name}` | the request as it arrived here, as JSON |

Contract: `contracts/{name}.openapi.yaml`.
"""


class Refused(Exception):
    """Nothing was changed; the text says why."""


class Changes:
    """All that will be written, so that a refusal leaves nothing half done."""

    def __init__(self, root):
        self.root = root
        self.texts = {}

    def make(self, path, text):
        if (self.root / path).exists():
            raise Refused(f"{path} exists already")
        self.texts[path] = text

    def insert_after(self, path, anchor, added, before=False):
        """Adds text behind (or before) the one place that reads `anchor`."""
        text = self.texts.get(path) or (self.root / path).read_text()
        if text.count(anchor) != 1:
            raise Refused(f"{path} should have once: {anchor!r}")
        whole = added + anchor if before else anchor + added
        self.texts[path] = text.replace(anchor, whole)

    def write(self):
        for path, text in self.texts.items():
            (self.root / path).parent.mkdir(parents=True, exist_ok=True)
            (self.root / path).write_text(text)


def renamed(text, name):
    """In words, in types (EchoTest) and in macros and variables (ECHO_CONTRACT)."""
    pairs = ((TEMPLATE, name), (TEMPLATE.capitalize(), name.capitalize()))
    for old, new in (*pairs, (TEMPLATE.upper(), name.upper())):
        text = text.replace(old, new)
    return text


def require_fit(root, name):
    if not NAME.fullmatch(name) or name in RESERVED:
        raise Refused(f"{name!r} can't be a room: 2 to 31 small letters and digits, no C++ word")
    for taken in (root / "services" / name, root / "libs" / name):
        if taken.exists():
            raise Refused(f"{taken.relative_to(root)} exists already")


def copy_folder(changes, name, folder):
    for file in sorted((changes.root / folder / TEMPLATE).rglob("*")):
        if file.is_file():
            path = renamed(str(file.relative_to(changes.root)), name)
            changes.make(path, renamed(file.read_text(), name))


def plan_room(changes, name):
    copy_folder(changes, name, "services")
    changes.texts[f"services/{name}/README.md"] = README.format(name=name)
    contract = (changes.root / "contracts" / f"{TEMPLATE}.openapi.yaml").read_text()
    changes.make(f"contracts/{name}.openapi.yaml", renamed(contract, name))
    line = f"add_subdirectory({TEMPLATE})\n"
    changes.insert_after("services/CMakeLists.txt", line, renamed(line, name))


def plan_manifests(changes, name):
    copy_folder(changes, name, "infra/k8s/base")
    changes.insert_after("infra/k8s/base/kustomization.yaml", f"  - {TEMPLATE}\n", f"  - {name}\n")
    changes.insert_after("infra/images/Dockerfile", "gateway echo", f" {name}")
    plan_autoscaler(changes, name)
    edges = "infra/k8s/edges.yaml"
    asked_for_metrics = "to: [gateway, echo"
    text = (changes.root / edges).read_text()
    if asked_for_metrics not in text:
        raise Refused(f"{edges} should say who asks every room for its metrics")
    changes.texts[edges] = text.replace(asked_for_metrics, f"{asked_for_metrics}, {name}")


def plan_autoscaler(changes, name):
    """Without one it would run as a single pod: manifests don't say how many."""
    text = (changes.root / AUTOSCALERS).read_text()
    found = [one for one in text.split("---\n") if f"\n  name: {TEMPLATE}\n" in one]
    if len(found) != 1:
        raise Refused(f"{AUTOSCALERS} should have one of {TEMPLATE}")
    changes.insert_after(AUTOSCALERS, found[0], f"---\n{renamed(found[0], name)}")


def plan_gateway(changes, name):
    def again(path, anchor, text=None):
        changes.insert_after(path, anchor, renamed(text or anchor, name))

    gateway = "services/gateway"
    again(f"{gateway}/config.hpp", "    UpstreamSettings echo;\n")
    again(
        f"{gateway}/config.cpp",
        '        read_origins(environment, "ECHO_ORIGIN", "where echo is, host:port", false);\n',
        '    config.echo = shared;\n    config.echo.room = "echo";\n    config.echo.origins =\n'
        '        read_origins(environment, "ECHO_ORIGIN", "where echo is, host:port", false);\n',
    )
    # Rooms are listed at the end, so that their order stays that of the initializers.
    last = "    Upstream& order;\n"
    changes.insert_after(f"{gateway}/api/routes.hpp", last, f"    Upstream& {name};\n")
    again(
        f"{gateway}/api/routes.cpp",
        "Upstream& echo(const Rooms& rooms) {\n    return rooms.echo;\n}\n",
    )
    again(f"{gateway}/api/routes.cpp", '    Route{"*", "/api/v1/echo", echo, anyone},\n')
    again(f"{gateway}/app.hpp", "    Upstream echo_;\n")
    again(
        f"{gateway}/app.cpp", "      echo_(context.executor, context.metrics, config.echo),\n"
    )
    for end in ("product_, order_});", "&product_, &order_})"):
        mark = "&" if end.startswith("&") else ""
        changes.insert_after(
            f"{gateway}/app.cpp", end[: end.index("}")], f", {mark}{name}_"
        )
    plan_gateway_test(changes, name)
    plan_gateway_contract(changes, name)
    plan_local_shop(changes, name)
    again("infra/k8s/base/configuration/shared-settings.yaml", "  ECHO_ORIGIN: echo:8080\n")
    again("infra/k8s/base/gateway/deployment.yaml", '        reaches.doorbuster/echo: "yes"\n')
    changes.insert_after("infra/k8s/edges.yaml", "to: [echo", f", {name}")


def plan_gateway_test(changes, name):
    fixture = "services/gateway/api/gateway_fixture.test.hpp"
    changes.insert_after(fixture, "{*rooms[0], *rooms[1], *rooms[2], *rooms[3]", ", *rooms[4]")
    changes.insert_after(
        fixture, "        add(order_settings);\n", f'        add(single("{name}", echo));\n'
    )


def plan_gateway_contract(changes, name):
    path = "contracts/gateway.openapi.yaml"
    text = (changes.root / path).read_text()
    found = re.search(r"  /api/v1/echo:\n(?:    .*\n)+", text)
    if not found:
        raise Refused(f"{path} should have /api/v1/echo")
    changes.insert_after(path, found[0], renamed(found[0], name))


def plan_local_shop(changes, name):
    rooms = "tools/shop/rooms.py"
    changes.insert_after(rooms, 'ROOMS = ("auth", "product", "echo"', f', "{name}"')
    changes.insert_after(rooms, '["auth", "product", "echo"', f', "{name}"')
    line = '                "ECHO_ORIGIN": self.origin("echo"),\n'
    changes.insert_after(rooms, line, renamed(line, name))
    changes.insert_after("Makefile", "PROGRAMS = gateway echo", f" {name}")


def make_room(root, name, *, gateway):
    require_fit(root, name)
    changes = Changes(root)
    plan_room(changes, name)
    plan_manifests(changes, name)
    if gateway:
        plan_gateway(changes, name)
    changes.write()
    # Who may call it is public, like echo's: a row of the table all the same.
    table = "docs/authorization.md"
    (root / table).write_text(authorization.table(read_all(root / "contracts")))
    return sorted([*changes.texts, table])


# -- self-test -------------------------------------------------------------------------------------


def expect_refused(root, name):
    try:
        make_room(root, name, gateway=True)
    except Refused:
        return
    raise SystemExit(f"new_service: {name!r} should be refused")


def run(*command, folder):
    # The copy's paths count from its own root, so what this tree has compiled is found again.
    environment = os.environ | {"CCACHE_BASEDIR": str(folder), "CCACHE_NOHASHDIR": "1"}
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    if done.returncode != 0:
        raise SystemExit(f"new_service: `{' '.join(command)}` failed:\n{done.stdout[-6000:]}")


def require_style(copy, name):
    """Of the new room; the others have tests of their own for it."""
    for checker in ("check_rooms.py", "check_layers.py"):
        said = subprocess.run(
            [sys.executable, copy / "tools" / checker], capture_output=True, text=True
        )
        problems = [line for line in said.stdout.splitlines() if name in line]
        if problems:
            raise SystemExit("new_service: " + "\n".join(problems))


def require_contracts(copy):
    said = subprocess.run(
        [sys.executable, copy / "tools/check_contracts.py"], capture_output=True, text=True
    )
    if said.returncode != 0:
        raise SystemExit(f"new_service: {said.stdout}{said.stderr}")


def require_known_to_cluster(copy, name):
    """Its image is made and taken to the nodes, and it runs as more than one pod."""
    ask = "from images.recipe import ROOMS; print(*ROOMS)"
    said = subprocess.run(
        [sys.executable, "-c", ask],
        env=os.environ | {"PYTHONPATH": str(copy / "tools"), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
    )
    if name not in said.stdout.split():
        raise SystemExit(f"new_service: no image {name} would be made: {said.stdout}{said.stderr}")
    scalers = (copy / AUTOSCALERS).read_text().split("---\n")
    scaled = [one for one in scalers if f"kind: Deployment, name: {name}}}" in one]
    if len(scaled) != 1 or f"\n  name: {name}\n" not in scaled[0]:
        raise SystemExit(f"new_service: {name} has no autoscaler")


def self_test(build_type, name="reviews"):
    with tempfile.TemporaryDirectory(prefix="doorbuster-new-service-") as folder:
        copy = Path(folder) / "tree"
        left_out = shutil.ignore_patterns("build", ".git", ".local", "__pycache__")
        shutil.copytree(ROOT, copy, ignore=left_out)
        for unfit in ("Echo", "a", "class", "echo", "http", "two-words", "../outside"):
            expect_refused(copy, unfit)
        make_room(copy, name, gateway=True)
        expect_refused(copy, name)
        made = [*(copy / "services" / name).rglob("*"), *(copy / "infra/k8s/base" / name).iterdir()]
        for file in made:
            if file.is_file() and "echo" in file.read_text().replace("from echo", "").lower():
                raise SystemExit(f"new_service: {file} still speaks of echo")
        require_known_to_cluster(copy, name)
        preset = "release" if build_type == "Release" else "dev"
        run("cmake", "--preset", preset, folder=copy)
        build = f"build/{preset}"
        targets = (name, f"{name}_room_test", "gateway_room_test")
        run("ninja", "-C", build, *targets, folder=copy)
        run(f"{build}/bin/{name}_room_test", folder=copy)
        run(f"{build}/bin/gateway_room_test", "--gtest_filter=*Contract*", folder=copy)
        require_style(copy, name)
        require_contracts(copy)
    print(f"new_service: a room {name} was made, built and tested")


def main():
    parser = argparse.ArgumentParser(description="Makes a new room from echo.")
    parser.add_argument("name", nargs="?")
    parser.add_argument("--gateway", action="store_true", help="route /api/v1/NAME to it")
    parser.add_argument("--self-test", action="store_true")
    parser.add_argument("--build-type", default="Release", help="of the self-test")
    arguments = parser.parse_args()
    if arguments.self_test:
        self_test(arguments.build_type)
        return
    if not arguments.name:
        parser.error("which NAME?")
    try:
        changed = make_room(ROOT, arguments.name, gateway=arguments.gateway)
    except Refused as refused:
        sys.exit(f"new_service: {refused}")
    print("made or changed:", *changed, sep="\n  ")
    print(f"Now: make build && build/release/bin/{arguments.name}_room_test")


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Checks every #include of the tree against the allowed arrows (docs/adr/0008).

    tools/check_layers.py [ROOT]       prints file:line of each forbidden arrow; status 1 if any
    tools/check_layers.py --self-test  plants each violation in a temporary tree and sees it found
"""

import pathlib
import re
import sys
import tempfile

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^">]+)[">]')
TARGET = re.compile(r"doorbuster_(?:library|service|program)\(\s*(\w+)([^)]*)\)")

# A library uses only libraries of a lower rank.
RANK = {
    "base": 0,
    "logging": 1, "metrics": 1, "json": 1,
    "net": 2,
    "http": 3, "postgres": 3, "redis": 3, "token": 3, "password": 3,
    "service": 4,
    "testing": 5,
}  # fmt: skip
FORBIDDEN_ARROWS = {("postgres", "json"), ("redis", "json"), ("net", "json")}

# Third-party headers and the one library that hides them.
HIDDEN = [
    (re.compile(r"^boost/beast"), "http"),
    (re.compile(r"^(libpq|postgresql/)"), "postgres"),
    (re.compile(r"^hiredis/"), "redis"),
    (re.compile(r"^sodium"), "password"),
    (re.compile(r"^spdlog/"), "logging"),
    (re.compile(r"^zlib"), "http"),
]

# What each part of a room may include of the same room. main, app and config are its root: they
# know the concrete types, and nothing else includes them. The order is one line, without a circle.
ROOM_ARROWS = {
    "main": {"app", "config"},
    "app": {"app", "config", "api", "engine", "store", "clients", "domain"},
    "config": {"config", "engine", "store", "clients", "domain"},
    "api": {"api", "engine", "store", "clients", "domain"},
    "engine": {"engine", "store", "clients", "domain"},
    "clients": {"clients", "store", "domain"},
    "store": {"store", "domain"},
    "domain": {"domain"},
}
STORE_LIBRARIES = {"postgres", "redis"}
MAY_USE_STORE_LIBRARIES = {"app", "config", "store"}

# Time, chance, threads and files are passed into a domain, never taken by it.
IMPURE = {
    "base/random.hpp", "base/environment.hpp", "random", "thread", "mutex", "future",
    "iostream", "fstream", "filesystem",
}  # fmt: skip


def is_test(path):
    return path.name.endswith((".test.cpp", ".test.hpp", ".bench.cpp"))


def is_standard(header):
    return "/" not in header and (not header.endswith(".h") or header in {"math.h", "stdint.h"})


def includes_of(path):
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        found = INCLUDE.match(line)
        if found:
            yield number, found.group(1) == '"', found.group(2)


def targets_of(cmake_file):
    """[(target, DEPENDS, TEST_DEPENDS)] of one CMakeLists.txt."""
    if not cmake_file.exists():
        return []
    text = re.sub(r"#.*", "", cmake_file.read_text(encoding="utf-8"))
    targets = []
    for name, arguments in TARGET.findall(text):
        lists = {"DEPENDS": set(), "TEST_DEPENDS": set()}
        current = None
        for word in arguments.split():
            if word in lists:
                current = word
            elif current:
                lists[current].add(word)
        targets.append((name, lists["DEPENDS"], lists["TEST_DEPENDS"]))
    return targets


def closure(names, depends):
    """The libraries reached from `names`: linking one brings what it links."""
    reached = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name in depends and name not in reached:
            reached.add(name)
            waiting.extend(depends[name])
    return reached


class Tree:
    def __init__(self, root):
        self.root = pathlib.Path(root)
        self.problems = []
        self.libraries = self.folders("libs")
        self.services = self.folders("services")
        self.depends = {}
        for library in self.libraries:
            for _, depends, _ in targets_of(self.root / "libs" / library / "CMakeLists.txt"):
                self.depends[library] = depends

    def folders(self, parent):
        place = self.root / parent
        return {each.name for each in place.iterdir() if each.is_dir()} if place.exists() else set()

    def say(self, path, line, what):
        self.problems.append(f"{path.relative_to(self.root)}:{line}: {what}")

    def sources(self, folder):
        for path in sorted((self.root / folder).rglob("*.[ch]pp")):
            yield path

    def check(self):
        for library in sorted(self.libraries):
            self.check_library(library)
        for service in sorted(self.services):
            self.check_service(service)
        for cmake_file in sorted(self.root.glob("load/*/CMakeLists.txt")):
            self.check_program(cmake_file.parent)
        self.check_program(self.root / "cli")
        return self.problems

    def linked(self, folder, always=(), rooms_rules=()):
        """(libraries that code may use, libraries that its tests may use besides); `rooms_rules`
        are targets of rooms that may be linked, too."""
        depends, for_tests = set(always), set()
        cmake_file = folder / "CMakeLists.txt"
        for _, its_depends, its_test_depends in targets_of(cmake_file):
            depends |= its_depends
            for_tests |= its_test_depends
        for name in sorted(depends | for_tests):
            if name in rooms_rules:
                continue
            if re.fullmatch(r"[a-z_]+", name) and name not in self.libraries:
                self.say(cmake_file, 1, f"DEPENDS names {name}, which is no folder of libs/")
        if "testing" in depends:
            self.say(cmake_file, 1, "testing belongs in TEST_DEPENDS")
        return closure(depends, self.depends), closure(for_tests, self.depends)

    def check_library(self, library):
        folder = self.root / "libs" / library
        if library not in RANK:
            what = f"{library} has no rank in tools/check_layers.py"
            self.say(folder / "CMakeLists.txt", 1, what)
            return
        depends, for_tests = self.linked(folder)
        for lower in sorted(self.depends.get(library, set()) & set(RANK)):
            if RANK[lower] >= RANK[library] or (library, lower) in FORBIDDEN_ARROWS:
                self.say(folder / "CMakeLists.txt", 1, f"{library} may not depend on {lower}")
        for path in self.sources(folder):
            for line, quoted, header in includes_of(path):
                self.check_hidden(path, line, header, library)
                layer = header.split("/")[0]
                if not quoted or layer == library:
                    continue
                if not self.is_rooted(path, line, header):
                    continue
                if layer in self.services:
                    self.say(path, line, f"a library may not include a service: {header}")
                elif not self.check_linked(path, line, layer, depends, for_tests):
                    continue
                elif not is_test(path) and (
                    RANK[layer] >= RANK[library] or (library, layer) in FORBIDDEN_ARROWS
                ):
                    self.say(path, line, f"{library} may not include {layer}/")

    def check_service(self, service):
        folder = self.root / "services" / service
        depends, for_tests = self.linked(folder, always={"service"})
        for path in self.sources(folder):
            inner = path.relative_to(folder)
            part = inner.parts[0] if len(inner.parts) > 1 else path.name.split(".")[0]
            for line, quoted, header in includes_of(path):
                self.check_hidden(path, line, header, None)
                if part == "domain" and not is_test(path):
                    self.check_pure(path, line, header, service)
                if not quoted or not self.is_rooted(path, line, header):
                    continue
                layer = header.split("/")[0]
                if layer == service:
                    self.check_room_arrow(path, line, part, header)
                elif layer in self.services:
                    self.say(path, line, f"service {service} may not include service {layer}")
                elif self.check_linked(path, line, layer, depends, for_tests):
                    if layer in STORE_LIBRARIES and not is_test(path):
                        if part not in MAY_USE_STORE_LIBRARIES:
                            self.say(path, line, f"only store and root may include {layer}/")

    def check_program(self, folder):
        domains = {f"{service}_domain" for service in self.services}
        depends, for_tests = self.linked(folder, rooms_rules=domains)
        named = {name for _, its, _ in targets_of(folder / "CMakeLists.txt") for name in its}
        for path in self.sources(folder):
            for line, quoted, header in includes_of(path):
                self.check_hidden(path, line, header, None)
                layer = header.split("/")[0]
                if not quoted or layer == folder.name:
                    continue
                if layer in self.services or layer == "services":
                    # A room's rules, so that a program that writes past the room has the same.
                    if f"{layer}_domain" in named and header.startswith(f"{layer}/domain/"):
                        continue
                    self.say(path, line, f"a program may not include a service: {header}")
                elif self.is_rooted(path, line, header):
                    self.check_linked(path, line, layer, depends, for_tests)

    def is_rooted(self, path, line, header):
        layer = header.split("/")[0]
        if "/" in header and (layer in self.libraries or layer in self.services):
            return True
        self.say(path, line, f'"{header}" does not start with a folder of libs/ or services/')
        return False

    def check_linked(self, path, line, layer, depends, for_tests):
        if layer == "testing" and not is_test(path):
            self.say(path, line, "only *.test.cpp and *.test.hpp may include testing/")
            return False
        if layer in depends or (is_test(path) and layer in for_tests):
            return True
        self.say(path, line, f"{layer}/ is not in the DEPENDS of this folder's CMakeLists.txt")
        return False

    def check_hidden(self, path, line, header, library):
        for pattern, owner in HIDDEN:
            if pattern.match(header) and library != owner:
                self.say(path, line, f"only libs/{owner} may include <{header}>")

    def check_pure(self, path, line, header, service):
        own = f"{service}/domain/"
        allowed = header.startswith((own, "base/")) or is_standard(header)
        if header in IMPURE or not allowed:
            self.say(path, line, f"domain is pure: it may not include {header}")

    def check_room_arrow(self, path, line, part, header):
        if is_test(path):
            return
        words = header.split("/")
        target = words[1] if len(words) > 2 else words[1].split(".")[0]
        if target not in ROOM_ARROWS.get(part, set()):
            self.say(path, line, f"{part} may not include {target}: {header}")


CLEAN = {
    "libs/base/CMakeLists.txt": "doorbuster_library(base DEPENDS fmt::fmt)",
    "libs/base/uuid.hpp": "#include <string>\n",
    "libs/json/CMakeLists.txt": "doorbuster_library(json DEPENDS base Boost::json)",
    "libs/json/json.cpp": '#include "json/json.hpp"\n#include "base/uuid.hpp"\n',
    "libs/net/CMakeLists.txt": "doorbuster_library(net DEPENDS base)",
    "libs/http/CMakeLists.txt": "doorbuster_library(http DEPENDS net json)",
    "libs/http/server.cpp": "#include <boost/beast/http.hpp>\n",
    "libs/postgres/CMakeLists.txt": (
        "doorbuster_library(postgres\n  DEPENDS net PkgConfig::libpq\n  TEST_DEPENDS testing)"
    ),
    "libs/postgres/pool.cpp": "#include <libpq-fe.h>\n",
    "libs/postgres/pool.test.cpp": '#include "testing/run_on_loop.hpp"\n',
    "libs/redis/CMakeLists.txt": "doorbuster_library(redis DEPENDS net)",
    "libs/service/CMakeLists.txt": "doorbuster_library(service DEPENDS http)",
    "libs/testing/CMakeLists.txt": "doorbuster_library(testing DEPENDS net redis)",
    "services/order/CMakeLists.txt": (
        "doorbuster_service(order DEPENDS postgres json TEST_DEPENDS testing)"
    ),
    "services/order/main.cpp": '#include "order/app.hpp"\n#include "order/config.hpp"\n',
    "services/order/config.hpp": '#include "order/engine/e.hpp"\n#include "postgres/pool.hpp"\n',
    "services/order/app.cpp": '#include "order/api/routes.hpp"\n#include "postgres/pool.hpp"\n',
    "services/order/api/routes.cpp": '#include "order/store/s.hpp"\n#include "http/router.hpp"\n',
    "services/order/api/routes.test.cpp": '#include "order/app.hpp"\n#include "testing/x.hpp"\n',
    "services/order/engine/e.hpp": '#include "order/store/s.hpp"\n',
    "services/order/store/s.hpp": '#include "postgres/pool.hpp"\n#include "order/domain/d.hpp"\n',
    "services/order/domain/d.hpp": '#include <vector>\n#include "base/uuid.hpp"\n',
    "services/echo/CMakeLists.txt": "doorbuster_service(echo DEPENDS json)",
    "cli/CMakeLists.txt": "doorbuster_program(doorbuster DEPENDS http order_domain)",
    "cli/main.cpp": '#include "cli/audit.hpp"\n#include "http/client.hpp"\n',
    "cli/import.cpp": '#include "order/domain/d.hpp"\n',
    "load/crowd/CMakeLists.txt": "doorbuster_program(crowd DEPENDS http)",
}

# (file, the line added to it, what must be said)
PLANTED = [
    ("libs/base/a.cpp", '#include "json/json.hpp"', "json/ is not in the DEPENDS"),
    ("libs/base/a.cpp", '#include "order/domain/d.hpp"', "may not include a service"),
    ("libs/json/a.cpp", '#include "net/net.hpp"', "net/ is not in the DEPENDS"),
    ("libs/json/a.cpp", '#include "json_helper.hpp"', "does not start with a folder"),
    ("libs/net/CMakeLists.txt", "doorbuster_library(net DEPENDS http)", "net may not depend on"),
    (
        "libs/postgres/CMakeLists.txt",
        "doorbuster_library(postgres DEPENDS json)",
        "postgres may not depend on json",
    ),
    ("libs/net/CMakeLists.txt", "doorbuster_library(net DEPENDS bsae)", "no folder of libs/"),
    ("libs/json/CMakeLists.txt", "doorbuster_library(json DEPENDS testing)", "in TEST_DEPENDS"),
    ("libs/new/CMakeLists.txt", "doorbuster_library(new DEPENDS base)", "has no rank"),
    ("libs/json/a.cpp", "#include <boost/beast/core.hpp>", "only libs/http"),
    ("libs/json/a.cpp", "#include <libpq-fe.h>", "only libs/postgres"),
    ("services/order/store/a.cpp", "#include <postgresql/libpq-fe.h>", "only libs/postgres"),
    ("cli/a.cpp", "#  include <hiredis/hiredis.h>", "only libs/redis"),
    ("services/echo/app.cpp", "#include <sodium.h>", "only libs/password"),
    ("libs/postgres/a.cpp", '#include "testing/run_on_loop.hpp"', "only *.test.cpp"),
    ("services/order/api/a.hpp", '#include "testing/run_on_loop.hpp"', "only *.test.cpp"),
    ("services/order/api/a.cpp", '#include "echo/app.hpp"', "may not include service echo"),
    ("services/order/api/a.test.cpp", '#include "echo/app.hpp"', "may not include service echo"),
    ("services/order/api/a.cpp", '#include "postgres/pool.hpp"', "only store and root"),
    ("services/order/engine/a.cpp", '#include "postgres/pool.hpp"', "only store and root"),
    ("services/order/api/a.cpp", '#include "redis/client.hpp"', "redis/ is not in the DEPENDS"),
    ("services/order/api/a.cpp", '#include "order/app.hpp"', "api may not include app"),
    ("services/order/main.cpp", '#include "order/store/s.hpp"', "main may not include store"),
    ("services/order/store/a.cpp", '#include "order/api/routes.hpp"', "store may not include api"),
    ("services/order/store/a.cpp", '#include "order/clients/c.hpp"', "may not include clients"),
    ("services/order/clients/a.cpp", '#include "order/app.hpp"', "clients may not include app"),
    ("services/order/api/a.cpp", '#include "order/config.hpp"', "api may not include config"),
    ("services/order/engine/a.cpp", '#include "order/api/routes.hpp"', "may not include api"),
    ("services/order/domain/a.cpp", '#include "order/store/s.hpp"', "domain is pure"),
    ("services/order/domain/a.cpp", '#include "json/json.hpp"', "domain is pure"),
    ("services/order/domain/a.cpp", "#include <boost/asio.hpp>", "domain is pure"),
    ("services/order/domain/a.cpp", "#include <fmt/format.h>", "domain is pure"),
    ("services/order/domain/a.cpp", "#include <random>", "domain is pure"),
    ("services/order/domain/a.cpp", '#include "base/random.hpp"', "domain is pure"),
    ("load/crowd/a.cpp", '#include "order/domain/d.hpp"', "may not include a service"),
    ("cli/a.cpp", '#include "order/store/s.hpp"', "may not include a service"),
    ("cli/a.cpp", '#include "echo/domain/d.hpp"', "may not include a service"),
    ("libs/json/CMakeLists.txt", "doorbuster_library(json DEPENDS order_domain)", "no folder of"),
    ("load/crowd/a.cpp", '#include "postgres/pool.hpp"', "postgres/ is not in the DEPENDS"),
    ("cli/a.cpp", '#include "testing/run_on_loop.hpp"', "only *.test.cpp"),
]


def problems_with(files):
    with tempfile.TemporaryDirectory() as root:
        for name, text in files.items():
            path = pathlib.Path(root, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return Tree(root).check()


def self_test():
    failures = [f"clean tree: {problem}" for problem in problems_with(CLEAN)]
    for name, line, wanted in PLANTED:
        before = "" if name.endswith("CMakeLists.txt") else CLEAN.get(name, "")
        problems = problems_with({**CLEAN, name: before + line + "\n"})
        where = f"{name}:{before.count(chr(10)) + 1}: "
        if not any(each.startswith(where) and wanted in each for each in problems):
            failures.append(f"not found: {where}{line} ({wanted}); said: {problems}")
    return failures


def main():
    if "--self-test" in sys.argv:
        problems = self_test()
    else:
        root = pathlib.Path(__file__).resolve().parent.parent
        problems = Tree(sys.argv[1] if len(sys.argv) > 1 else root).check()
    for problem in problems:
        print(problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())

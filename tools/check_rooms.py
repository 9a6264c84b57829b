#!/usr/bin/env python3
"""Checks the shape of rooms and files (docs/style.md): what a service or library folder may hold,
names, line and function lengths, leftovers, paths of one machine, and that migrations after the
released ones (migrations/RELEASED has the last one's number) read no table that the shop uses while
they hold its lock (ADR 0046).

    tools/check_rooms.py [ROOT]       prints file:line for each problem; exit status 1 if any
    tools/check_rooms.py --self-test  plants each violation in a temporary tree and sees it found
"""

import os
import pathlib
import re
import sys
import tempfile

ROOM_FILES = {
    "README.md", "CMakeLists.txt", "main.cpp", "config.hpp", "config.cpp", "app.hpp", "app.cpp",
}  # fmt: skip
ROOM_TESTS = {"config.test.cpp", "app.test.cpp"}
ROOM_FOLDERS = {"api", "domain", "store", "clients", "migrations"}
# Parts that one room has for a reason of its own.
ROOM_EXTRAS = {"order": {"engine"}}  # the sale engine: neither an endpoint nor a store

BANNED_NAMES = {"util", "utils", "utility", "utilities", "common", "helper", "helpers", "misc"}
LINE_COLUMNS_MAX = 100
FUNCTION_LINES_MAX = 70
README_LINES_MAX = 40

SKIPPED_FOLDERS = {"build", "__pycache__", "node_modules"}
TEXT_ENDINGS = (
    ".cpp", ".hpp", ".sql", ".py", ".js", ".sh", ".md", ".yaml", ".yml", ".json", ".cmake", ".txt",
    ".conf", ".toml", ".lua",
)  # fmt: skip
TEXT_NAMES = {"Makefile", "Dockerfile"}
# Written in two halves so that this file passes its own check.
LEFTOVER = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X)\b")
MACHINE_PATH = re.compile(r"(?<![\w.$}/*-])/(?:wor" + r"k|roo" + r"t|hom" + r"e)/")

LITERALS = re.compile(
    r'R"(?P<mark>[^\s()\\"]{0,16})\(.*?\)(?P=mark)"'  # raw string
    r'|"(?:\\.|[^"\\\n])*"'
    r"|(?<![0-9A-Fa-f])'(?:\\.|[^'\\\n])+'"  # not a digit separator
    r"|//[^\n]*|/\*.*?\*/"
    r"|^[ \t]*#(?:\\\n|[^\n])*",
    re.DOTALL | re.MULTILINE,
)
CONTAINER = re.compile(
    r"^\s*(?:template\b.*)?(?:inline\s+)?(?:namespace|class|struct|union|enum|extern)\b"
)
INITIALIZERS = re.compile(r"\)\s*(?:noexcept\s*)?:(?!:)")

# What is not a statement of the file itself: comments and bodies of functions.
SQL_ASIDE = re.compile(r"--[^\n]*|(\$\w*\$).*?\1", re.DOTALL)
TABLE = r"(?P<table>[\w.]+)"
CREATED = re.compile(rf"CREATE\s+TABLE\s+{TABLE}\s*\(", re.IGNORECASE)
INDEX = re.compile(
    rf"CREATE\s+(?:UNIQUE\s+)?INDEX\s+(?P<beside>CONCURRENTLY\s)?.*?\bON\s+(?:ONLY\s+)?{TABLE}",
    re.DOTALL | re.IGNORECASE,
)
ALTERED = re.compile(
    rf"ALTER\s+TABLE\s+(?:IF\s+EXISTS\s+)?(?:ONLY\s+)?{TABLE}\s+(?P<actions>.*)",
    re.DOTALL | re.IGNORECASE,
)
RULE = re.compile(r"ADD\b.*\b(?:CHECK|FOREIGN\s+KEY|REFERENCES)\b", re.DOTALL | re.IGNORECASE)
NOT_VALID = re.compile(r"\bNOT\s+VALID\s*$", re.IGNORECASE)


def actions_of(text):
    """The parts between commas that are in no parentheses, each with where it begins."""
    depth, first = 0, 0
    for index, character in enumerate(text):
        depth += (character == "(") - (character == ")")
        if character == "," and depth == 0:
            yield first, text[first:index]
            first = index + 1
    yield first, text[first:]


def locks_of(sql):
    """(line, what is wrong) of statements that read a table under its lock, unless this very file
    made it: CREATE TABLE IF NOT EXISTS may have found one."""
    sql = SQL_ASIDE.sub(keep_newlines, sql)
    created = {match["table"].lower() for match in CREATED.finditer(sql)}
    start = 0
    for statement in sql.split(";"):
        begin = start + len(statement) - len(statement.lstrip())
        start += len(statement) + 1
        text = statement.strip()
        index = INDEX.match(text)
        if index and not index["beside"] and index["table"].lower() not in created:
            yield sql.count("\n", 0, begin) + 1, "build this index CONCURRENTLY (ADR 0046)"
        altered = ALTERED.match(text)
        if not altered or altered["table"].lower() in created:
            continue
        for offset, action in actions_of(altered["actions"]):
            if RULE.match(action.strip()) and not NOT_VALID.search(action):
                offset += len(action) - len(action.lstrip())
                place = begin + altered.start("actions") + offset
                line = sql.count("\n", 0, place) + 1
                yield line, "add this rule NOT VALID, validate it in a later file (ADR 0046)"


def keep_newlines(match):
    return "\n" * match.group().count("\n") or " "


def functions_of(text):
    """(first line, lines) of each outermost function body and its head; good enough for our style,
    not a parser."""
    text = LITERALS.sub(keep_newlines, text)
    line = 1
    head, head_line = "", 1
    parentheses = 0
    stack = []  # of [kind, head's first line]
    for character in text:
        if character == "\n":
            line += 1
        inside = any(kind != "container" for kind, _ in stack)
        if character == "{" and (inside or parentheses):
            stack.append(["block", line])
        elif character == "{":
            stack.append([kind_of(head), head_line])
            if stack[-1][0] != "initializer":
                head = ""
        elif character == "}":
            if not stack:
                continue
            kind, first = stack.pop()
            if kind == "function":
                yield first, line - first + 1
            if kind in ("function", "container"):
                head = ""
        elif not inside:
            parentheses += (character == "(") - (character == ")")
            if character == ";" and not parentheses:
                head = ""
            else:
                if not head.strip():
                    head, head_line = "", line
                head += character


def kind_of(head):
    if CONTAINER.match(head) and not re.search(r"\)\s*(?:const|noexcept|override|\s)*$", head):
        return "container"
    if INITIALIZERS.search(head) and re.search(r"[\w>]\s*$", head):
        return "initializer"
    return "function" if ")" in head else "initializer"


class Tree:
    def __init__(self, root):
        self.root = pathlib.Path(root)
        self.problems = []

    def say(self, path, line, what):
        self.problems.append(f"{path.relative_to(self.root)}:{line}: {what}")

    def check(self):
        for service in self.folders("services"):
            self.check_service(service)
        for library in self.folders("libs"):
            self.require(library)
        for folder, folders, files in os.walk(self.root):
            folders[:] = sorted(f for f in folders if f not in SKIPPED_FOLDERS and f[0] != ".")
            for name in folders + sorted(files):
                self.check_name(pathlib.Path(folder, name))
            for name in sorted(files):
                if name.endswith(TEXT_ENDINGS) or name in TEXT_NAMES:
                    self.check_text(pathlib.Path(folder, name))
        return self.problems

    def folders(self, parent):
        place = self.root / parent
        return sorted(f for f in place.iterdir() if f.is_dir()) if place.exists() else []

    def require(self, folder):
        for name in ("README.md", "CMakeLists.txt"):
            if not (folder / name).exists():
                self.say(folder, 1, f"has no {name}")
        readme = folder / "README.md"
        if readme.exists():
            lines = len(readme.read_text(encoding="utf-8").splitlines())
            if lines > README_LINES_MAX:
                self.say(readme, lines, f"longer than {README_LINES_MAX} lines")

    def check_service(self, folder):
        self.require(folder)
        allowed_folders = ROOM_FOLDERS | ROOM_EXTRAS.get(folder.name, set())
        for entry in sorted(folder.iterdir()):
            allowed = allowed_folders if entry.is_dir() else ROOM_FILES | ROOM_TESTS
            if entry.name not in allowed and entry.name[0] != ".":
                self.say(entry, 1, "is not one of a room's files and folders")
        self.check_migrations(folder / "migrations")

    def check_migrations(self, folder):
        mark = folder / "RELEASED"
        released = int(mark.read_text(encoding="utf-8")) if mark.exists() else 0
        for path in sorted(folder.glob("*.sql")):
            if path.name[:4].isdigit() and int(path.name[:4]) > released:
                for line, what in locks_of(path.read_text(encoding="utf-8")):
                    self.say(path, line, what)

    def check_name(self, path):
        if path.name.split(".")[0].lower() in BANNED_NAMES:
            self.say(path, 1, "this name says nothing: name what it holds")
        if path.suffix in {".h", ".cc", ".cxx", ".hh"}:
            self.say(path, 1, "C++ files end in .cpp and .hpp")

    def check_text(self, path):
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            self.say(path, 1, "is not UTF-8")
            return
        is_code = path.suffix in {".cpp", ".hpp"}
        has_columns = is_code or path.suffix == ".py"
        for number, line in enumerate(text.splitlines(), 1):
            if has_columns and len(line) > LINE_COLUMNS_MAX:
                self.say(path, number, f"longer than {LINE_COLUMNS_MAX} columns")
            if LEFTOVER.search(line):
                self.say(path, number, "leftover: finish it or open an issue")
            if MACHINE_PATH.search(line):
                self.say(path, number, "path of one machine")
        if path.suffix == ".hpp" and "#pragma once" not in text:
            self.say(path, 1, "header without #pragma once")
        if is_code:
            for line, lines in functions_of(text):
                if lines > FUNCTION_LINES_MAX:
                    limit = f"at most {FUNCTION_LINES_MAX}"
                    self.say(path, line, f"function of {lines} lines ({limit})")


def function_of(lines, head="int f()"):
    return head + " {\n" + "    g();\n" * (lines - 2) + "}\n"


CLEAN = {
    "libs/base/README.md": "# base\n",
    "libs/base/CMakeLists.txt": "",
    "libs/base/base.hpp": "#pragma once\nstruct A {\n" + "    int f();\n" * 90 + "};\n",
    "libs/base/base.cpp": (
        "namespace n {\n" + function_of(70) * 3 + "}\n"
        # A table is not a function, nor does a brace in a text open one.
        + "const int t[] = {\n" + "    1'000,\n" * 90 + "};\n"
        + 'const char* s = "{{ (){";\nchar c = \'{\';  // f() {\n' + function_of(70)
        + 'const char* q = R"({\n' + "() {\n" * 90 + ')";\n'
    ),
    "services/order/README.md": "# order\n",
    "services/order/CMakeLists.txt": "",
    "services/order/main.cpp": "",
    "services/order/engine/sale.cpp": "",
    "services/order/api/routes.cpp": "",
    "services/order/migrations/RELEASED": "1\n",
    "services/order/migrations/0001_old.sql": "CREATE INDEX old ON o.orders (id);\n",
    "services/order/migrations/0002_new.sql": (
        "CREATE TABLE o.new (a int CHECK (a > 0));\nCREATE UNIQUE INDEX new_a ON o.new (a);\n"
        + "ALTER TABLE o.new ADD CONSTRAINT n CHECK (a > 1);\n"
        + "ALTER TABLE o.orders\n    DROP CONSTRAINT c,\n"
        + "    ADD CONSTRAINT c CHECK (state IN (1, 2)) NOT VALID,\n"
        + "    ADD COLUMN b int DEFAULT 0;\n"
        + "-- CREATE INDEX not_now ON o.orders (b);\n"
        + "CREATE FUNCTION o.f() RETURNS void LANGUAGE sql AS $$\n"
        + "CREATE INDEX of_a_body ON o.orders (b); $$;\n"
    ),
    "services/order/migrations/0003_index.sql": (
        "-- no-transaction\nCREATE INDEX CONCURRENTLY orders_b ON o.orders (b);\n"
    ),
    "services/order/migrations/0004_seen.sql": "ALTER TABLE o.orders VALIDATE CONSTRAINT c;\n",
    "infra/deploy.yaml": "path: /var/lib/x\nurl: https://example.org/home/x\nname: $DIR/work/x\n",
    "build/dev/util.cpp": "x" * 200,
}  # fmt: skip

TALL = "struct A {\n    A()\n        : a_{1},\n          b_(2) {\n" + "f();\n" * 80 + "}\n};\n"

MIGRATION = "services/order/migrations/0005_locks.sql"

# (file, its text, the line, what must be said)
PLANTED = [
    ("services/order/queue/a.cpp", "", "services/order/queue:1", "not one of a room's"),
    ("services/order/extra.cpp", "", "services/order/extra.cpp:1", "not one of a room's"),
    ("services/echo/engine/a.cpp", "", "services/echo/engine:1", "not one of a room's"),
    ("services/echo/CMakeLists.txt", "", "services/echo:1", "has no README.md"),
    ("libs/net/README.md", "", "libs/net:1", "has no CMakeLists.txt"),
    ("libs/net/CMakeLists.txt", "", "libs/net:1", "has no README.md"),
    ("libs/base/README.md", "line\n" * 41, "libs/base/README.md:41", "longer than 40 lines"),
    ("libs/base/utils.cpp", "", "libs/base/utils.cpp:1", "says nothing"),
    ("libs/base/helpers/a.cpp", "", "libs/base/helpers:1", "says nothing"),
    ("tools/common.py", "", "tools/common.py:1", "says nothing"),
    ("libs/base/a.h", "", "libs/base/a.h:1", "end in .cpp and .hpp"),
    ("libs/base/a.hpp", "int f();\n", "libs/base/a.hpp:1", "without #pragma once"),
    ("libs/base/a.cpp", "\n" + "x" * 101, "libs/base/a.cpp:2", "longer than 100 columns"),
    ("tools/a.py", "\n" + "x" * 101, "tools/a.py:2", "longer than 100 columns"),
    ("libs/base/a.cpp", "\n// TO" + "DO later", "libs/base/a.cpp:2", "leftover"),
    (
        MIGRATION,
        "SELECT 1;\n\nCREATE INDEX i\n    ON o.orders (b);\n",
        MIGRATION + ":3",
        "CONCURRENTLY",
    ),
    (
        MIGRATION,
        "CREATE TABLE IF NOT EXISTS o.orders (id int);\nCREATE UNIQUE INDEX i ON o.orders (id);\n",
        MIGRATION + ":2",
        "CONCURRENTLY",
    ),
    (
        MIGRATION,
        "ALTER TABLE o.orders\n    ADD COLUMN c int,\n    ADD CONSTRAINT d CHECK (a IN (1, 2));\n",
        MIGRATION + ":3",
        "NOT VALID",
    ),
    (
        MIGRATION,
        "ALTER TABLE o.orders ADD CONSTRAINT d FOREIGN KEY (a) REFERENCES o.new;\n",
        MIGRATION + ":1",
        "NOT VALID",
    ),
    (
        MIGRATION,
        "ALTER TABLE o.orders ADD COLUMN e int CHECK (e > 0);\n",
        MIGRATION + ":1",
        "NOT VALID",
    ),
    ("infra/run.sh", "# FIX" + "ME", "infra/run.sh:1", "leftover"),
    ("docs/a.md", "\nsee /wor" + "k/main", "docs/a.md:2", "path of one machine"),
    ("infra/a.yaml", "dir: /roo" + "t/x", "infra/a.yaml:1", "path of one machine"),
    ("libs/base/a.cpp", "\n" + function_of(71), "libs/base/a.cpp:2", "function of 71 lines"),
    (
        "libs/base/a.cpp",
        "namespace a {\n" + function_of(80, "auto A::f(int b) const -> std::vector<int>") + "}\n",
        "libs/base/a.cpp:2",
        "function of 80 lines",
    ),
    ("libs/base/a.cpp", function_of(75, "TEST(A, B)"), "libs/base/a.cpp:1", "function of 75 lines"),
    ("libs/base/a.cpp", TALL, "libs/base/a.cpp:2", "function of 84 lines"),
    (
        "libs/base/a.cpp",
        "void f() {\n    if (a) {\n        b();\n    }\n" + "    c();\n" * 70 + "}\n",
        "libs/base/a.cpp:1",
        "function of 75 lines",
    ),
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
    for name, text, where, wanted in PLANTED:
        problems = problems_with({**CLEAN, name: text})
        if not any(each.startswith(where + ": ") and wanted in each for each in problems):
            failures.append(f"not found: {where} ({wanted}); said: {problems}")
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

"""What an image is made from, and the tag that follows from it."""

import functools
import hashlib
import os
import re
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path

from shop.state_folder import CHECKOUT
from shop.trouble import Trouble

FOLDER = CHECKOUT / "infra" / "images"
OPERATOR = "doorbuster"
PROGRAMS = re.search(
    r'^ARG PROGRAMS="(.+)"$', (FOLDER / "Dockerfile").read_text(), re.MULTILINE
)[1].split()
ROOMS = tuple(name for name in PROGRAMS if name != OPERATOR)
NEIGHBOURS = ("postgres", "redis", "haproxy", "nginx")
NAMES = (*ROOMS, OPERATOR, *NEIGHBOURS)
# The load test's, to compare the ingress with: no shop needs it.
DEPLOYED = tuple(name for name in NAMES if name != "nginx")
# A name that no registry serves: what a node lacks is never fetched from whoever took it.
REGISTRY = "localhost/doorbuster"
HASH_DIGITS = 12
# Copied with their folders, but in no image: another text in them is no other image.
OF_NO_EFFECT = (".md", ".test.cpp", ".test.hpp")
COPY = re.compile(r"^COPY\s+(?!--from)(?:--\S+\s+)*(.+)$", re.MULTILINE)
BASE = re.compile(r"^ARG BASE_IMAGE=(\S+)$", re.MULTILINE)


@dataclass(frozen=True)
class Recipe:
    """A Dockerfile and what it copies; several images may be made of it."""

    dockerfile: Path
    root: Path = CHECKOUT

    @functools.cached_property
    def text(self):
        return self.dockerfile.read_text()

    @functools.cached_property
    def base_image(self):
        found = BASE.search(self.text)
        if not found:
            raise Trouble(f"{self.dockerfile} has no line ARG BASE_IMAGE=")
        return os.environ.get("BASE_IMAGE") or found.group(1)

    @functools.cached_property
    def sources(self):
        """Paths from the checkout's root: what is copied, and how."""
        copied = [path for line in COPY.findall(self.text) for path in line.split()[:-1]]
        ignored = [".dockerignore"] if (self.root / ".dockerignore").exists() else []
        return sorted({*copied, str(self.dockerfile.relative_to(self.root)), *ignored})

    @functools.cached_property
    def digest(self):
        """Over names, modes and contents; in a new checkout and on another machine the same."""
        total = hashlib.sha256(self.base_image.encode())
        for name in self._files():
            path = self.root / name
            total.update(f"\0{name}\0{'x' if is_executable(path) else '-'}\0".encode())
            total.update(hashlib.sha256(path.read_bytes()).digest())
        return total.hexdigest()[:HASH_DIGITS]

    @functools.cached_property
    def revision(self):
        """The commit that last touched what the image is made of; marked if there is more."""
        paths = [*self.sources, *(f":(exclude)*{end}" for end in OF_NO_EFFECT)]
        commit = self._git("log", "-1", "--format=%H", "--", *paths).strip()
        changed = self._git("status", "--porcelain", "--", *paths).strip()
        return (commit or "unknown") + ("+changed" if changed else "")

    @property
    def time(self):
        """What images say they were made at, in seconds since 1970. The same for all builds: a
        layer taken from the cache keeps its time, so any other would make a build from the cache
        another image than one from nothing."""
        return int(os.environ.get("SOURCE_DATE_EPOCH") or 0)

    def tag(self):
        return os.environ.get("IMAGE_TAG") or f"{version()}-{self.digest}"

    def _files(self):
        """Those that git knows or would know; all of them where there is no git."""
        listed = self._git("ls-files", "-z", "-co", "--exclude-standard", "--", *self.sources)
        names = listed.split("\0") if listed else self._walk()
        present = {name for name in names if name and (self.root / name).is_file()}
        if not present:
            raise Trouble(f"{self.dockerfile} copies nothing that is there")
        return sorted(name for name in present if not name.endswith(OF_NO_EFFECT))

    def _walk(self):
        for source in self.sources:
            path = self.root / source
            inside = [path] if path.is_file() else path.rglob("*")
            yield from (str(one.relative_to(self.root)) for one in inside if one.is_file())

    def _git(self, *arguments):
        command = ["git", "-C", str(self.root), *arguments]
        try:
            done = subprocess.run(command, capture_output=True, text=True)
        except FileNotFoundError:
            return ""
        return done.stdout if done.returncode == 0 else ""


@functools.cache
def recipe_of(name):
    file = "neighbours.Dockerfile" if name in NEIGHBOURS else "Dockerfile"
    path = FOLDER / file
    if not path.exists():
        raise Trouble(f"{path} is missing: this is no whole checkout")
    return _recipe(path)


@functools.cache
def _recipe(path):
    return Recipe(path)


@functools.cache
def version():
    text = (CHECKOUT / "CMakeLists.txt").read_text()
    found = re.search(r"project\(doorbuster VERSION ([\d.]+)", text)
    if not found:
        raise Trouble("CMakeLists.txt does not say which version this is")
    return found.group(1)


def registry():
    return (os.environ.get("IMAGE_REGISTRY") or REGISTRY).rstrip("/")


def reference(name):
    """How builders, nodes and registries call it."""
    return f"{registry()}/{name}:{recipe_of(name).tag()}"


def is_executable(path):
    return bool(path.stat().st_mode & stat.S_IXUSR)

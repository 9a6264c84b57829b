"""Whichever image builder is there: docker, podman or buildah."""

import functools
import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path

from images.oci_archive import write_archive
from images.progress import run_with_progress
from images.recipe import NEIGHBOURS, recipe_of, reference, version
from shop.state_folder import CHECKOUT
from shop.terminal import Step
from shop.trouble import Trouble

KINDS = ("docker", "podman", "buildah")
ASKED_SECONDS = 20
PULL_SECONDS = 600
BUILD_SECONDS = 5400  # all rooms from nothing on a small arm64 board
KB_OF_A_COMPILER = 1_500_000
JOBS_UNKNOWN = 2
MEMORY = Path("/proc/meminfo")
LOGS = CHECKOUT / "build" / "images"

HOW_TO_INSTALL = """\
no image builder works here. One of these is needed:
  docker   with its engine running, https://docs.docker.com/engine/install/
  podman   apt-get install podman
  buildah  apt-get install buildah
Without one: bring images that were built elsewhere (`make images-save` there, then
`k3s ctr images import FILE` on the node), or name published ones: IMAGE_REGISTRY, IMAGE_TAG."""


def find_builder():
    chosen = os.environ.get("BUILDER")
    if chosen:
        if chosen not in KINDS:
            raise Trouble(f"BUILDER={chosen}: must be one of {', '.join(KINDS)}")
        problem = why_unusable(chosen)
        if problem:
            raise Trouble(f"BUILDER={chosen} can't be used: {problem}")
        return Builder(chosen)
    usable = next((kind for kind in KINDS if not why_unusable(kind)), None)
    if usable is None:
        raise Trouble(HOW_TO_INSTALL)
    return Builder(usable)


def why_unusable(kind):
    """Empty if it can be used. A docker without an engine is a command only: `info` asks it."""
    if not shutil.which(kind):
        return "it is not installed"
    try:
        done = subprocess.run(
            [kind, "info"], capture_output=True, text=True, timeout=ASKED_SECONDS
        )
    except subprocess.TimeoutExpired:
        return f"`{kind} info` gives no answer"
    if done.returncode != 0:
        return (done.stderr.strip() or done.stdout.strip()).splitlines()[-1]
    return ""


@functools.cache
def jobs():
    """Compilers at once, as the Makefile counts them. Once for all images of a run: another number
    would compile anew what they share."""
    chosen = os.environ.get("JOBS")
    if chosen:
        if not re.fullmatch("[1-9][0-9]*", chosen):
            raise Trouble(f"JOBS={chosen}: must be how many compilers may run at once")
        return int(chosen)
    return jobs_that_fit(MEMORY.read_text() if MEMORY.exists() else "", cores())


def jobs_that_fit(memory, processors):
    """`memory`: what Linux says in /proc/meminfo; where nothing is known, few."""
    found = re.search(r"^MemAvailable:\s+(\d+) kB$", memory, re.MULTILINE)
    most = int(found[1]) // KB_OF_A_COMPILER + 1 if found else JOBS_UNKNOWN
    return min(processors, most)


def cores():
    """Those that this process may use, where that can be asked."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Builder:
    def __init__(self, kind):
        self.kind = kind
        self._needs_chroot = None

    def has(self, image):
        if self.kind == "docker":
            return self._answers("image", "inspect", image)
        if self.kind == "podman":
            return self._answers("image", "exists", image)
        return self._answers("inspect", "--type", "image", image)

    def build(self, name):
        """One image, unless one of the same inputs is there already. True if it was built."""
        image = reference(name)
        with Step(f"image {name}") as step:
            if self.has(image):
                step.note = f"{recipe_of(name).tag()}, there already"
                return False
            self._require_base(recipe_of(name).base_image)
            LOGS.mkdir(parents=True, exist_ok=True)
            run_with_progress(
                self._build_command(name, image),
                log=LOGS / f"{name}.log",
                environment=self._environment(name),
                seconds=BUILD_SECONDS,
                what=f"the image {name}",
            )
            step.note = recipe_of(name).tag()
        return True

    def save(self, images, target):
        """All of them into the file `target`, which `ctr images import` and `docker load` read."""
        if self.kind == "buildah":
            write_archive(self._export, images, target)
            return
        many = ("--multi-image-archive",) if self.kind == "podman" else ()
        self._run("save", *many, "--output", target, *images, timeout=PULL_SECONDS)

    def push(self, image):
        self._run("push", image, timeout=PULL_SECONDS)

    def _export(self, image, folder):
        self._run("push", "--quiet", image, f"oci:{folder}:{image}", timeout=PULL_SECONDS)

    def _build_command(self, name, image):
        recipe = recipe_of(name)
        arguments = {
            "BASE_IMAGE": recipe.base_image,
            "VERSION": version(),
            "REVISION": recipe.revision,
        }
        command = [self.kind, "bud" if self.kind == "buildah" else "build"]
        command += ["--file", recipe.dockerfile, "--tag", image]
        if name in NEIGHBOURS:
            command += ["--target", name]
        else:
            arguments |= {"SERVICE": name, "JOBS": jobs()}
        for key, value in arguments.items():
            command += ["--build-arg", f"{key}={value}"]
        return [str(part) for part in (*command, *self._reproducibly(recipe), CHECKOUT)]

    def _reproducibly(self, recipe):
        if self.kind == "docker":
            epoch = ["--build-arg", f"SOURCE_DATE_EPOCH={recipe.time}"]
            return ["--pull=false", "--provenance=false", *epoch]
        fixed = ["--pull=never", "--layers", "--timestamp", recipe.time]
        if self.kind == "podman":
            return fixed
        return [*fixed, "--identity-label=false", *self._isolation(recipe.base_image)]

    def _isolation(self, base_image):
        """Namespaces can't be had everywhere, for example not in a container; a chroot can."""
        if os.environ.get("BUILDAH_ISOLATION"):
            return []
        if self._needs_chroot is None:
            container = self._run("from", "--pull=never", base_image).strip()
            try:
                self._needs_chroot = not self._answers("run", container, "true")
            finally:
                self._run("rm", container)
        return ["--isolation=chroot"] if self._needs_chroot else []

    def _environment(self, name):
        """Docker's builder knows cache mounts only as BuildKit, which older ones must be told."""
        epoch = str(recipe_of(name).time)
        return os.environ | {"DOCKER_BUILDKIT": "1", "SOURCE_DATE_EPOCH": epoch}

    def _require_base(self, image):
        if self.has(image):
            return
        substitute = os.environ.get("BASE_IMAGE_COMMAND")
        if substitute:
            self._make_base(substitute, image)
        else:
            pulled = self._attempt("pull", image, timeout=PULL_SECONDS)
            if pulled.returncode != 0:
                raise Trouble(
                    f"{self.kind} could not fetch the base image {image}:"
                    f" {pulled.stderr.strip()}\nIs its registry reachable? Else name one that is"
                    " here, BASE_IMAGE=..., or a command that makes it, BASE_IMAGE_COMMAND=..."
                )

    def _make_base(self, command, image):
        done = subprocess.run(
            shlex.split(command), capture_output=True, text=True, timeout=PULL_SECONDS
        )
        if done.returncode != 0 or not self.has(image):
            said = done.stderr.strip() or f"{self.kind} does not know {image} afterwards"
            raise Trouble(f"BASE_IMAGE_COMMAND={command}: {said}")

    def _run(self, *arguments, timeout=ASKED_SECONDS * 6):
        done = self._attempt(*arguments, timeout=timeout)
        if done.returncode != 0:
            raise Trouble(f"`{self.kind} {arguments[0]} ...` failed: {done.stderr.strip()}")
        return done.stdout

    def _answers(self, *arguments):
        return self._attempt(*arguments).returncode == 0

    def _attempt(self, *arguments, timeout=ASKED_SECONDS * 6):
        command = [self.kind, *map(str, arguments)]
        try:
            return subprocess.run(command, capture_output=True, text=True, timeout=timeout)
        except subprocess.TimeoutExpired:
            raise Trouble(f"`{self.kind} {arguments[0]} ...` took over {timeout} s") from None

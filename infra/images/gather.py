#!/usr/bin/env python3
"""Gathers what each program needs to run in an image that holds nothing else.

    gather PROGRAMS_FOLDER TARGET NAME...

TARGET/libraries gets the shared libraries of all programs, the certificates of the authorities, the
user and the rules of name resolution; TARGET/programs/NAME the program and its bill of materials
(CycloneDX). Runs inside the build stage; every file gets there from a Debian package.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

USER = 65532
CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"
ROOT_LINKS = ("lib", "lib64")  # Debian's own: into /usr
FILES = {
    "etc/passwd": f"shop:x:{USER}:{USER}:Doorbuster:/:/usr/sbin/nologin\n",
    "etc/group": f"shop:x:{USER}:\n",
    "etc/nsswitch.conf": "hosts: files dns\n",
}


def output(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def libraries_of(program):
    """Real paths of the libraries, the dynamic linker among them, by the path looked for."""
    found = {}
    for line in output("ldd", program).splitlines():
        if "not found" in line:
            sys.exit(f"gather: {program}: {line.strip()}")
        path = next((word for word in line.split() if word.startswith("/")), None)
        if path:
            found[path] = os.path.realpath(path)
    return found


def copy(real, looked_for, root):
    """Under /usr, where Debian's links lead, by the name that the linker asks for."""
    folder = os.path.realpath(os.path.dirname(looked_for))
    target = root / folder.lstrip("/") / os.path.basename(looked_for)
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(real, target)


def package_of(path):
    """dpkg knows some files by their path before /usr was merged."""
    for known in (path, path.removeprefix("/usr")):
        done = subprocess.run(["dpkg", "--search", known], capture_output=True, text=True)
        if done.returncode == 0:
            return done.stdout.rsplit(": ", 1)[0].split(",")[0]
    sys.exit(f"gather: {path} belongs to no package")


def component_of(package):
    fields = "${source:Package}\t${Version}\t${Architecture}"
    source, version, architecture = output(
        "dpkg-query", "--show", f"--showformat={fields}", package
    ).split("\t")
    name = package.split(":")[0]
    return {
        "type": "library",
        "name": name,
        "version": version,
        "purl": f"pkg:deb/debian/{name}@{version}?arch={architecture}",
        "properties": [{"name": "source package", "value": source}],
    }


def bill_of_materials(name, packages):
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"component": {"type": "application", "name": f"doorbuster/{name}"}},
        "components": [component_of(package) for package in sorted(packages)],
    }


def gather(name, programs, target):
    program = programs / name
    packages = {"ca-certificates"}
    for looked_for, real in libraries_of(program).items():
        copy(real, looked_for, target / "libraries")
        packages.add(package_of(real))
    root = target / "programs" / name
    (root / "usr/bin").mkdir(parents=True)
    subprocess.run(["strip", "--strip-debug", "-o", root / "usr/bin" / name, program], check=True)
    (root / "usr/bin/start").symlink_to(name)
    (root / "sbom.cdx.json").write_text(json.dumps(bill_of_materials(name, packages), indent=1))


def main():
    programs, target, *names = sys.argv[1:]
    target = Path(target)
    libraries = target / "libraries"
    for path, text in FILES.items():
        (libraries / path).parent.mkdir(parents=True, exist_ok=True)
        (libraries / path).write_text(text)
    certificates = libraries / CERTIFICATES.lstrip("/")
    certificates.parent.mkdir(parents=True)
    shutil.copy2(CERTIFICATES, certificates)
    for name in names:
        gather(name, Path(programs), target)
    for link in ROOT_LINKS:
        if (libraries / "usr" / link).exists():
            (libraries / link).symlink_to(f"usr/{link}")


if __name__ == "__main__":
    main()

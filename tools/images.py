#!/usr/bin/env python3
"""The shop's container images.

  build [NAME ...]   those that aren't there yet, with docker, podman or buildah (BUILDER)
  load               build, and bring the cluster's node what it lacks
  save [FILE]        build, and write one archive for `k3s ctr images import`
  push               build, and push to IMAGE_REGISTRY
  list               sizes, shared layers, digests
  sbom [FOLDER]      what each image is made of, as CycloneDX files
  tags               only the names, with the tags that follow from their inputs

IMAGE_REGISTRY (localhost/doorbuster) and IMAGE_TAG name other images; BASE_IMAGE another Debian;
BASE_IMAGE_COMMAND makes that base image where no registry is reached.
"""

import argparse
import contextlib
import sys
import tempfile
from pathlib import Path

from cluster.kubectl import Kubectl
from images import bringing, recipe
from images.bill_of_materials import bill_of
from images.builder import LOGS, find_builder
from images.oci_archive import images_inside
from shop import processes, terminal
from shop.terminal import Step, pairs, say
from shop.trouble import Trouble

ARCHIVE = LOGS / "doorbuster.tar"
BILLS = LOGS / "sbom"
MEGABYTE = 1_000_000


def build(names):
    builder = find_builder()
    if all(builder.has(recipe.reference(name)) for name in names):
        with Step("images") as step:
            step.note = "built already"
        return builder
    for name in names:
        builder.build(name)
    return builder


def load():
    kubectl = Kubectl()
    kubectl.require_cluster()
    build(recipe.NAMES)
    bringing.bring(kubectl, recipe.NAMES)


def save(file):
    builder = build(recipe.NAMES)
    file.parent.mkdir(parents=True, exist_ok=True)
    with Step("archive of all images") as step:
        images = [recipe.reference(name) for name in recipe.NAMES]
        builder.save(images, file)
        step.note = f"{file.stat().st_size / MEGABYTE:.0f} MB"
    say(f"\n{file}\nOn each node:  sudo k3s ctr images import {file.name}")


def push():
    if recipe.registry() == recipe.REGISTRY:
        raise Trouble("say where to: IMAGE_REGISTRY=registry.example.com/doorbuster")
    builder = build(recipe.NAMES)
    for name in recipe.NAMES:
        with Step(f"pushes {name}"):
            builder.push(recipe.reference(name))
    say(f"\nTo run them:  IMAGE_REGISTRY={recipe.registry()} make deploy")


def show_list():
    """Only of what is there: looking must build nothing."""
    builder = find_builder()
    there = [name for name in recipe.NAMES if builder.has(recipe.reference(name))]
    inside = {}
    if there:
        with archive_of(builder, there) as archive:
            inside = images_inside(archive)
    rows = [("image", "tag", "unpacked", "of that shared", "layers", "digest")]
    for name in recipe.NAMES:
        absent = (name, recipe.recipe_of(name).tag(), "not built", "", "", "")
        rows.append(row_of(name, inside) if name in there else absent)
    say(terminal.table(rows))
    if len(there) == len(recipe.NAMES):
        show_totals(inside)


@contextlib.contextmanager
def archive_of(builder, names):
    """For as long as the block lasts."""
    LOGS.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=LOGS) as folder:
        archive = Path(folder) / "images.tar"
        builder.save([recipe.reference(name) for name in names], archive)
        yield archive


def show_totals(inside):
    together = [
        ("all services", total(recipe.ROOMS, inside)),
        ("with the operator's command", total((*recipe.ROOMS, recipe.OPERATOR), inside)),
        ("all images", total(recipe.NAMES, inside)),
    ]
    say(f"\n  Unpacked, shared layers counted once:\n{pairs(together, indent=4)}")


def total(names, inside):
    layers = {}
    for name in names:
        layers |= inside[recipe.reference(name)].layers
    return megabytes(sum(layers.values()))


def row_of(name, inside):
    image = inside[recipe.reference(name)]
    others = {layer for one in inside.values() if one is not image for layer in one.layers}
    shared = sum(size for layer, size in image.layers.items() if layer in others)
    sizes = (megabytes(image.unpacked_bytes()), megabytes(shared), str(len(image.layers)))
    return (name, recipe.recipe_of(name).tag(), *sizes, image.identity[:19])


def megabytes(count):
    return f"{count / MEGABYTE:.1f} MB"


def write_bills(folder):
    builder = build(recipe.NAMES)
    folder.mkdir(parents=True, exist_ok=True)
    with archive_of(builder, recipe.NAMES) as archive:
        for name in recipe.NAMES:
            text = bill_of(archive, name, recipe.reference(name))
            if text is None:
                raise Trouble(f"the image {name} doesn't say what it is made of")
            (folder / f"{name}.cdx.json").write_text(text)
    say(f"\n{len(recipe.NAMES)} files in {folder}")


def image_name(text):
    if text not in recipe.NAMES:
        raise argparse.ArgumentTypeError(f"no image is called {text}: {', '.join(recipe.NAMES)}")
    return text


def arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    actions = parser.add_subparsers(dest="action", required=True)
    some = actions.add_parser("build")
    some.add_argument("names", nargs="*", metavar="NAME", type=image_name)
    for name in ("load", "push", "list", "tags"):
        actions.add_parser(name)
    actions.add_parser("save").add_argument("file", nargs="?", type=Path, default=ARCHIVE)
    actions.add_parser("sbom").add_argument("folder", nargs="?", type=Path, default=BILLS)
    return parser.parse_args()


def main():
    chosen = arguments()
    terminal.prepare()
    processes.end_in_order_on_signals()
    if chosen.action == "build":
        build(chosen.names or recipe.NAMES)
    elif chosen.action == "load":
        load()
    elif chosen.action == "save":
        save(chosen.file.absolute())
    elif chosen.action == "push":
        push()
    elif chosen.action == "list":
        show_list()
    elif chosen.action == "sbom":
        write_bills(chosen.folder)
    else:
        say("\n".join(recipe.reference(name) for name in recipe.NAMES))
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Trouble as trouble:
        sys.exit(f"images: {trouble}")
    except KeyboardInterrupt:
        sys.exit(130)

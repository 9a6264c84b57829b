"""Seeing to it that the nodes can start pods of these images, or saying early why not."""

import os
import tempfile
from pathlib import Path

from images import node, registry
from images.builder import LOGS, find_builder
from images.pulling import require_pulled
from images.recipe import REGISTRY, reference
from images.recipe import registry as registry_name
from shop.terminal import Step
from shop.trouble import Trouble

MEGABYTE = 1_000_000


def bring(kubectl, names):
    """Builds and loads what the nodes lack. Images of a registry are the nodes' to fetch: there
    it is only checked that the registry has them."""
    images = {reference(name): name for name in names}
    missing = node.missing_images(kubectl, images)
    lacking = {image for some in missing.values() for image in some}
    if not lacking:
        with Step("images") as step:
            step.note = "on the nodes already"
        return
    if registry_name() != REGISTRY:
        require_in_registry(kubectl, lacking)
        return
    if not node.can_load():
        raise Trouble(f"images are {node.how_to_bring(missing)}")
    if os.environ.get("IMAGE_TAG"):
        require_built(lacking)
    load(kubectl, {image: name for image, name in images.items() if image in lacking})


def require_built(images):
    """A tag that a person names is one of images that exist, not an order to make them."""
    builder = find_builder()
    absent = [image for image in sorted(images) if not builder.has(image)]
    if absent:
        raise Trouble(
            f"IMAGE_TAG={os.environ['IMAGE_TAG']}: neither the nodes nor {builder.kind} have"
            f" {', '.join(absent)}. Leave IMAGE_TAG unset to build what this checkout is, or build"
            " under that name first: tools/images.py build"
        )


def load(kubectl, images):
    builder = find_builder()
    for name in images.values():
        builder.build(name)
    LOGS.mkdir(parents=True, exist_ok=True)
    with Step("images to the node") as step, tempfile.TemporaryDirectory(dir=LOGS) as folder:
        archive = Path(folder) / "images.tar"
        builder.save(list(images), archive)
        step.note = f"{len(images)}, {archive.stat().st_size / MEGABYTE:.0f} MB"
        node.load(archive)
    # The only node has taken them; it may say so half a minute later, and not every name.
    missing = node.wait_until_told(kubectl, images) if len(kubectl.items("nodes")) > 1 else {}
    if missing:
        raise Trouble(f"images were loaded, but are still {node.how_to_bring(missing)}")


def require_in_registry(kubectl, images):
    with Step("images in the registry") as step:
        step.note = f"{len(images)}"
        for image in sorted(images):
            try:
                is_there = registry.has_image(image)
            except registry.Unknown as reason:
                require_pulled(kubectl, sorted(images))
                step.note = f"{len(images)}, fetched by a node ({reason})"
                return
            if not is_there:
                raise Trouble(
                    f"{image} is on no node and not in its registry: push it first with"
                    f" IMAGE_REGISTRY={registry_name()} tools/images.py push, or name another"
                    " IMAGE_REGISTRY or IMAGE_TAG"
                )

"""One file with several images, and what is in such a file.

It is an OCI layout and a docker archive at once, as docker itself writes them: containerd reads the
one, `docker load` and this module the other. Layers that images share are in it once."""

import gzip
import json
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

from shop.trouble import Trouble

GZIP_MAGIC = b"\x1f\x8b"
PIECE_BYTES = 1 << 20
NAME = "io.containerd.image.name"


@dataclass(frozen=True)
class ImageInside:
    name: str
    identity: str  # digest of its configuration: the same on every node
    layers: dict  # size of what it unpacks to, by path of the layer

    def unpacked_bytes(self):
        return sum(self.layers.values())


def write_archive(export, images, target):
    """`export(image, folder)` adds an image to the OCI layout in a folder."""
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".images-") as place:
        folder = Path(place)
        for image in images:
            export(image, folder)
        index = json.loads((folder / "index.json").read_text())
        for manifest in index["manifests"]:
            name = manifest["annotations"]["org.opencontainers.image.ref.name"]
            manifest["annotations"][NAME] = name
        (folder / "index.json").write_text(json.dumps(index))
        docker = [docker_entry(folder, manifest) for manifest in index["manifests"]]
        (folder / "manifest.json").write_text(json.dumps(docker))
        fresh = target.with_name(target.name + ".new")
        with tarfile.open(fresh, "w") as archive:
            for path in sorted(folder.rglob("*")):
                archive.add(path, path.relative_to(folder), recursive=False, filter=anonymous)
        fresh.replace(target)


def docker_entry(folder, descriptor):
    manifest = json.loads((folder / blob(descriptor["digest"])).read_text())
    return {
        "Config": blob(manifest["config"]["digest"]),
        "RepoTags": [descriptor["annotations"][NAME]],
        "Layers": [blob(layer["digest"]) for layer in manifest["layers"]],
    }


def blob(digest):
    return "blobs/" + digest.replace(":", "/")


def anonymous(entry):
    """The same images make the same file."""
    entry.uid = entry.gid = entry.mtime = 0
    entry.uname = entry.gname = ""
    entry.mode = 0o755 if entry.isdir() else 0o644
    return entry


def images_inside(path):
    """Every image of an archive, by name."""
    with tarfile.open(path) as archive:
        try:
            entries = json.load(archive.extractfile("manifest.json"))
        except KeyError:
            raise Trouble(f"{path} holds no images that this command can read") from None
        sizes = {}
        found = {}
        for entry in entries:
            for layer in entry["Layers"]:
                if layer not in sizes:
                    sizes[layer] = unpacked_bytes(archive.extractfile(layer))
            identity = Path(entry["Config"]).name.removesuffix(".json")
            layers = {layer: sizes[layer] for layer in entry["Layers"]}
            for name in entry["RepoTags"] or ():
                found[name] = ImageInside(name, f"sha256:{identity}", layers)
    return found


def unpacked_bytes(layer):
    """Of the files in it, without what tar adds to them."""
    with open_layer(layer) as files:
        return sum(one.size for one in files if one.isfile())


def read_file(path, image, file):
    """The content of a file of an image in an archive, as bytes; None if it has no such file."""
    with tarfile.open(path) as archive:
        entries = json.load(archive.extractfile("manifest.json"))
        layers = next(one["Layers"] for one in entries if image in (one["RepoTags"] or ()))
        for layer in reversed(layers):
            found = read_from_layer(archive.extractfile(layer), file.lstrip("/"))
            if found is not None:
                return found
    return None


def read_from_layer(layer, file):
    with open_layer(layer) as files:
        for entry in files:
            if entry.isfile() and entry.name.removeprefix("./") == file:
                return files.extractfile(entry).read()
    return None


def open_layer(layer):
    """As a stream: a layer may be larger than memory."""
    compressed = layer.read(len(GZIP_MAGIC)) == GZIP_MAGIC
    layer.seek(0)
    stream = gzip.GzipFile(fileobj=layer) if compressed else layer
    return tarfile.open(fileobj=stream, mode="r|", bufsize=PIECE_BYTES)

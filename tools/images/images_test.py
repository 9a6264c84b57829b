"""Which change of a file makes another image, and what a registry and an archive say."""

import http.server
import io
import json
import sys
import tarfile
import tempfile
import threading
import unittest
from pathlib import Path
from unittest import mock

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from images import builder, node, registry  # noqa: E402
from images.bill_of_materials import of_packages  # noqa: E402
from images.oci_archive import images_inside, read_file, write_archive  # noqa: E402
from images.recipe import Recipe  # noqa: E402
from shop.trouble import Trouble  # noqa: E402

DOCKERFILE = """\
ARG BASE_IMAGE=debian:any
FROM ${BASE_IMAGE} AS build
COPY one two/ /source/
COPY --chown=1:1 three /source/
COPY --from=build /elsewhere /
"""
# There when the image is made, and without effect on it.
OF_NO_IMAGE = ("four", "two/README.md", "two/a.test.cpp", "two/a_fixture.test.hpp")


class Compilers(unittest.TestCase):
    def test_as_many_as_cores_and_memory_allow(self):
        for kilobytes, cores, jobs in (
            (16_000_000, 4, 4),
            (3_100_000, 8, 3),
            (500_000, 8, 1),
        ):
            memory = f"MemTotal: 99999999 kB\nMemAvailable:   {kilobytes} kB\n"
            self.assertEqual(builder.jobs_that_fit(memory, cores), jobs)
        self.assertEqual(builder.jobs_that_fit("", 8), 2)

    def test_what_is_set_comes_first(self):
        self.addCleanup(builder.jobs.cache_clear)
        for chosen, told in (("7", 7), ("0", None), ("many", None)):
            builder.jobs.cache_clear()
            with mock.patch.dict("os.environ", {"JOBS": chosen}):
                if told:
                    self.assertEqual(builder.jobs(), told)
                else:
                    self.assertRaises(Trouble, builder.jobs)

    def test_it_is_told_to_the_rooms_build_only(self):
        with mock.patch.dict("os.environ", {"JOBS": "7"}):
            builder.jobs.cache_clear()
            self.addCleanup(builder.jobs.cache_clear)
            docker = builder.Builder("docker")
            self.assertIn("JOBS=7", docker._build_command("order", "an/image:1"))
            self.assertNotIn("JOBS=7", docker._build_command("redis", "an/image:1"))


class Tag(unittest.TestCase):
    def setUp(self):
        place = tempfile.TemporaryDirectory()
        self.addCleanup(place.cleanup)
        self.root = Path(place.name)
        for name in ("one", "two/a.cpp", "three", *OF_NO_IMAGE):
            self.write(name, name)
        self.write("Dockerfile", DOCKERFILE)

    def write(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def digest(self):
        return Recipe(self.root / "Dockerfile", self.root).digest

    def test_what_is_copied_is_what_counts(self):
        recipe = Recipe(self.root / "Dockerfile", self.root)
        self.assertEqual(recipe.sources, ["Dockerfile", "one", "three", "two/"])

    def test_each_input_changes_it(self):
        before = self.digest()
        for name in ("one", "two/a.cpp", "two/new.cpp", "three", "Dockerfile"):
            with self.subTest(name):
                former = self.digest()
                text = DOCKERFILE + "# more" if name == "Dockerfile" else "other"
                self.write(name, text)
                self.assertNotEqual(self.digest(), former)
        self.assertNotEqual(self.digest(), before)

    def test_a_name_and_a_mode_change_it(self):
        before = self.digest()
        (self.root / "two/a.cpp").rename(self.root / "two/b.cpp")
        renamed = self.digest()
        self.assertNotEqual(renamed, before)
        (self.root / "two/b.cpp").chmod(0o755)
        self.assertNotEqual(self.digest(), renamed)

    def test_what_is_in_no_image_does_not(self):
        before = self.digest()
        for name in OF_NO_IMAGE:
            with self.subTest(name):
                self.write(name, "other")
                self.assertEqual(self.digest(), before)

    def test_another_base_image_changes_it(self):
        before = self.digest()
        self.write("Dockerfile", DOCKERFILE.replace("debian:any", "debian:other"))
        self.assertNotEqual(self.digest(), before)


class Nodes:
    """In place of kubectl."""

    def __init__(self, *nodes):
        self._nodes = nodes

    def items(self, kind):
        return self._nodes


def a_node(name, images, unschedulable=False):
    return {
        "metadata": {"name": name},
        "spec": {"unschedulable": unschedulable},
        "status": {"images": [{"names": [image]} for image in images]},
    }


class OnTheNodes(unittest.TestCase):
    def test_each_node_needs_them(self):
        nodes = Nodes(a_node("a", ["x:1", "y:1"]), a_node("b", ["x:1"]))
        self.assertEqual(node.missing_images(nodes, ["x:1", "y:1"]), {"b": ["y:1"]})

    def test_a_node_that_takes_no_pods_needs_none(self):
        nodes = Nodes(a_node("a", [], unschedulable=True))
        self.assertEqual(node.missing_images(nodes, ["x:1"]), {})

    def test_a_node_that_lists_only_some_is_believed(self):
        nodes = Nodes(a_node("a", [f"z:{number}" for number in range(node.TOLD_MAX)]))
        self.assertEqual(node.missing_images(nodes, ["x:1"]), {})

    def test_a_person_is_told_which_and_how(self):
        told = node.how_to_bring({"b": ["y:1"]})
        for part in ("y:1", " b:", "k3s ctr images import", "IMAGE_REGISTRY"):
            self.assertIn(part, told)


class Answers(http.server.BaseHTTPRequestHandler):
    """A registry that gives a token to everybody, and has one image."""

    def do_HEAD(self):
        open_to_all = self.path.startswith("/v2/open/")
        if not open_to_all and self.headers.get("Authorization") != "Bearer given":
            challenge = f'Bearer realm="http://127.0.0.1:{self.server.server_port}/t",scope="s"'
            self.send_response(401)
            self.send_header("WWW-Authenticate", challenge)
        elif self.path.startswith("/v2/broken/"):
            self.send_response(500)
        else:
            self.send_response(200 if self.path.endswith("/image/manifests/1") else 404)
        self.end_headers()

    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps({"token": "given"}).encode())

    def log_message(self, *arguments):
        pass


class Registry(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = http.server.HTTPServer(("127.0.0.1", 0), Answers)
        threading.Thread(target=cls.server.serve_forever, daemon=True).start()
        cls.host = f"127.0.0.1:{cls.server.server_port}"

    @classmethod
    def tearDownClass(cls):
        cls.server.shutdown()
        cls.server.server_close()

    def test_it_has_an_image_or_not(self):
        for repository in ("open", "for-a-token"):
            self.assertTrue(registry.has_image(f"{self.host}/{repository}/image:1"))
            self.assertFalse(registry.has_image(f"{self.host}/{repository}/image:2"))

    def test_what_it_does_not_say_is_unknown(self):
        for image in (f"{self.host}/broken/image:1", "127.0.0.1:1/nobody/image:1"):
            with self.assertRaises(registry.Unknown):
                registry.has_image(image)

    def test_docker_hub_has_another_address_than_name(self):
        parts = registry.parts_of("docker.io/doorbuster/order:1")
        self.assertEqual(parts, ("registry-1.docker.io", "doorbuster/order", "1"))


def export_one_layer(image, folder):
    """As a builder does: adds an image to an OCI layout. All images share the layer."""
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w:gz") as archive:
        entry = tarfile.TarInfo("file")
        entry.size = 5
        archive.addfile(entry, io.BytesIO(b"hello"))
    blobs = folder / "blobs" / "sha256"
    blobs.mkdir(parents=True, exist_ok=True)
    (blobs / "layer").write_bytes(layer.getvalue())
    (blobs / f"config-{image}").write_text("{}")
    config, layers = {"digest": f"sha256:config-{image}"}, [{"digest": "sha256:layer"}]
    (blobs / f"manifest-{image}").write_text(json.dumps({"config": config, "layers": layers}))
    index = folder / "index.json"
    known = json.loads(index.read_text())["manifests"] if index.exists() else []
    name = {"org.opencontainers.image.ref.name": image}
    known.append({"digest": f"sha256:manifest-{image}", "annotations": name})
    index.write_text(json.dumps({"schemaVersion": 2, "manifests": known}))


class Archive(unittest.TestCase):
    def test_all_images_are_in_it_and_the_same_ones_make_the_same_file(self):
        with tempfile.TemporaryDirectory() as folder:
            files = [Path(folder) / name for name in ("first.tar", "second.tar")]
            for file in files:
                write_archive(export_one_layer, ["a", "b"], file)
            inside = images_inside(files[0])
            self.assertEqual(sorted(inside), ["a", "b"])
            self.assertEqual(inside["a"].unpacked_bytes(), 5)
            self.assertEqual(inside["a"].layers, inside["b"].layers)
            self.assertNotEqual(inside["a"].identity, inside["b"].identity)
            self.assertEqual(sorted(Path(folder).iterdir()), files)
            self.assertEqual(read_file(files[0], "b", "/file"), b"hello")
            self.assertIsNone(read_file(files[0], "b", "/other"))
            with tarfile.open(files[0]) as archive:
                index = json.load(archive.extractfile("index.json"))
            names = [one["annotations"]["io.containerd.image.name"] for one in index["manifests"]]
            self.assertEqual(names, ["a", "b"])


class BillOfMaterials(unittest.TestCase):
    STATUS = """\
Package: libc6
Status: install ok installed
Architecture: amd64
Source: glibc (2.41-1)
Version: 2.41-12

Package: removed
Status: deinstall ok config-files
Architecture: all
Version: 1
"""

    def test_what_is_installed_is_listed(self):
        listed = of_packages("redis", self.STATUS)["components"]
        purls = [one["purl"] for one in listed]
        self.assertEqual(purls, ["pkg:deb/debian/libc6@2.41-12?arch=amd64"])
        self.assertEqual(listed[0]["properties"][0]["value"], "glibc")


if __name__ == "__main__":
    unittest.main()

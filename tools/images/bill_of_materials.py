"""What an image is made of, as CycloneDX: its own list, or that of its Debian packages."""

import json
import re

from images.oci_archive import read_file
from images.recipe import version

OWN = "/sbom.cdx.json"
PACKAGES = "/var/lib/dpkg/status"


def bill_of(archive, name, image):
    """As text; None for an image that says nothing about itself."""
    own = read_file(archive, image, OWN)
    if own is not None:
        return own.decode()
    status = read_file(archive, image, PACKAGES)
    return None if status is None else json.dumps(of_packages(name, status.decode()), indent=1)


def of_packages(name, status):
    """From dpkg's own list of what is installed."""
    paragraphs = (fields_of(text) for text in status.split("\n\n") if text.strip())
    installed = [one for one in paragraphs if one.get("Status", "").endswith(" installed")]
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {
            "component": {
                "type": "container",
                "name": f"doorbuster/{name}",
                "version": version(),
            }
        },
        "components": [component(one) for one in sorted(installed, key=lambda it: it["Package"])],
    }


def fields_of(paragraph):
    return dict(re.findall(r"^(\S+): (.*)$", paragraph, re.MULTILINE))


def component(fields):
    package, its_version = fields["Package"], fields["Version"]
    source = fields.get("Source", package).split(" ")[0]
    architecture = fields["Architecture"]
    return {
        "type": "library",
        "name": package,
        "version": its_version,
        "purl": f"pkg:deb/debian/{package}@{its_version}?arch={architecture}",
        "properties": [{"name": "source package", "value": source}],
    }

"""Whether a registry has an image, asked before pods wait for it in vain."""

import json
import re
import urllib.error
import urllib.parse
import urllib.request

ANSWER_SECONDS = 15
DOCKER_HUB = "registry-1.docker.io"
MANIFESTS = ", ".join(
    (
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    )
)


class Unknown(Exception):
    """The registry can't be asked from here; a node may well reach it."""


def has_image(image):
    """True or False; Unknown when the registry doesn't say, as for a private one."""
    host, path, tag = parts_of(image)
    scheme = "http" if host.startswith(("localhost", "127.0.0.1")) else "https"
    url = f"{scheme}://{host}/v2/{path}/manifests/{tag}"
    try:
        status, headers = head(url, None)
        if status == 401:
            status, _ = head(url, anonymous_token(headers.get("WWW-Authenticate", "")))
    except (OSError, ValueError) as error:
        raise Unknown(f"{host} can't be asked: {error}") from None
    if status in (200, 404):
        return status == 200
    raise Unknown(f"{host} answered {status}")


def parts_of(image):
    """docker.io/a/b:tag is a/b at Docker Hub's own host."""
    name, _, tag = image.rpartition(":")
    host, _, path = name.partition("/")
    return DOCKER_HUB if host == "docker.io" else host, path, tag


def head(url, token):
    request = urllib.request.Request(url, method="HEAD", headers={"Accept": MANIFESTS})
    if token:
        request.add_header("Authorization", f"Bearer {token}")
    try:
        with urllib.request.urlopen(request, timeout=ANSWER_SECONDS) as answer:
            return answer.status, answer.headers
    except urllib.error.HTTPError as error:
        return error.code, error.headers


def anonymous_token(challenge):
    """What a public repository gives to anybody."""
    fields = dict(re.findall(r'(\w+)="([^"]*)"', challenge))
    realm = fields.pop("realm", "")
    if not challenge.startswith("Bearer ") or not realm.startswith(("https://", "http://127.")):
        raise ValueError("it wants a login")
    url = f"{realm}?{urllib.parse.urlencode(fields)}"
    with urllib.request.urlopen(url, timeout=ANSWER_SECONDS) as answer:
        said = json.load(answer)
    return said.get("token") or said.get("access_token")

"""The shop's door as its administrator, by a way that every kubectl has: no ingress needed."""

import base64
import contextlib
import json
import time
import urllib.error
import urllib.request

from cluster.port_forward import PortForward
from shop.ports import LOOPBACK
from shop.trouble import Trouble

GATEWAY_PORT = 8080
ANSWER_SECONDS = 15
BUSY = (429, 502, 503, 504)
PATIENCE_SECONDS = 20
POLL_SECONDS = 0.5


class NoSuchAdmin(Trouble):
    """There is no account with the address and password of the secret `admin`."""


@contextlib.contextmanager
def gateway_url(kubectl):
    """The gateway's address for as long as the block lasts."""
    with PortForward(kubectl, "service/gateway", GATEWAY_PORT) as way:
        yield f"http://{LOOPBACK}:{way.port}"


def admin_of(kubectl):
    """Address and password, as the secret has them."""
    data = kubectl.json("get", "secret", "admin").get("data") or {}
    if not {"email", "password"} <= data.keys():
        raise Trouble("the secret admin has no email or no password: run `make deploy`")
    return tuple(base64.b64decode(data[key]).decode().strip() for key in ("email", "password"))


def login(url, email, password):
    """An access token."""
    body = json.dumps({"email": email, "password": password}).encode()
    request = urllib.request.Request(f"{url}/api/v1/auth/login", data=body, method="POST")
    request.add_header("Content-Type", "application/json")
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            with urllib.request.urlopen(request, timeout=ANSWER_SECONDS) as answer:
                return json.load(answer)["access_token"]
        except urllib.error.HTTPError as error:
            said = error.read().decode(errors="replace")
            if error.code == 401:
                raise NoSuchAdmin(f"{email} can't log in: {said}") from None
            if error.code not in BUSY or time.monotonic() > deadline:
                raise Trouble(f"{email} can't log in: {error.code} {said}") from None
        except OSError as error:
            raise Trouble(f"{url} gives no answer to a login: {error}") from None
        time.sleep(POLL_SECONDS)


def admin_token(kubectl):
    """For commands that act as the administrator; at most ten minutes long."""
    with gateway_url(kubectl) as url:
        return login(url, *admin_of(kubectl))

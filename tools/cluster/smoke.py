"""A deployed shop, tried as its customers reach it: through the ingress, and without a password,
as the way to it may be anybody's."""

import http.client
import json
import time
import urllib.error
import urllib.request

from shop.trouble import Trouble

ANSWER_SECONDS = 10
# The ingress controller hears of new pods a moment after Kubernetes says that they are ready.
PATIENCE_SECONDS = 30
POLL_SECONDS = 0.3
UNAUTHORIZED = 401


def smoke_test(url):
    """Each room that answers a buyer, once; how long the slowest took, in milliseconds."""
    slowest = 0.0
    checks = (
        ("GET", "/api/v1/echo", lambda body: body.get("path") == "/api/v1/echo"),
        ("GET", "/.well-known/jwks.json", lambda body: bool(body.get("keys"))),
        ("GET", "/api/v1/products?limit=1", lambda body: isinstance(body.get("products"), list)),
        ("GET", "/api/v1/flash-sales", lambda body: isinstance(body, dict)),
    )
    deadline = time.monotonic() + PATIENCE_SECONDS
    for method, path, is_right in checks:
        slowest = max(slowest, answered(url, method, path, is_right, deadline))
    require_refusal(url, "/api/v1/auth/me", deadline)
    return slowest * 1000


def require_refusal(url, path, deadline):
    """What is somebody's own isn't told to a stranger."""
    while True:
        try:
            ask(url, "GET", path)
            raise Trouble(f"GET {url}{path} answered a stranger; it should give {UNAUTHORIZED}")
        except NotYet as refused:
            if refused.status == UNAUTHORIZED:
                return
            if time.monotonic() > deadline:
                raise Trouble(f"{refused}; a stranger should get {UNAUTHORIZED}") from None
        time.sleep(POLL_SECONDS)


def answered(url, method, path, is_right, deadline):
    """Seconds that the answer took; asked again while the way to the shop isn't open yet."""
    while True:
        begin = time.monotonic()
        try:
            body = ask(url, method, path)
            if not is_right(body):
                raise Trouble(f"{method} {url}{path} answered with something else: {body}")
            return time.monotonic() - begin
        except NotYet as reason:
            if time.monotonic() > deadline:
                raise Trouble(
                    f"the shop runs, but not through its ingress: {reason}. Is {url} the ingress"
                    " controller's address (DOORBUSTER_URL=...), and does it serve the"
                    " IngressClass of infra/k8s/base/ingress?"
                ) from None
        time.sleep(POLL_SECONDS)


class NotYet(Trouble):
    """No answer of the shop: the ingress has none, or nobody listens."""

    def __init__(self, said, status=None):
        super().__init__(said)
        self.status = status


def ask(url, method, path, token=None):
    request = urllib.request.Request(url + path, method=method)
    if token:
        request.add_header("Authorization", f"Bearer {token}")
    try:
        with urllib.request.urlopen(request, timeout=ANSWER_SECONDS) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        said = error.read().decode(errors="replace").strip()
        told = f"{method} {url}{path} answered {error.code} {said}"
        raise NotYet(told, error.code) from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise NotYet(f"{method} {url}{path}: {error}") from None

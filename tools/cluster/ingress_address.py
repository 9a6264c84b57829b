"""Where the shop's ingress is, as seen from this machine."""

import os
import time

from shop.trouble import Trouble

INGRESS = "doorbuster"
LOCAL = "http://127.0.0.1:8080"
HOW_TO_NAME = "Say where the ingress is: DOORBUSTER_URL=http://ADDRESS[:PORT]"
# A new k3s says that it is ready minutes before it has installed its ingress controller.
PATIENCE_SECONDS = 180
POLL_SECONDS = 1


class NoAddress(Trouble):
    """No controller has taken the Ingress, or not yet."""


def wait_for_shop_url(kubectl, seconds=PATIENCE_SECONDS):
    deadline = time.monotonic() + seconds
    while True:
        try:
            return shop_url(kubectl)
        except NoAddress as none:
            if time.monotonic() > deadline:
                raise Trouble(f"{none}\n  (asked for {seconds} s)") from None
        time.sleep(POLL_SECONDS)


def shop_url(kubectl):
    """What is set, else what the ingress controller wrote into the Ingress. A cluster that is
    given as CLUSTER_COMMAND has its ingress on this machine's loopback address."""
    chosen = os.environ.get("DOORBUSTER_URL") or os.environ.get("INGRESS_URL")
    if chosen:
        return chosen.rstrip("/")
    if os.environ.get("CLUSTER_COMMAND"):
        return LOCAL
    ingress = kubectl.find("ingress", INGRESS)
    if ingress is None:
        raise Trouble(f"there is no Ingress {INGRESS} in {kubectl.namespace}: run `make deploy`")
    return url_of(ingress)


def url_of(ingress):
    scheme = "https" if ingress["spec"].get("tls") else "http"
    for rule in ingress["spec"].get("rules", ()):
        if rule.get("host"):
            return f"{scheme}://{rule['host']}"
    for place in ingress.get("status", {}).get("loadBalancer", {}).get("ingress", ()):
        address = place.get("hostname") or place.get("ip")
        if address:
            return f"{scheme}://{f'[{address}]' if ':' in address else address}"
    controller = ingress["spec"].get("ingressClassName", "its class")
    said = f"the Ingress has no address: does {controller}'s controller run?"
    raise NoAddress(f"{said} {HOW_TO_NAME}")

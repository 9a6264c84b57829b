"""Where the shop's ingress is, as seen from this machine."""

import os

from shop.trouble import Trouble

INGRESS = "doorbuster"
LOCAL = "http://127.0.0.1:8080"
HOW_TO_NAME = "Say where the ingress is: DOORBUSTER_URL=http://ADDRESS[:PORT]"


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
    raise Trouble(f"the Ingress has no address: does {controller}'s controller run? {HOW_TO_NAME}")

"""What in a namespace is the shop's, and what is somebody else's."""

from shop.trouble import Trouble

PART_OF, SHOP = "app.kubernetes.io/part-of", "doorbuster"
# On everything that CloudNativePG makes of the Cluster `postgres`.
CLUSTER_LABEL, CLUSTER = "cnpg.io/cluster", "postgres"
KINDS = "deployments,statefulsets,pods,persistentvolumeclaims,configmaps"
IN_EVERY_NAMESPACE = (
    "kube-root-ca.crt",
    "openshift-service-ca.crt",
    "istio-ca-root-cert",
    "cnpg-default-monitoring",
)
NAMES_SHOWN = 8


def foreign_objects(kubectl):
    """As kind/name."""
    return sorted(
        f"{one['kind'].lower()}/{one['metadata']['name']}"
        for one in kubectl.items(KINDS)
        if not is_of_shop(one) and one["metadata"]["name"] not in IN_EVERY_NAMESPACE
    )


def is_of_shop(one):
    """By its own label, or by that of the pods that it makes."""
    template = (one.get("spec") or {}).get("template") or {}
    for metadata in (one["metadata"], template.get("metadata") or {}):
        labels = metadata.get("labels") or {}
        if labels.get(PART_OF) == SHOP or labels.get(CLUSTER_LABEL) == CLUSTER:
            return True
    return False


def require_place(kubectl):
    """A namespace that isn't there yet, or is the shop's, or is empty. What to say about it."""
    found = kubectl.find("namespace", kubectl.namespace)
    if found is None or is_of_shop(found):
        return ""
    foreign = foreign_objects(kubectl)
    if foreign:
        place = kubectl.namespace
        raise Trouble(
            f"the namespace {place} is in use for something else: {shortened(foreign)}. Nothing"
            " was changed.\n"
            "  Choose another one:  NAMESPACE=NAME\n"
            f"  Or give it to the shop:  kubectl label namespace {place} {PART_OF}={SHOP}"
        )
    return "an empty one that was there"


def require_nothing_foreign(kubectl):
    """Before the whole namespace goes."""
    foreign = foreign_objects(kubectl)
    if foreign:
        place = kubectl.namespace
        raise Trouble(
            f"{place} holds what isn't the shop's: {shortened(foreign)}. Nothing was removed.\n"
            "  Move or delete that first. What runs of the shop:  make undeploy\n"
            f"  If all of it may go, other people's things too:  kubectl delete namespace {place}"
        )


def shortened(names):
    more = len(names) - NAMES_SHOWN
    return ", ".join(names[:NAMES_SHOWN]) + (f" and {more} more" if more > 0 else "")
